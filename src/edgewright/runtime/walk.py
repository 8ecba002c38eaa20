"""Walking a graph node by node, a whole batch at a time; both meanings share it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
    its path: its name, after the outputs of the nodes around it ("loop/h"). Raises BadData where inputs do not fit the graph.
    """
    if graph.state:
        raise BadGraph(
            f"The graph {graph.name!r} carries {', '.join(graph.state)} from run to run; put it into a scan."
        )
    values = _batches(graph, inputs, dtype)
    rows = next(iter(values.values())).shape[0]
    return _run(_Walk(compute, dtype, watch), graph, values, rows, "")[0]


@dataclass(frozen=True)
class _Walk:
    """What stays the same throughout: the meaning of a node, the dtype it computes in, who watches."""

    compute: Compute
    dtype: Any
    watch: Watch | None

    def show(self, graph: Graph, path: str, array: Array) -> None:
        """Show a value to who watches."""
        if self.watch:
            self.watch(graph, path, array)


def _run(
    walk: _Walk, graph: Graph, values: dict[str, Array], rows: int, path: str
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Return the outputs and the following state; every other value is added to `values`."""
    for node in graph.nodes:
        arguments = node_values(graph, node, values, rows, walk.dtype)
        inner = f"{path}{node.output}/"
        if node.op == "scan":
            values[node.output] = _scan(walk, node, arguments["x"], inner)
        elif node.op == "when":
            values[node.output] = _when(walk, node, arguments, inner)
        else:
            values[node.output] = walk.compute(node, arguments, graph)
        walk.show(graph, path + node.output, values[node.output])
    outputs = {value: _batched(graph, value, values, rows, walk.dtype) for value in graph.outputs}
    following = {
        state: _batched(graph, successor, values, rows, walk.dtype) for state, successor in graph.state.items()
    }
    return outputs, following


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


def _scan(walk: _Walk, node: Node, x: Array, path: str) -> Array:
    """Run the body on each entry of axis 1. A row for which the loop has ended takes no part in later steps: nothing watches it."""
    body: Graph = node.attributes["body"]
    (step_input,), (step_output,), until = body.inputs, body.outputs, node.attributes.get("until")
    running = np.arange(len(x))
    state = _start(body, len(x), walk.dtype)
    last = np.zeros((len(x), *body.output_type.shape), walk.dtype)
    order = slice(None, None, -1 if node.attributes.get("reverse") else 1)
    results = []
    for number in range(x.shape[1])[order]:
        values = {step_input: x[running, number] if until else x[:, number], **state}
        walk.show(body, path + step_input, values[step_input])
        outputs, state = _run(walk, body, values, len(running), path)
        if until:
            last[running] = outputs[step_output]
            left = _batched(body, until, values, len(running), walk.dtype)[:, 0] == 0
            running, state = running[left], {value: array[left] for value, array in state.items()}
            if not running.size:
                break
        else:
            results.append(outputs[step_output])
    if until:
        return last
    return results[-1] if node.attributes["output"] == "last" else np.stack(results[order], axis=1)


def _start(graph: Graph, rows: int, dtype: Any) -> dict[str, Array]:
    """Return what the states of a graph begin with: their zero point, unless a constant of the same name says otherwise."""
    starts = {}
    for value in graph.state:
        type = graph.types[value]
        first = graph.constants[value] if value in graph.constants else np.full(type.shape, type.zero_point)
        starts[value] = np.broadcast_to(first.astype(dtype), (rows, *type.shape))
    return starts


def _when(walk: _Walk, node: Node, arguments: Mapping[str, Array], path: str) -> Array:
    """Run the body on all rows, so that calibration sees what it reaches, and take its output where the condition holds."""
    body: Graph = node.attributes["body"]
    (value,), (output,) = body.inputs, body.outputs
    walk.show(body, path + value, arguments["x"])
    outputs, _ = _run(walk, body, {value: arguments["x"]}, len(arguments["x"]), path)
    otherwise = arguments["otherwise"]
    holds = arguments["condition"].reshape(-1, *(1,) * (otherwise.ndim - 1)) != 0
    return np.where(holds, outputs[output], otherwise)


def layout_hint(shape: tuple[int, ...], given: tuple[int, ...]) -> str:
    """Return what to do with rows of another shape than a model's input, where they may hold the same entries; else nothing."""
    if len(shape) == 3 and given == (shape[2], *shape[:2]):
        return " Images are [height, width, channels]: transpose the rows by (0, 2, 3, 1)."
    if math.prod(given) != math.prod(shape):
        return ""
    images = " Images are [height, width, channels]." if len(shape) == 3 else ""
    return f"{images} The rows have as many entries: reshape them to (-1, {', '.join(map(str, shape))}) where their order is the same."


def _batches(graph: Graph, inputs: Mapping[str, Array], dtype: Any) -> dict[str, Array]:
    values = {}
    for name in graph.inputs:
        if name not in inputs:
            raise BadData(f"The input {name!r} of {graph.name!r} is missing; it takes {', '.join(graph.inputs)}.")
        array = np.asarray(inputs[name])
        shape = graph.types[name].shape
        if array.ndim != 1 + len(shape) or array.shape[1:] != shape:
            wanted, hint = ", ".join(map(str, shape)), layout_hint(shape, array.shape[1:])
            raise BadData(
                f"The input {name!r} of {graph.name!r} is {list(array.shape)}; it must be [n, {wanted}].{hint}"
            )
        values[name] = array.astype(dtype)
    if len({len(array) for array in values.values()}) > 1:
        raise BadData(
            f"The inputs of {graph.name!r} have {[len(array) for array in values.values()]} rows; give alike."
        )
    return values
