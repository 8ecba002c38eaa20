"""From a float graph to an integer one. No board is seen here: the integers of a model are the same everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from edgewright import ops
from edgewright.errors import BadGraph, BadInput, UnsupportedModel
from edgewright.ir.graph import Graph, Node
from edgewright.ir.types import Array, Type, quantise_array
from edgewright.ops import Request
from edgewright.ops.quantisation import OUTPUT_LIMITS, activation_type, scale_covering
from edgewright.runtime.calibrate import Observations, Observed, calibrate
from edgewright.runtime.ranges import accumulator_bounds


@dataclass(frozen=True)
class Settings:
    """Choices that hold for a whole model.

    activation: dtype of activations. input: dtype of the graph's input; integer readings that fit keep their own integers.
    The search over scales and widths of a later stage chooses among these, and then value by value. Raises BadInput for other dtypes.
    """

    activation: str = "int16"
    input: str = "int16"

    def __post_init__(self) -> None:
        for dtype in (self.activation, self.input):
            if dtype not in OUTPUT_LIMITS:
                raise BadInput(f"Activations cannot be {dtype!r}; choose {' or '.join(OUTPUT_LIMITS)}.")


def quantise(graph: Graph, calibration: Array, settings: Settings | None = None) -> Graph:
    """Return the integer graph of a float one, its scales taken from unlabelled calibration data [n, *shape].

    A graph that is quantised already is returned as it is. Raises BadData for bad calibration data and BadGraph where a
    sum cannot be proven to fit 32 bits.
    """
    if graph.is_quantised:
        return graph
    settings = settings or Settings()
    if len(graph.inputs) != 1 or graph.state:
        raise UnsupportedModel(f"{graph.name!r} must have one input and no state of its own to be quantised.")
    (name,) = graph.inputs
    observations = calibrate(graph, calibration)
    input_type = _input_type(graph, observations[name], settings, np.asarray(calibration))
    quantised = ops.verify(_quantise(graph, {name: input_type}, observations, settings, ""))
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
    if not readers or value in graph.outputs or value in graph.state.values():
        return False
    return all(
        _takes_scale_a_feature(node.attributes["body"], node.attributes["body"].inputs[0])
        if node.op == "scan"
        else ops.get(node.op).scale_a_feature
        for node in readers
    )


def _quantise(
    graph: Graph, input_types: Mapping[str, Type], observations: Observations, settings: Settings, path: str
) -> Graph:
    """Return the integer graph: node by node, each operator choosing its integers.

    path: of the graph within the bodies of scans. A state and its successor share the type that covers both, its start included; the
    node that makes the successor is held to it.
    """
    states, held = _state_types(graph, input_types, observations, settings, path)
    types: dict[str, Type] = {**input_types, **states}
    constants: dict[str, Array] = {
        state: np.asarray(quantise_array(graph.constants[state], type), type.dtype)
        for state, type in states.items()
        if state in graph.constants
    }
    nodes: list[Node] = []
    for node in graph.nodes:
        op = ops.get(node.op)
        for port, value in node.inputs.items():
            if port not in op.parameters:
                _quantise_constant(graph, value, types, constants, settings)
        if node.op == "scan":
            body = node.attributes["body"]
            (step,) = body.inputs
            x = types[node.inputs["x"]]
            inner = replace(x, shape=x.shape[1:], axis=None if x.axis is None else x.axis - 1)
            quantised_body = _quantise(body, {step: inner}, observations, settings, f"{path}{node.output}/")
            types[node.output] = replace(quantised_body.output_type, shape=graph.types[node.output].shape)
            nodes.append(replace(node, attributes={**node.attributes, "body": quantised_body}))
        else:
            seen = observations[path + node.output]
            output = held.get(node.output) or activation_type(
                graph.types[node.output].shape, *seen.extremes, settings.activation
            )
            quantised, types[node.output] = _quantise_node(graph, node, types, constants, output)
            nodes.append(quantised)
        if node.output in held:
            types[node.output] = _as_held(node, types[node.output], held[node.output])
    for value in graph.outputs:
        _quantise_constant(graph, value, types, constants, settings)
    return Graph(graph.inputs, graph.outputs, tuple(nodes), types, constants, graph.state, graph.labels, graph.name)


def _quantise_constant(
    graph: Graph, value: str, types: dict[str, Type], constants: dict[str, Array], settings: Settings
) -> None:
    """Add a constant that is read like an activation to `types` and `constants`."""
    if value in graph.constants and value not in types:
        array = graph.constants[value]
        types[value] = activation_type(array.shape, float(array.min()), float(array.max()), settings.activation)
        constants[value] = np.asarray(quantise_array(array, types[value]), types[value].dtype)


def _quantise_node(
    graph: Graph, node: Node, types: dict[str, Type], constants: dict[str, Array], output: Type
) -> tuple[Node, Type]:
    """Return the integer node and the type of its output; new constants are added to `types` and `constants`.

    output: a type that covers what the node reached.
    """
    op = ops.get(node.op)
    if op.quantise is None:
        raise UnsupportedModel(f"Node {node.output!r}: {node.op!r} cannot be quantised.")
    missing = [value for port, value in node.inputs.items() if port not in op.parameters and value not in types]
    if missing:
        raise BadGraph(f"Node {node.output!r} reads {missing[0]!r}, which has not been quantised.")
    request = Request(
        types={port: types[value] for port, value in node.inputs.items() if port not in op.parameters},
        parameters={port: graph.constants[value] for port, value in node.inputs.items() if port in op.parameters},
        attributes=node.attributes,
        output=output,
    )
    result = op.quantise(request)
    inputs = {port: value for port, value in node.inputs.items() if port not in op.parameters}
    for port, (array, type) in result.parameters.items():
        value = node.inputs[port] if port in op.parameters else f"{node.output}.{port}"
        if value in constants and not (types[value] == type and np.array_equal(constants[value], array)):
            value = (
                f"{node.output}.{port}"  # the same float constant became other integers here, or means something else
            )
        constants[value], types[value] = array, type
        inputs[port] = value
    attributes = {**node.attributes, **result.attributes}
    return Node(result.op or node.op, inputs, node.output, attributes), result.output


def _state_types(
    graph: Graph, input_types: Mapping[str, Type], observations: Observations, settings: Settings, path: str
) -> tuple[dict[str, Type], dict[str, Type]]:
    """Return the types of the states, and of the values made by nodes that they are carried from."""
    origins = {state: _origin(graph, state) for state in graph.state}
    types: dict[str, Type] = {}
    for origin in dict.fromkeys(origins.values()):
        if origin in input_types:
            types[origin] = input_types[origin]
            continue
        if path + origin not in observations:
            raise UnsupportedModel(f"A state of {graph.name!r} is carried from {origin!r}, which no node makes.")
        starts = [
            graph.constants[state] for state in graph.state if origins[state] == origin and state in graph.constants
        ]
        low, high = observations[path + origin].extremes
        low, high = (
            min([low, *(float(start.min()) for start in starts)]),
            max([high, *(float(start.max()) for start in starts)]),
        )
        types[origin] = activation_type(graph.types[origin].shape, low, high, settings.activation)
    states = {state: types[origin] for state, origin in origins.items()}
    return states, {origin: type for origin, type in types.items() if origin not in input_types}


def _as_held(node: Node, made: Type, held: Type) -> Type:
    """Return the type of a state for the node that makes it, which may have proven a narrower range. Raises UnsupportedModel."""
    low, high = held.range
    if replace(made, limits=held.limits) != held or not low <= made.range[0] <= made.range[1] <= high:
        raise UnsupportedModel(
            f"Node {node.output!r}: {node.op!r} cannot make a state, as it chooses its own type; put a rescale behind it."
        )
    return held


def _origin(graph: Graph, state: str) -> str:
    """Return the value that a state is carried from, through other states: the input or the output of a node."""
    value, seen = graph.state[state], {state}
    while value in graph.state:
        if value in seen:
            raise UnsupportedModel(f"The states {', '.join(sorted(seen))} of {graph.name!r} are carried in a circle.")
        seen.add(value)
        value = graph.state[value]
    return value
