"""What ONNX's operators become in a graph. One function an operator; it raises UnsupportedModel with the reason and what to do."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from edgewright.errors import BadModelFile, UnsupportedModel
from edgewright.frontends._onnx_flow import (
    Floats,
    Flow,
    ModelBuilder,
    Operation,
    Product,
    along_line,
    channels_last,
    entrywise,
    ordered,
    plain,
    reshaped,
    settle,
    settled,
    stored_as,
)

FLOATS = (1, 10, 11, 16)  # ONNX's numbers of float, float16, double, bfloat16
MOST_FACTORS = 8  # of a power

Made = Flow | tuple[Flow, ...]
Rule = Callable[[ModelBuilder, Operation], Made]


def dense_of(builder: ModelBuilder, x: Flow, weights: Floats, bias: Floats, scale: Floats | None) -> Flow:
    """Return a product with weights [rows, columns] of a vector, or of each of several, as a convolution of one pixel."""
    rows, columns = weights.shape
    if x.shape[-1:] != (columns,):
        raise BadModelFile(f"it multiplies rows of shape {list(x.shape)} by weights of {columns} columns")
    if math.prod(x.shape) == columns:
        vector = settled(builder, x if x.flattened else reshaped(builder, x, (columns,)))
        if vector.flattened:
            shape, order = vector.flattened
            weights = weights[:, np.arange(columns).reshape(shape).transpose(order).ravel()]
        made = Flow(vector.value, (rows,), Product("dense", weights, bias, scale=scale))
        return replace(reshaped(builder, made, (*x.shape[:-1], rows)), batch_at=x.batch_at)
    straight = plain(builder, x)
    value = stored_as(builder, straight, (1, math.prod(x.shape[:-1]), columns))
    made = Flow(value, (rows, 1, 1), Product("conv2d", weights.reshape(rows, 1, 1, columns), bias, scale=scale))
    return replace(
        straight, value=stored_as(builder, made, (*x.shape[:-1], rows)), shape=(*x.shape[:-1], rows), pending=None
    )


def _row_scale(node: Operation, index: int, axis: int, rows: int) -> Floats | None:
    """Return a scale a row of the integers that a matrix stands for, or None where it stands for none."""
    grid = node.grid(index)
    if grid is None:
        return None
    if grid.axis not in (None, axis):
        raise UnsupportedModel("its weights have a scale for each entry of another axis than that of its outputs")
    return np.broadcast_to(grid.scale, (rows,))


def gemm(builder: ModelBuilder, node: Operation) -> Flow:
    """A row times B, plus C, each with a factor."""
    if node.number("transA", 0):
        raise UnsupportedModel("transA is 1, which mixes the rows of a batch. Export it with transA=0")
    x, b = node.flow, node.floats(1, "matrix B")
    if len(x.shape) != 1 or b.ndim != 2 or x.batch_at:
        raise BadModelFile(f"it multiplies rows of shape {list(x.shape)} by B of shape {list(b.shape)}")
    turned, alpha = bool(node.number("transB", 0)), node.number("alpha", 1.0)
    weights = alpha * (b if turned else b.T)
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
    scale = _row_scale(node, 1, 0 if turned else 1, len(weights)) if alpha == 1.0 else None
    return dense_of(builder, x, weights, bias, scale)


def matmul(builder: ModelBuilder, node: Operation) -> Flow:
    """A row times a constant matrix, or a constant matrix times a column."""
    a, b = node.at(0), node.at(1)
    if isinstance(a, Flow) == isinstance(b, Flow):
        raise UnsupportedModel("it multiplies two computed values; one of them must be a constant matrix")
    if isinstance(a, Flow):
        given = node.floats(1, "matrix")
        w = _matrix(given, a.shape)
        if not a.shape or a.shape[-1] != w.shape[0]:
            raise BadModelFile(f"it multiplies rows of shape {list(a.shape)} by a matrix of shape {list(w.shape)}")
        scale = _row_scale(node, 1, given.ndim - 1, w.shape[1])
        return dense_of(builder, a, w.T, np.zeros(w.shape[1]), scale)
    if not isinstance(b, Flow):
        raise BadModelFile("an operand is missing")
    w = _matrix(node.floats(0, "matrix"), b.shape)
    if len(b.shape) < 2 or b.shape[-2] != w.shape[1]:
        raise UnsupportedModel(
            "its matrix stands before the batch axis; it must stand behind, or before a column [batch, n, 1]"
        )
    turned = (*range(len(b.shape) - 2), len(b.shape) - 1, len(b.shape) - 2)
    row = replace(
        ordered(builder, plain(builder, b), turned), shape=tuple(b.shape[axis] for axis in turned), order=None
    )
    made = settled(builder, dense_of(builder, row, w, np.zeros(w.shape[0]), _row_scale(node, 0, w.ndim - 2, len(w))))
    return replace(made, shape=tuple(made.shape[axis] for axis in turned), order=turned)


def _matrix(w: Floats, row: tuple[int, ...]) -> Floats:
    if not 2 <= w.ndim <= len(row) + 1 or math.prod(w.shape[:-2]) != 1:
        raise UnsupportedModel(
            f"its constant has the shape {list(w.shape)}; a matrix of two axes is compiled. Reshape it"
        )
    return w.reshape(w.shape[-2:])


def arithmetic(builder: ModelBuilder, node: Operation) -> Flow:
    """Add, Sub, Mul and Div, of two computed values or with a constant."""
    a, b = node.at(0), node.at(1)
    if isinstance(a, Flow) and isinstance(b, Flow):
        return pair(builder, node.op, a, b)
    flow, other = (a, node.floats(1, "operand")) if isinstance(a, Flow) else (b, node.floats(0, "operand"))
    if not isinstance(flow, Flow):
        raise BadModelFile("an operand is missing")
    constant = row_constant(other, flow)
    turned = flow is b
    if node.op == "Div":
        if turned or np.any(constant == 0.0):
            raise UnsupportedModel("it divides by a computed value or by 0. Multiply by a constant instead")
        constant = 1.0 / constant
    if len(flow.shape) == 3 and constant.size == flow.shape[0] == constant.shape[0] and flow.batch_at == 0:
        flow = channels_last(builder, flow)
    laid = flow.laid(constant)
    if math.prod(laid.shape[:-1]) == 1:  # one line for all, or one an entry of the last axis
        if node.op in ("Mul", "Div"):
            return along_line(flow, laid, 0.0)
        sign = -1.0 if node.op == "Sub" else 1.0
        return along_line(flow, sign, laid) if turned else along_line(flow, 1.0, sign * laid)
    value = builder.constant("constant", np.broadcast_to(laid, flow.stored))
    op = {"Add": "add", "Sub": "subtract", "Mul": "multiply", "Div": "multiply"}[node.op]
    own = settle(builder, flow)
    first, second = (value, own) if turned else (own, value)
    return replace(flow, value=builder.node(op, a=first, b=second), pending=None)


def row_constant(constant: Floats, flow: Flow) -> Floats:
    """Return a constant without a batch axis, with the axes of a row. Raises UnsupportedModel where it would change the row's shape."""
    shape = flow.shape
    if constant.ndim == len(shape) + 1 and constant.shape[flow.batch_at] == 1:
        constant = constant.squeeze(flow.batch_at)
    elif flow.batch_at and constant.ndim > len(shape) - flow.batch_at and constant.size > 1:
        raise UnsupportedModel(
            f"its constant of shape {list(constant.shape)} reaches the batch axis. Give it one entry there"
        )
    fits = constant.ndim <= len(shape) and all(
        size in (1, own) for size, own in zip(constant.shape[::-1], shape[::-1], strict=False)
    )
    if not fits:
        raise UnsupportedModel(
            f"its constant of shape {list(constant.shape)} does not fit rows of shape {list(shape)}: it must have one entry, or the "
            "sizes of a row. Reshape it"
        )
    return constant.reshape((1,) * (len(shape) - constant.ndim) + constant.shape)


