"""Passes: each takes and leaves a verified graph. Those on float graphs keep its real meaning, those on integer graphs its integers."""

from __future__ import annotations

from collections.abc import Callable

from edgewright import ops
from edgewright.compiler.passes.drop_identities import drop_identities
from edgewright.compiler.passes.fold_affine import fold_affine
from edgewright.compiler.passes.fuse_separable import fuse_separable
from edgewright.compiler.passes.merge_padding import merge_padding
from edgewright.compiler.passes.move_transposes import move_transposes
from edgewright.compiler.passes.order_for_memory import order_for_memory
from edgewright.compiler.passes.store_sparse import store_sparse
from edgewright.errors import BadGraph
from edgewright.ir.graph import Graph

Pass = Callable[[Graph], Graph]

# The order matters, so these lists are kept by hand.
FLOAT: tuple[Pass, ...] = (drop_identities, move_transposes, merge_padding, fold_affine)
INTEGER: tuple[Pass, ...] = (store_sparse, fuse_separable, order_for_memory)


def run_passes(graph: Graph, pipeline: tuple[Pass, ...] = INTEGER) -> Graph:
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
