"""Cross-layer equalisation: channels between two layers are scaled to alike ranges (Nagel et al., ICCV 2019)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgewright.compiler.passes._rewrite import PRODUCTS, maker, only_reader, without_unread
from edgewright.ir.graph import Graph, Node
from edgewright.ir.types import Array, Type
from edgewright.runtime.calibrate import Observations

MOST = 16.0  # times that a channel is made larger, relative to the others


def equalise(graph: Graph, observations: Observations) -> Graph:
    """Return a float graph that computes the same, with channels between products on alike scales.

    1. Only between two products with nothing, or a relu, between them, that are read nowhere else: relu(s x) = s relu(x) for s > 0.
    2. As each row of weights has a scale of its own, what is levelled is not the rows before, but the ranges r of the activations, as
       observed, against the columns c of the weights behind: a channel is divided by sqrt(r / c). A depthwise product has a scale for
       each channel, so there it is divided by r.
    3. No channel grows by more than 16 times relative to the others; one that was always 0 grows least.
    4. What is scaled gets a new name, as it has another meaning.
    """
    for node in graph.nodes:
        if node.op in PRODUCTS:
            graph = _levelled(graph, maker(graph, node.output) or node, observations)
    return without_unread(graph)


def _levelled(graph: Graph, first: Node, observations: Observations) -> Graph:
    between = only_reader(graph, first.output)
    last = between
    if between is not None and between.op == "relu":
        last = only_reader(graph, between.output)
    if last is None or last.op not in PRODUCTS:  # rule 1
        return graph
    value = last.inputs["x"]
    before, after = PRODUCTS[first.op], PRODUCTS[last.op]
    if value not in observations:
        return graph
    weights, next_weights = graph.constants[first.inputs["w"]], graph.constants[last.inputs["w"]]
    channels = graph.types[value].shape[-1]
    several = next_weights.shape[after.columns] // channels
    by = _divisors(observations[value].peaks, next_weights, after.columns, depthwise=after.rows == after.columns)
    down = by.reshape([-1 if axis == before.rows else 1 for axis in range(weights.ndim)])
    up = np.repeat(by, several).reshape([-1 if axis == after.columns else 1 for axis in range(next_weights.ndim)])
    made = {first.output: f"{first.output}.level"}
    if between is not last and between is not None:
        made[between.output] = f"{between.output}.level"
    arrays = {
        (first.output, "w"): weights / down,
        (first.output, "bias"): graph.constants[first.inputs["bias"]] / by,
        (last.output, "w"): next_weights * up,
    }
    return _renamed(graph, arrays, made)


def _divisors(peaks: Array, weights: Array, axis: int, *, depthwise: bool) -> Array:
    """Return what each channel is divided by. Rules 2 and 3."""
    columns = np.abs(weights).max(axis=tuple(other for other in range(weights.ndim) if other != axis))
    used = peaks > 0 if depthwise else (peaks > 0) & (columns > 0)
    by = np.ones(len(peaks))
    by[used] = peaks[used] if depthwise else np.sqrt(peaks[used] / columns[used])
    largest = by[used].max(initial=0)
    by[~used] = largest or 1.0
    return np.clip(by / (largest or 1.0), 1 / MOST, 1.0)


def _renamed(graph: Graph, arrays: dict[tuple[str, str], Array], made: dict[str, str]) -> Graph:
    """Return the graph with other constants at (node, port), and with other names for values. Rule 4."""
    types, constants, nodes = dict(graph.types), dict(graph.constants), []
    for node in graph.nodes:
        inputs = {port: made.get(value, value) for port, value in node.inputs.items()}
        output = made.get(node.output, node.output)
        for port in inputs:
            if (node.output, port) in arrays:
                name = f"{output}.{port}"
                constants[name] = arrays[node.output, port].astype(np.float32)
                types[name] = Type(constants[name].shape)
                inputs[port] = name
        types[output] = types[node.output]
        nodes.append(replace(node, inputs=inputs, output=output))
    return replace(graph, nodes=tuple(nodes), types=types, constants=constants)
