"""ONNX's activations, and what may stand behind the scores of a model."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from edgewright.errors import UnsupportedModel
from edgewright.frontends._onnx_flow import Flow, ModelBuilder, Operation, along_line, entrywise, settle, settled
from edgewright.frontends._onnx_nodes import FLOATS, Rule, cut_to, pair, row_constant
from edgewright.frontends._onnx_shapes import softmax

SELU = 1.67326319217681884765625, 1.05070102214813232421875  # alpha and gamma, as ONNX has them


def by_entry(op: str) -> Rule:
    """Return the rule of an operator of the graph that has no attributes."""

    def rule(builder: ModelBuilder, node: Operation) -> Flow:
        return entrywise(builder, op, node.flow)

    return rule


def leaky_relu(builder: ModelBuilder, node: Operation) -> Flow:
    """A slope below 0."""
    return entrywise(builder, "leaky_relu", node.flow, {"slope": node.number("alpha", 0.01)})


def prelu(builder: ModelBuilder, node: Operation) -> Flow:
    """A slope below 0 that was trained: one for all, or one a channel as max(x, 0) + slope * min(x, 0)."""
    x, slope = settled(builder, node.flow), node.floats(1, "slope")
    if slope.size == 1:
        return entrywise(builder, "leaky_relu", x, {"slope": float(slope.reshape(()))})
    laid = x.laid(row_constant(slope, x))
    if math.prod(laid.shape[:-1]) != 1:
        raise UnsupportedModel(
            f"its slopes of shape {list(slope.shape)} differ from pixel to pixel; one a channel is compiled"
        )
    below = along_line(entrywise(builder, "clip", x, {"low": -math.inf, "high": 0.0}), laid, 0.0)
    return pair(builder, "Add", entrywise(builder, "relu", x), below)


def hard_sigmoid(builder: ModelBuilder, node: Operation) -> Flow:
    """A line cut to 0..1."""
    return cut_to(builder, along_line(node.flow, node.number("alpha", 0.2), node.number("beta", 0.5)), 0.0, 1.0)


def elu(builder: ModelBuilder, node: Operation) -> Flow:
    """Elu, Selu and Celu."""
    x = node.flow
    if node.op == "Selu":
        attributes = {"alpha": node.number("alpha", SELU[0]), "scale": node.number("gamma", SELU[1])}
        return entrywise(builder, "elu", x, attributes)
    alpha = node.number("alpha", 1.0)
    if node.op == "Elu":
        return entrywise(builder, "elu", x, {"alpha": alpha})
    if alpha == 0.0:
        raise UnsupportedModel("its alpha is 0. Export it as a Relu")
    return along_line(entrywise(builder, "elu", along_line(x, 1.0 / alpha, 0.0), {"alpha": 1.0}), alpha, 0.0)


def gelu(builder: ModelBuilder, node: Operation) -> Flow:
    """Gelu by the error function, or approximated by tanh."""
    return entrywise(builder, "gelu", node.flow, {"approximate": node.text("approximate", "none") == "tanh"})


def swish(builder: ModelBuilder, node: Operation) -> Flow:
    """The product x * sigmoid(alpha * x)."""
    x = settled(builder, node.flow)
    return pair(builder, "Mul", x, entrywise(builder, "sigmoid", along_line(x, node.number("alpha", 1.0), 0.0)))


def mish(builder: ModelBuilder, node: Operation) -> Flow:
    """The product x * tanh(softplus(x))."""
    x = settled(builder, node.flow)
    return pair(builder, "Mul", x, entrywise(builder, "tanh", entrywise(builder, "softplus", x)))


def same(builder: ModelBuilder, node: Operation) -> Flow:
    """The value itself: Identity and Dropout."""
    training = node.constant(2, "training mode")
    if any(node.outputs[1:]) or (training is not None and training.any()):
        raise UnsupportedModel("it drops entries at random. Export the model for inference (model.eval())")
    return node.flow


def cast(builder: ModelBuilder, node: Operation) -> Flow:
    """A cast from float to float; the numbers of classes may become integers."""
    if node.number("to", 0) not in FLOATS and node.flow.left_out not in ("ArgMax", "label"):
        raise UnsupportedModel("it casts to a type that is not float. Export the model without it")
    return node.flow


def scores(builder: ModelBuilder, node: Operation) -> Flow:
    """Softmax, LogSoftmax and ArgMax behind the scores are left out: they do not change which score is the largest.

    A Softmax that is read by others is computed, along its own axis.
    """
    x = node.flow
    if node.op == "Softmax" and not x.left_out and not (node.last and len(x.shape) == 1):
        return softmax(builder, node, x)
    default = 0 if node.op == "ArgMax" else 1 if node.opset < 13 else -1
    axis = node.axis(int(node.attributes.get("axis", default)), x)
    if math.prod(x.shape) != x.shape[axis] or not node.last:
        raise UnsupportedModel(
            f"it works on rows of shape {list(x.shape)}, or not at the end; one vector of scores at the end is compiled. "
            "Put a Flatten before it, or export the model without it"
        )
    if node.number("select_last_index", 0):
        raise UnsupportedModel("it takes the last of equals; the first is compiled. Export it with select_last_index=0")
    if x.left_out == "ArgMax":
        raise UnsupportedModel("it stands behind an ArgMax. Export the model without it")
    return replace(x, left_out=node.op)


def quantise(builder: ModelBuilder, node: Operation) -> Flow:
    """QuantizeLinear: the value keeps its real meaning, and the scale and zero point that the file gives it."""
    x = settled(builder, node.flow)
    scale, zero_point, dtype = _grid(node)
    if x.value in builder.grids and builder.grids[x.value] != (scale, zero_point, dtype):
        x = replace(x, value=builder.node("rescale", x=settle(builder, x)))
    builder.grids[x.value] = (scale, zero_point, dtype)
    return replace(x, encoded=True)


def dequantise(builder: ModelBuilder, node: Operation) -> Flow:
    """DequantizeLinear of a value that a QuantizeLinear made, or of integers that are the model's input."""
    x = node.flow
    scale, zero_point, dtype = _grid(node)
    if not x.encoded:
        raise UnsupportedModel("it reads floats; a QuantizeLinear must stand before it. Export the model again")
    if builder.grids.setdefault(x.value, (scale, zero_point, dtype)) != (scale, zero_point, dtype):
        raise UnsupportedModel("its scale or zero point differs from that of the QuantizeLinear before it")
    return replace(x, encoded=False)


def _grid(node: Operation) -> tuple[float, int, str]:
    """Return scale, zero point and dtype of an activation; uint8 is shifted by 128 to int8."""
    scale, zeros = node.floats(1, "scale"), node.constant(2, "zero point")
    if scale.size != 1 or (zeros is not None and zeros.size != 1):
        raise UnsupportedModel("its activation has several scales; one is compiled. Quantise activations per tensor")
    real = float(scale.reshape(()))
    dtype = "uint8" if zeros is None else str(zeros.dtype)
    zero_point = 0 if zeros is None else int(zeros.reshape(()))
    if not (math.isfinite(real) and np.finfo(np.float32).tiny <= real):
        raise UnsupportedModel(f"its scale is {real:g}; a positive number is needed")
    if dtype == "uint8":
        return real, zero_point - 128, "int8"
    if dtype not in ("int8", "int16") or (dtype == "int16" and zero_point):
        raise UnsupportedModel(
            f"its activation is {dtype} with the zero point {zero_point}; int8, uint8, or int16 with 0 are compiled. Quantise it so"
        )
    return real, zero_point, dtype
