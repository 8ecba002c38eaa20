"""Any model in: ONNX, LiteRT and scikit-learn to integer C, held against rivals, oracles and every board.

`sources` has models and rows; `fixed`, `calibrated`, `classical`, `everywhere`, `suites` and `fuzzing` measure one theme each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from benchmarks.any_model import (
    bars,
    calibrated,
    classical,
    everywhere,
    fixed,
    fuzzing,
    results,
    sources,
    suites,
    tables,
)
from edgewright import boards
from edgewright.bench import Benchmark, Unit
from edgewright.records import Record

RANDOM_UNITS = 20  # of 1,000 graphs each
FUZZ_UNITS = 5  # of each kind
MUTANTS = 1_000  # of a unit
QUICK_BOARDS = ("microbit",)


def units(quick: bool) -> Sequence[Unit]:
    """Return the parts, none of which takes minutes; a quick run takes the smallest of each theme."""

    def unit(key: str, run: Callable[..., Iterable[Record]], *arguments: Any) -> Unit:
        return Unit(key, partial(run, *arguments))

    names = ("AD",) if quick else tuple(sources.NETWORKS)
    found = [unit("node cases", suites.node_cases, quick)]
    found += [unit(f"forward {layer}", suites.forward, layer, quick) for layer in suites.layers(quick)]
    for name in names:
        found += [
            unit(f"{name} reference", fixed.against_reference, name, quick),
            unit(f"{name} cost", fixed.cost, name, quick),
            unit(f"{name} calibrated", calibrated.quality, name, quick),
            unit(f"{name} calibrated cost", calibrated.cost, name, quick),
        ]
    found.append(unit("forest", classical.forest_unit, quick))
    found += [
        unit(f"forest {rival}", classical.rival_unit, rival, quick)
        for rival in classical.RIVALS[: 1 if quick else None]
    ]
    found += [
        unit(f"network {seed}", classical.network_unit, seed, quick) for seed in classical.SEEDS[: 1 if quick else None]
    ]
    models = ("digits forest", "digits network") if quick else tuple(everywhere.MODELS)
    targets = QUICK_BOARDS if quick else tuple(name for name in boards.names() if name != "host")
    found += [
        unit(f"{model} on {board}", everywhere.on_board, model, board, quick) for model in models for board in targets
    ]
    mutants = 40 if quick else MUTANTS
    found += [
        unit(f"fuzz {kind} {part}", fuzzing.unit, kind, part, mutants)
        for kind in ("onnx", "tflite")
        for part in range(1 if quick else FUZZ_UNITS)
    ]
    found += [unit(f"random {part}", suites.random_graphs, part, quick) for part in range(1 if quick else RANDOM_UNITS)]
    return found


ENTRY = Benchmark(
    doc="Any model in: ONNX, LiteRT and scikit-learn to integer C, against oracles and rivals, on every board.",
    bars=bars.all_bars(),
    units=units,
    summarise=results.reached,
    table=tables.table,
)
