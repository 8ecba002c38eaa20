"""Operators of a .tflite model that work entry by entry, and those that gather: sums, means, pooling, softmax."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from edgewright import ops
from edgewright.errors import UnsupportedModel
from edgewright.frontends._tflite_file import Operator
from edgewright.frontends._tflite_flow import (
    ACTIVATIONS,
    Flow,
    Lower,
    bounds_of,
    is_float,
    limits_of,
    quantised_type,
    require_same_integers,
)
from edgewright.frontends._tflite_products import strides_and_padding
from edgewright.frontends._tflite_shapes import axes_of
from edgewright.ir.types import Array, Type, dequantise_array
from edgewright.ops.tables import interpolate

PAIRS = {"ADD": "add", "SUB": "subtract", "MUL": "multiply"}
CUTS = {"RELU": "RELU", "RELU6": "RELU6", "RELU_N1_TO_1": "RELU_N1_TO_1"}
# Operator -> ours and its attributes, functions of one number.
FUNCTIONS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "LOGISTIC": ("sigmoid", {}),
    "TANH": ("tanh", {}),
    "HARD_SWISH": ("hard_swish", {}),
    "LEAKY_RELU": ("leaky_relu", {}),
    "ELU": ("elu", {"alpha": 1.0}),
    "EXP": ("exp", {}),
}


def pair(flow: Flow, operator: Operator) -> str:
    """Return a sum, a difference or a product, entry by entry."""
    y = flow.output(operator)
    bounds = bounds_of(operator)
    if is_float(y) and any(flow.is_constant(index) for index in operator.inputs[:2] if index >= 0):
        return flow.activated(operator, _line(flow, operator, y.shape[1:]))
    a, b = (flow.value(operator, port, y.shape[1:]) for port in (0, 1))
    if is_float(y):
        return flow.activated(operator, flow.node(PAIRS[operator.name], a=a, b=b))
    return flow.node(PAIRS[operator.name], quantised_type(y, limits_of(*bounds, y)), a=a, b=b)


def _line(flow: Flow, operator: Operator, shape: tuple[int, ...]) -> str:
    """Return a float pair with a constant: a straight line a feature where that says it all, else the pair."""
    first, second = (flow.is_constant(index) for index in operator.inputs[:2])
    if first and second:
        raise UnsupportedModel("both its inputs are constants; fold them into one")
    port = 0 if first else 1
    values = flow.reals(operator, port)
    x = flow.value(operator, 1 - port)
    is_feature = values.ndim and values.size == values.shape[-1] == shape[-1]
    if flow.type(x).shape != shape or not (values.size == 1 or is_feature):
        a, b = (flow.value(operator, port, shape) for port in (0, 1))
        return flow.node(PAIRS[operator.name], a=a, b=b)
    values = values.ravel()
    slope, start = {
        "ADD": (np.ones(1), values),
        "SUB": (-np.ones(1), values) if first else (np.ones(1), -values),
        "MUL": (values, np.zeros(1)),
    }[operator.name]
    return flow.node("affine", x=x, scale=flow.constant("scale", slope), offset=flow.constant("offset", start))


def cut(flow: Flow, operator: Operator) -> str:
    """Return a rectifier that is an operator of its own."""
    return flow.cut(flow.value(operator), *ACTIVATIONS[CUTS[operator.name]], flow.output(operator))


def function(flow: Flow, operator: Operator) -> str:
    """Return a function of one number: in integers a table that is right for every int8."""
    op, attributes = FUNCTIONS[operator.name]
    if operator.name == "LEAKY_RELU":
        slope = float(operator.options.get("Alpha", 0.0))
        if not np.isfinite(slope):
            raise UnsupportedModel(f"its slope is {slope:g}; it must be a finite number")
        attributes = {"slope": slope}
    value, y = flow.value(operator), flow.output(operator)
    if is_float(y):
        return flow.node(op, x=value, attributes=attributes)
    x, type = flow.type(value), quantised_type(y)
    integers = np.arange(x.range[0], x.range[1] + 2, dtype=np.int64)
    meaning = ops.get(op).float
    assert meaning is not None
    with np.errstate(over="ignore", invalid="ignore"):
        real = meaning({"x": dequantise_array(integers, x)}, attributes) / float(y.scale[0])
    real = np.nan_to_num(np.clip(real, -(2.0**20), 2.0**20))
    wanted = np.clip(np.floor(real + 0.5).astype(np.int64) + type.zero_point, *type.range)
    table, shift = _smallest_table(integers, wanted)
    made = Type(table.shape, "int8", type.scale, type.zero_point)
    limited = quantised_type(y, (int(table.min()), int(table.max())))
    return flow.node(
        "lookup",
        limited,
        x=value,
        table=flow.constant("table", table, made),
        attributes={"lowest": x.range[0], "shift": shift},
    )


def _smallest_table(integers: Array, wanted: Array) -> tuple[Array, int]:
    """Return the smallest table that gives what is wanted at every integer, and its shift."""
    for shift in (7, 6, 5, 4, 3, 2, 1):
        knots = np.arange(0, len(integers) - 1 + 2**shift, 2**shift)
        table = wanted[np.minimum(knots, len(wanted) - 1)]
        if np.array_equal(interpolate(integers[:-1], table, int(integers[0]), shift), wanted[:-1]):
            return table, shift
    return wanted, 0


def softmax(flow: Flow, operator: Operator) -> str:
    """Return the softmax over the last axis."""
    beta = float(operator.options.get("Beta", 1.0))
    if beta != 1.0:
        raise UnsupportedModel(f"its beta is {beta:g}; 1 is compiled. Put the factor into the layer before it")
    y = flow.output(operator)
    return flow.node("softmax", None if is_float(y) else quantised_type(y), x=flow.value(operator))


def pool(flow: Flow, operator: Operator) -> str:
    """Return the means or the maxima of windows; padding is no entry."""
    size = operator.option("FilterHeight", 1), operator.option("FilterWidth", 1)
    attributes: dict[str, Any] = {"size": size, **strides_and_padding(flow, operator, size)}
    value, y = flow.value(operator), flow.output(operator)
    if operator.name == "AVERAGE_POOL_2D" and not is_float(y):
        limits = limits_of(*bounds_of(operator), y)
        return flow.node("average_pool2d", quantised_type(y, limits), x=value, attributes=attributes)
    if operator.name == "AVERAGE_POOL_2D":
        return flow.activated(operator, flow.node("average_pool2d", x=value, attributes=attributes))
    require_same_integers(flow, operator)
    made = flow.node("max_pool2d", flow.type(value), x=value, attributes=attributes)
    return flow.activated(operator, made)


def gather(flow: Flow, operator: Operator) -> str:
    """Return the means, sums or maxima along neighbouring axes."""
    value, y = flow.value(operator), flow.output(operator)
    shape = flow.type(value).shape
    axes = axes_of(flow.whole(operator, 1), len(shape))
    if not axes or axes != list(range(axes[0], axes[-1] + 1)):
        raise UnsupportedModel(
            f"it gathers along the axes {[axis + 1 for axis in axes]}; neighbouring ones are compiled"
        )
    first, last = axes[0], axes[-1] + 1
    along = int(np.prod(shape[first:last]))
    value = flow.reshaped(value, (*shape[:first], along, *shape[last:]))
    attributes: dict[str, Any] = {"axis": first}
    if operator.name == "REDUCE_MAX":
        require_same_integers(flow, operator)
        return flow.node("reduce_max", flow.type(value), x=value, attributes=attributes)
    if is_float(y):
        return flow.node("reduce_mean" if operator.name == "MEAN" else "reduce_sum", x=value, attributes=attributes)
    if operator.name == "MEAN":
        attributes["divisor"] = along
    return flow.node("reduce_sum", quantised_type(y), x=value, attributes=attributes)


LOWER: dict[str, Lower] = {
    **dict.fromkeys(PAIRS, pair),
    **dict.fromkeys(CUTS, cut),
    **dict.fromkeys(FUNCTIONS, function),
    **dict.fromkeys(("AVERAGE_POOL_2D", "MAX_POOL_2D"), pool),
    **dict.fromkeys(("MEAN", "SUM", "REDUCE_MAX"), gather),
    "SOFTMAX": softmax,
}
