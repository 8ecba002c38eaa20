"""What the records say, as numbers for bars."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from benchmarks.kilobytes import training_speed
from benchmarks.sequences import (
    agreement,
    dense_cost,
    emi,
    keywords,
    mnist,
    msc,
    on_boards,
    quantised_training,
    trained,
)
from benchmarks.sequences.trained import SEEDS
from edgewright.bench import mean
from edgewright.nn import cells
from edgewright.records import Record

Numbers = dict[str, float | None]
FEATURISER_ERROR, FEATURISER_COST = "featuriser error", "featuriser cost"


def reached(made: Sequence[Record]) -> Numbers:
    """Return the number behind each bar, None for what was not measured."""
    return {
        **_training_speed(made),
        **_featurisers(made),
        **_mnist(made),
        **_keywords(made),
        **_dense_cost(made),
        **_emi(made),
        **_msc(made),
        **_rounding(made),
        **_agreement(made),
    }


def names() -> tuple[str, ...]:
    """Return the names of all models whose accuracy is measured in float and in integers."""
    found = [one.name for one in mnist.SETTINGS] + [one.name for one in (*keywords.SETTINGS, *dense_cost.SETTINGS)]
    found += [emi.called(setting.name, kind) for setting in emi.SETTINGS for kind in setting.kinds]
    return (*found, *(msc.called(kind) for kind in msc.KINDS))


def of_model(made: Iterable[Record], what: str, name: str) -> list[Record]:
    """Return the records of a kind and a model."""
    return [record for record in made if (record.what, record.model) == (what, name)]


def over_seeds(made: Iterable[Record], what: str, name: str, key: str, data: str | None = None) -> list[float] | None:
    """Return a number of a model for each seed, None unless all seeds were measured. data: of the records, where it tells them apart."""
    found = {
        record.seed: record.numbers.get(key)
        for record in of_model(made, what, name)
        if data is None or record.data == data
    }
    values = [float(value) for seed in SEEDS if (value := found.get(seed)) is not None]
    return values if len(values) == len(SEEDS) else None


def middle(made: Iterable[Record], what: str, name: str, key: str, data: str | None = None) -> float | None:
    """Return the mean of a number over the seeds, None unless all were measured."""
    values = over_seeds(made, what, name, key, data)
    return None if values is None else statistics.fmean(values)


def percent(
    made: Iterable[Record], name: str, key: str = "accuracy_integer", what: str = trained.ACCURACY
) -> float | None:
    """Return an accuracy in percent, mean of the seeds."""
    value = middle(made, what, name, key)
    return None if value is None else 100 * value


def most_bytes(made: Iterable[Record], name: str) -> float | None:
    """Return the most bytes of weights of any seed, as the portable C holds them."""
    values = over_seeds(made, trained.ACCURACY, name, "weight_bytes")
    return None if values is None else max(values)


def difference(first: float | None, second: float | None) -> float | None:
    """Return how much the first is above the second, None where one was not measured."""
    return None if first is None or second is None else first - second


def quotient(first: float | None, second: float | None) -> float | None:
    """Return the first over the second, None where one was not measured."""
    return None if first is None or not second else first / second


def worst(values: Iterable[float | int | None]) -> float | None:
    """Return the largest of what was measured, None where anything is missing."""
    found = list(values)
    measured = [float(value) for value in found if value is not None]
    return max(measured) if measured and len(measured) == len(found) else None


def of_step(made: Iterable[Record], cell: str) -> float | None:
    """Return the time of a training step, by the implementation that is chosen, as a part of that of torch's own layer."""
    for record in of_model(made, training_speed.STEP, cell):
        return record.numbers.get(training_speed.ratio(cell, str(record.settings["implementation"])))
    return None


def _training_speed(made: Sequence[Record]) -> Numbers:
    steps: Numbers = {f"step {cell}": of_step(made, cell) for cell in cells.names()}
    errors = [record.numbers.get("gradient_error") for record in made if record.what == training_speed.STEP]
    return {**steps, "gradient_error": worst(errors) if len(errors) == len(steps) else None}


def _featurisers(made: Sequence[Record]) -> Numbers:
    return {
        "log_mel_error": worst(r.numbers.get("median_error_worst_band") for r in made if r.what == FEATURISER_ERROR),
        "featuriser_mismatches": worst(r.numbers.get("mismatches") for r in made if r.what == FEATURISER_COST),
    }


