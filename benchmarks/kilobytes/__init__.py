"""Accuracy per kilobyte and instructions per inference of Bonsai, ProtoNN and FastGRNN, beside what others reach.

`models` has the fixed list; `accuracy`, `on_boards`, `kernels`, `ancestors` and `training_speed` measure one theme each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from benchmarks.kilobytes import (
    accuracy,
    ancestors,
    bars,
    kernels,
    models,
    on_boards,
    results,
    tables,
    teachers,
    training_speed,
)
from edgewright.bench import Benchmark, Unit
from edgewright.records import Record

QUICK_MODELS = results.FLOAT_MODELS


def units(quick: bool) -> Sequence[Unit]:
    """Return the parts: one training, one model on one board, ... A quick run takes few digits of three models."""

    def unit(key: str, run: Callable[..., Iterable[Record]], *arguments: Any) -> Unit:
        return Unit(key, partial(run, *arguments, quick))

    listed = QUICK_MODELS if quick else tuple(setting.name for setting in models.MODELS)
    seeds = models.SEEDS[: 1 if quick else None]
    found = [
        unit("kernels", kernels.kernel_records),
        unit("training speed", training_speed.training_speed_records, "fastgrnn"),
    ]
    found += [
        unit(f"teacher {name}", teachers.unit, name) for name in (("usps",) if quick else tuple(teachers.TEACHERS))
    ]
    found += [unit(f"{name} seed {seed}", accuracy.unit, name, seed) for name in listed for seed in seeds]
    counted = listed if quick else tuple(setting.name for setting in on_boards.counted_models())
    cores = ("m0",) if quick else tuple(on_boards.CORES)
    found += [unit(f"{name} cost {core}", on_boards.cost, name, core) for name in counted for core in cores]
    found += [unit(f"{name} in float", ancestors.float_unit, name) for name in results.FLOAT_MODELS]
    found += [
        unit(f"rival {case} {generator}", ancestors.rival_unit, case, generator)
        for case, generators in ancestors.GENERATORS.items()
        for generator in generators[: 1 if quick else None]
    ]
    boards = ("microbit",) if quick else tuple(on_boards.targets())
    return [*found, *(unit(f"{name} on {board}", on_boards.check, name, board) for name in listed for board in boards)]


ENTRY = Benchmark(
    doc="Accuracy per kilobyte and instructions per inference of Bonsai, ProtoNN and FastGRNN, beside published figures and rivals.",
    bars=bars.all_bars(),
    units=units,
    summarise=results.reached,
    table=tables.table,
)
