"""What passes share when they rewrite a graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from edgewright.ir.graph import Graph, Node


@dataclass(frozen=True)
class Product:
    """Where a product with weights keeps what a pass scales.

    weights, bias: its ports. rows, columns: the axis of the weights that makes the last axis of the output, and the one that reads the
    last axis of the input; the same where a row reads one entry only.
    """

    weights: str
    bias: str
    rows: int
    columns: int


PRODUCTS = {
    "dense": Product("w", "bias", 0, 1),
    "conv2d": Product("w", "bias", 0, 3),
    "depthwise_conv2d": Product("w", "bias", 2, 2),
}


def only_reader(graph: Graph, value: str) -> Node | None:
    """Return the node that alone reads a value, None where there are others or the value is seen elsewhere."""
    readers = graph.readers(value)
    seen = value in graph.outputs or value in graph.state.values()
    return readers[0] if len(readers) == 1 and not seen else None


def maker(graph: Graph, value: str) -> Node | None:
    """Return the node that makes a value, None for an input, a state or a constant."""
    return next((node for node in graph.nodes if node.output == value), None)


def in_bodies(graph: Graph, step: Callable[[Graph], Graph]) -> Graph:
    """Return the graph with `step`, a pass, applied to the bodies of its nodes."""
    return replace(graph, nodes=tuple(node.with_body(step(node.body)) if node.body else node for node in graph.nodes))


def without_unread(graph: Graph) -> Graph:
    """Return the graph without constants that nothing reads, and without types of values that are gone."""
    read = {value for node in graph.nodes for value in node.inputs.values()}
    kept = read | set(graph.outputs) | set(graph.state) | set(graph.state.values()) | set(graph.inputs)
    constants = {value: array for value, array in graph.constants.items() if value in kept}
    there = kept | {node.output for node in graph.nodes}
    return replace(
        graph, constants=constants, types={value: type for value, type in graph.types.items() if value in there}
    )
