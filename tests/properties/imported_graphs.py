"""Random integer graphs as int8 models of others bring them: any scales, zero points, products that round twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st
from random_graphs import LARGEST_EDGE, Draw, windows_within

from edgewright import ops
from edgewright.ir.graph import Graph
from edgewright.ir.types import Type
from edgewright.lowering import Builder

Grow = Callable[[Draw, Builder, str, np.random.Generator], str]
LARGEST_BIAS = 2**16


def _activation(draw: Draw, scale: float) -> Type:
    """Return the type of an activation, its shape still to come; one in four is cut as by a relu."""
    type = Type((), "int8", scale, draw(st.integers(-128, 127)))
    return type.with_range(type.zero_point, 127) if draw(st.integers(0, 3)) == 0 else type


def _scale(draw: Draw) -> float:
    return 2.0 ** draw(st.integers(-9, -1)) * draw(st.sampled_from((1.0, 1.3, 1.9)))


def _made(op: str, builder: Builder, y: Type, attributes: dict[str, Any], **inputs: str) -> str:
    """Append a node whose output is of a type, in the shape that the operator says."""
    shape = ops.get(op).shape({port: builder.type(value) for port, value in inputs.items()}, attributes)
    return builder.node(op, None, replace(y, shape=shape), attributes=attributes, **inputs)


def _product(draw: Draw, builder: Builder, x: str, generator: np.random.Generator, op: str) -> str:
    """Weights with a scale a row and a bias of 32 bits, as large sums as the output can show."""
    image = builder.type(x)
    filters, axis, attributes = draw(st.sampled_from((1, 2, 3, 4, 8))), 0, {}
    if op == "dense":
        shape: tuple[int, ...] = (filters, image.size)
    else:
        size, attributes = windows_within(draw, image.shape)
        if draw(st.integers(0, 2)) == 0:
            size, attributes = (1, 1), {}
        shape = (filters, *size, image.shape[2])
        if op == "depthwise_conv2d":
            filters, axis = image.shape[2] * draw(st.integers(1, 2)), 2
            shape = (*size, filters)
        if draw(st.booleans()):
            attributes = {**attributes, "rounds_twice": True}
    scales = np.array([_scale(draw) for _ in range(filters)])
    w = builder.constant(
        "w",
        generator.integers(-127, 128, shape),
        Type(shape, "int8", tuple(scales.tolist()), axis=axis, limits=(-127, 127)),
    )
    bias_scales = scales * float(image.scales)
    bias = builder.constant(
        "bias",
        generator.integers(-LARGEST_BIAS, LARGEST_BIAS + 1, filters),
        Type((filters,), "int32", tuple(bias_scales.tolist()), axis=0),
    )
    y = _activation(
        draw, float(bias_scales.max()) * 2.0 ** draw(st.integers(-2, 12)) * draw(st.sampled_from((1.0, 1.7)))
    )
    return _made(op, builder, y, attributes, x=x, w=w, bias=bias)


def _conv2d(draw: Draw, builder: Builder, x: str, generator: np.random.Generator) -> str:
    return _product(draw, builder, x, generator, "conv2d")


def _depthwise_conv2d(draw: Draw, builder: Builder, x: str, generator: np.random.Generator) -> str:
    return _product(draw, builder, x, generator, "depthwise_conv2d")


def _separable(draw: Draw, builder: Builder, x: str, generator: np.random.Generator) -> str:
    """A depthwise convolution with a filter a channel and a pointwise one, on whole words of channels."""
    image = builder.type(x)
    channels, rounding = draw(st.sampled_from((4, 8))), {"rounds_twice": draw(st.booleans())}
    edge = draw(st.sampled_from((1, 3)))
    attributes = {**rounding, "padding": (edge // 2,) * 4, "strides": (draw(st.integers(1, 2)),) * 2}
    for op, shape, axis, more in (
        ("conv2d", (channels, 1, 1, image.shape[2]), 0, rounding),
        ("depthwise_conv2d", (edge, edge, channels), 2, attributes),
        ("conv2d", (channels, 1, 1, channels), 0, rounding),
    ):
        scales = tuple(_scale(draw) for _ in range(channels))
        type = Type(shape, "int8", scales, axis=axis, limits=(-127, 127))
        w = builder.constant("w", generator.integers(-127, 128, shape), type)
        sums = np.multiply(scales, float(builder.type(x).scales))
        type = Type((channels,), "int32", tuple(sums.tolist()), axis=0)
        bias = builder.constant("bias", generator.integers(-999, 1000, channels), type)
        x = _made(op, builder, _activation(draw, float(sums.max()) * 100), more, x=x, w=w, bias=bias)
    return x


def _pool(op: str) -> Grow:
    def grow(draw: Draw, builder: Builder, x: str, generator: np.random.Generator) -> str:
        type = builder.type(x)
        size, attributes = windows_within(draw, type.shape)
        if attributes.pop("dilations") != (1, 1):
            size, attributes = (1, 1), {}
        y = type if op == "max_pool2d" or draw(st.booleans()) else _activation(draw, float(type.scales) * 1.3)
        return _made(op, builder, y, {"size": size, **attributes}, x=x)

    return grow


def _pair(draw: Draw, builder: Builder, x: str, generator: np.random.Generator) -> str:
    """A residual: x, and x through a convolution that keeps its shape."""
    type = builder.type(x)
    channels = type.shape[2]
    w = builder.constant(
        "w",
        generator.integers(-127, 128, (channels, 3, 3, channels)),
        Type((channels, 3, 3, channels), "int8", 2.0**-7, limits=(-127, 127)),
    )
    scale = float(type.scales) * 2.0**-7
    bias = builder.constant("bias", generator.integers(-99, 100, channels), Type((channels,), "int32", scale))
    attributes = {"padding": (1, 1, 1, 1), "rounds_twice": draw(st.booleans())}
    branch = _made("conv2d", builder, _activation(draw, scale * 300), attributes, x=x, w=w, bias=bias)
    op = draw(st.sampled_from(("add", "subtract", "multiply", "concatenate")))
    attributes = {"axis": draw(st.integers(0, 2))} if op == "concatenate" else {}
    return _made(op, builder, _activation(draw, float(type.scales) * 1.7), attributes, a=x, b=branch)


def _same(op: str) -> Grow:
    """What only moves integers."""

    def grow(draw: Draw, builder: Builder, x: str, generator: np.random.Generator) -> str:
        type = builder.type(x)
        attributes: dict[str, Any] = {"axes": tuple(draw(st.permutations((0, 1, 2))))}
        if op == "resize_nearest":
            attributes = {"size": (draw(st.integers(1, LARGEST_EDGE)), draw(st.integers(1, LARGEST_EDGE)))}
        return _made(op, builder, type, attributes, x=x)

    return grow


def _rescale(draw: Draw, builder: Builder, x: str, generator: np.random.Generator) -> str:
    return _made("rescale", builder, _activation(draw, _scale(draw)), {}, x=x)


STEPS: dict[str, Grow] = {
    "average_pool2d": _pool("average_pool2d"),
    "conv2d": _conv2d,
    "depthwise_conv2d": _depthwise_conv2d,
    "max_pool2d": _pool("max_pool2d"),
    "pair": _pair,
    "rescale": _rescale,
    "resize_nearest": _same("resize_nearest"),
    "separable": _separable,
    "transpose": _same("transpose"),
}


@st.composite
def imported_graphs(draw: Draw) -> Graph:
    """A random integer graph on images, convolutions most of all, perhaps with a dense layer and softmax behind."""
    generator = np.random.default_rng(draw(st.integers(0, 2**16)))
    builder = Builder("imported")
    shape = (
        draw(st.integers(1, LARGEST_EDGE)),
        draw(st.integers(1, LARGEST_EDGE)),
        draw(st.sampled_from((1, 2, 3, 4, 8))),
    )
    x = builder.input("x", replace(_activation(draw, _scale(draw)), shape=shape))
    for _ in range(draw(st.integers(1, 3))):
        op = draw(st.sampled_from(("conv2d", "depthwise_conv2d", *sorted(STEPS))))
        x = STEPS[op](draw, builder, x, generator)
    type = builder.type(x)
    x = builder.node("reshape", None, replace(type, shape=(type.size,)), x=x, attributes={"shape": (type.size,)})
    if draw(st.booleans()):
        x = _product(draw, builder, x, generator, "dense")
    if draw(st.booleans()):
        x = _made("softmax", builder, Type((), "int8", 2.0**-8, -128), {}, x=x)
    return builder.finish(x)
