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
    its path: its name, after the outputs of the scans around it ("loop/h"). Raises BadData where inputs do not fit the graph.
    """
    if graph.state:
        raise BadGraph(
            f"The graph {graph.name!r} carries {', '.join(graph.state)} from run to run; put it into a scan."
        )
    values = _batches(graph, inputs, dtype)
    size = next(iter(values.values())).shape[0]
    return _run(_Walk(compute, dtype, watch, size), graph, values, "")


@dataclass(frozen=True)
class _Walk:
    """What stays the same throughout: the meaning of a node, the dtype it computes in, who watches, the rows of the batch."""

    compute: Compute
    dtype: Any
    watch: Watch | None
    size: int

    def show(self, graph: Graph, path: str, array: Array) -> None:
        """Show a value to who watches."""
        if self.watch:
            self.watch(graph, path, array)


def _run(walk: _Walk, graph: Graph, values: dict[str, Array], path: str) -> dict[str, Array]:
    for node in graph.nodes:
        arguments = node_values(graph, node, values, walk.size, walk.dtype)
        if node.op == "scan":
            values[node.output] = _scan(walk, node, arguments["x"], f"{path}{node.output}/")
        else:
            values[node.output] = walk.compute(node, arguments, graph)
        walk.show(graph, path + node.output, values[node.output])
    return {value: _batched(graph, value, values, walk.size, walk.dtype) for value in graph.outputs}


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
    body: Graph = node.attributes["body"]
    (step_input,), (step_output,) = body.inputs, body.outputs
    state = {value: _start(walk, body, value) for value in body.state}
    order = slice(None, None, -1 if node.attributes.get("reverse") else 1)
    results = []
    for step in range(x.shape[1])[order]:
        values = {step_input: x[:, step], **state}
        walk.show(body, path + step_input, values[step_input])
        results.append(_run(walk, body, values, path)[step_output])
        state = {value: _batched(body, after, values, walk.size, walk.dtype) for value, after in body.state.items()}
    return results[-1] if node.attributes["output"] == "last" else np.stack(results[order], axis=1)


def _start(walk: _Walk, body: Graph, value: str) -> Array:
    """A state begins at its zero point, unless a constant of the same name says otherwise."""
    type = body.types[value]
    if value in body.constants:
        return np.broadcast_to(body.constants[value].astype(walk.dtype), (walk.size, *type.shape))
    return np.full((walk.size, *type.shape), type.zero_point, walk.dtype)


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
