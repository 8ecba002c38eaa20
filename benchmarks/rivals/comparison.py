"""The benchmark: its units, its bars, its table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from benchmarks.rivals import cases, environment, generators, measuring, networks, results, tables, timing
from edgewright.bench import Bar, Benchmark, Unit
from edgewright.records import Record

BOARDS = ("stm32f405", "microbit", "arduino-uno")
LEVELS = ("-O2", "-Os")
QUICK_ROWS = 5
SOURCE = "rivals measured beside ours"


def generator_unit(generator: str, case: str, quick: bool) -> Iterable[Record]:
    """One generator's model on every board at every level; one board, one level and few rows where it must be quick."""
    if not quick:
        environment.install()
    for board in BOARDS[:1] if quick else BOARDS:
        for level in LEVELS[:1] if quick else LEVELS:
            yield measuring.measured(generator, case, board, level, QUICK_ROWS if quick else None)


def forward_unit(network: str, quick: bool) -> Iterable[Record]:
    """All forward passes of one layer or network."""
    if not quick:
        environment.install()
    return timing.measured(network, quick=quick)


def units(quick: bool) -> Sequence[Unit]:
    """Return a unit a generator and case, and one a layer or network. A quick run installs nothing."""

    def unit(key: str, run: Callable[..., Iterable[Record]], *arguments: str) -> Unit:
        return Unit(key, partial(run, *arguments, quick))

    found = [
        unit(f"{case} {name}", generator_unit, name, case)
        for case in cases.names()
        for name in generators.names()
        if case in generators.get(name).cases
    ]
    wanted = tuple(networks.NETWORKS)[:1] if quick else (*networks.LAYERS, *networks.NETWORKS)
    return [*found, *(unit(f"forward {name}", forward_unit, name) for name in wanted)]


def _bars() -> tuple[Bar, ...]:
    def bar(measure: str, key: str, value: float, aim: bool = False, least: bool = False) -> Bar:
        return Bar(measure, key, "at least" if least else "at most", value, SOURCE, "aim" if aim else "must")

    return (
        bar("generators and forward passes that were left out without a reason", "unexplained", 0),
        bar("forest, ours: predictions that differ from scikit-learn's, all boards", "forest_differences", 0),
        bar("forest on M4: our flash to the smallest rival's with scikit-learn's predictions", "forest_flash", 1),
        bar("forest on M4: our instructions to the fewest of such a rival", "forest_instructions", 1, aim=True),
        bar("forest on M4: our flash to the smallest rival's, right or wrong", "forest_flash_any", 1, aim=True),
        bar("forest on M4: our instructions to the fewest, right or wrong", "forest_instructions_any", 1, aim=True),
        bar("network on M4: our flash to the smallest rival's", "network_flash_m4", 1),
        bar("network on M4: our instructions to the fewest of a rival", "network_instructions_m4", 1),
        bar("network on M0: our flash to the smallest rival's", "network_flash_m0", 1),
        bar("network on M0: our instructions to the fewest of a rival", "network_instructions_m0", 1),
        bar(f"convolution {networks.SMALL}: times faster than beaverpy", "times_beaverpy", 300, least=True),
        bar(f"convolution {networks.SMALL}: the same", "times_beaverpy", 500, aim=True, least=True),
        bar(f"convolution {networks.SMALL}: times faster than onnx.reference", "times_reference", 4, least=True),
        bar(f"convolution {networks.SMALL}: the same", "times_reference", 10, aim=True, least=True),
        bar("large layers: our time to PyTorch's on one thread, the worst", "large_to_torch", 2, aim=True),
        bar("networks: times faster than onnx.reference, the least", "networks_times_reference", 1, least=True),
        bar("forward passes whose outputs differ from ours", "forward_differences", 0),
    )


ENTRY = Benchmark(
    doc="Rivals from the package index beside ours: flash, RAM, instructions and accuracy of the C; time of the NumPy forward pass.",
    bars=_bars(),
    units=units,
    summarise=results.reached,
    table=tables.table,
)
