"""What ONNX's operators become in a graph. One function an operator; it raises UnsupportedModel with the reason and what to do."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from edgewright.errors import BadModelFile, UnsupportedModel
from edgewright.frontends._onnx_flow import Dense, Floats, Flow, Operation, along_line, node_of, reshaped, settled
from edgewright.frontends._onnx_shapes import SHAPES, concatenate, reduction, reshape, stretch
from edgewright.lowering import Builder

FLOATS = (1, 10, 11, 16)  # ONNX's numbers of float, float16, double, bfloat16

Rule = Callable[[Builder, Operation], Flow]


def _dense(builder: Builder, x: Flow, weights: Floats, bias: Floats, shape: tuple[int, ...]) -> Flow:
    if math.prod(x.shape) != weights.shape[1]:
        raise UnsupportedModel(
            f"it multiplies rows of shape {list(x.shape)} by weights of {weights.shape[1]} columns; one vector at a time is compiled. "
            "Put a Flatten before it, or split it"
        )
    x = settled(builder, reshaped(builder, x, (weights.shape[1],)))
    made = Flow(x.value, (weights.shape[0],), Dense(weights, bias))
    return reshaped(builder, made, shape)


def gemm(builder: Builder, node: Operation) -> Flow:
    """A row times B, plus C, each with a factor."""
    if node.number("transA", 0):
        raise UnsupportedModel("transA is 1, which mixes the rows of a batch. Export it with transA=0")
    x, b = node.flow, node.floats(1, "matrix B")
    if len(x.shape) != 1 or b.ndim != 2:
        raise BadModelFile(f"it multiplies rows of shape {list(x.shape)} by B of shape {list(b.shape)}")
    weights = node.number("alpha", 1.0) * (b if node.number("transB", 0) else b.T)
    bias = np.zeros(len(weights))
    if node.at(2) is not None:
        c = node.floats(2, "addend C")
        if c.ndim > 1 and (c.ndim > 2 or c.shape[0] != 1):
            raise UnsupportedModel(
                f"its addend C of shape {list(c.shape)} differs from row to row. Give one bias a column"
            )
        bias = bias + node.number("beta", 1.0) * c.reshape(c.shape[-1:])
    if bias.shape != (len(weights),):
        raise BadModelFile(f"its addend C has {bias.size} columns and B {len(weights)}")
    return _dense(builder, x, weights, bias, (len(weights),))


def matmul(builder: Builder, node: Operation) -> Flow:
    """A row times a constant matrix, or a constant matrix times a column."""
    a, b = node.at(0), node.at(1)
    if isinstance(a, Flow) == isinstance(b, Flow):
        raise UnsupportedModel("it multiplies two computed values; one of them must be a constant matrix")
    if isinstance(a, Flow):
        w = _matrix(node.floats(1, "matrix"), a.shape)
        if not a.shape or a.shape[-1] != w.shape[0]:
            raise BadModelFile(f"it multiplies rows of shape {list(a.shape)} by a matrix of shape {list(w.shape)}")
        return _dense(builder, a, w.T, np.zeros(w.shape[1]), (*a.shape[:-1], w.shape[1]))
    if not isinstance(b, Flow):
        raise BadModelFile("an operand is missing")
    w = _matrix(node.floats(0, "matrix"), b.shape)
    if len(b.shape) < 2 or b.shape[-2] != w.shape[1]:
        raise UnsupportedModel(
            "its matrix stands before the batch axis; it must stand behind, or before a column [batch, n, 1]"
        )
    return _dense(builder, b, w, np.zeros(w.shape[0]), (*b.shape[:-2], w.shape[0], b.shape[-1]))


def _matrix(w: Floats, row: tuple[int, ...]) -> Floats:
    if not 2 <= w.ndim <= len(row) + 1 or math.prod(w.shape[:-2]) != 1:
        raise UnsupportedModel(
            f"its constant has the shape {list(w.shape)}; a matrix of two axes is compiled. Reshape it"
        )
    return w.reshape(w.shape[-2:])


def arithmetic(builder: Builder, node: Operation) -> Flow:
    """Add, Sub, Mul and Div, of two computed values or with a constant."""
    a, b = node.at(0), node.at(1)
    if isinstance(a, Flow) and isinstance(b, Flow):
        return _pair(builder, node.op, a, b)
    flow, other = (a, node.floats(1, "operand")) if isinstance(a, Flow) else (b, node.floats(0, "operand"))
    if not isinstance(flow, Flow):
        raise BadModelFile("an operand is missing")
    constant = _row_constant(other, flow.shape)
    turned = flow is b
    if node.op == "Div":
        if turned or np.any(constant == 0.0):
            raise UnsupportedModel("it divides by a computed value or by 0. Multiply by a constant instead")
        constant = 1.0 / constant
    if math.prod(constant.shape[:-1]) == 1:  # one line for all, or one an entry of the last axis
        if node.op in ("Mul", "Div"):
            return along_line(flow, constant, 0.0)
        sign = -1.0 if node.op == "Sub" else 1.0
        return along_line(flow, sign, constant) if turned else along_line(flow, 1.0, sign * constant)
    value = builder.constant("constant", np.broadcast_to(constant, flow.shape))
    full = Flow(value, flow.shape)
    op = {"Add": "add", "Sub": "subtract", "Mul": "multiply", "Div": "multiply"}[node.op]
    return node_of(builder, op, a=full if turned else flow, b=flow if turned else full)


def _row_constant(constant: Floats, shape: tuple[int, ...]) -> Floats:
    """Return a constant without a batch axis. Raises UnsupportedModel where it would change the shape of a row."""
    if constant.ndim == len(shape) + 1 and constant.shape[0] == 1:
        constant = constant[0]
    fits = constant.ndim <= len(shape) and all(
        size in (1, own) for size, own in zip(constant.shape[::-1], shape[::-1], strict=False)
    )
    if not fits:
        raise UnsupportedModel(
            f"its constant of shape {list(constant.shape)} does not fit rows of shape {list(shape)}: it must have one entry, or the "
            "sizes of a row. Reshape it"
        )
    return constant


def _pair(builder: Builder, op: str, a: Flow, b: Flow) -> Flow:
    if op == "Div":
        raise UnsupportedModel("it divides by a computed value. Multiply by a constant instead")
    if len(a.shape) != len(b.shape) or (a.shape != b.shape and 1 not in (math.prod(a.shape), math.prod(b.shape))):
        raise UnsupportedModel(
            f"its operands have rows of shapes {list(a.shape)} and {list(b.shape)}; they must be alike, or one a single entry"
        )
    return node_of(builder, {"Add": "add", "Sub": "subtract", "Mul": "multiply"}[op], a=a, b=b)


def negative(builder: Builder, node: Operation) -> Flow:
    """The value with its sign turned."""
    return along_line(node.flow, -1.0, 0.0)


def normalisation(builder: Builder, node: Operation) -> Flow:
    """BatchNormalization with the statistics of training: a line a feature."""
    x = node.flow
    if any(node.outputs[1:]) or node.number("training_mode", 0):
        raise UnsupportedModel("it normalises by the batch. Export the model for inference (model.eval())")
    if len(x.shape) != 1 or not node.number("spatial", 1):
        raise UnsupportedModel(
            f"it normalises rows of shape {list(x.shape)}; vectors are compiled. Put a Flatten before it"
        )
    names = ("scale", "bias", "mean", "variance")
    scale, bias, mean, variance = (node.floats(index, name) for index, name in enumerate(names, 1))
    if any(entry.shape != x.shape for entry in (scale, bias, mean, variance)):
        raise BadModelFile(f"its constants do not have the shape {list(x.shape)} of a row")
    slope = scale / np.sqrt(variance + node.number("epsilon", 1e-5))
    return along_line(x, slope, bias - mean * slope)


def clip(builder: Builder, node: Operation) -> Flow:
    """Cut to bounds that may be left out."""
    low, high = -math.inf, math.inf
    if node.opset < 11:
        low, high = node.number("min", low), node.number("max", high)
    else:
        low = low if node.at(1) is None else float(node.floats(1, "lower bound").reshape(()))
        high = high if node.at(2) is None else float(node.floats(2, "upper bound").reshape(()))
    return node.flow if (low, high) == (-math.inf, math.inf) else _cut(builder, node.flow, low, high)


def _cut(builder: Builder, x: Flow, low: float, high: float) -> Flow:
    if not low < high:
        raise UnsupportedModel(f"its lower bound {low:g} does not lie below its upper bound {high:g}")
    if (low, high) == (0.0, math.inf):
        return node_of(builder, "relu", x=x)
    return node_of(builder, "clip", {"low": low, "high": high}, x=x)


def leaky_relu(builder: Builder, node: Operation) -> Flow:
    """Computed as alpha x + (1 - alpha) max(x, 0)."""
    x, alpha = settled(builder, node.flow), node.number("alpha", 0.01)
    rectified = node_of(builder, "relu", x=x)
    return node_of(builder, "add", a=along_line(x, alpha, 0.0), b=along_line(rectified, 1.0 - alpha, 0.0))


def hard_sigmoid(builder: Builder, node: Operation) -> Flow:
    """A line cut to 0..1."""
    return _cut(builder, along_line(node.flow, node.number("alpha", 0.2), node.number("beta", 0.5)), 0.0, 1.0)


def _by_entry(op: str) -> Rule:
    def rule(builder: Builder, node: Operation) -> Flow:
        return node_of(builder, op, x=node.flow)

    return rule


def same(builder: Builder, node: Operation) -> Flow:
    """The value itself: Identity and Dropout."""
    training = node.constant(2, "training mode")
    if any(node.outputs[1:]) or (training is not None and training.any()):
        raise UnsupportedModel("it drops entries at random. Export the model for inference (model.eval())")
    return node.flow


def cast(builder: Builder, node: Operation) -> Flow:
    """A cast from float to float; the numbers of classes may become integers."""
    if node.number("to", 0) not in FLOATS and node.flow.left_out != "ArgMax":
        raise UnsupportedModel("it casts to a type that is not float. Export the model without it")
    return node.flow


def scores(builder: Builder, node: Operation) -> Flow:
    """Softmax, LogSoftmax and ArgMax are left out: they do not change which score is the largest."""
    x = node.flow
    default = 0 if node.op == "ArgMax" else 1 if node.opset < 13 else -1
    if len(x.shape) != 1 or node.axis(int(node.attributes.get("axis", default)), x.shape) != 0:
        raise UnsupportedModel(
            f"it works on rows of shape {list(x.shape)}; one vector of scores is compiled. Put a Flatten before it"
        )
    if node.number("select_last_index", 0):
        raise UnsupportedModel("it takes the last of equals; the first is compiled. Export it with select_last_index=0")
    if x.left_out == "ArgMax":
        raise UnsupportedModel("it stands behind an ArgMax. Export the model without it")
    return replace(x, left_out=node.op)


RULES: Mapping[str, Rule] = {
    "Gemm": gemm,
    "MatMul": matmul,
    **dict.fromkeys(("Add", "Sub", "Mul", "Div"), arithmetic),
    "Neg": negative,
    "BatchNormalization": normalisation,
    "Relu": _by_entry("relu"),
    "Tanh": _by_entry("tanh"),
    "Sigmoid": _by_entry("sigmoid"),
    "Exp": _by_entry("exp"),
    "LeakyRelu": leaky_relu,
    "HardSigmoid": hard_sigmoid,
    "Clip": clip,
    **dict.fromkeys(("Identity", "Dropout"), same),
    "Cast": cast,
    **dict.fromkeys(SHAPES, reshape),
    "Concat": concatenate,
    "Slice": stretch,
    **dict.fromkeys(("ReduceSum", "ReduceMean", "ReduceMax"), reduction),
    **dict.fromkeys(("Softmax", "LogSoftmax", "ArgMax"), scores),
}
AFTER_SCORES = ("Identity", "Cast", "Softmax", "LogSoftmax", "ArgMax", "Dropout")
