"""A small convolutional network with everything that quantisation treats in its own way, and images for it."""

from __future__ import annotations

import numpy as np

from edgewright.ir import Graph, Type
from edgewright.lowering import Builder


def images(count: int, seed: int = 0) -> np.ndarray:
    """Smooth images [count, 8, 8, 3]."""
    coarse = np.random.default_rng(seed).normal(0.3, 1.0, (count, 4, 4, 3))
    return np.kron(coarse, np.ones((1, 2, 2, 1)))


def small_network(spread: float = 2.0, seed: int = 0) -> Graph:
    """Convolution, depthwise convolution, convolution, sum and dense layer. spread: of the ranges of channels."""
    generator = np.random.default_rng(seed)
    builder = Builder("small")

    def product(op: str, shape: tuple[int, ...], x: str, channels: int, **attributes: tuple[int, ...]) -> str:
        inputs = int(np.prod(shape)) // channels
        w = builder.constant("w", generator.normal(0, 1.5 / np.sqrt(inputs), shape))
        bias = builder.constant("bias", generator.normal(0.1, 0.2, channels))
        return builder.node(op, x=x, w=w, bias=bias, attributes=dict(attributes))

    x = builder.input("x", Type((8, 8, 3)))
    uneven = np.geomspace(1.0, spread, 8)
    w = builder.constant("w", generator.normal(0, 0.3, (8, 3, 3, 3)) * uneven[:, None, None, None])
    bias = builder.constant("bias", generator.normal(0, 0.1, 8) * uneven)
    first = builder.node("conv2d", x=x, w=w, bias=bias, attributes={"padding": (1, 1, 1, 1)})
    first = builder.node("relu", "first", x=first)
    w = builder.constant("w", generator.normal(0, 0.5, (3, 3, 8)) / uneven)
    depthwise = builder.node(
        "depthwise_conv2d", x=first, w=w, bias=builder.constant("bias", np.full(8, 0.1)),
        attributes={"strides": (2, 2), "padding": (0, 0, 1, 1)},
    )  # fmt: skip
    second = builder.node("clip", "second", x=depthwise, attributes={"low": 0.0, "high": 6.0})
    third = product("conv2d", (8, 1, 1, 8), second, 8)
    total = builder.node("relu", "total", x=builder.node("add", a=third, b=second))
    flat = builder.node("reshape", x=total, attributes={"shape": (128,)})
    w = builder.constant("w", generator.normal(0, 0.1, (4, 128)))
    scores = builder.node("dense", "scores", x=flat, w=w, bias=builder.constant("bias", [0.0, 0.1, -0.2, 0.3]))
    return builder.finish(scores)