def pair(builder: ModelBuilder, op: str, a: Flow, b: Flow) -> Flow:
    """Return the sum, difference or product of two flows, one of them spread over the pixels of the other where it has one."""
    if op == "Div":
        raise UnsupportedModel("it divides by a computed value. Multiply by a constant instead")
    if len(a.shape) != len(b.shape) or a.batch_at != b.batch_at:
        raise UnsupportedModel(
            f"its operands have rows of shapes {list(a.shape)} and {list(b.shape)}; they must have as many axes. Reshape one"
        )
    large, small = (b, a) if math.prod(a.shape) < math.prod(b.shape) else (a, b)
    large = settled(builder, large)
    if math.prod(small.shape) == 1:
        small = settled(builder, small)
    elif small.shape == large.shape:
        if large.flattened != small.flattened:
            large = plain(builder, large)
        small = settled(builder, small if large.flattened else ordered(builder, small, large.axes))
    elif len(large.shape) == 3 and small.shape == (large.shape[0], 1, 1):
        large, pixel = channels_last(builder, large), settled(builder, channels_last(builder, small))
        small = Flow(builder.node("resize_nearest", x=pixel.value, attributes={"size": large.shape[1:]}), large.shape)
    else:
        raise UnsupportedModel(
            f"its operands have rows of shapes {list(a.shape)} and {list(b.shape)}; they must be alike, one a single entry, or one "
            "[channels, 1, 1] beside an image"
        )
    swapped = math.prod(a.shape) < math.prod(b.shape)
    first, second = (small.value, large.value) if swapped else (large.value, small.value)
    name = {"Add": "add", "Sub": "subtract", "Mul": "multiply"}[op]
    return replace(large, value=builder.node(name, a=first, b=second), left_out="")


