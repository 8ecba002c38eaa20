"""Products with constant weights: dense layers and convolutions of a .tflite model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from edgewright.errors import BadGraph, UnsupportedModel, list_problems
from edgewright.frontends._tflite_file import Operator, Tensor, count
from edgewright.frontends._tflite_flow import CONVERT, Flow, Lower, bounds_of, is_float, limits_of, quantised_type
from edgewright.ir.types import INTEGER_RANGES, Array, Type
from edgewright.ops._windows import LARGEST_GEOMETRY

WEIGHTS, BIAS = 1, 2  # ports; the bias may be missing
LEAST_FACTOR = 2.0**-32  # below it LiteRT takes a factor for 0
DEAD_FACTOR = 2.0**-8  # of a row whose factor is 0: any will do


@dataclass(frozen=True)
class Product:
    """A product in the words of our operator.

    op: its name. rows: the axis of the weights that the outputs lie along, in the file and in `shape`, which is that of our weights.
    """

    op: str
    rows: int
    shape: tuple[int, ...]
    attributes: dict[str, Any]

    @property
    def is_dense(self) -> bool:
        """Whether it is a dense layer: LiteRT multiplies its scales in float32 where there is one, and rounds once."""
        return self.op == "dense"


def fully_connected(flow: Flow, operator: Operator) -> str:
    """Return y = w x + bias: one vector at a time."""
    x, w, y = flow.tensor(operator), flow.tensor(operator, WEIGHTS), flow.output(operator)
    _check_weights(flow, operator, 2, "matrix")
    rows, columns = w.shape
    found = []
    if count(x.shape) != columns or count(y.shape) != rows:
        found.append(
            f"it turns {list(x.shape)} into {list(y.shape)} with weights {list(w.shape)}; one vector at a time is compiled"
        )
    if operator.option("WeightsFormat"):
        found.append("its weights are shuffled; export the model without shuffled weights")
    value = flow.reshaped(flow.value(operator), (columns,)) if not found else ""
    product = Product("dense", 0, w.shape, {})
    return _add(flow, operator, product, value, found)


def conv2d(flow: Flow, operator: Operator) -> str:
    """Return the convolution of an image with filters."""
    _check_weights(flow, operator, 4, "array of four axes")
    w = flow.tensor(operator, WEIGHTS)
    attributes, found = _windows(flow, operator, w.shape[1:3])
    if w.shape[3] != flow.tensor(operator).shape[-1]:
        found.append(
            f"its filters have {w.shape[3]} channels and its image {flow.tensor(operator).shape[-1]}: groups are not compiled. "
            "Export it as one convolution a group, or as a depthwise one"
        )
    return _add(flow, operator, Product("conv2d", 0, w.shape, attributes), flow.value(operator), found)


def depthwise_conv2d(flow: Flow, operator: Operator) -> str:
    """Return the convolution of each channel of an image with filters of its own."""
    _check_weights(flow, operator, 4, "array of four axes")
    w, x = flow.tensor(operator, WEIGHTS), flow.tensor(operator)
    attributes, found = _windows(flow, operator, w.shape[1:3])
    if w.shape[0] != 1 or w.shape[3] % x.shape[-1]:
        found.append(f"its weights {list(w.shape)} do not give each of {x.shape[-1]} channels as many filters")
    return _add(flow, operator, Product("depthwise_conv2d", 3, w.shape[1:], attributes), flow.value(operator), found)


def window_padding(
    same: bool, image: tuple[int, ...], size: tuple[int, ...], strides: tuple[int, ...]
) -> tuple[int, ...]:
    """Return (top, left, bottom, right) for windows that span `size`: what SAME puts around the image, nothing for VALID."""
    before, behind = [0, 0], [0, 0]
    for axis in range(2) if same else ():
        windows = -(-image[axis] // strides[axis])
        missing = max((windows - 1) * strides[axis] + size[axis] - image[axis], 0)
        before[axis], behind[axis] = missing // 2, missing - missing // 2
    return (*before, *behind)


def strides_and_padding(flow: Flow, operator: Operator, span: tuple[int, ...]) -> dict[str, Any]:
    """Return the attributes `strides` and `padding` of windows. Raises UnsupportedModel where they are none."""
    x = flow.tensor(operator)
    strides = operator.option("StrideH", 1), operator.option("StrideW", 1)
    if len(x.shape) != 4:
        raise UnsupportedModel(f"its input {list(x.shape)} is no image [1, height, width, channels]")
    if not all(1 <= number <= LARGEST_GEOMETRY for number in (*strides, *span)):
        raise UnsupportedModel(
            f"its strides are {list(strides)} and its windows span {list(span)}; 1..{LARGEST_GEOMETRY} are compiled"
        )
    padding = operator.option("Padding")
    if padding not in (0, 1):
        raise UnsupportedModel(f"its padding is number {padding}; SAME (0) and VALID (1) are known")
    return {"strides": strides, "padding": window_padding(padding == 0, x.shape[1:3], span, strides)}


def _windows(flow: Flow, operator: Operator, size: tuple[int, ...]) -> tuple[dict[str, Any], list[str]]:
    dilations = operator.option("DilationHFactor", 1), operator.option("DilationWFactor", 1)
    try:
        if not all(1 <= dilation <= LARGEST_GEOMETRY for dilation in dilations):
            raise UnsupportedModel(f"its dilations are {list(dilations)}; 1..{LARGEST_GEOMETRY} are compiled")
        span = tuple(dilation * (edge - 1) + 1 for dilation, edge in zip(dilations, size, strict=True))
        return {**strides_and_padding(flow, operator, span), "dilations": dilations}, []
    except UnsupportedModel as error:
        return {}, [str(error)]


def _check_weights(flow: Flow, operator: Operator, axes: int, what: str) -> None:
    """Raise UnsupportedModel where the weights are no constant with so many axes."""
    w, index = flow.tensor(operator, WEIGHTS), flow.index(operator, WEIGHTS)
    assert index is not None
    floats = is_float(flow.tensor(operator))
    allowed = ("int8", "float32", "float16") if floats else ("int8",)
    if w.dtype not in allowed or not flow.is_constant(index) or len(w.shape) != axes or min(w.shape) < 1:
        kind = "float or int8" if floats else "int8"
        raise UnsupportedModel(
            f"its weights {w.name!r} are {w.dtype}{list(w.shape)}; a constant {kind} {what} is compiled. {CONVERT}"
        )
    if w.is_sparse:
        raise UnsupportedModel("its weights are sparse. Export them dense; Edgewright makes weights sparse itself")


def _add(flow: Flow, operator: Operator, product: Product, value: str, found: list[str]) -> str:
    """Append the node. Raises UnsupportedModel with all that was found."""
    try:
        bounds = bounds_of(operator)
    except UnsupportedModel as error:
        found.append(str(error))
    rows = flow.tensor(operator, WEIGHTS).shape[product.rows]
    integers = not is_float(flow.tensor(operator))
    found += _bias_problems(flow, operator, rows, integers=integers)
    if integers:
        found += _scale_problems(flow.tensor(operator, WEIGHTS), product)
    if found:
        raise UnsupportedModel(list_problems("", found).strip() if len(found) > 1 else found[0])
    return (
        _integer(flow, operator, product, value, bounds) if integers else _float(flow, operator, product, value, rows)
    )


def _bias_problems(flow: Flow, operator: Operator, rows: int, *, integers: bool) -> list[str]:
    index = flow.index(operator, BIAS)
    if index is None:
        return []
    bias = flow.model.tensors[index]
    allowed = ("int32",) if integers else ("float32", "float16")
    if bias.dtype in allowed and bias.shape == (rows,) and flow.is_constant(index):
        return []
    return [f"its bias {bias.name!r} is {bias.dtype}{list(bias.shape)}; a constant {allowed[0]}[{rows}] is compiled"]


def _scale_problems(w: Tensor, product: Product) -> list[str]:
    rows = w.shape[product.rows]
    found = []
    if w.zero_point.any() or w.scale.size not in (1, rows) or (w.scale.size > 1 and w.axis != product.rows):
        found.append(f"its weights {w.name!r} must have zero points of 0 and one scale, or one a row")
    if not np.all(np.isfinite(w.scale) & (w.scale > 0)):
        found.append(f"its weights {w.name!r} have a scale that is not positive and finite")
    return found


def _float(flow: Flow, operator: Operator, product: Product, value: str, rows: int) -> str:
    weights = flow.reals(operator, WEIGHTS)
    has_bias = flow.index(operator, BIAS) is not None
    bias = flow.reals(operator, BIAS) if has_bias else np.zeros(rows, np.float32)
    made = flow.node(
        product.op,
        x=value,
        w=flow.constant("weights", weights.reshape(product.shape)),
        bias=flow.constant("bias", bias),
        attributes=product.attributes,
    )
    return flow.activated(operator, made)


def _integer(flow: Flow, operator: Operator, product: Product, value: str, bounds: tuple[float, float]) -> str:
    """Return the node: the zero point of x goes into the bias, the activation into the range of y.

    A row whose factor LiteRT takes for 0 gets weights of 0, which give the same.
    """
    x, w, y = flow.tensor(operator), flow.tensor(operator, WEIGHTS), flow.output(operator)
    weights, bias = flow.array(operator, WEIGHTS), flow.array(operator, BIAS)
    assert weights is not None
    rows = w.shape[product.rows]
    offsets = np.zeros(rows, np.int64) if bias is None else bias.astype(np.int64)
    scales, products = _scales(x, w, product)
    dead = np.broadcast_to(products / float(y.scale[0]) < LEAST_FACTOR, (rows,))
    if dead.any():
        shown = [1] * w.array().ndim
        shown[product.rows] = -1
        weights, offsets = np.where(dead.reshape(shown), 0, weights).astype(np.int8), np.where(dead, 0, offsets)
        tiny = products / float(y.scale[0]) < LEAST_FACTOR
        scales = np.where(tiny, DEAD_FACTOR * float(y.scale[0]) / float(x.scale[0]), scales)
        products = np.where(tiny, DEAD_FACTOR * float(y.scale[0]), products)
    others = tuple(axis for axis in range(weights.ndim) if axis != product.rows)
    folded = offsets - int(x.zero_point[0]) * weights.astype(np.int64).sum(axis=others)
    dtype = next((dtype for dtype in ("int16", "int32") if _fits(folded, dtype)), None)
    if dtype is None:
        raise UnsupportedModel(f"the bias of {y.name!r}, with the zero point of its input, does not fit 32 bits")
    several = w.scale.size > 1
    row_axis = len(product.shape) - 1 if product.rows else 0
    w_type = Type(product.shape, "int8", _as_scale(scales), axis=row_axis if several else None)
    bias_type = Type((rows,), dtype, _as_scale(products), axis=0 if several else None)
    type = quantised_type(y, limits_of(*bounds, y))
    inputs = {
        "x": value,
        "w": flow.constant("weights", weights.reshape(product.shape), w_type),
        "bias": flow.constant("bias", folded, bias_type),
    }
    try:
        rounding = {} if product.is_dense else {"rounds_twice": True}
        return flow.node(product.op, type, attributes={**product.attributes, **rounding}, **inputs)
    except BadGraph as error:
        raise UnsupportedModel(f"its inputs do not fit: {error}") from error


def _scales(x: Tensor, w: Tensor, product: Product) -> tuple[Array, Array]:
    """Return the scales of the weights, and of the products in the precision in which LiteRT multiplies."""
    scales = w.scale.astype(np.float64)
    if w.scale.size == 1 and product.is_dense:
        with np.errstate(over="ignore", under="ignore"):
            return scales, np.asarray([float(x.scale[0] * w.scale[0])])
    return scales, float(x.scale[0]) * scales


def _as_scale(scales: Array) -> float | tuple[float, ...]:
    return float(scales[0]) if scales.size == 1 else tuple(map(float, scales))


def _fits(values: Array, dtype: str) -> bool:
    low, high = INTEGER_RANGES[dtype]
    return bool(low <= values.min() and values.max() <= high)


LOWER: dict[str, Lower] = {
    "FULLY_CONNECTED": fully_connected,
    "CONV_2D": conv2d,
    "DEPTHWISE_CONV_2D": depthwise_conv2d,
}
