"""From a lowered model to the integers that everything downstream agrees on."""

from __future__ import annotations

from edgewright.compiler.passes import run_passes
from edgewright.compiler.quantise import Settings, quantise
from edgewright.errors import BadInput
from edgewright.ir.graph import Graph
from edgewright.ir.types import Array


def to_integers(graph: Graph, calibration: Array | None = None, settings: Settings | None = None) -> Graph:
    """Return a quantised graph after all passes.

    calibration: unlabelled rows [n, *shape]; needed for a float graph only. Raises BadInput where it is missing.
    """
    if not graph.is_quantised:
        if calibration is None:
            raise BadInput(
                f"The model {graph.name!r} is not quantised yet: give calibration data, a hundred typical rows are enough."
            )
        graph = quantise(graph, calibration, settings)
    return run_passes(graph)
