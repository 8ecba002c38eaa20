"""What the sequence learners must reach, and aim at."""

from __future__ import annotations

from typing import Literal

from benchmarks.kilobytes import training_speed
from benchmarks.sequences import emi, keywords, mnist, results
from edgewright.bench import Bar
from edgewright.nn import cells

MILESTONE = "milestone 5"
KB = 1024
KEYWORD_KB = 6
GRU = "torch.nn.GRU of 64 units in full precision, trained alike"
LOGISTIC = "logistic regression on pooled log-mel, the same split"
PLAIN = "the plain cell, the same data"
SAME_RUN = "torch's own layer in the same run"
SAME_CELL, SMALLER_CELL = 1.1, 0.6
ONE_TIER = "one FastGRNN, the same data"


def all_bars() -> tuple[Bar, ...]:
    """Return all bars, those that must hold and those that are aims."""
    return (
        *_training_speed(),
        *_mnist(),
        *_keywords(),
        _most("dense FastGRNN of 100 units, 32 features, 99 steps on M4, instructions", "dense_instructions", 2.5e6),
        _most("ShaRNN on the same bands on M4, of the dense FastGRNN's instructions", "shallow_share", 0.35),
        _least("ShaRNN on the same bands, points of accuracy above the dense FastGRNN", "shallow_accuracy", 0),
        *_emi(),
        _least("radhar: MSC-RNN, points of accuracy above one tier", "cascade_accuracy", 0, ONE_TIER),
        _least(
            "radhar, constructed stream: MSC-RNN, points of accuracy above one tier",
            "cascade_stream_accuracy",
            0,
            ONE_TIER,
        ),
        _most("radhar: bytes of MSC-RNN, of those of one tier", "cascade_size", 1.0, ONE_TIER),
        _least(
            "radhar, constructed stream: instructions a second of one tier, of MSC-RNN's",
            "cascade_saves",
            2.5,
            ONE_TIER,
        ),
        _most("every model: points that the integers lose, mean of the seeds, the worst", "points_lost", 0.3),
        _most(
            "usps FastGRNN trained with rounding: points lost to full precision", "points_lost_to_full_precision", 0.3
        ),
        _most("test predictions in which the float view of it and the integers differ", "view_unlike", 0),
        _most("log-mel: relative error of the energy against librosa, median of the worst band", "log_mel_error", 0.01),
        _most("featurisers: frames unlike the twin's on any board", "featuriser_mismatches", 0),
        _most("every model, learner and board: vectors unlike the twin's", "mismatches", 0),
        _most("learners and boards: faults", "faults", 0),
        _least("learners, boards and forms checked or too small", "pairs", results.pairs_wanted()),
    )


def _training_speed() -> list[Bar]:
    found = []
    for cell in cells.names():
        own = training_speed.rival(cell).upper()
        most = SAME_CELL if cell == training_speed.rival(cell) else SMALLER_CELL
        found.append(_most(f"training step of {cell}, of the time of torch's {own}", f"step {cell}", most, SAME_RUN))
    return [*found, _most("training step: largest error of a gradient against float64", "gradient_error", 1e-5)]


def _mnist() -> list[Bar]:
    found = []
    for setting in mnist.SETTINGS:
        name, measure = setting.name, f"{setting.name}: FastGRNN, accuracy of the integers, %"
        wanted: tuple[tuple[Literal["must", "aim"], float | None], ...] = (("must", setting.must), ("aim", setting.aim))
        found += [
            Bar(measure, f"{name} accuracy", "at least", least, mnist.PUBLISHED, kind)
            for kind, least in wanted
            if least is not None
        ]
        found.append(_most(f"{name}: FastGRNN, bytes of weights", f"{name} bytes", setting.kilobytes * KB))
    return found


def _keywords() -> list[Bar]:
    found = []
    for setting in keywords.SETTINGS:
        name = setting.name
        found += [
            _most(f"{name}: points of accuracy behind the GRU", f"{name} behind", 2, GRU),
            _least(f"{name}: points of accuracy above logistic regression", f"{name} above", 15, LOGISTIC),
            _most(f"{name}: bytes of weights", f"{name} bytes", KEYWORD_KB * KB),
        ]
    return found


def _emi() -> list[Bar]:
    found = []
    for setting in emi.SETTINGS:
        name = setting.name
        if setting.refines:
            measure = f"{name}: EMI-RNN, points of accuracy that refined labels gain"
            found.append(_least(measure, f"{name} refinement", 0.1, "EMI-RNN whose labels are not refined"))
            continue
        found += [
            _least(f"{name}: EMI-RNN, points of accuracy above the plain cell", f"{name} accuracy", 0, PLAIN),
            _least(f"{name}: steps of the plain cell, of EMI-RNN's", f"{name} steps", 4, PLAIN),
        ]
    return found


def _most(measure: str, key: str, value: float, source: str = MILESTONE) -> Bar:
    return Bar(measure, key, "at most", value, source)


def _least(measure: str, key: str, value: float, source: str = MILESTONE) -> Bar:
    return Bar(measure, key, "at least", value, source)
