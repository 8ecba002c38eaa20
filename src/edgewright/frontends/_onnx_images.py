"""ONNX's operators over images and series: the file's [channels, height, width] lies as [height, width, channels] in the graph."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from edgewright.errors import BadModelFile, UnsupportedModel
from edgewright.frontends._onnx_flow import (
    Flow,
    ModelBuilder,
    Operation,
    Product,
    along_line,
    channels_last,
    settle,
    settled,
    stored_as,
)

IMAGE = 3  # axes of [channels, height, width]
MOST_GROUPS = 64  # that a convolution is cut into
LARGEST_WINDOW = 2**15 - 1


@dataclass(frozen=True)
class Geometry:
    """Where windows lie on an image, each pair as (down, across); padding: top, left, bottom, right."""

    size: tuple[int, int]
    strides: tuple[int, int]
    dilations: tuple[int, int]
    padding: tuple[int, int, int, int]
    counts: tuple[int, int]
    beyond: bool  # ceil_mode lets windows reach beyond the padding


def image_of(builder: ModelBuilder, x: Flow) -> Flow:
    """Return an image, or a series [channels, length] as an image of height 1, with its channels last. Raises UnsupportedModel."""
    if len(x.shape) not in (IMAGE - 1, IMAGE) or x.flattened or x.batch_at:
        raise UnsupportedModel(
            f"it works on rows of shape {list(x.shape)}; series [channels, length] and images [channels, height, width] are compiled. "
            "Reshape them"
        )
    last = settled(builder, channels_last(builder, x))
    if len(x.shape) == IMAGE:
        return last
    channels, length = x.shape
    value = stored_as(builder, last, (1, length, channels))
    return replace(last, value=value, shape=(channels, 1, length), order=(1, 2, 0))


def _as_given(builder: ModelBuilder, made: Flow, x: Flow) -> Flow:
    """Return a result as a series where x was one."""
    if len(x.shape) == IMAGE:
        return made
    channels, _, length = made.shape
    value = stored_as(builder, made, (length, channels))
    return replace(made, value=value, pending=None, shape=(channels, length), order=(1, 0))


def geometry(node: Operation, image: tuple[int, ...], kernel: tuple[int, ...]) -> Geometry:
    """Return how the windows of a convolution or a pool lie on [height, width], axes of height 1 added for a series."""
    axes = len(kernel)
    given = [int(entry) for entry in np.ravel(node.attributes.get("kernel_shape", kernel))]
    if given != list(kernel):
        raise BadModelFile(f"its kernel_shape is {given} where its windows are {list(kernel)}")
    strides = _pair(node, "strides", axes)
    dilations = _pair(node, "dilations", axes)
    size = (kernel[0], kernel[1]) if axes == IMAGE - 1 else (1, kernel[0])
    spans = [(size[k] - 1) * dilations[k] + 1 for k in (0, 1)]
    padding = _padding(node, axes, image, spans, strides)
    ceil = bool(node.number("ceil_mode", 0))
    whole = [image[k] + padding[k] + padding[k + 2] for k in (0, 1)]
    if any(span > edge for span, edge in zip(spans, whole, strict=True)) or max(*whole, *size) > LARGEST_WINDOW:
        raise UnsupportedModel(f"its windows {list(size)} do not fit the image {list(image)} with its padding")
    counts = [(whole[k] - spans[k]) // strides[k] + 1 for k in (0, 1)]
    beyond = False
    for k in (0, 1):
        more = -(-(whole[k] - spans[k]) // strides[k]) + 1
        # a window that would begin behind the image and its first padding is left out
        if ceil and more > counts[k] and (more - 1) * strides[k] < image[k] + padding[k]:
            padding[k + 2] += (more - 1) * strides[k] + spans[k] - whole[k]
            counts[k], beyond = more, True
    top, left, bottom, right = padding
    return Geometry(size, strides, dilations, (top, left, bottom, right), (counts[0], counts[1]), beyond)


def _pair(node: Operation, name: str, axes: int) -> tuple[int, int]:
    values = [int(entry) for entry in np.ravel(node.attributes.get(name, [1] * axes))]
    if len(values) != axes or not all(1 <= value <= LARGEST_WINDOW for value in values):
        raise BadModelFile(f"its {name} are {values}; they must be {axes} positive numbers")
    return (values[0], values[1]) if axes == IMAGE - 1 else (1, values[0])


def _padding(
    node: Operation, axes: int, image: tuple[int, ...], spans: list[int], strides: tuple[int, int]
) -> list[int]:
    auto = node.text("auto_pad", "NOTSET")
    if auto in ("NOTSET", "", "VALID"):
        zeros = [0] * (2 * axes)
        pads = zeros if auto == "VALID" else [int(entry) for entry in np.ravel(node.attributes.get("pads", zeros))]
        if len(pads) != 2 * axes or not all(0 <= pad <= LARGEST_WINDOW for pad in pads):
            raise UnsupportedModel(f"its pads are {pads}; {2 * axes} numbers from 0 on are compiled")
        return pads if axes == IMAGE - 1 else [0, pads[0], 0, pads[1]]
    if auto not in ("SAME_UPPER", "SAME_LOWER"):
        raise BadModelFile(f"its auto_pad is {auto!r}")
    missing = [
        max((-(-edge // stride) - 1) * stride + span - edge, 0)
        for edge, stride, span in zip(image, strides, spans, strict=True)
    ]
    less, more = [entry // 2 for entry in missing], [entry - entry // 2 for entry in missing]
    return [*less, *more] if auto == "SAME_UPPER" else [*more, *less]


def convolution(builder: ModelBuilder, node: Operation) -> Flow:
    """Conv over series and images: one group, a group a channel (depthwise), or a few groups side by side."""
    x, w = node.flow, node.floats(1, "weights")
    if w.ndim != len(x.shape) + 1:
        raise UnsupportedModel(f"its weights {list(w.shape)} do not fit rows of shape {list(x.shape)}")
    image, groups = image_of(builder, x), int(node.number("group", 1))
    channels, filters = image.shape[0], len(w)
    if groups < 1 or filters % groups or w.shape[1] * groups != channels or not filters:
        raise BadModelFile(f"its weights {list(w.shape)} in {groups} groups do not fit {channels} channels")
    at = geometry(node, image.shape[1:], w.shape[2:])
    bias = np.zeros(filters) if node.at(2) is None else node.floats(2, "bias")
    if bias.shape != (filters,):
        raise BadModelFile(f"its bias has the shape {list(bias.shape)} for {filters} filters")
    kernel = w.reshape(filters, w.shape[1], *at.size)
    attributes = {"strides": at.strides, "dilations": at.dilations, "padding": at.padding}
    scale = _filter_scale(node, filters)
    shape = (filters, *at.counts)
    if groups == 1:
        product = Product("conv2d", kernel.transpose(0, 2, 3, 1), bias, attributes, scale)
    elif w.shape[1] == 1:
        product = Product("depthwise_conv2d", kernel[:, 0], bias, attributes, scale)
    else:
        made = _grouped(
            builder, image, Product("conv2d", kernel.transpose(0, 2, 3, 1), bias, attributes), groups, shape
        )
        if scale is not None:
            raise UnsupportedModel("it has groups of several channels, which are not compiled in a quantised model")
        return _as_given(builder, made, x)
    made = replace(image, shape=shape, pending=product)
    return made if len(x.shape) == IMAGE else _as_given(builder, made, x)


def _filter_scale(node: Operation, filters: int) -> np.ndarray | None:
    grid = node.grid(1)
    if grid is None:
        return None
    if grid.axis not in (None, 0):
        raise UnsupportedModel("its weights have a scale for each entry of another axis than that of the filters")
    return np.broadcast_to(grid.scale, (filters,))


def _grouped(builder: ModelBuilder, image: Flow, whole: Product, groups: int, shape: tuple[int, ...]) -> Flow:
    if groups > MOST_GROUPS:
        raise UnsupportedModel(
            f"it has {groups} groups of several channels; {MOST_GROUPS} at most are compiled, or a group a channel"
        )
    channels, filters = image.shape[0] // groups, shape[0] // groups
    joined = ""
    for group in range(groups):
        cut = {"axis": 2, "start": group * channels, "length": channels}
        part = builder.node("slice", x=image.value, attributes=cut)
        rows = slice(group * filters, (group + 1) * filters)
        made = settle(builder, Flow(part, shape, replace(whole, weights=whole.weights[rows], bias=whole.bias[rows])))
        joined = builder.node("concatenate", attributes={"axis": 2}, a=joined, b=made) if joined else made
    return replace(image, value=joined, shape=shape, pending=None)


def pool(builder: ModelBuilder, node: Operation) -> Flow:
    """MaxPool and AveragePool."""
    if any(node.outputs[1:]):
        raise UnsupportedModel("it gives the places of the maxima too. Export the model without them")
    x = node.flow
    image = image_of(builder, x)
    kernel = tuple(int(entry) for entry in np.ravel(node.attributes.get("kernel_shape", [])))
    if len(kernel) != len(x.shape) - 1 or min(kernel, default=0) < 1:
        raise BadModelFile(f"its kernel_shape {list(kernel)} does not fit rows of shape {list(x.shape)}")
    at = geometry(node, image.shape[1:], kernel)
    attributes: dict[str, object] = {"size": at.size, "strides": at.strides, "padding": at.padding}
    op = "max_pool2d" if node.op == "MaxPool" else "average_pool2d"
    if at.dilations != (1, 1):
        raise UnsupportedModel(f"its dilations are {list(at.dilations)}; pools without are compiled")
    if op == "average_pool2d":
        inclusive = bool(node.number("count_include_pad", 0))
        if inclusive and at.beyond:
            raise UnsupportedModel(
                "it counts its padding (count_include_pad) and rounds up (ceil_mode); leave one of them out"
            )
        attributes["count_include_pad"] = inclusive
    value = builder.node(op, x=image.value, attributes=attributes)
    return _as_given(builder, replace(image, value=value, shape=(image.shape[0], *at.counts)), x)


def global_pool(builder: ModelBuilder, node: Operation) -> Flow:
    """GlobalAveragePool and GlobalMaxPool: a reduction of all pixels."""
    x = node.flow
    image = image_of(builder, x)
    channels, height, width = image.shape
    lines = builder_reshape(builder, image.value, (height * width, channels))
    op = "reduce_mean" if node.op == "GlobalAveragePool" else "reduce_max"
    value = builder.node(op, x=lines, attributes={"axis": 0})
    pixel = Flow(builder_reshape(builder, value, (1, 1, channels)), (channels, 1, 1), order=(1, 2, 0))
    return _as_given(builder, pixel, x)


def builder_reshape(builder: ModelBuilder, value: str, shape: tuple[int, ...]) -> str:
    """Return a value with another shape."""
    return (
        value if builder.type(value).shape == shape else builder.node("reshape", x=value, attributes={"shape": shape})
    )


def normalisation(builder: ModelBuilder, node: Operation) -> Flow:
    """BatchNormalization with the statistics of training: a line a channel."""
    x = node.flow
    if any(node.outputs[1:]) or node.number("training_mode", 0):
        raise UnsupportedModel("it normalises by the batch. Export the model for inference (model.eval())")
    if not x.shape or not node.number("spatial", 1) or x.batch_at:
        raise UnsupportedModel(
            f"it normalises rows of shape {list(x.shape)}; [features] and [channels, ...] are compiled"
        )
    names = ("scale", "bias", "mean", "variance")
    scale, bias, mean, variance = (node.floats(index, name) for index, name in enumerate(names, 1))
    if any(entry.shape != x.shape[:1] for entry in (scale, bias, mean, variance)):
        raise BadModelFile(f"its constants do not have one entry for each of {x.shape[0]} channels")
    slope = scale / np.sqrt(variance + node.number("epsilon", 1e-5))
    offset = bias - mean * slope
    if len(x.shape) > 1:
        return along_line(channels_last(builder, x), slope, offset)
    return along_line(x, x.laid(slope), x.laid(offset))


def resize(builder: ModelBuilder, node: Operation) -> Flow:
    """Resize and Upsample by whole factors: nearest, or linear with half pixels or aligned corners."""
    x = node.flow
    image = image_of(builder, x)
    wanted = _resized(node, x)
    if wanted[0] != x.shape[0]:
        raise UnsupportedModel("it resizes the channels. Export the model without it")
    sizes = wanted[1:] if len(wanted) == IMAGE else (1, wanted[1])
    mode = node.text("mode", "nearest")
    upsample = node.op == "Upsample" or node.opset < 11
    how = node.text("coordinate_transformation_mode", "asymmetric" if upsample else "half_pixel")
    attributes: dict[str, object] = {"size": sizes}
    if all(size == old for size, old in zip(sizes, image.shape[1:], strict=True)):
        return x
    if mode == "nearest":
        _check_nearest(node, image.shape[1:], sizes, how, upsample)
        value = builder.node("resize_nearest", x=image.value, attributes=attributes)
    elif mode == "linear":
        if how not in ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"):
            raise UnsupportedModel(
                f"its coordinates are {how!r}; half_pixel, align_corners and asymmetric are compiled"
            )
        if node.number("antialias", 0) or (how == "pytorch_half_pixel" and 1 in sizes):
            raise UnsupportedModel(
                "it smooths while it shrinks (antialias), or shrinks to one pixel. Export it without"
            )
        attributes["coordinates"] = "half_pixel" if how == "pytorch_half_pixel" else how
        value = builder.node("resize_bilinear", x=image.value, attributes=attributes)
    else:
        raise UnsupportedModel(f"its mode is {mode!r}; nearest and linear are compiled")
    return _as_given(builder, replace(image, value=value, shape=(image.shape[0], *sizes)), x)


def _check_nearest(node: Operation, old: tuple[int, ...], sizes: tuple[int, ...], how: str, upsample: bool) -> None:
    """Raise UnsupportedModel unless pixel i of the result is pixel floor(i * old / new)."""
    rounding = "floor" if upsample else node.text("nearest_mode", "round_prefer_floor")
    for before, after in zip(old, sizes, strict=True):
        steps = np.arange(after)
        places = {
            "asymmetric": steps * (before / after),
            "half_pixel": (steps + 0.5) * (before / after) - 0.5,
            "pytorch_half_pixel": (steps + 0.5) * (before / after) - 0.5 if after > 1 else steps * 0.0,
            "align_corners": steps * ((before - 1) / max(after - 1, 1)),
        }.get(how)
        rounded: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
            "floor": np.floor,
            "ceil": np.ceil,
            "round_prefer_floor": lambda place: np.ceil(place - 0.5),
            "round_prefer_ceil": lambda place: np.floor(place + 0.5),
        }
        if places is None or rounding not in rounded:
            raise UnsupportedModel(f"its coordinates {how!r} or its rounding {rounding!r} are not compiled")
        found = np.clip(rounded[rounding](places), 0, before - 1).astype(int)
        if not np.array_equal(found, steps * before // after):
            raise UnsupportedModel(
                f"it takes other pixels than floor(i * {before} / {after}); export it with asymmetric coordinates and floor"
            )


def _resized(node: Operation, x: Flow) -> tuple[int, ...]:
    """Return the new shape of a row [channels, ...]."""
    before = (node.batch, *x.shape)
    old = node.op == "Upsample" or node.opset < 11
    scales = node.attributes.get("scales")
    if scales is None:
        scales = node.constant(1 if old else 2, "scales")
    sizes = None if old else node.constant(3, "sizes")
    axes = [int(entry) for entry in np.ravel(node.attributes.get("axes", range(len(before))))]
    given = sizes if sizes is not None and np.size(sizes) else scales
    if given is None or np.size(given) != len(axes) or not all(-len(before) <= axis < len(before) for axis in axes):
        raise BadModelFile("its scales or sizes do not fit its input")
    if sizes is not None and np.size(sizes) and node.text("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise UnsupportedModel("it keeps the aspect ratio; give the size itself (keep_aspect_ratio_policy: stretch)")
    after = list(before)
    for axis, entry in zip(axes, np.ravel(given), strict=True):
        if not math.isfinite(float(entry)):
            raise BadModelFile("its scales are not finite")
        wanted = float(entry) if given is sizes else before[axis] * float(entry)
        if given is not sizes and abs(wanted - round(wanted)) > 1e-6 * max(wanted, 1.0):
            raise UnsupportedModel(f"it resizes axis {axis} by {float(entry):g}, which gives no whole number of pixels")
        after[axis] = round(wanted)
    if after[0] != before[0] or min(after) < 1 or max(after) > LARGEST_WINDOW:
        raise UnsupportedModel(
            f"it resizes {list(before)} to {after}; the batch must stay and every axis have an entry"
        )
    return tuple(after[1:])
