"""Straight lines before and behind products, as of batch normalisation, vanish into their weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgewright.compiler.passes._rewrite import PRODUCTS, in_bodies, maker, only_reader, without_unread
from edgewright.ir.graph import Graph, Node
from edgewright.ir.types import Array, Type


def fold_affine(graph: Graph) -> Graph:
    """An `affine` beside a `dense`, `conv2d` or `depthwise_conv2d` becomes part of its weights and bias.

    1. Behind a product that nothing else reads: each row of the weights takes its own scale. The product then makes the affine's value.
    2. Before a product that alone reads it: only one scale for all, as others would cost the 8-bit weights precision.
    3. Before a product: an offset only where there is no padding, which stands for the real number 0 of the affine's output, and not on
       the graph's input, where it takes the mean of raw readings away before they are multiplied.
    4. Constants that others read as well are copied.
    5. Bodies of scans are treated alike.
    """
    graph = in_bodies(graph, fold_affine)  # rule 5
    for node in graph.nodes:
        if node.op == "affine":
            forth = None if _costs_precision(graph, node) else fold_forth(graph, node)
            graph = _folded_back(graph, node) or forth or graph
    return without_unread(graph)


def _folded_back(graph: Graph, line: Node) -> Graph | None:
    """Rule 1."""
    before = maker(graph, line.inputs["x"])
    if before is None or before.op not in PRODUCTS or only_reader(graph, before.output) != line:
        return None
    scale, offset = _line(graph, line)
    product = PRODUCTS[before.op]
    weights, bias = (graph.constants[before.inputs[port]] for port in (product.weights, product.bias))
    shape = [-1 if axis == product.rows else 1 for axis in range(weights.ndim)]
    return _with_product(
        graph, replace(before, output=line.output), before, line, weights * scale.reshape(shape), bias * scale + offset
    )


def _costs_precision(graph: Graph, line: Node) -> bool:
    """Rules 2 and 3, of the graph's input."""
    scale, offset = _line(graph, line)
    return bool(np.ptp(scale) != 0 or (np.any(offset) and line.inputs["x"] in graph.inputs))


def fold_forth(graph: Graph, line: Node) -> Graph | None:
    """Return the graph with an `affine` folded into the product behind it, None where padding or another reader forbids that."""
    after = only_reader(graph, line.output)
    if after is None or after.op not in PRODUCTS:
        return None
    scale, offset = _line(graph, line)
    if np.any(offset) and any(after.attributes.get("padding", ())):  # rule 3
        return None
    product = PRODUCTS[after.op]
    weights, bias = (graph.constants[after.inputs[port]] for port in (product.weights, product.bias))
    shape = [-1 if axis == product.columns else 1 for axis in range(weights.ndim)]
    channels = graph.types[line.output].shape[-1]
    several = weights.shape[product.columns] // channels if product.rows == product.columns else 1
    scales, offsets = (
        np.repeat(np.broadcast_to(entries, (channels,)), several).reshape(shape) for entries in (scale, offset)
    )
    others = tuple(axis for axis in range(weights.ndim) if axis != product.rows)
    read = replace(after, inputs={**after.inputs, "x": line.inputs["x"]})
    return _with_product(graph, read, after, line, weights * scales, bias + (weights * offsets).sum(axis=others))


def _line(graph: Graph, node: Node) -> tuple[Array, Array]:
    """Return the scales and offsets of an affine: [entries of the last axis] or [1]."""
    scale, offset = (graph.constants[node.inputs[port]].astype(np.float64) for port in ("scale", "offset"))
    return scale, offset


def _with_product(graph: Graph, node: Node, old: Node, line: Node, weights: Array, bias: Array) -> Graph:
    """Return the graph with another product in the place of `old`, without the line. Rule 4."""
    product = PRODUCTS[node.op]
    types, constants, inputs = dict(graph.types), dict(graph.constants), dict(node.inputs)
    for port, array in ((product.weights, weights), (product.bias, bias)):
        name = inputs[port]
        if len(graph.readers(name)) > 1 or name in graph.outputs:
            name = inputs[port] = f"{node.output}.{port}"
        constants[name] = array.astype(np.float32)
        types[name] = Type(array.shape)
    node = replace(node, inputs=inputs)
    nodes = tuple(node if other.output == old.output else other for other in graph.nodes if other.output != line.output)
    return replace(graph, nodes=nodes, types=types, constants=constants)
