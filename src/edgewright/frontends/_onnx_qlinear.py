"""Operators on integers as what they mean: the float operator between DequantizeLinear and QuantizeLinear nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import onnx
from onnx import helper

from edgewright.errors import BadModelFile
from edgewright.frontends._onnx_file import Model

MICROSOFT = "com.microsoft"
_ONE = {"Sigmoid": "Sigmoid", "LeakyRelu": "LeakyRelu", "Softmax": "Softmax"} | {
    "GlobalAveragePool": "GlobalAveragePool",
    "AveragePool": "AveragePool",
}
_TWO = ("Add", "Mul")


def spelled_out(model: Model) -> Model:
    """Return the model with QLinear operators (ONNX's and ONNX Runtime's) replaced by three kinds of nodes that mean the same."""
    taken = {name for _, node in model.nodes for name in (*node.input, *node.output)}
    prefix = "integer"
    while any(name.startswith(prefix) for name in taken):
        prefix += "_"
    numbers = count()
    nodes = []
    for number, node in model.nodes:
        replaced = _Writer(node, prefix, numbers).nodes() if node.op_type.startswith("QLinear") else None
        nodes += [(number, each) for each in replaced or [node]]
    return replace(model, nodes=tuple(nodes))


class _Writer:
    """Writes the nodes for one."""

    def __init__(self, node: onnx.NodeProto, prefix: str, numbers: count[int]) -> None:
        self.node, self.prefix, self.numbers = node, prefix, numbers
        self.made: list[onnx.NodeProto] = []

    def nodes(self) -> list[onnx.NodeProto] | None:
        """Return the nodes, or None for an operator that is not known."""
        kind, given = self.node.op_type.removeprefix("QLinear"), list(self.node.input)
        own = self.node.domain in ("", "ai.onnx")
        fewest = {"Conv": 8, "MatMul": 8, "Add": 8, "Mul": 8, "Concat": 5}.get(kind, 5)
        known = (own and kind in ("Conv", "MatMul")) or (
            self.node.domain == MICROSOFT and kind in (*_ONE, *_TWO, "Concat")
        )
        if not known:
            return None
        if len(given) < fewest or len(self.node.output) != 1:
            raise BadModelFile(f"The file is damaged: {self.node.op_type} has {len(given)} inputs.")
        if kind == "Concat":
            parts = [self.real(given[k : k + 3]) for k in range(2, len(given) - 2, 3)]
            self.whole("Concat", parts, given[:2])
        elif kind in _ONE:
            self.whole(_ONE[kind], [self.real(given[:3])], given[3:5])
        else:
            axis = {"Conv": 0, "MatMul": -1}.get(kind, 1)
            parts = [self.real(given[:3]), self.real(given[3:6], axis)]
            if kind == "Conv" and len(given) > 8 and given[8]:
                scale = self.add("Mul", [given[1], given[4]])
                parts.append(self.real([given[8], scale], 0))
            self.whole(kind, parts, given[6:8])
        return self.made

    def add(self, op: str, inputs: Sequence[str], output: str = "", **attributes: Any) -> str:
        """Write a node and return the name of its output."""
        output = output or f"{self.prefix}.{next(self.numbers)}"
        self.made.append(helper.make_node(op, list(inputs), [output], name=self.node.name, **attributes))
        return output

    def real(self, inputs: Sequence[str], axis: int = 1) -> str:
        """Write what gives the real values of integers, a scale and a zero point."""
        return self.add("DequantizeLinear", inputs, axis=axis)

    def whole(self, op: str, parts: Sequence[str], grid: Sequence[str]) -> None:
        """Write the operator itself, and what gives its integers."""
        made = self.add(op, parts)
        self.made[-1].attribute.extend(self.node.attribute)
        self.add("QuantizeLinear", [made, *grid], self.node.output[0])
