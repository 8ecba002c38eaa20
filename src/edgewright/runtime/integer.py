"""The integer twin: what the generated C computes, bit for bit, on whole batches in NumPy."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edgewright import ops
from edgewright.errors import BadData, BadGraph
from edgewright.ir.graph import Graph, Node
from edgewright.ir.types import Array
from edgewright.runtime.walk import Watch, walk


def run_integer(graph: Graph, x: Array, watch: Watch | None = None) -> Array:
    """Return the integers of the output, in its dtype, of a quantised graph with one input and one output; x: [n, *shape]."""
    (name,) = graph.inputs
    return run_integer_many(graph, {name: x}, watch)[graph.outputs[0]]


def run_integer_many(graph: Graph, inputs: Mapping[str, Array], watch: Watch | None = None) -> dict[str, Array]:
    """Return all outputs of a quantised graph. Raises BadData where an input is no integers or leaves the range of its type."""
    for name in graph.inputs:
        low, high = graph.types[name].range
        given = np.asarray(inputs[name]) if name in inputs else np.zeros(0, np.int64)
        if given.dtype.kind not in "biu":
            raise BadData(f"The input {name!r} holds {given.dtype}; the twin takes integers, see quantise_array.")
        if given.size and not low <= given.min() <= given.max() <= high:
            raise BadData(f"The input {name!r} holds integers outside {low}..{high}.")
    outputs = walk(graph, inputs, _compute, np.int64, watch)
    return {value: array.astype(graph.types[value].dtype) for value, array in outputs.items()}


def _compute(node: Node, values: dict[str, Array], graph: Graph) -> Array:
    meaning = ops.get(node.op).integer
    if meaning is None:
        raise BadGraph(f"Node {node.output!r}: {node.op!r} has no integer meaning; quantise the graph first.")
    return meaning(values, graph.types_of(node), node.attributes)