def _mnist(made: Sequence[Record]) -> Numbers:
    found: Numbers = {}
    for setting in mnist.SETTINGS:
        found[f"{setting.name} accuracy"] = percent(made, setting.name)
        found[f"{setting.name} bytes"] = most_bytes(made, setting.name)
    return found


def _keywords(made: Sequence[Record]) -> Numbers:
    gru = percent(made, keywords.GRU.name, "accuracy_float", keywords.REFERENCE)
    logistic = mean(r.numbers.get("accuracy_float") for r in made if r.what == keywords.LOGISTIC)
    found: Numbers = {}
    for setting in keywords.SETTINGS:
        ours = percent(made, setting.name)
        found[f"{setting.name} behind"] = difference(gru, ours)
        found[f"{setting.name} above"] = difference(ours, None if logistic is None else 100 * logistic)
        found[f"{setting.name} bytes"] = most_bytes(made, setting.name)
    return found


def _dense_cost(made: Sequence[Record]) -> Numbers:
    dense, shallow = (setting.name for setting in dense_cost.SETTINGS)
    spent = {name: middle(made, on_boards.CHECKED, name, "instructions_per_inference") for name in (dense, shallow)}
    return {
        "dense_instructions": spent[dense],
        "shallow_share": quotient(spent[shallow], spent[dense]),
        "shallow_accuracy": difference(percent(made, shallow), percent(made, dense)),
    }


def _emi(made: Sequence[Record]) -> Numbers:
    found: Numbers = {}
    for setting in emi.SETTINGS:
        name = setting.name
        plain, early, other = (emi.called(name, kind) for kind in setting.kinds)
        if setting.refines:
            found[f"{name} refinement"] = difference(percent(made, early), percent(made, other))
            continue
        found[f"{name} accuracy"] = difference(percent(made, early), percent(made, plain))
        steps = [middle(made, trained.ACCURACY, model, "steps_executed") for model in (plain, early)]
        found[f"{name} steps"] = quotient(*steps)
    return found


def _msc(made: Sequence[Record]) -> Numbers:
    cascade, single = (msc.called(kind) for kind in (msc.CASCADE, msc.ONE_TIER))
    seconds, right = (
        [middle(made, on_boards.CHECKED, name, key, msc.STREAM) for name in (cascade, single)]
        for key in ("instructions_per_second", "accuracy_integer")
    )
    above = difference(*right)
    return {
        "cascade_accuracy": difference(percent(made, cascade), percent(made, single)),
        "cascade_stream_accuracy": None if above is None else 100 * above,
        "cascade_saves": quotient(*reversed(seconds)),
        "cascade_size": quotient(most_bytes(made, cascade), most_bytes(made, single)),
    }


def _rounding(made: Sequence[Record]) -> Numbers:
    lost = [difference(percent(made, name, "accuracy_float"), percent(made, name)) for name in names()]
    name, what = quantised_training.NAME, quantised_training.LOST
    full, integer = (percent(made, name, key, what) for key in ("accuracy_full_precision", "accuracy_integer"))
    unlike = over_seeds(made, what, name, "view_unlike_integers")
    return {
        "points_lost": worst(lost),
        "points_lost_to_full_precision": difference(full, integer),
        "view_unlike": None if unlike is None else sum(unlike),
    }


def pairs_wanted() -> float:
    """Return how many pairs of learner, board and form there are."""
    return float(len(agreement.LEARNERS) * len(on_boards.targets()) * 2)


def _agreement(made: Sequence[Record]) -> Numbers:
    looked = (trained.ACCURACY, on_boards.CHECKED)
    wrong = [record.numbers.get("mismatches") for record in made if record.what in looked]
    tried = [r for r in made if r.what in (on_boards.CHECKED, on_boards.TOO_LARGE, on_boards.FAULT)]
    learners = {agreement.called(learner) for learner in agreement.LEARNERS}
    pairs = {(r.model, r.board, r.settings["form"]) for r in tried if r.model in learners}
    return {
        "mismatches": None if not wrong or None in wrong else float(sum(value or 0 for value in wrong)),
        "pairs": float(len(pairs)) if pairs else None,
        "faults": float(sum(r.what == on_boards.FAULT for r in tried)) if tried else None,
    }
