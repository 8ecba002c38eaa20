"""Small ONNX models, one a node that is compiled, built by onnx.helper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edgewright.ir.types import Array

GENERATOR = np.random.default_rng(0)
NEWEST = onnx.defs.onnx_opset_version()


@dataclass(frozen=True)
class Small:
    """A model's nodes from "in" to "out", and its constants; scores: the value that the compiled graph gives instead of "out"."""

    nodes: Sequence[onnx.NodeProto]
    constants: Mapping[str, Any] = field(default_factory=dict)
    shape: tuple[int, ...] = (4,)
    opset: int = 17
    batch: int | str | None = "batch"
    scores: str = "out"

    def proto(self, output: str = "out") -> onnx.ModelProto:
        graph = helper.make_graph(
            self.nodes,
            "small",
            [helper.make_tensor_value_info("in", TensorProto.FLOAT, [self.batch, *self.shape])],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
            [numpy_helper.from_array(np.asarray(entry), name) for name, entry in self.constants.items()],
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8)


def floats(*shape: int) -> Array:
    return GENERATOR.normal(0.0, 1.0, shape).astype(np.float32)


def integers(*values: int) -> Array:
    return np.array(values, np.int64)


def one(op: str, *others: str, **attributes: Any) -> list[onnx.NodeProto]:
    return [helper.make_node(op, ["in", *others], ["out"], **attributes)]


def behind(op: str, *others: str, **attributes: Any) -> list[onnx.NodeProto]:
    """A node behind a layer with weights "w" and bias "b"."""
    return [
        helper.make_node("Gemm", ["in", "w", "b"], ["h"]),
        helper.make_node(op, ["h", *others], ["out"], **attributes),
    ]


def chain(*nodes: tuple[Any, ...]) -> list[onnx.NodeProto]:
    """Nodes from (op, inputs, output, attributes)."""
    return [
        helper.make_node(op, inputs.rstrip().split(" "), output.split(" "), **dict(*rest))
        for op, inputs, output, *rest in nodes
    ]


def perceptron(opset: int) -> Small:
    """Standardisation, two layers and a softmax, as exporters write them."""
    nodes = chain(
        ("Sub", "in mean", "centred"),
        ("Div", "centred deviation", "standard"),
        ("MatMul", "standard w", "product"),
        ("Add", "product b", "sum"),
        ("Relu", "sum", "hidden"),
        ("Gemm", "hidden v c", "scores", {"transB": 1}),
        ("Softmax", "scores", "out", {"axis": 1}),
    )
    constants = {
        "mean": floats(4),
        "deviation": np.array([0.5, 1, 2, 3], np.float32),
        "w": floats(4, 6),
        "b": floats(6),
        "v": floats(3, 6),
        "c": floats(3),
    }
    return Small(nodes, constants, opset=opset, scores="scores")


LAYER = {"w": floats(4, 3), "b": floats(3)}
STATISTICS = {"s": floats(3), "o": floats(3), "m": floats(3), "v": np.array([0.5, 1, 2], np.float32)}
BRANCHES = (("Gemm", "in w b", "p"), ("Tanh", "p", "q"))

