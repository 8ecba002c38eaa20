"""Random float graphs on images and vectors: one function an operator, chosen at random, then one of many ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from edgewright.ir.graph import Graph
from edgewright.ir.types import Type
from edgewright.lowering import Builder
from edgewright.ops.resize_bilinear import COORDINATES
from edgewright.ops.tree_ensemble import tabulate

Draw = Callable[[st.SearchStrategy[Any]], Any]
Grow = Callable[[Draw, Builder, str, np.random.Generator], str]
LARGEST_EDGE = 9
MOST_FEATURES = 12  # of what trees, neighbours and the like read
ACTIVATIONS: dict[str, dict[str, Any]] = {
    "absolute": {},
    "clip": {"low": 0.0, "high": 6.0},
    "elu": {"alpha": 1.0},
    "erf": {},
    "gelu": {},
    "hard_sigmoid": {},
    "hard_swish": {},
    "hard_tanh": {},
    "leaky_relu": {"slope": 0.125},
    "relu": {},
    "rescale": {},
    "sigmoid": {},
    "softmax": {},
    "softplus": {},
    "square_root": {},
    "tanh": {},
}


def windows_within(draw: Draw, shape: tuple[int, ...]) -> tuple[tuple[int, int], dict[str, Any]]:
    """Return a size and attributes of windows that fit an image."""
    size, dilations, padding = [1, 1], [1, 1], [0, 0, 0, 0]
    for axis in range(2):
        edge, dilation = draw(st.integers(1, 4)), draw(st.integers(1, 2))
        before, behind = draw(st.integers(0, edge - 1)), draw(st.integers(0, edge - 1))
        if dilation * (edge - 1) + 1 <= shape[axis] + before + behind:
            size[axis], dilations[axis], padding[axis], padding[axis + 2] = edge, dilation, before, behind
    strides = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    return (size[0], size[1]), {"strides": strides, "dilations": tuple(dilations), "padding": tuple(padding)}


def _conv2d(draw: Draw, builder: Builder, x: str, generator: np.random.Generator) -> str:
    channels, filters = builder.type(x).shape[2], draw(st.sampled_from((1, 2, 3, 4, 8)))
    size, attributes = windows_within(draw, builder.type(x).shape)
    if draw(st.integers(0, 3)) == 0:
        size, attributes = (1, 1), {}
    w = generator.normal(size=(filters, *size, channels)) * 10.0 ** draw(st.integers(-2, 0))
    bias = builder.constant("bias", generator.normal(size=filters))
    return builder.node("conv2d", x=x, w=builder.constant("w", w), bias=bias, attributes=attributes)


def _depthwise_conv2d(draw: Draw, builder: Builder, x: str, generator: np.random.Generator) -> str:
    channels = builder.type(x).shape[2]
    many = channels * draw(st.integers(1, 2))
    size, attributes = windows_within(draw, builder.type(x).shape)
    w = builder.constant("w", generator.normal(size=(*size, many)))
    bias = builder.constant("bias", generator.normal(size=many))
    return builder.node("depthwise_conv2d", x=x, w=w, bias=bias, attributes=attributes)


def _separable(draw: Draw, builder: Builder, x: str, generator: np.random.Generator) -> str:
    """A depthwise convolution and a pointwise one, as networks for small devices have them."""
    channels, filters = builder.type(x).shape[2], draw(st.sampled_from((2, 4, 8)))
    edge = draw(st.sampled_from((1, 3)))
    w = builder.constant("w", generator.normal(size=(edge, edge, channels)))
    bias = builder.constant("bias", generator.normal(size=channels))
    attributes = {"padding": (edge // 2,) * 4, "strides": (draw(st.integers(1, 2)),) * 2}
    x = builder.node("depthwise_conv2d", x=x, w=w, bias=bias, attributes=attributes)
    if draw(st.booleans()):
        x = builder.node("relu", x=x)
    w = builder.constant("w", generator.normal(size=(filters, 1, 1, channels)))
    return builder.node("conv2d", x=x, w=w, bias=builder.constant("bias", generator.normal(size=filters)))


def _pool(op: str) -> Grow:
    def grow(draw: Draw, builder: Builder, x: str, generator: np.random.Generator) -> str:
        size, attributes = windows_within(draw, builder.type(x).shape)
        if attributes.pop("dilations") != (1, 1):  # pools have none
            size, attributes = (1, 1), {}
        if op == "average_pool2d":
            attributes["count_include_pad"] = draw(st.booleans())
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


def _activation(draw: Draw, builder: Builder, x: str, generator: np.random.Generator) -> str:
    op = draw(st.sampled_from(sorted(ACTIVATIONS)))
    return builder.node(op, x=x, attributes=ACTIVATIONS[op])


def _exp(draw: Draw, builder: Builder, x: str, generator: np.random.Generator) -> str:
    # Of what is bounded: exp of exp of exp leaves float64
    return builder.node(
        "exp", x=builder.node("hard_tanh", x=x), attributes={"factor": draw(st.sampled_from((1.0, -2.0)))}
    )


def _add_bias(draw: Draw, builder: Builder, x: str, generator: np.random.Generator) -> str:
    bias = builder.constant("bias", generator.normal(size=builder.type(x).shape[-1]))
    return builder.node("add_bias", x=x, bias=bias)


def _resize(op: str) -> Grow:
    def grow(draw: Draw, builder: Builder, x: str, generator: np.random.Generator) -> str:
        attributes: dict[str, Any] = {"size": (draw(st.integers(1, LARGEST_EDGE)), draw(st.integers(1, LARGEST_EDGE)))}
        if op == "resize_bilinear":
            attributes["coordinates"] = draw(st.sampled_from(COORDINATES))
        return builder.node(op, x=x, attributes=attributes)

    return grow


def _reduce(draw: Draw, builder: Builder, x: str, generator: np.random.Generator) -> str:
    """Reduce an axis, which then has one entry."""
    axis, shape = draw(st.integers(0, 2)), builder.type(x).shape
    op = draw(st.sampled_from(("reduce_max", "reduce_mean", "reduce_sum")))
    reduced = builder.node(op, x=x, attributes={"axis": axis})
    return builder.node("reshape", x=reduced, attributes={"shape": (*shape[:axis], 1, *shape[axis + 1 :])})


def _fold(draw: Draw, builder: Builder, x: str, generator: np.random.Generator) -> str:
    """Read the same entries as an image of another shape."""
    down, across, channels = builder.type(x).shape
    shapes = ((across, down, channels), (1, down * across, channels), (down, across * channels, 1))
    return builder.node("reshape", x=x, attributes={"shape": draw(st.sampled_from(shapes))})


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
    "activation": _activation,
    "add_bias": _add_bias,
    "affine": _affine,
    "average_pool2d": _pool("average_pool2d"),
    "concatenate": _concatenate,
    "conv2d": _conv2d,
    "depthwise_conv2d": _depthwise_conv2d,
    "exp": _exp,
    "fold": _fold,
    "max_pool2d": _pool("max_pool2d"),
    "pad": _pad,
    "reduce": _reduce,
    "residual": _residual,
    "resize_bilinear": _resize("resize_bilinear"),
    "resize_nearest": _resize("resize_nearest"),
    "separable": _separable,
    "slice": _slice,
    "transpose": _transpose,
}


def _dense_to(rows: int, builder: Builder, x: str, generator: np.random.Generator, zeros: float = 0.0) -> str:
    (columns,) = builder.type(x).shape
    w = generator.normal(size=(rows, columns)) / columns**0.5 * (generator.random((rows, columns)) >= zeros)
    bias = builder.constant("bias", generator.normal(size=rows))
    return builder.node("dense", x=x, w=builder.constant("w", w), bias=bias)


def _scores(draw: Draw, builder: Builder, x: str, generator: np.random.Generator) -> str:
    return _dense_to(draw(st.integers(1, 5)), builder, x, generator, draw(st.sampled_from((0.0, 0.9))))


def _classes(draw: Draw, builder: Builder, x: str, generator: np.random.Generator) -> str:
    scores = _scores(draw, builder, x, generator)
    return builder.node(draw(st.sampled_from(("argmax", "softmax"))), x=scores)


def _votes(draw: Draw, builder: Builder, x: str, generator: np.random.Generator) -> str:
    classes = draw(st.integers(2, 4))
    scores = _dense_to(classes * (classes - 1) // 2, builder, x, generator)
    return builder.node("pairwise_vote", x=scores)


def _neighbours(draw: Draw, builder: Builder, x: str, generator: np.random.Generator) -> str:
    (columns,), count = builder.type(x).shape, draw(st.integers(1, 9))
    attributes: dict[str, Any] = {
        "neighbours": draw(st.integers(1, count)),
        "by_distance": draw(st.booleans()),
        "wide": draw(st.booleans()),
    }
    answers = generator.normal(size=(count, 2))
    if draw(st.booleans()):
        attributes["classes"] = 3
        answers = generator.integers(0, 3, count)
    prototypes = builder.constant("prototypes", generator.normal(size=(count, columns)))
    answers = builder.constant("answers", answers)
    return builder.node("nearest_neighbours", x=x, prototypes=prototypes, answers=answers, attributes=attributes)


def _distances(draw: Draw, builder: Builder, x: str, generator: np.random.Generator) -> str:
    values = generator.normal(size=(draw(st.integers(1, 5)), *builder.type(x).shape))
    prototypes = builder.constant("prototypes", values)
    return builder.node("squared_distance", x=x, prototypes=prototypes, attributes={"wide": draw(st.booleans())})


def _tree_ensemble(draw: Draw, builder: Builder, x: str, generator: np.random.Generator) -> str:
    (features,), rows = builder.type(x).shape, draw(st.integers(1, 9))

    def expand(depth: int) -> Any:
        if depth == 0 or generator.random() < 0.2:
            return int(generator.integers(rows))
        return int(generator.integers(features)), float(generator.normal()), depth - 1, depth - 1

    tables = tabulate([draw(st.integers(0, 4)) for _ in range(draw(st.integers(1, 4)))], expand)

    def table(port: str, entries: list[int]) -> str:
        return builder.constant(port, entries, Type((len(entries),), "int32", 1.0))

    return builder.node(
        "tree_ensemble",
        x=x,
        feature=table("feature", tables.feature),
        threshold=builder.constant("threshold", tables.threshold),
        left=table("left", tables.left),
        leaf=table("leaf", tables.leaf),
        leaves=builder.constant(
            "leaves", generator.normal(size=(rows, draw(st.integers(1, 3)))) + draw(st.sampled_from((0, 9)))
        ),
        size=table("size", tables.size),
    )


def _path(draw: Draw, builder: Builder, x: str, generator: np.random.Generator) -> str:
    """Bonsai's own end: what the nodes on a path through a tree say, added up."""
    (columns,), nodes, rows = builder.type(x).shape, draw(st.sampled_from((1, 3, 7))), draw(st.integers(1, 4))
    w = builder.constant("w", generator.normal(size=(nodes, columns)))
    index = builder.node("tree_path", x=x, w=w)
    if draw(st.integers(0, 3)) == 0:
        return index
    w = builder.constant("w", generator.normal(size=((2 * nodes + 1) * rows, columns)))
    chosen = builder.node("gather_dense", x=x, index=index, w=w, attributes={"rows": rows})
    return builder.node("reduce_sum", x=chosen, attributes={"axis": draw(st.integers(0, 1))})


