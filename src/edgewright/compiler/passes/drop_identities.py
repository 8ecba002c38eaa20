"""Nodes that change nothing vanish."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgewright.compiler.passes._rewrite import in_bodies, maker, without_unread
from edgewright.ir.graph import Graph, Node


def drop_identities(graph: Graph) -> Graph:
    """What reads the output of a node that changes nothing reads its input instead.

    1. `reshape` to the same shape; `affine` with scales of 1 and offsets of 0; `relu` of what a `relu` made.
    2. A `reshape` of a `reshape` reads the first one's input.
    3. A node whose output is the graph's, or becomes a state, stays.
    4. An `affine` on the graph's input stays: it cuts raw readings, which may be anything, to what calibration saw. A product takes it
       up later, where the model is as good without it (`compiler.readings`).
    5. Bodies of scans are treated alike.
    """
    graph = in_bodies(graph, drop_identities)  # rule 5
    seen = {*graph.outputs, *graph.state.values()}
    instead: dict[str, str] = {}
    nodes: list[Node] = []
    for node in graph.nodes:
        node = replace(node, inputs={port: instead.get(value, value) for port, value in node.inputs.items()})
        made = replace(graph, nodes=tuple(nodes))
        if _changes_nothing(made, node) and node.output not in seen:  # rule 3
            instead[node.output] = node.inputs["x"]
            continue
        before = maker(made, node.inputs["x"]) if node.op == "reshape" else None
        if before is not None and before.op == "reshape":  # rule 2
            node = replace(node, inputs=before.inputs)
        nodes.append(node)
    read = {value for node in nodes for value in node.inputs.values()} | seen
    kept = tuple(node for node in nodes if node.op != "reshape" or node.output in read)
    return without_unread(replace(graph, nodes=kept))


def _changes_nothing(graph: Graph, node: Node) -> bool:
    if node.op == "reshape":
        return graph.types[node.inputs["x"]].shape == graph.types[node.output].shape
    if node.op == "affine":
        scale, offset = graph.constants[node.inputs["scale"]], graph.constants[node.inputs["offset"]]
        raw = node.inputs["x"] in graph.inputs  # rule 4
        return bool(not raw and np.all(scale == 1) and np.all(offset == 0))
    before = maker(graph, node.inputs["x"]) if node.op == "relu" else None
    return before is not None and before.op == "relu"
