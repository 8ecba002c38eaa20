"""Parts of a graph: a node alone, and everything behind a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from edgewright.ir.graph import Graph, Node
from edgewright.ir.types import Array
from edgewright.runtime.interpret import run_float, run_float_many


def recorded(graph: Graph, rows: Array) -> dict[str, Array]:
    """Return every value of a float graph, those within scans apart, on rows [n, *shape]."""
    (name,) = graph.inputs
    values: dict[str, Array] = {name: rows}

    def watch(where: Graph, path: str, array: Array) -> None:
        if "/" not in path:
            values[path] = array

    run_float(graph, rows, watch)
    return values


def run_behind(graph: Graph, values: Mapping[str, Array], value: str, array: Array) -> Array:
    """Return the output of a float graph where `value` is `array` and nothing else differs from the recorded values."""
    (output,) = graph.outputs
    changed, nodes = {value}, []
    for node in graph.nodes:
        if node.output != value and changed & set(node.inputs.values()):
            changed.add(node.output)
            nodes.append(node)
    if output == value:
        return array
    part = part_of(graph, tuple(nodes), output)
    if output not in changed:
        return values[output]
    return run_float_many(part, {name: array if name == value else values[name] for name in part.inputs})[output]


def part_of(graph: Graph, nodes: tuple[Node, ...], output: str) -> Graph:
    """Return the graph of some nodes, its inputs what they read and none of them makes; the graph's own where they read only constants."""
    made = {node.output for node in nodes}
    read = dict.fromkeys(value for node in nodes for value in node.inputs.values())
    inputs = tuple(value for value in read if value not in made and value not in graph.constants)
    return replace(graph, inputs=inputs or graph.inputs, outputs=(output,), nodes=nodes, labels=())