ENDS: dict[str, Grow] = {
    "classes": _classes,
    "distances": _distances,
    "neighbours": _neighbours,
    "path": _path,
    "scores": _scores,
    "tree_ensemble": _tree_ensemble,
    "votes": _votes,
}


def _finished(draw: Draw, builder: Builder, x: str, generator: np.random.Generator) -> Graph:
    """Return the graph with an end behind a vector, or with none."""
    if draw(st.integers(0, 3)) == 0:
        return builder.finish(x)
    if builder.type(x).size > MOST_FEATURES:
        x = _dense_to(MOST_FEATURES, builder, x, generator)
    return builder.finish(ENDS[draw(st.sampled_from(sorted(ENDS)))](draw, builder, x, generator))


@st.composite
def image_graphs(draw: Draw) -> Graph:
    """A random float graph on images of a few pixels; values may be read again further behind."""
    generator = np.random.default_rng(draw(st.integers(0, 2**16)))
    builder = Builder("random")
    edges = (
        draw(st.integers(1, LARGEST_EDGE)),
        draw(st.integers(1, LARGEST_EDGE)),
        draw(st.sampled_from((1, 2, 3, 4, 8))),
    )
    made = [builder.input("x", Type(edges))]
    for _ in range(draw(st.integers(1, 4))):
        op = draw(st.sampled_from(sorted(IMAGES)))
        x = IMAGES[op](draw, builder, made[-1], generator)
        alike = [value for value in made if builder.type(value).shape == builder.type(x).shape]
        if alike and draw(st.integers(0, 2)) == 0:
            x = builder.node(draw(st.sampled_from(("add", "subtract"))), a=x, b=draw(st.sampled_from(alike)))
        made.append(x)
    x = builder.node("reshape", x=made[-1], attributes={"shape": (builder.type(made[-1]).size,)})
    return _finished(draw, builder, x, generator)


@st.composite
def vector_graphs(draw: Draw) -> Graph:
    """A random float graph on vectors as tables have them: scaled, perhaps through a layer, then an end."""
    generator = np.random.default_rng(draw(st.integers(0, 2**16)))
    builder = Builder("random")
    x = builder.input("x", Type((draw(st.integers(1, MOST_FEATURES)),)))
    for _ in range(draw(st.integers(0, 3))):
        (size,) = builder.type(x).shape
        if draw(st.integers(0, 2)) == 0:
            x = _dense_to(draw(st.integers(1, MOST_FEATURES)), builder, x, generator)
        elif draw(st.integers(0, 2)) == 0:
            scale, offset = (builder.constant(port, generator.normal(size=size)) for port in ("scale", "offset"))
            x = builder.node("affine", x=x, scale=scale, offset=offset)
        else:
            x = _activation(draw, builder, x, generator)
    return _finished(draw, builder, x, generator)
