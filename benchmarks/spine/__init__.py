"""The spine: from data to integer C, proven on emulated boards."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from benchmarks.spine import bars, measuring, models, promises, results, tables
from edgewright.bench import Benchmark, Unit
from edgewright.records import Record


def units(quick: bool) -> Sequence[Unit]:
    def unit(key: str, run: Callable[..., Iterable[Record]], *arguments: Any) -> Unit:
        return Unit(key, partial(run, *arguments, quick))

    found = [
        unit(f"accuracy {name} seed {seed}", measuring.accuracy, name, seed)
        for name in models.LEARNERS
        for seed in models.SEEDS[: 1 if quick else None]
    ]
    found += [unit(f"boards {name}", measuring.on_boards, name) for name in (*models.LEARNERS, "forest")]
    found += [
        unit("forest", measuring.forest_against_sklearn),
        unit("generated code", promises.generated_code),
        unit("second opinion", promises.second_opinion),
    ]
    found += [unit("import", promises.import_time), unit("build", promises.build_time)]
    if models.has_detector():
        found += [
            unit("boards detector", measuring.on_boards, "detector"),
            unit("detector", measuring.detector_against_litert),
        ]
    if not quick:
        found += [unit(f"checks {name}", measuring.estimator_checks, name) for name in ("bonsai", "protonn")] + [
            unit("mutants", promises.mutants)
        ]
    return found


ENTRY = Benchmark(
    doc="The spine: accuracy on digits, agreement on every board, the promises about generated code.",
    bars=bars.all_bars(),
    units=units,
    summarise=results.summarise,
    table=tables.table,
)
