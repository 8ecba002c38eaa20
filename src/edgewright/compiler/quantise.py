"""From a float graph to an integer one. No board is seen here: the integers of a model are the same everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from edgewright import ops
from edgewright.errors import BadGraph, UnsupportedModel
from edgewright.ir.graph import Graph, Node
from edgewright.ir.types import Array, Type, quantise_array
from edgewright.ops import Request
from edgewright.ops.quantisation import activation_type, scale_covering
from edgewright.runtime.calibrate import Observations, Observed, calibrate
from edgewright.runtime.ranges import accumulator_bounds


@dataclass(frozen=True)
class Settings:
    """Choices that hold for a whole model.

    activation: dtype of activations. input: dtype of the graph's input; integer readings that fit keep their own integers.
    The search over scales and widths of a later stage chooses among these, and then value by value.
    """

    activation: str = "int16"
    input: str = "int16"


def quantise(graph: Graph, calibration: Array, settings: Settings | None = None) -> Graph:
    """Return the integer graph of a float one, its scales taken from unlabelled calibration data [n, *shape].

    A graph that is quantised already is returned as it is. Raises BadData for bad calibration data and BadGraph where a
    sum cannot be proven to fit 32 bits.
    """
    if graph.is_quantised:
        return graph
    settings = settings or Settings()
    (name,) = graph.inputs
    observations = calibrate(graph, calibration)
    input_type = _input_type(graph, observations[graph.name, name], settings, np.asarray(calibration))
    quantised = ops.verify(_quantise(graph, {name: input_type}, observations, settings))
    accumulator_bounds(quantised)
    return quantised


def _input_type(graph: Graph, seen: Observed, settings: Settings, data: Array) -> Type:
    """Return the type of the input.

    1. Integers within the dtype stay what they are, at scale 1: raw readings need no conversion on the device.
    2. Where every reader takes a scale a feature, each feature has its own; else one scale covers all.
    """
    type = graph.input_type
    largest = np.maximum(np.abs(seen.low), np.abs(seen.high))
    whole = activation_type(type.shape, 0.0, float(largest.max()), settings.input)
    if np.array_equal(data, np.round(data)) and float(largest.max()) <= whole.range[1]:
        return replace(whole, scale=1.0)
    if _takes_scale_a_feature(graph, graph.inputs[0]):
        scales = tuple(scale_covering(float(value), whole.range[1]) for value in np.atleast_1d(largest))
        return replace(whole, scale=scales, axis=len(type.shape) - 1)
    return whole


def _takes_scale_a_feature(graph: Graph, value: str) -> bool:
    """Whether every reader of a value, within the bodies of scans too, takes one scale an entry of its last axis."""
    readers = graph.readers(value)
    return bool(readers) and all(
        _takes_scale_a_feature(node.attributes["body"], node.attributes["body"].inputs[0])
        if node.op == "scan"
        else ops.get(node.op).scale_a_feature
        for node in readers
    )


def _quantise(graph: Graph, input_types: Mapping[str, Type], observations: Observations, settings: Settings) -> Graph:
    """Return the integer graph: node by node, each operator choosing its integers.

    States take the type that covers them and their successors; the node that makes a successor is held to it.
    """
    states = {state: _state_type(graph, state, observations, settings) for state in graph.state}
    held = {successor: states[state] for state, successor in graph.state.items()}
    types: dict[str, Type] = {**input_types, **states}
    constants: dict[str, Array] = {
        state: np.asarray(quantise_array(graph.constants[state], type), type.dtype)
        for state, type in states.items()
        if state in graph.constants
    }
    nodes: list[Node] = []
    for node in graph.nodes:
        if node.op == "scan":
            body = node.attributes["body"]
            (step,) = body.inputs
            x = types[node.inputs["x"]]
            inner = replace(x, shape=x.shape[1:], axis=None if x.axis is None else x.axis - 1)
            quantised_body = _quantise(body, {step: inner}, observations, settings)
            output = replace(quantised_body.output_type, shape=graph.types[node.output].shape)
            nodes.append(replace(node, attributes={**node.attributes, "body": quantised_body}))
            types[node.output] = output
            continue
        seen = observations[graph.name, node.output]
        quantised, types[node.output] = _quantise_node(
            graph, node, types, constants, seen, held.get(node.output), settings
        )
        nodes.append(quantised)
    return Graph(graph.inputs, graph.outputs, tuple(nodes), types, constants, graph.state, graph.labels, graph.name)


def _quantise_node(
    graph: Graph,
    node: Node,
    types: dict[str, Type],
    constants: dict[str, Array],
    seen: Observed,
    held: Type | None,
    settings: Settings,
) -> tuple[Node, Type]:
    """Return the integer node and the type of its output; new constants are added to `types` and `constants`.

    held: the type that the output must have, as the successor of a state.
    """
    op = ops.get(node.op)
    if op.quantise is None:
        raise UnsupportedModel(f"Node {node.output!r}: {node.op!r} cannot be quantised.")
    missing = [value for value in node.inputs.values() if value not in types and value not in graph.constants]
    if missing:
        raise BadGraph(f"Node {node.output!r} reads {missing[0]!r}, which has not been quantised.")
    for port, value in node.inputs.items():
        if port not in op.parameters and value in graph.constants and value not in types:
            array = graph.constants[value]
            types[value] = activation_type(array.shape, float(array.min()), float(array.max()), settings.activation)
            constants[value] = np.asarray(quantise_array(array, types[value]), types[value].dtype)
    request = Request(
        types={port: types[value] for port, value in node.inputs.items() if port not in op.parameters},
        parameters={port: graph.constants[value] for port, value in node.inputs.items() if port in op.parameters},
        attributes=node.attributes,
        output=held or activation_type(graph.types[node.output].shape, *seen.extremes, settings.activation),
    )
    result = op.quantise(request)
    if held and result.output != held:
        raise UnsupportedModel(f"Node {node.output!r}: {node.op!r} cannot make a state, as it chooses its own type.")
    inputs = {port: value for port, value in node.inputs.items() if port not in op.parameters}
    for port, (array, type) in result.parameters.items():
        value = node.inputs[port] if port in op.parameters else f"{node.output}.{port}"
        if value in constants and not np.array_equal(constants[value], array):
            value = f"{node.output}.{port}"  # the same float constant became other integers here
        constants[value], types[value] = array, type
        inputs[port] = value
    attributes = {**node.attributes, **result.attributes}
    return Node(result.op or node.op, inputs, node.output, attributes), result.output


def _state_type(graph: Graph, state: str, observations: Observations, settings: Settings) -> Type:
    seen = observations[graph.name, graph.state[state]]
    return activation_type(graph.types[state].shape, *seen.extremes, settings.activation)
