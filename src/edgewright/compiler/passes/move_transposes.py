"""Transposes meet and cancel, or vanish into the weights of the layer behind them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from edgewright.compiler.passes._rewrite import in_bodies, maker, only_reader, without_unread
from edgewright.ir.graph import Graph, Node
from edgewright.ir.types import Type

ENTRYWISE = (
    *(
        "absolute",
        "clip",
        "elu",
        "erf",
        "exp",
        "gelu",
        "hard_sigmoid",
        "hard_swish",
        "hard_tanh",
        "leaky_relu",
        "lookup",
    ),
    *("relu", "rescale", "sigmoid", "softplus", "square_root", "tanh"),
)
PAIRS = ("add", "subtract", "multiply")

Rule = Callable[[Graph, Node], Graph | None]


def move_transposes(graph: Graph) -> Graph:
    """Every `transpose` is moved towards the outputs until it vanishes, or cannot be moved.

    1. One that moves no entry (its axes keep their order, but for those of one entry) becomes a `reshape`, or nothing.
    2. Two in a row become one.
    3. Before an operator that works entry by entry and alone reads it, it goes behind it.
    4. Before both operands of a sum or product, alike and read by nothing else, both become one behind it.
    5. Before a `reshape` to a vector that a `dense` alone reads, it goes into the order of the columns of the weights.
    6. Bodies of scans are treated alike.
    """
    graph = in_bodies(graph, move_transposes)  # rule 6
    rules: tuple[Rule, ...] = (_without_moving, _joined, _behind_entrywise, _behind_pair, _into_weights)
    changed: Graph | None = graph
    while changed is not None:
        graph = changed
        tries = (rule(graph, node) for node in graph.nodes if node.op == "transpose" for rule in rules)
        changed = next((found for found in tries if found is not None), None)
    return without_unread(graph)


def _axes(node: Node) -> tuple[int, ...]:
    return tuple(int(axis) for axis in node.attributes["axes"])


def _with(graph: Graph, instead: dict[str, Node | None], **types: Type) -> Graph:
    """Return the graph with other nodes (None: none) in the place of those that make values."""
    nodes = (instead.get(node.output, node) for node in graph.nodes)
    return replace(graph, nodes=tuple(node for node in nodes if node is not None), types={**graph.types, **types})


def _without_moving(graph: Graph, node: Node) -> Graph | None:
    """Rule 1."""
    value = node.inputs["x"]
    shape = graph.types[value].shape
    moving = [axis for axis in _axes(node) if shape[axis] != 1]
    if moving != sorted(moving):
        return None
    if (
        graph.types[node.output].shape == shape
        and node.output not in graph.outputs
        and not _is_state(graph, node.output)
    ):
        nodes = tuple(
            replace(other, inputs={port: value if read == node.output else read for port, read in other.inputs.items()})
            for other in graph.nodes
            if other != node
        )
        return replace(graph, nodes=nodes)
    return _with(
        graph, {node.output: Node("reshape", node.inputs, node.output, {"shape": graph.types[node.output].shape})}
    )


def _is_state(graph: Graph, value: str) -> bool:
    return value in graph.state.values()


def _joined(graph: Graph, node: Node) -> Graph | None:
    """Rule 2."""
    before = maker(graph, node.inputs["x"])
    if before is None or before.op != "transpose":
        return None
    axes = tuple(_axes(before)[axis] for axis in _axes(node))
    read = replace(node, inputs=before.inputs, attributes={"axes": axes})
    gone: dict[str, Node | None] = {before.output: None} if only_reader(graph, before.output) == node else {}
    return _with(graph, {**gone, node.output: read})


def _behind_entrywise(graph: Graph, node: Node) -> Graph | None:
    """Rule 3."""
    reader = only_reader(graph, node.output)
    if reader is None or reader.op not in ENTRYWISE:
        return None
    first = Node(reader.op, {**reader.inputs, "x": node.inputs["x"]}, node.output, reader.attributes)
    return _swapped(graph, node, reader, first, {})


def _behind_pair(graph: Graph, node: Node) -> Graph | None:
    """Rule 4."""
    reader = only_reader(graph, node.output)
    if reader is None or reader.op not in PAIRS:
        return None
    parts = [maker(graph, reader.inputs[port]) for port in ("a", "b")]
    alike = all(
        part is not None
        and part.op == "transpose"
        and _axes(part) == _axes(node)
        and only_reader(graph, part.output) == reader
        for part in parts
    )
    if not alike:
        return None
    sources = {port: part.inputs["x"] for port, part in zip(("a", "b"), parts, strict=True) if part is not None}
    gone: dict[str, Node | None] = {part.output: None for part in parts if part is not None}
    first = Node(reader.op, {**reader.inputs, **sources}, node.output, reader.attributes)
    return _swapped(graph, node, reader, first, gone)


def _swapped(graph: Graph, node: Node, reader: Node, first: Node, gone: dict[str, Node | None]) -> Graph:
    """Return the graph with `first`, under the name of the transpose, and a transpose behind it that makes what the reader made."""
    shape = graph.types[node.inputs["x"]].shape
    turned = Node("transpose", {"x": first.output}, reader.output, node.attributes)
    nodes: list[Node] = []
    for other in graph.nodes:
        if other.output == reader.output:
            nodes += [first, turned]
        elif other != node and other.output not in gone:
            nodes.append(other)
    type = replace(graph.types[reader.output], shape=shape)
    return replace(graph, nodes=tuple(nodes), types={**graph.types, first.output: type})


def _into_weights(graph: Graph, node: Node) -> Graph | None:
    """Rule 5."""
    vector = only_reader(graph, node.output)
    layer = only_reader(graph, vector.output) if vector is not None and vector.op == "reshape" else None
    if vector is None or layer is None or layer.op != "dense" or len(graph.types[vector.output].shape) != 1:
        return None
    shape = graph.types[node.inputs["x"]].shape
    places = np.arange(graph.types[vector.output].size).reshape(shape).transpose(_axes(node)).ravel()
    name = layer.inputs["w"]
    own = name if len(graph.readers(name)) == 1 and name not in graph.outputs else f"{layer.output}.w"
    constants = {**graph.constants, own: np.ascontiguousarray(graph.constants[name][:, np.argsort(places)])}
    graph = replace(graph, constants=constants)
    return _with(
        graph,
        {
            node.output: None,
            vector.output: replace(vector, inputs=node.inputs),
            layer.output: replace(layer, inputs={**layer.inputs, "w": own}),
        },
        **{own: graph.types[name]},
    )
