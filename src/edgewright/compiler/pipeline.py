"""From a lowered model to the integers that everything downstream agrees on."""

from __future__ import annotations

from edgewright import ops
from edgewright.compiler.passes import FLOAT, INTEGER, run_passes
from edgewright.compiler.passes.equalise import equalise
from edgewright.compiler.passes.store_sparse import with_storage
from edgewright.compiler.quantise import quantise
from edgewright.compiler.readings import read_directly
from edgewright.compiler.settings import Settings, default_settings
from edgewright.errors import BadInput
from edgewright.ir.graph import Graph
from edgewright.ir.types import Array
from edgewright.runtime.calibrate import calibrate


def to_integers(graph: Graph, calibration: Array | None = None, settings: Settings | None = None) -> Graph:
    """Return a quantised graph after all passes; see `prepared_and_integers`."""
    _, integers = prepared_and_integers(graph, calibration, settings)
    return integers


def prepared_and_integers(
    graph: Graph, calibration: Array | None = None, settings: Settings | None = None
) -> tuple[Graph, Graph]:
    """Return the float graph as it is quantised, and the integers after all passes; twice these where it came quantised.

    calibration: unlabelled rows [n, *shape]; needed for a float graph only. settings: those for the kind of model unless given.
    Raises BadInput where calibration is missing, BadData where it cannot be used, UnknownName for settings of what is not there.
    """
    if graph.is_quantised:
        integers = run_passes(graph, INTEGER)
        return integers, integers
    if calibration is None:
        raise BadInput(
            f"The model {graph.name!r} is not quantised yet: give calibration data, a hundred typical rows are enough."
        )
    settings = settings or default_settings(graph)
    prepared = prepare(graph, calibration, settings)
    integers = with_storage(quantise(prepared, calibration, settings), settings.storage)
    return prepared, run_passes(integers, INTEGER)


def prepare(graph: Graph, calibration: Array, settings: Settings) -> Graph:
    """Return a float graph as it is quantised: after all passes that keep its real meaning."""
    graph = read_directly(run_passes(graph, FLOAT), calibration, settings)
    return ops.verify(equalise(graph, calibrate(graph, calibration))) if settings.equalise else graph
