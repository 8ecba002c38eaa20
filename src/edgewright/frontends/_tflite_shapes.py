"""Operators of a .tflite model that move entries: reshape, concatenate, pad, transpose, slice, resize, and change of scale."""

from __future__ import annotations

import numpy as np

from edgewright.errors import BadModelFile, UnsupportedModel
from edgewright.frontends._tflite_file import Operator, count
from edgewright.frontends._tflite_flow import CONVERT, Flow, Lower, bounds_of, is_float, require_same_integers, type_of


def axes_of(axes: list[int], rank: int) -> list[int]:
    """Return axes of a file without the batch axis, sorted, each once. Raises UnsupportedModel where the batch axis is among them."""
    counted = sorted({axis + rank + 1 if axis < 0 else axis for axis in axes})
    if not all(1 <= axis <= rank for axis in counted):
        raise UnsupportedModel(
            f"it works along the axes {axes} of {rank + 1}; those behind the batch axis are compiled"
        )
    return [axis - 1 for axis in counted]


def reshape(flow: Flow, operator: Operator) -> str:
    """Return the same entries; the output's shape is what the file says."""
    x, y = flow.tensor(operator), flow.output(operator)
    shape = flow.index(operator, 1)
    if shape is not None and not flow.is_constant(shape):
        raise UnsupportedModel("its shape is computed at run time; export the model with fixed shapes")
    if count(x.shape) != count(y.shape):
        raise BadModelFile(f"The file is damaged: {operator.name} turns {list(x.shape)} into {list(y.shape)}.")
    require_same_integers(flow, operator)
    return flow.reshaped(flow.value(operator), y.shape[1:])


def quantize(flow: Flow, operator: Operator) -> str:
    """Return the same real values in other integers."""
    x, y = flow.tensor(operator), flow.output(operator)
    if x.shape != y.shape:
        raise BadModelFile(f"The file is damaged: {operator.name} turns {list(x.shape)} into {list(y.shape)}.")
    if is_float(x) != is_float(y):
        raise UnsupportedModel(f"it changes between float and integers within the model. {CONVERT}")
    return flow.with_integers(flow.value(operator), y)


def dequantize(flow: Flow, operator: Operator) -> str:
    """Keep a constant as real numbers; anything else stays within the integers."""
    index = flow.index(operator, 0)
    if index is None or not flow.is_constant(index) or not is_float(flow.output(operator)):
        return quantize(flow, operator)
    flow.folded[operator.outputs[0]] = flow.reals(operator, 0)
    return ""


def concatenate(flow: Flow, operator: Operator) -> str:
    """Return all inputs, one behind the other."""
    y = flow.output(operator)
    bounds_of(operator)
    values = []
    for port in range(len(operator.inputs)):
        shape = flow.tensor(operator, port).shape[1:]
        values.append(flow.value(operator, port, shape))
    if not values:
        raise BadModelFile("The file is damaged: CONCATENATION has no input.")
    (axis,) = axes_of([operator.option("Axis")], len(y.shape) - 1)
    made = values[0]
    for value in values[1:]:
        made = flow.node("concatenate", type_of(y), a=made, b=value, attributes={"axis": axis})
    return flow.activated(operator, made)


def pad(flow: Flow, operator: Operator) -> str:
    """Return the value with zeros, or a constant, around it."""
    require_same_integers(flow, operator)
    value = flow.value(operator)
    edges = np.array(flow.whole(operator, 1))
    axes = len(flow.type(value).shape)
    if edges.size != 2 * (axes + 1) or edges[:2].any() or edges.min() < 0:
        raise UnsupportedModel(
            f"its padding is {edges.tolist()}; pairs of 0 or more, none for the batch axis, are compiled"
        )
    attributes: dict[str, object] = {"before": tuple(edges[2::2].tolist()), "behind": tuple(edges[3::2].tolist())}
    if operator.name == "PADV2":
        attributes["value"] = float(flow.reals(operator, 2).ravel()[0])
    return flow.node("pad", flow.type(value), x=value, attributes=attributes)


def transpose(flow: Flow, operator: Operator) -> str:
    """Return the axes in another order, the batch axis first."""
    require_same_integers(flow, operator)
    value, axes = flow.value(operator), flow.whole(operator, 1)
    if not axes or axes[0] != 0:
        raise UnsupportedModel(f"it moves the batch axis: its order is {axes}, and 0 must come first")
    return flow.node("transpose", flow.type(value), x=value, attributes={"axes": tuple(axis - 1 for axis in axes[1:])})


