"""What the first three learners must reach, and aim at."""

from __future__ import annotations

from benchmarks.kilobytes import models, results
from edgewright.bench import Bar

MILESTONE = "milestone 4"
PLAIN_C = "280 ms published, 127 ms in plain C"
GRU = "torch.nn.GRU in the same run"


def all_bars() -> tuple[Bar, ...]:
    """Return all bars, those that must hold and those that are aims."""
    found = []
    for setting in models.MODELS:
        name, source = setting.name, f"published: {setting.published}"
        if setting.must is None and setting.aim is None:
            continue
        label = f"{setting.data}, {results.TITLES[setting.learner]} in {setting.kilobytes:g} KB"
        found += _least(
            f"{label}: accuracy of the integers, %, mean of the seeds",
            f"{name} accuracy",
            setting.must,
            setting.aim,
            source,
        )
        kind = setting.must is None
        limit = setting.kilobytes * models.KB
        found += _most(
            f"{label}: bytes of weights in the portable C, the most of the seeds",
            f"{name} bytes",
            None if kind else limit,
            limit if kind else None,
        )
    return (
        *found,
        *_most("every model: points that the integers lose, mean of the seeds, the worst", "points_lost", 0.3, 0.1),
        *_most("usps FastGRNN of 32 units on the Uno, int16, ms", "uno_int16", 45, 38, PLAIN_C),
        *_most("usps FastGRNN of 32 units on the Uno, 8-bit view of the state, ms", "uno_view", 35, 28, PLAIN_C),
        *_most("usps FastGRNN of 32 units on M4, instructions", "fastgrnn_m4", 80_000, 70_000),
        *_most("usps FastGRNN of 32 units on M0, instructions", "fastgrnn_m0", 210_000, 190_000),
        *_most("dense 128x640 after relu on M4, instructions per product", "dense_m4", 1.0, 0.94),
        *_most("dense 128x640 after relu on M3, instructions per product", "dense_m3", 2.6, 2.2),
        *_most("dense 128x640 after relu on M0, instructions per product", "dense_m0", 3.4, 3.0),
        *_most("dense 128x640 after relu on RV32, instructions per product", "dense_rv32", 3.7, 3.2),
        *_most("dense 128x640 after relu on the Uno, cycles per product", "dense_avr", 10.5, 9.5),
        *_least("float build of the same model to ours on M0, instructions, the least", "times_float", 5, 10),
        *_most("float builds whose scores are not those of the interpreter", "float_different", 0),
        *_most("usps Bonsai on M0, instructions", "bonsai_m0", 60_000, 30_000, "2 ms at 48 MHz published"),
        *_most("usps ProtoNN on M0, instructions", "protonn_m0", 80_000, 40_000, "2.5 ms at 48 MHz published"),
        *_most("training step in torch operations, of the GRU's time", "step_torch", 0.50, 0.40, GRU),
        *_most("training step compiled, of the GRU's time", "step_compiled", 0.28, 0.20, GRU),
        *_most("training step: largest error of a gradient against float64", "step_error", 1e-5),
        *_most("every model and board: vectors unlike the twin's", "mismatches", 0),
        *_most("models and boards: faults", "faults", 0),
        *_least("models and boards checked or too small", "pairs", results.pairs_wanted()),
        *_most("rivals left out without a reason", "unexplained", 0),
    )


def _most(measure: str, key: str, must: float | None, aim: float | None = None, source: str = MILESTONE) -> list[Bar]:
    kinds = [Bar(measure, key, "at most", must, source, "must")] if must is not None else []
    return kinds + ([Bar(measure, key, "at most", aim, source, "aim")] if aim is not None else [])


def _least(measure: str, key: str, must: float | None, aim: float | None = None, source: str = MILESTONE) -> list[Bar]:
    kinds = [Bar(measure, key, "at least", must, source, "must")] if must is not None else []
    return kinds + ([Bar(measure, key, "at least", aim, source, "aim")] if aim is not None else [])
