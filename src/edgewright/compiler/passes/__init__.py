"""Passes: each takes and leaves a verified graph; the integers of the model never change."""

from __future__ import annotations

from collections.abc import Callable

from edgewright import ops
from edgewright.compiler.passes.store_sparse import store_sparse
from edgewright.errors import BadGraph
from edgewright.ir.graph import Graph

Pass = Callable[[Graph], Graph]

# The order matters, so this list is kept by hand.
PIPELINE: tuple[Pass, ...] = (store_sparse,)


def run_passes(graph: Graph, pipeline: tuple[Pass, ...] = PIPELINE) -> Graph:
    """Return the graph after all passes, verified after each. Raises BadGraph that names the pass and those before it."""
    done: list[str] = []
    for step in pipeline:
        try:
            graph = ops.verify(step(graph))
        except BadGraph as error:
            before = f" after {', '.join(done)}" if done else ""
            raise BadGraph(f"The pass {step.__name__}{before} left a graph that breaks the rules. {error}") from error
        done.append(step.__name__)
    return graph
