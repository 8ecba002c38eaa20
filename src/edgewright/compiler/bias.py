"""Bias correction: biases that make up for the mean error of each channel (Nagel et al., ICCV 2019)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgewright.compiler.activations import CUTTING
from edgewright.ir.graph import Graph, Node
from edgewright.ir.types import INTEGER_RANGES, Array, quantise_array
from edgewright.runtime.calibrate import batches, calibrate
from edgewright.runtime.integer import run_integer_many
from edgewright.runtime.parts import part_of
from edgewright.runtime.ranges import fits_32_bits

FINER = 2.0**-8  # of a step of the output: the unit in which means are taken
MOST_ROWS = 256
PORTS = ("bias", "offset")


def correct_biases(graph: Graph, quantised: Graph, calibration: Array) -> Graph:
    """Return the integer graph with corrected biases.

    graph: the float graph that it was made of. Node by node, the mean of each entry of the last axis is compared with the real one on at
    most 256 calibration rows [n, *shape], before anything is cut, and the difference added to the bias: so each correction sees what
    those before it left. Bodies of scans, nodes that cut by attributes, and biases whose sums would not fit 32 bits stay as they are.
    """
    rows = np.asarray(calibration)[:MOST_ROWS]
    observations = calibrate(graph, rows)
    uncut = {node.output: node.inputs["x"] for node in graph.nodes if node.op in CUTTING}
    parts = [{quantised.inputs[0]: part} for part in batches(quantised, quantise_array(rows, quantised.input_type))]
    made = quantised
    for node in quantised.nodes:
        port = next((port for port in PORTS if port in node.inputs), None)
        real = observations.get(uncut.get(node.output, node.output))
        cuts_itself = {
            "lowest",
            "highest",
        } & node.attributes.keys()  # its sums before that have no real mean to be held against
        if (
            port
            and real
            and not cuts_itself
            and made.types[node.output].shape[-1:] == made.types[node.inputs[port]].shape
        ):
            made, node = _corrected(made, node, port, real.means, parts)
        for part in parts:
            part[node.output] = _run(made, node, part)
    return made


def _corrected(graph: Graph, node: Node, port: str, real: Array, parts: list[dict[str, Array]]) -> tuple[Graph, Node]:
    """Return the graph and its node with another bias; real: the mean that each entry of the last axis should have."""
    y, name = graph.types[node.output], node.inputs[port]
    wide = replace(y, dtype="int32", scale=float(y.scales) * FINER, zero_point=0, limits=None)
    uncut = replace(graph, types={**graph.types, node.output: wide})
    sums, rows = np.zeros(y.shape[-1]), 0
    for part in parts:
        array = _run(uncut, node, part).reshape(-1, y.shape[-1])
        sums, rows = sums + array.sum(axis=0), rows + len(array)
    missing = real - sums / rows * float(wide.scales)
    integers = graph.constants[name] + np.floor(missing / graph.types[name].scales + 0.5).astype(np.int64)
    low, high = graph.types[name].range
    fits = low <= integers.min() and integers.max() <= high
    type = graph.types[name] if fits else replace(graph.types[name], dtype="int32", limits=None)
    if len(graph.readers(name)) > 1:
        name = f"{node.output}.{port}"
    before, node = (graph, node), replace(node, inputs={**node.inputs, port: name})
    constants = {**graph.constants, name: np.clip(integers, *INTEGER_RANGES["int32"]).astype(type.dtype)}
    nodes = tuple(node if other.output == node.output else other for other in graph.nodes)
    made = replace(graph, nodes=nodes, types={**graph.types, name: type}, constants=constants)
    return (made, node) if fits_32_bits(made, node) else before


def _run(graph: Graph, node: Node, values: dict[str, Array]) -> Array:
    part = part_of(graph, (node,), node.output)
    return run_integer_many(part, {name: values[name] for name in part.inputs})[node.output]
