"""From a float graph to an integer one. No board is seen here: the integers of a model are the same everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from edgewright import ops
from edgewright.compiler.activations import CUTTING, Chooser, input_type, prescribed_types
from edgewright.compiler.bias import correct_biases
from edgewright.compiler.settings import Settings, default_settings
from edgewright.compiler.widths import choosable, choose_widths
from edgewright.errors import BadGraph, UnknownName, UnsupportedModel
from edgewright.ir.graph import Graph, Node
from edgewright.ir.types import Array, Type, quantise_array
from edgewright.ops import Request
from edgewright.runtime.calibrate import calibrate
from edgewright.runtime.ranges import accumulator_bounds

__all__ = ["Settings", "quantise"]


def quantise(graph: Graph, calibration: Array, settings: Settings | None = None) -> Graph:
    """Return the integer graph of a float one, its scales taken from unlabelled calibration data [n, *shape].

    A graph that is quantised already is returned as it is. Raises BadData for bad calibration data, UnknownName for settings of an
    activation that is not there, and BadGraph where a sum cannot be proven to fit 32 bits.
    """
    if graph.is_quantised:
        return graph
    settings = settings or default_settings(graph)
    if len(graph.inputs) != 1 or graph.state:
        raise UnsupportedModel(f"{graph.name!r} must have one input and no state of its own to be quantised.")
    (name,) = graph.inputs
    known = choosable(graph)
    for value in settings.widths:
        if value not in known:
            raise UnknownName("activation with a width of its own", value, known)
    observations = calibrate(graph, calibration, histograms=settings.calibration != "min-max")
    type = input_type(graph, observations[name], settings, np.asarray(calibration))
    chooser = Chooser(settings, observations, settings.widths)
    if settings.activation == "auto":
        automatic = choose_widths(graph, chooser, np.asarray(calibration))
        chooser = replace(chooser, widths={**automatic, **settings.widths})
    try:
        quantised = ops.verify(_quantise(graph, {name: type}, chooser, ""))
    except BadGraph as error:
        hint = " Some operators take no zero points: quantise with zero_points=false." if settings.zero_points else ""
        raise BadGraph(f"{error}{hint}") from error
    if settings.bias_correction:
        quantised = ops.verify(correct_biases(graph, quantised, np.asarray(calibration)))
    accumulator_bounds(quantised)
    return quantised


def _quantise(
    graph: Graph,
    input_types: Mapping[str, Type],
    chooser: Chooser,
    path: str,
    wanted: Mapping[str, Type] | None = None,
) -> Graph:
    """Return the integer graph: node by node, each operator choosing its integers.

    path: of the graph within the bodies of nodes. wanted: types that outputs are to have; one that its operator chooses otherwise is
    rescaled. A state and its successor share the type that covers both, its start included; the node that makes the successor is held
    to it. So are the nodes that make what an operator prescribes.
    """
    wanted = wanted or {}
    origins = {state: _origin(graph, state) for state in graph.state}
    prescribed = prescribed_types(graph, chooser, path, origins)
    states, held = _state_types(graph, input_types, chooser, path, origins, prescribed)
    held |= prescribed
    types: dict[str, Type] = {**input_types, **states}
    constants: dict[str, Array] = {
        state: np.asarray(quantise_array(graph.constants[state], type), type.dtype)
        for state, type in states.items()
        if state in graph.constants
    }
    nodes: list[Node] = []
    done: set[str] = set()
    for node in graph.nodes:
        if node.output in done:
            continue
        op = ops.get(node.op)
        for port, value in node.inputs.items():
            if port not in op.parameters and (node.op, port) != ("when", "otherwise"):
                _quantise_constant(graph, value, types, constants, chooser)
        output = held.get(node.output) or wanted.get(node.output)
        if node.op == "scan":
            types[node.output] = _add_scan(graph, node, types, nodes, chooser, path)
        elif node.op == "when":
            types[node.output] = _add_when(graph, node, types, constants, nodes, chooser, path, output)
        else:
            cut = None if output else _cut(graph, node, types, constants, chooser, path, held)
            if cut:
                nodes.append(cut)
                done.add(cut.output)
                continue
            output = output or chooser.type_of(path + node.output, graph.types[node.output].shape)
            quantised, types[node.output] = _quantise_node(graph, node, types, constants, output)
            nodes.append(quantised)
        if node.output in held:
            types[node.output] = _as_held(node, types[node.output], held[node.output])
    for value in graph.outputs:
        _quantise_constant(graph, value, types, constants, chooser)
    outputs = tuple(
        _as_wanted(value, wanted[value], types, nodes) if value in wanted else value for value in graph.outputs
    )
    return Graph(graph.inputs, outputs, tuple(nodes), types, constants, graph.state, graph.labels, graph.name)


def _add_scan(graph: Graph, node: Node, types: dict[str, Type], nodes: list[Node], chooser: Chooser, path: str) -> Type:
    """Add a scan in integers to `nodes` and return the type of its output."""
    body: Graph = node.attributes["body"]
    x = types[node.inputs["x"]]
    step = replace(x, shape=x.shape[1:], axis=None if x.axis is None else x.axis - 1)
    quantised = _quantise(body, {body.inputs[0]: step}, chooser, f"{path}{node.output}/")
    nodes.append(node.with_body(quantised))
    return replace(quantised.output_type, shape=graph.types[node.output].shape)


def _add_when(
    graph: Graph,
    node: Node,
    types: dict[str, Type],
    constants: dict[str, Array],
    nodes: list[Node],
    chooser: Chooser,
    path: str,
    output: Type | None,
) -> Type:
    """Add a branch in integers to `nodes` and return the type of its output, which both ways share: `output` where that is given."""
    body: Graph = node.attributes["body"]
    shape, otherwise, own = graph.types[node.output].shape, node.inputs["otherwise"], f"{node.output}.otherwise"
    if otherwise in types:
        output = output or chooser.type_of(path + node.output, shape)
        otherwise = _as_wanted(otherwise, output, types, nodes, own)
    else:
        constant = graph.constants[otherwise]
        low, high = chooser.observations[path + node.output].extremes
        low, high = min(low, float(constant.min())), max(high, float(constant.max()))
        output = output or chooser.covering(path + node.output, shape, low, high)
        constants[own], types[own] = quantise_array(constant, output).astype(output.dtype), output
        otherwise = own
    given = {body.inputs[0]: types[node.inputs["x"]]}
    quantised = _quantise(body, given, chooser, f"{path}{node.output}/", {body.outputs[0]: output})
    nodes.append(replace(node.with_body(quantised), inputs={**node.inputs, "otherwise": otherwise}))
    return output


def _as_wanted(value: str, wanted: Type, types: dict[str, Type], nodes: list[Node], name: str | None = None) -> str:
    """Return the name of a value that is held in a type: its own, or that of a `rescale` which is added to `nodes`."""
    low, high = wanted.range
    type = types[value]
    if replace(type, limits=wanted.limits) == wanted and low <= type.range[0] <= type.range[1] <= high:
        return value
    name = name or f"{value}.rescaled"
    nodes.append(Node("rescale", {"x": value}, name))
    types[name] = wanted
    return name


def _quantise_constant(
    graph: Graph, value: str, types: dict[str, Type], constants: dict[str, Array], chooser: Chooser
) -> None:
    """Add a constant that is read like an activation to `types` and `constants`."""
    if value in graph.constants and value not in types:
        array = graph.constants[value]
        types[value] = chooser.covering(value, array.shape, float(array.min()), float(array.max()))
        constants[value] = np.asarray(quantise_array(array, types[value]), types[value].dtype)


def _cut(
    graph: Graph,
    node: Node,
    types: dict[str, Type],
    constants: dict[str, Array],
    chooser: Chooser,
    path: str,
    held: Mapping[str, Type],
) -> Node | None:
    """Return the integer node that makes what a relu or clip makes of the output of `node`, in one, or None where that cannot be.

    The operator that saturates to the range of its output cuts for nothing. 1. The only reader is a relu or clip, the value is not seen
    elsewhere. 2. The operator takes exactly the type that is asked for, its proven range included.
    """
    readers = graph.readers(node.output)
    seen = node.output in graph.outputs or node.output in graph.state.values()
    if seen or len(readers) != 1 or readers[0].op not in CUTTING or readers[0].output in held:  # rule 1
        return None
    (reader,) = readers
    whole = chooser.type_of(path + reader.output, graph.types[reader.output].shape)
    for _ in range(2):  # an operator may ask for a coarser scale, which has other bounds
        low, high = (int(quantise_array(bound, whole)) for bound in CUTTING[reader.op](reader.attributes))
        asked = whole.with_range(low, high)
        tried_types, tried_constants = dict(types), dict(constants)
        cutting = replace(node, output=reader.output)
        quantised, made = _quantise_node(graph, cutting, tried_types, tried_constants, asked)
        if made == asked:
            types.update(tried_types)
            constants.update(tried_constants)
            types[reader.output] = made
            return quantised
        whole = replace(whole, scale=made.scale)
        if made != replace(asked, scale=made.scale):
            break
    return None


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
    graph: Graph,
    input_types: Mapping[str, Type],
    chooser: Chooser,
    path: str,
    origins: Mapping[str, str],
    prescribed: Mapping[str, Type],
) -> tuple[dict[str, Type], dict[str, Type]]:
    """Return the types of the states, and of the values made by nodes that they are carried from: `origins`, by state."""
    types: dict[str, Type] = {}
    for origin in dict.fromkeys(origins.values()):
        if known := input_types.get(origin) or prescribed.get(origin):
            types[origin] = known
            continue
        if path + origin not in chooser.observations:
            raise UnsupportedModel(f"A state of {graph.name!r} is carried from {origin!r}, which no node makes.")
        starts = [
            graph.constants[state] for state in graph.state if origins[state] == origin and state in graph.constants
        ]
        low, high = chooser.observations[path + origin].extremes
        low, high = (
            min([low, *(float(start.min()) for start in starts)]),
            max([high, *(float(start.max()) for start in starts)]),
        )
        types[origin] = chooser.covering(path + origin, graph.types[origin].shape, low, high)
    states = {state: types[origin] for state, origin in origins.items()}
    return states, {origin: type for origin, type in types.items() if origin not in input_types}


def _as_held(node: Node, made: Type, held: Type) -> Type:
    """Return the type that a node is held to, which may have proven a narrower range itself. Raises UnsupportedModel."""
    low, high = held.range
    if replace(made, limits=held.limits) != held or not low <= made.range[0] <= made.range[1] <= high:
        raise UnsupportedModel(
            f"Node {node.output!r}: {node.op!r} cannot make {held}, a state or what another operator reads, as it chooses its own "
            "type; put a rescale behind it."
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
