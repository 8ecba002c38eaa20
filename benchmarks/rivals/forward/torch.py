"""PyTorch on one thread: the same graph, node by node."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import onnx
import torch
from onnx import numpy_helper
from torch.nn import functional

from benchmarks.rivals.forward import Forward, Run
from edgewright.ir.types import Array


def _convolve(given: dict[str, Any], x: Any, w: Any, bias: Any = None) -> Any:
    down, across = given["pads"][:2]
    return functional.conv2d(x, w, bias, given["strides"], (down, across), 1, given["group"])


def _dense(given: dict[str, Any], x: Any, w: Any, bias: Any) -> Any:
    return functional.linear(x, w.T if not given.get("transB") else w, bias)


_OPERATORS: dict[str, Callable[..., Any]] = {
    "Add": lambda given, a, b: a + b,
    "Conv": _convolve,
    "Flatten": lambda given, x: x.flatten(1),
    "Gemm": _dense,
    "GlobalAveragePool": lambda given, x: x.mean((2, 3), keepdim=True),
    "Relu": lambda given, x: functional.relu(x),
}


def prepare(model: onnx.ModelProto) -> Run:
    torch.set_num_threads(1)
    graph = model.graph
    constants = {entry.name: torch.from_numpy(numpy_helper.to_array(entry).copy()) for entry in graph.initializer}
    steps = [
        (
            _OPERATORS[node.op_type],
            {entry.name: onnx.helper.get_attribute_value(entry) for entry in node.attribute},
            tuple(node.input),
            node.output[0],
        )
        for node in graph.node
    ]

    def run(x: Array) -> Array:
        values = {**constants, "x": torch.from_numpy(x)}
        with torch.inference_mode():
            for operator, given, inputs, output in steps:
                values[output] = operator(given, *(values[name] for name in inputs))
        return values["y"].numpy()

    return run


ENTRY = Forward("PyTorch, one thread", "torch", prepare)
