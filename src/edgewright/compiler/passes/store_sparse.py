"""Matrices that are mostly zeros are stored without them."""

from __future__ import annotations

from dataclasses import replace

from edgewright.ir.graph import Graph, Node
from edgewright.ir.types import Array, Type
from edgewright.ops.sparse_dense import compress


def store_sparse(graph: Graph) -> Graph:
    """`dense` becomes `sparse_dense` where that holds fewer bytes.

    1. Only weights that no other node reads.
    2. Values, gaps and counts together must be smaller than the matrix.
    3. Bodies of scans are treated alike.
    """
    types, constants = dict(graph.types), dict(graph.constants)
    nodes = [_stored(graph, node, types, constants) for node in graph.nodes]
    return replace(graph, nodes=tuple(nodes), types=types, constants=constants)


def _stored(graph: Graph, node: Node, types: dict[str, Type], constants: dict[str, Array]) -> Node:
    if node.op == "scan":  # rule 3
        return replace(node, attributes={**node.attributes, "body": store_sparse(node.attributes["body"])})
    if node.op != "dense" or len(graph.readers(node.inputs["w"])) > 1:  # rule 1
        return node
    name = node.inputs["w"]
    matrix = graph.constants[name]
    parts = dict(zip(("values", "gaps", "counts"), compress(matrix), strict=True))
    if not parts["values"].size or sum(part.nbytes for part in parts.values()) >= matrix.nbytes:  # rule 2
        return node
    del types[name], constants[name]
    inputs = {"x": node.inputs["x"], "bias": node.inputs["bias"]}
    for part, array in parts.items():
        inputs[part] = f"{name}.{part}"
        constants[inputs[part]] = array
        types[inputs[part]] = Type(array.shape, str(array.dtype), 1.0)
    return Node("sparse_dense", inputs, node.output, {"columns": matrix.shape[1]})
