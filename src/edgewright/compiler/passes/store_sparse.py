"""Matrices that are mostly zeros are stored without them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from edgewright.errors import UnknownName
from edgewright.ir.graph import Graph, Node
from edgewright.ir.types import Array, Type
from edgewright.ops.sparse_dense import compress, least_bytes, stored_bytes

CHOICE = "storage"  # the attribute of a `dense` whose storage is chosen: "dense" or "sparse"


def store_sparse(graph: Graph) -> Graph:
    """`dense` becomes `sparse_dense` where that saves a quarter of the bytes.

    1. Only weights that no other node reads.
    2. What the C holds instead must be at most three quarters of the matrix, unless the node's attribute `storage` says what to do.
    3. Bodies are treated alike.
    """
    types, constants = dict(graph.types), dict(graph.constants)
    nodes = [_stored(graph, node, types, constants) for node in graph.nodes]
    return replace(graph, nodes=tuple(nodes), types=types, constants=constants)


def storable(graph: Graph, path: str = "") -> dict[str, Array]:
    """Return the matrices of an integer graph that can be stored in either way; one in the body of a scan is "scan/matrix"."""
    found: dict[str, Array] = {}
    for node in graph.nodes:
        if node.body:
            found |= storable(node.body, f"{path}{node.output}/")
        elif _can_be_either(graph, node):
            found[path + node.inputs["w"]] = graph.constants[node.inputs["w"]]
    return found


def with_storage(graph: Graph, storage: Mapping[str, str], path: str = "") -> Graph:
    """Return the graph with the storage that was chosen for some of its matrices noted in their nodes. Raises UnknownName."""
    known = storable(graph, path)
    for name in storage:
        if name not in known:
            raise UnknownName("matrix that can be stored dense or sparse", name, known)

    def noted(node: Node) -> Node:
        if node.body:
            inner = f"{path}{node.output}/"
            own = {name: choice for name, choice in storage.items() if name.startswith(inner)}
            return node.with_body(with_storage(node.body, own, inner))
        if _can_be_either(graph, node) and (choice := storage.get(path + node.inputs["w"])):
            return replace(node, attributes={**node.attributes, CHOICE: choice})
        return node

    return replace(graph, nodes=tuple(noted(node) for node in graph.nodes))


def _can_be_either(graph: Graph, node: Node) -> bool:
    """Whether a node is a dense layer whose weights are its own, and not all zero."""
    return node.op == "dense" and len(graph.readers(node.inputs["w"])) == 1 and bool(graph.values_of(node)["w"].any())


def _stored(graph: Graph, node: Node, types: dict[str, Type], constants: dict[str, Array]) -> Node:
    if node.body:  # rule 3
        return node.with_body(store_sparse(node.body))
    choice = node.attributes.get(CHOICE)
    if choice == "dense" or not _can_be_either(graph, node):  # rule 1
        return node
    name = node.inputs["w"]
    matrix = graph.constants[name]
    if choice is None and least_bytes(matrix.nbytes, stored_bytes(matrix)) == matrix.nbytes:  # rule 2
        return node
    parts = dict(zip(("values", "gaps", "counts"), compress(matrix), strict=True))
    del types[name], constants[name]
    inputs = {"x": node.inputs["x"], "bias": node.inputs["bias"]}
    for part, array in parts.items():
        inputs[part] = f"{name}.{part}"
        constants[inputs[part]] = array
        types[inputs[part]] = Type(array.shape, str(array.dtype), 1.0)
    return Node("sparse_dense", inputs, node.output, {"columns": matrix.shape[1]})
