"""The recurrent learners: how fast they train, what they reach in few bytes, what they cost on boards, and whether the bits agree.

One module a row of the table: `featurisers`, `mnist`, `keywords`, `dense_cost`, `emi`, `msc`, `quantised_training` and `agreement`;
`training_speed` of the kilobytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from benchmarks.kilobytes import teachers, training_speed
from benchmarks.sequences import (
    agreement,
    bars,
    dense_cost,
    emi,
    featurisers,
    keywords,
    mnist,
    msc,
    on_boards,
    quantised_training,
    results,
    tables,
)
from benchmarks.sequences.trained import SEEDS
from edgewright.bench import Benchmark, Unit
from edgewright.nn import cells
from edgewright.records import Record

QUICK_BOARDS = ("microbit",)


def units(quick: bool) -> Sequence[Unit]:
    """Return the parts: one training, one learner on one board, ... A quick run takes few rows, one seed and one board."""

    def unit(key: str, run: Callable[..., Iterable[Record]], *arguments: Any) -> Unit:
        return Unit(key, partial(run, *arguments, quick))

    seeds = SEEDS[: 1 if quick else None]
    found = [unit(f"training speed {cell}", training_speed.training_speed_records, cell) for cell in cells.names()]
    found += [unit(f"featurisers {name}", featurisers.unit, name) for name in featurisers.NAMES]
    found += [unit("teacher mnist", teachers.unit, "mnist")]
    found += [unit(f"{one.name} seed {seed}", mnist.unit, one.name, seed) for one in mnist.SETTINGS for seed in seeds]
    found += [unit("keywords logistic regression", keywords.logistic_unit)]
    found += [unit(f"{keywords.GRU.name} seed {seed}", keywords.reference_unit, seed) for seed in seeds]
    names = [one.name for one in keywords.SETTINGS]
    found += [unit(f"{name} seed {seed}", keywords.unit, name, seed) for name in names for seed in seeds]
    found += [unit(f"{name} on {board}", keywords.cost_unit, name, board) for name in names for board in _boards(quick)]
    names = [one.name for one in dense_cost.SETTINGS]
    found += [unit(f"{name} seed {seed}", dense_cost.unit, name, seed) for name in names for seed in seeds]
    found += [
        unit(f"{emi.called(one.name, kind)} seed {seed}", emi.unit, one.name, kind, seed)
        for one in emi.SETTINGS
        for kind in one.kinds
        for seed in seeds
    ]
    found += [unit(f"{msc.called(kind)} seed {seed}", msc.unit, kind, seed) for kind in msc.KINDS for seed in seeds]
    found += [unit(f"{quantised_training.NAME} seed {seed}", quantised_training.unit, seed) for seed in seeds]
    return [
        *found,
        *(
            unit(f"{agreement.called(learner)} on {board}", agreement.unit, learner, board)
            for learner in agreement.LEARNERS
            for board in _boards(quick)
        ),
    ]


def _boards(quick: bool) -> tuple[str, ...]:
    return QUICK_BOARDS if quick else on_boards.targets()


ENTRY = Benchmark(
    doc="Recurrent learners: training speed, accuracy in few bytes, early exit, cascades, streaming C on every board.",
    bars=bars.all_bars(),
    units=units,
    summarise=results.reached,
    table=tables.table,
)
