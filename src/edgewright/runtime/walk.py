"""Walking a graph node by node, a whole batch at a time; both meanings share it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from edgewright import ops
from edgewright.errors import BadData, BadGraph
from edgewright.ir.graph import Graph, Node
from edgewright.ir.types import Array

Compute = Callable[[Node, dict[str, Array], Graph], Array]
Watch = Callable[[Graph, str, Array], None]


def walk(
    graph: Graph, inputs: Mapping[str, Array], compute: Compute, dtype: Any, watch: Watch | None = None
) -> dict[str, Array]:
    """Run a graph without top-level state and return its outputs.

    inputs: by name, [n, *shape]. compute: the meaning of a node. watch: is shown every value that is computed, with its graph and
    its path: its name, after the outputs of the scans around it ("loop/h"). Raises BadData where inputs do not fit the graph.
    """
    if graph.state:
        raise BadGraph(
            f"The graph {graph.name!r} carries {', '.join(graph.state)} from run to run; put it into a scan."
        )
    values = _batches(graph, inputs, dtype)
    size = next(iter(values.values())).shape[0]
    return _run(graph, values, size, compute, dtype, watch, "")


def _run(
    graph: Graph, values: dict[str, Array], size: int, compute: Compute, dtype: Any, watch: Watch | None, path: str
) -> dict[str, Array]:
    for node in graph.nodes:
        arguments = node_values(graph, node, values, size, dtype)
        is_loop = node.op == "scan"
        result = (
            _scan(node, arguments["x"], size, compute, dtype, watch, f"{path}{node.output}/")
            if is_loop
            else compute(node, arguments, graph)
        )
        values[node.output] = result
        if watch:
            watch(graph, path + node.output, result)
    return {value: _batched(graph, value, values, size, dtype) for value in graph.outputs}


def node_values(graph: Graph, node: Node, values: Mapping[str, Array], size: int, dtype: Any) -> dict[str, Array]:
    """Return what a node reads: parameters as they are, everything else with a batch axis of `size`."""
    parameters = ops.get(node.op).parameters
    return {
        port: graph.constants[value].astype(dtype)
        if port in parameters
        else _batched(graph, value, values, size, dtype)
        for port, value in node.inputs.items()
    }


def _batched(graph: Graph, value: str, values: Mapping[str, Array], size: int, dtype: Any) -> Array:
    if value in values:
        return values[value]
    constant = graph.constants[value].astype(dtype)
    return np.broadcast_to(constant, (size, *constant.shape))


def _scan(node: Node, x: Array, size: int, compute: Compute, dtype: Any, watch: Watch | None, path: str) -> Array:
    body: Graph = node.attributes["body"]
    (step_input,), (step_output,) = body.inputs, body.outputs
    state = {value: _start(body, value, size, dtype) for value in body.state}
    steps = range(x.shape[1])
    results = []
    for step in reversed(steps) if node.attributes.get("reverse") else steps:
        values = {step_input: x[:, step], **state}
        if watch:
            watch(body, path + step_input, values[step_input])
        output = _run(body, values, size, compute, dtype, watch, path)[step_output]
        state = {value: _batched(body, successor, values, size, dtype) for value, successor in body.state.items()}
        results.append(output)
    if node.attributes["output"] == "last":
        return results[-1]
    return np.stack(results[::-1] if node.attributes.get("reverse") else results, axis=1)


def _start(body: Graph, value: str, size: int, dtype: Any) -> Array:
    """A state begins at its zero point, unless a constant of the same name says otherwise."""
    type = body.types[value]
    if value in body.constants:
        return np.broadcast_to(body.constants[value].astype(dtype), (size, *type.shape))
    return np.full((size, *type.shape), type.zero_point, dtype)


def _batches(graph: Graph, inputs: Mapping[str, Array], dtype: Any) -> dict[str, Array]:
    values = {}
    for name in graph.inputs:
        if name not in inputs:
            raise BadData(f"The input {name!r} of {graph.name!r} is missing; it takes {', '.join(graph.inputs)}.")
        array = np.asarray(inputs[name])
        shape = graph.types[name].shape
        if array.ndim != 1 + len(shape) or array.shape[1:] != shape:
            raise BadData(
                f"The input {name!r} of {graph.name!r} is {list(array.shape)}; it must be [n, {', '.join(map(str, shape))}]."
            )
        values[name] = array.astype(dtype)
    if len({len(array) for array in values.values()}) > 1:
        raise BadData(
            f"The inputs of {graph.name!r} have {[len(array) for array in values.values()]} rows; give alike."
        )
    return values