MODELS: dict[str, Small] = {
    **{f"perceptron, opset {opset}": perceptron(opset) for opset in (7, 9, 11, 13, 17, 20, NEWEST)},
    "Gemm": Small(one("Gemm", "w", "b"), LAYER),
    "Gemm without C": Small(one("Gemm", "w"), LAYER),
    "Gemm with factors": Small(one("Gemm", "w", "b", alpha=0.5, beta=-2.0), LAYER),
    "Gemm with one C": Small(one("Gemm", "w", "b"), {"w": LAYER["w"], "b": np.float32(0.5)}),
    "Gemm with a row C": Small(one("Gemm", "w", "b", transB=1), {"w": floats(3, 4), "b": floats(1, 3)}),
    "MatMul": Small(one("MatMul", "w"), LAYER),
    "MatMul of one row": Small(one("MatMul", "w"), LAYER, (1, 4)),
    "MatMul of a stack of one": Small(one("MatMul", "w"), {"w": floats(1, 4, 3)}, (1, 4)),
    "MatMul of a column": Small([helper.make_node("MatMul", ["w", "in"], ["out"])], {"w": floats(3, 4)}, (4, 1)),
    "Add a constant": Small(one("Add", "c"), {"c": floats(4)}),
    "Add behind a Relu": Small(chain(("Relu", "in", "h"), ("Add", "h c", "out")), {"c": floats(1, 4)}),
    "Add a full constant": Small(one("Add", "c"), {"c": floats(2, 3)}, (2, 3)),
    "Sub from a constant": Small([helper.make_node("Sub", ["c", "in"], ["out"])], {"c": floats(1)}),
    "Sub from a full constant": Small([helper.make_node("Sub", ["c", "in"], ["out"])], {"c": floats(2, 1)}, (2, 3)),
    "Sub a full constant": Small(one("Sub", "c"), {"c": floats(1, 2, 3)}, (2, 3)),
    "Mul a constant": Small(one("Mul", "c"), {"c": floats(4)}),
    "Mul behind a layer": Small(behind("Mul", "c"), {**LAYER, "c": floats(3)}),
    "Mul a full constant": Small(one("Mul", "c"), {"c": floats(2, 3)}, (2, 3)),
    "Div by a constant": Small(one("Div", "c"), {"c": np.array([1, 2, -3, 0.5], np.float32)}),
    "Div by a full constant": Small(one("Div", "c"), {"c": np.array([[2.0], [-4.0]], np.float32)}, (2, 3)),
    "Add of two": Small(chain(*BRANCHES, ("Add", "p q", "out")), LAYER),
    "Sub of two": Small(chain(*BRANCHES, ("Sub", "q p", "out")), LAYER),
    "Mul of two": Small(chain(*BRANCHES, ("Mul", "p q", "out")), LAYER),
    "Mul by one entry": Small(
        chain(("ReduceMean", "in", "m", {"axes": [1]}), ("Mul", "in m", "out")),
    ),
    "Add to itself": Small(chain(("Gemm", "in w b", "p"), ("Add", "p p", "out")), LAYER),
    "a value with two readers": Small(
        chain(("Gemm", "in w b", "p"), ("Mul", "p c", "q"), ("Relu", "p", "r"), ("Add", "q r", "out")),
        {**LAYER, "c": floats(3)},
    ),
    "Neg": Small(one("Neg")),
    "Exp": Small(one("Exp")),
    "Relu": Small(one("Relu")),
    "LeakyRelu": Small(behind("LeakyRelu", alpha=0.1), LAYER),
    "Tanh": Small(one("Tanh")),
    "Sigmoid": Small(one("Sigmoid")),
    "HardSigmoid": Small(one("HardSigmoid")),
    "HardSigmoid with a slope": Small(behind("HardSigmoid", alpha=0.5, beta=0.4), LAYER),
    "Clip by attributes": Small(one("Clip", min=-0.5, max=0.75), opset=7),
    "Clip by inputs": Small(one("Clip", "l", "h"), {"l": np.float32(-0.5), "h": np.float32(0.75)}),
    "Clip above": Small(one("Clip", "", "h"), {"h": np.float32(0.25)}),
    "Clip at zero": Small(one("Clip", "l"), {"l": np.float32(0.0)}),
    "Clip without bounds": Small(chain(("Clip", "in", "h"), ("Tanh", "h", "out"))),
    **{op: Small(one(op)) for op in ("Abs", "Erf", "Softplus", "HardSwish", "Elu", "Selu", "Celu")},
    **{op: Small(one(op), opset=NEWEST) for op in ("Gelu", "Mish", "Swish")},
    "Elu with alpha": Small(one("Elu", alpha=0.4)),
    "Celu with alpha": Small(one("Celu", alpha=2.0)),
    "Gelu by tanh": Small(one("Gelu", approximate="tanh"), opset=20),
    "Gelu in pieces": Small(
        chain(
            ("Div", "in root", "d"),
            ("Erf", "d", "e"),
            ("Add", "e one", "s"),
            ("Mul", "in s", "m"),
            ("Mul", "m half", "out"),
        ),
        {"root": np.float32(2**0.5), "one": np.float32(1.0), "half": np.float32(0.5)},
    ),
    "PRelu": Small(one("PRelu", "k"), {"k": np.abs(floats(4))}),
    "PRelu with one slope": Small(one("PRelu", "k"), {"k": np.array([0.3], np.float32)}),
    "Sqrt": Small(chain(("Sigmoid", "in", "h"), ("Sqrt", "h", "out"))),
    "Pow": Small(one("Pow", "e"), {"e": np.float32(3.0)}),
    "Pow by one half": Small(chain(("Exp", "in", "h"), ("Pow", "h e", "out")), {"e": np.float32(0.5)}),
    "Max": Small(one("Max", "e"), {"e": np.float32(-0.2)}),
    "Min": Small(one("Min", "e"), {"e": np.float32(0.2)}),
    "Sum and Mean": Small(chain(*BRANCHES, ("Sum", "p q p", "s"), ("Mean", "s q", "out")), LAYER),
    "Gather": Small(chain(("Tanh", "in", "h"), ("Gather", "h i", "out", {"axis": 1})), {"i": np.array(-1)}, (3, 2)),
    "Gather of neighbours": Small(one("Gather", "i", axis=2), {"i": integers(1, 2)}, (3, 4)),
    "Transpose": Small(chain(("Tanh", "in", "h"), ("Transpose", "h", "out", {"perm": [0, 2, 1]})), {}, (3, 2)),
    "Transpose and flatten": Small(
        chain(("Transpose", "in", "h", {"perm": [0, 3, 1, 2]}), ("Flatten", "h", "f"), ("Gemm", "f w", "out")),
        {"w": floats(24, 3)},
        (2, 3, 4),
    ),
    "Split in equal parts": Small(
        chain(("Split", "in", "a b", {"axis": 1}), ("Tanh", "a", "t"), ("Add", "t b", "out")), {}, (4,), 12
    ),
    "Pad a vector": Small(chain(("Tanh", "in", "h"), ("Pad", "h p", "out")), {"p": integers(0, 1, 0, 2)}),
    "MatMul of several rows": Small(one("MatMul", "w"), LAYER, (3, 4)),
    "Softmax read by others": Small(chain(("Softmax", "in", "s"), ("Mul", "s in", "out"))),
    "Softmax along rows": Small(one("Softmax", axis=1), {}, (3, 4)),
    "BatchNormalization": Small(behind("BatchNormalization", *"somv", epsilon=0.01), {**LAYER, **STATISTICS}),
    "BatchNormalization of the input": Small(
        one("BatchNormalization", *"somv"), {name: np.abs(floats(4)) + 0.5 for name in "somv"}
    ),
    "Flatten": Small(chain(("Flatten", "in", "h"), ("Gemm", "h w", "out")), {"w": floats(6, 3)}, (2, 3)),
    "Reshape": Small(chain(("Relu", "in", "h"), ("Reshape", "h s", "out")), {"s": integers(0, -1, 2)}, (6,)),
    "Reshape of a fixed batch": Small(
        chain(("Relu", "in", "h"), ("Reshape", "h s", "out")), {"s": integers(5, 3, -1)}, (6,), batch=5
    ),
    "Squeeze": Small(chain(("Tanh", "in", "h"), ("Squeeze", "h a", "out")), {"a": integers(-2)}, (1, 4)),
    "Squeeze by attribute": Small(chain(("Tanh", "in", "h"), ("Squeeze", "h", "out", {"axes": [1]})), {}, (1, 4), 11),
    "Unsqueeze": Small(chain(("Tanh", "in", "h"), ("Unsqueeze", "h a", "out")), {"a": integers(1, -1)}),
    "Unsqueeze by attribute": Small(chain(("Tanh", "in", "h"), ("Unsqueeze", "h", "out", {"axes": [2]})), {}, (4,), 11),
    "Identity, Dropout and Cast": Small(
        chain(("Identity", "in", "i"), ("Dropout", "i", "d"), ("Cast", "d", "f", {"to": 1}), ("Relu", "f", "out"))
    ),
    "Concat": Small(chain(*BRANCHES, ("Relu", "p", "r"), ("Concat", "p q r", "out", {"axis": -1})), LAYER),
    "Slice": Small(one("Slice", "s", "e", "a"), {"s": integers(1), "e": integers(2**63 - 1), "a": integers(1)}),
    "Slice backwards": Small(
        one("Slice", "s", "e", "a", "t"),
        {"s": integers(0, -3, 1), "e": integers(2**31 - 1, -1, 3), "a": integers(0, -1, 1), "t": integers(1, 1, 1)},
        (4, 5),
    ),
    "Slice by attributes": Small(one("Slice", starts=[0, 1], ends=[2, 3], axes=[1, 2]), {}, (3, 4), 9),
    "ReduceSum": Small(one("ReduceSum", "a", keepdims=0), {"a": integers(1)}, (2, 3)),
    "ReduceSum by attribute": Small(one("ReduceSum", axes=[2]), {}, (2, 3), 11),
    "ReduceMean": Small(one("ReduceMean", axes=[-1], keepdims=0), {}, (2, 3)),
    "ReduceMean by input": Small(one("ReduceMean", "a"), {"a": integers(1)}, (2, 3), 18),
    "ReduceMax": Small(one("ReduceMax", axes=[1]), {}, (2, 3)),
    "Softmax": Small(chain(("Gemm", "in w b", "h"), ("Softmax", "h", "out")), LAYER, scores="h"),
    "LogSoftmax": Small(chain(("Gemm", "in w b", "h"), ("LogSoftmax", "h", "out")), LAYER, scores="h"),
    "ArgMax behind Softmax": Small(
        chain(
            ("Gemm", "in w b", "h"),
            ("Softmax", "h", "p"),
            ("ArgMax", "p", "n", {"axis": 1}),
            ("Cast", "n", "out", {"to": TensorProto.INT32}),
        ),
        LAYER,
        scores="h",
    ),
    "Constant": Small(
        [
            helper.make_node("Constant", [], ["c"], value=numpy_helper.from_array(floats(4))),
            *chain(("Mul", "in c", "out")),
        ]
    ),
    "computed constants": Small(
        chain(
            ("Mul", "w k", "scaled"),
            ("Transpose", "scaled", "turned"),
            ("Gemm", "in turned", "h", {"transB": 1}),
            ("Relu", "h", "out"),
        ),
        {"w": floats(4, 3), "k": np.float32(0.5)},
    ),
    "computed shape": Small(
        [
            helper.make_node("Constant", [], ["rest"], value=numpy_helper.from_array(integers(-1))),
            *chain(
                ("Relu", "in", "h"),
                ("Shape", "h", "s"),
                ("Gather", "s zero", "n"),
                ("Unsqueeze", "n first", "u"),
                ("Concat", "u rest", "t", {"axis": 0}),
                ("Reshape", "h t", "out"),
            ),
        ],
        {"zero": np.array(0, np.int64), "first": integers(0)},
        (2, 3),
    ),
}
