"""The float meaning of a graph."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edgewright import ops
from edgewright.errors import BadGraph
from edgewright.ir.graph import Graph, Node
from edgewright.ir.types import Array
from edgewright.runtime.walk import Watch, walk


def run_float(graph: Graph, x: Array, watch: Watch | None = None) -> Array:
    """Return the output of a float graph with one input and one output; x: [n, *shape], computed in float64."""
    (name,) = graph.inputs
    return run_float_many(graph, {name: x}, watch)[graph.outputs[0]]


def run_float_many(graph: Graph, inputs: Mapping[str, Array], watch: Watch | None = None) -> dict[str, Array]:
    """Return all outputs of a float graph."""
    return walk(graph, inputs, _compute, np.float64, watch)


def _compute(node: Node, values: dict[str, Array], graph: Graph) -> Array:
    meaning = ops.get(node.op).float
    if meaning is None:
        raise BadGraph(f"Node {node.output!r}: {node.op!r} exists only in integers.")
    return meaning(values, node.attributes)