def total(builder: ModelBuilder, node: Operation) -> Flow:
    """Sum and Mean of any number of computed values."""
    flows = [entry for entry in node.inputs if isinstance(entry, Flow)]
    if len(flows) < len(node.inputs) or not flows:
        raise UnsupportedModel("it adds a constant to computed values. Use an Add")
    made = flows[0]
    for flow in flows[1:]:
        made = pair(builder, "Add", made, flow)
    return along_line(made, 1.0 / len(flows), 0.0) if node.op == "Mean" and len(flows) > 1 else made


def power(builder: ModelBuilder, node: Operation) -> Flow:
    """Pow by a small whole number, or by one half."""
    exponent = node.floats(1, "exponent")
    if exponent.size != 1 or float(exponent.reshape(())) not in (0.5, *range(1, MOST_FACTORS + 1)):
        raise UnsupportedModel(f"its exponent must be one number of 0.5, 1, 2, ... {MOST_FACTORS}")
    times = float(exponent.reshape(()))
    if times == 0.5:
        return entrywise(builder, "square_root", node.flow)
    x = made = settled(builder, node.flow)
    for _ in range(int(times) - 1):
        made = pair(builder, "Mul", made, x)
    return made


def negative(builder: ModelBuilder, node: Operation) -> Flow:
    """The value with its sign turned."""
    return along_line(node.flow, -1.0, 0.0)


def clip(builder: ModelBuilder, node: Operation) -> Flow:
    """Cut to bounds that may be left out."""
    low, high = -math.inf, math.inf
    if node.opset < 11:
        low, high = node.number("min", low), node.number("max", high)
    else:
        low = low if node.at(1) is None else float(node.floats(1, "lower bound").reshape(()))
        high = high if node.at(2) is None else float(node.floats(2, "upper bound").reshape(()))
    return node.flow if (low, high) == (-math.inf, math.inf) else cut_to(builder, node.flow, low, high)


def extreme(builder: ModelBuilder, node: Operation) -> Flow:
    """Min and Max of a computed value and one number."""
    a, b = node.at(0), node.at(1)
    if len(node.inputs) != 2 or isinstance(a, Flow) == isinstance(b, Flow):
        raise UnsupportedModel("it compares computed values; one value and one constant number are compiled")
    flow, constant = (a, b) if isinstance(a, Flow) else (b, a)
    if not isinstance(flow, Flow) or not isinstance(constant, np.ndarray) or constant.size != 1:
        raise UnsupportedModel("its constant must be one number")
    bound = float(constant.reshape(()))
    return cut_to(builder, flow, *((bound, math.inf) if node.op == "Max" else (-math.inf, bound)))


def cut_to(builder: ModelBuilder, x: Flow, low: float, high: float) -> Flow:
    """Return a flow cut to bounds. Raises UnsupportedModel where nothing lies between them."""
    if not low < high:
        raise UnsupportedModel(f"its lower bound {low:g} does not lie below its upper bound {high:g}")
    if (low, high) == (0.0, math.inf):
        return entrywise(builder, "relu", x)
    return entrywise(builder, "clip", x, {"low": low, "high": high})
