"""Random float graphs on images: one function an operator, chosen at random, then flattened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from edgewright.ir.graph import Graph
from edgewright.ir.types import Type
from edgewright.lowering import Builder

Draw = Callable[[st.SearchStrategy[Any]], Any]
Grow = Callable[[Draw, Builder, str, np.random.Generator], str]
LARGEST_EDGE = 9


def _windows(draw: Draw, shape: tuple[int, ...]) -> tuple[tuple[int, int], dict[str, Any]]:
    """Return a size and attributes of windows that fit an image."""
    while True:
        size = (draw(st.integers(1, 4)), draw(st.integers(1, 4)))
        attributes = {
            "strides": (draw(st.integers(1, 3)), draw(st.integers(1, 3))),
            "dilations": (draw(st.integers(1, 2)), draw(st.integers(1, 2))),
            "padding": tuple(draw(st.integers(0, size[side % 2] - 1)) for side in range(4)),
        }
        top, left, bottom, right = attributes["padding"]
        spans = [dilation * (edge - 1) + 1 for edge, dilation in zip(size, attributes["dilations"], strict=True)]
        if spans[0] <= shape[0] + top + bottom and spans[1] <= shape[1] + left + right:
            return size, attributes


def _conv2d(draw: Draw, builder: Builder, x: str, generator: np.random.Generator) -> str:
    channels, filters = builder.type(x).shape[2], draw(st.sampled_from((1, 2, 3, 4, 8)))
    size, attributes = _windows(draw, builder.type(x).shape)
    if draw(st.integers(0, 3)) == 0:
        size, attributes = (1, 1), {}
    w = generator.normal(size=(filters, *size, channels)) * 10.0 ** draw(st.integers(-2, 0))
    bias = builder.constant("bias", generator.normal(size=filters))
    return builder.node("conv2d", x=x, w=builder.constant("w", w), bias=bias, attributes=attributes)


def _depthwise_conv2d(draw: Draw, builder: Builder, x: str, generator: np.random.Generator) -> str:
    channels = builder.type(x).shape[2]
    many = channels * draw(st.integers(1, 2))
    size, attributes = _windows(draw, builder.type(x).shape)
    w = builder.constant("w", generator.normal(size=(*size, many)))
    bias = builder.constant("bias", generator.normal(size=many))
    return builder.node("depthwise_conv2d", x=x, w=w, bias=bias, attributes=attributes)


def _pool(op: str) -> Grow:
    def grow(draw: Draw, builder: Builder, x: str, generator: np.random.Generator) -> str:
        size, attributes = _windows(draw, builder.type(x).shape)
        del attributes["dilations"]
        top, left, bottom, right = attributes["padding"]
        height, width, _ = builder.type(x).shape
        if size[0] > height + top + bottom or size[1] > width + left + right:
            size = (1, 1)
        if op == "average_pool2d":
            attributes["count_include_pad"] = draw(st.booleans())
        attributes["padding"] = tuple(min(edge, size[side % 2] - 1) for side, edge in enumerate(attributes["padding"]))
        return builder.node(op, x=x, attributes={"size": size, **attributes})

    return grow


def _affine(draw: Draw, builder: Builder, x: str, generator: np.random.Generator) -> str:
    channels = builder.type(x).shape[2]
    scale, offset = (builder.constant(port, generator.normal(size=channels)) for port in ("scale", "offset"))
    return builder.node("affine", x=x, scale=scale, offset=offset)


def _residual(draw: Draw, builder: Builder, x: str, generator: np.random.Generator) -> str:
    channels = builder.type(x).shape[2]
    w = builder.constant("w", generator.normal(size=(channels, 3, 3, channels)) / 3)
    bias = builder.constant("bias", generator.normal(size=channels))
    branch = builder.node("conv2d", x=x, w=w, bias=bias, attributes={"padding": (1, 1, 1, 1)})
    return builder.node(draw(st.sampled_from(("add", "subtract", "multiply"))), a=x, b=branch)


def _concatenate(draw: Draw, builder: Builder, x: str, generator: np.random.Generator) -> str:
    other = builder.node("tanh", x=x)
    return builder.node("concatenate", a=x, b=other, attributes={"axis": draw(st.integers(0, 2))})


def _unary(op: str, **attributes: Any) -> Grow:
    def grow(draw: Draw, builder: Builder, x: str, generator: np.random.Generator) -> str:
        return builder.node(op, x=x, attributes=attributes)

    return grow


def _pad(draw: Draw, builder: Builder, x: str, generator: np.random.Generator) -> str:
    before, behind = (tuple(draw(st.integers(0, 2)) for _ in range(3)) for _ in range(2))
    value = draw(st.sampled_from((0.0, -1.5)))
    return builder.node("pad", x=x, attributes={"before": before, "behind": behind, "value": value})


def _transpose(draw: Draw, builder: Builder, x: str, generator: np.random.Generator) -> str:
    return builder.node("transpose", x=x, attributes={"axes": tuple(draw(st.permutations((0, 1, 2))))})


def _slice(draw: Draw, builder: Builder, x: str, generator: np.random.Generator) -> str:
    axis = draw(st.integers(0, 2))
    size = builder.type(x).shape[axis]
    start = draw(st.integers(0, size - 1))
    length = draw(st.integers(1, size - start))
    return builder.node("slice", x=x, attributes={"axis": axis, "start": start, "length": length})


IMAGES: dict[str, Grow] = {
    "conv2d": _conv2d,
    "depthwise_conv2d": _depthwise_conv2d,
    "average_pool2d": _pool("average_pool2d"),
    "max_pool2d": _pool("max_pool2d"),
    "affine": _affine,
    "residual": _residual,
    "concatenate": _concatenate,
    "pad": _pad,
    "transpose": _transpose,
    "slice": _slice,
    "relu": _unary("relu"),
    "clip": _unary("clip", low=0.0, high=6.0),
    "tanh": _unary("tanh"),
    "softmax": _unary("softmax"),
}


@st.composite
def image_graphs(draw: Draw) -> Graph:
    """A random float graph on images of a few pixels, that ends in scores."""
    generator = np.random.default_rng(draw(st.integers(0, 2**16)))
    builder = Builder("random")
    edges = (
        draw(st.integers(1, LARGEST_EDGE)),
        draw(st.integers(1, LARGEST_EDGE)),
        draw(st.sampled_from((1, 2, 3, 4, 8))),
    )
    x = builder.input("x", Type(edges))
    for _ in range(draw(st.integers(1, 4))):
        op = draw(st.sampled_from(sorted(IMAGES)))
        x = IMAGES[op](draw, builder, x, generator)
    size = builder.type(x).size
    x = builder.node("reshape", x=x, attributes={"shape": (size,)})
    if draw(st.booleans()):
        w = builder.constant("w", generator.normal(size=(3, size)) / size**0.5)
        x = builder.node("dense", x=x, w=w, bias=builder.constant("bias", generator.normal(size=3)))
    return builder.finish(x)