def cut_out(flow: Flow, operator: Operator) -> str:
    """Return a stretch of each axis."""
    require_same_integers(flow, operator)
    value = flow.value(operator)
    shape = (1, *flow.type(value).shape)
    stretches = _slice(flow, operator, shape) if operator.name == "SLICE" else _strided(flow, operator, shape)
    if not all(0 <= start < start + length <= size for (start, length), size in zip(stretches, shape, strict=True)):
        raise UnsupportedModel(
            f"it takes {[list(stretch) for stretch in stretches]} (start, length) out of {list(shape)}"
        )
    for axis, (start, length) in enumerate(stretches[1:]):
        if (start, length) != (0, shape[axis + 1]):
            attributes: dict[str, object] = {"axis": axis, "start": start, "length": length}
            value = flow.node("slice", flow.type(value), x=value, attributes=attributes)
    return value


def _slice(flow: Flow, operator: Operator, shape: tuple[int, ...]) -> list[tuple[int, int]]:
    starts, lengths = flow.whole(operator, 1), flow.whole(operator, 2)
    if not len(starts) == len(lengths) == len(shape):
        raise BadModelFile(f"The file is damaged: SLICE has {len(starts)} starts for {len(shape)} axes.")
    return [
        (start, size - start if length == -1 else length)
        for start, length, size in zip(starts, lengths, shape, strict=True)
    ]


def _strided(flow: Flow, operator: Operator, shape: tuple[int, ...]) -> list[tuple[int, int]]:
    begins, ends, strides = (flow.whole(operator, port) for port in (1, 2, 3))
    if not len(begins) == len(ends) == len(strides) <= len(shape):
        raise BadModelFile(f"The file is damaged: STRIDED_SLICE has {len(begins)} starts for {len(shape)} axes.")
    if set(strides) - {1} or any(operator.option(mask) for mask in ("EllipsisMask", "NewAxisMask", "Offset")):
        raise UnsupportedModel(
            f"its strides are {strides}, or it adds axes; strides of 1 without new axes are compiled"
        )
    found = []
    for axis, size in enumerate(shape):
        bit = 1 << axis
        whole = axis >= len(begins)
        begin = 0 if whole or operator.option("BeginMask") & bit else begins[axis]
        end = size if whole or operator.option("EndMask") & bit else ends[axis]
        begin, end = (min(max(place + size if place < 0 else place, 0), size) for place in (begin, end))
        found.append((begin, 1 if not whole and operator.option("ShrinkAxisMask") & bit else end - begin))
    return found


def resize(flow: Flow, operator: Operator) -> str:
    """Return an image in another size."""
    require_same_integers(flow, operator)
    value, size = flow.value(operator), tuple(flow.whole(operator, 1))
    type = flow.type(value)
    corners, centres = bool(operator.option("AlignCorners")), bool(operator.option("HalfPixelCenters"))
    if len(type.shape) != 3 or len(size) != 2 or min(size) < 1:
        raise UnsupportedModel(f"it turns {list(type.shape)} into {list(size)}; an image and two sizes are compiled")
    if operator.name == "RESIZE_BILINEAR":
        coordinates = "align_corners" if corners else "half_pixel" if centres else "asymmetric"
        return flow.node("resize_bilinear", type, x=value, attributes={"size": size, "coordinates": coordinates})
    by_whole_factors = all(new % old == 0 for new, old in zip(size, type.shape[:2], strict=True))
    if corners or (centres and not by_whole_factors):
        raise UnsupportedModel(
            f"it resizes {list(type.shape[:2])} to {list(size)} with aligned corners or half pixel centres; "
            "nearest pixels from the corner, or by whole factors, are compiled"
        )
    return flow.node("resize_nearest", type, x=value, attributes={"size": size})


LOWER: dict[str, Lower] = {
    **dict.fromkeys(("RESHAPE", "SQUEEZE", "EXPAND_DIMS"), reshape),
    **dict.fromkeys(("PAD", "PADV2"), pad),
    **dict.fromkeys(("SLICE", "STRIDED_SLICE"), cut_out),
    **dict.fromkeys(("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"), resize),
    "CONCATENATION": concatenate,
    "TRANSPOSE": transpose,
    "QUANTIZE": quantize,
    "DEQUANTIZE": dequantize,
}
