"""Graphs that several tests use: made by hand, and at random."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from edgewright.ir.graph import Graph, Node
from edgewright.ir.types import Array, Type
from edgewright.lowering import Builder

Draw = Callable[[st.SearchStrategy[Any]], Any]
INT16 = "int16"


def integers(*shape: int, dtype: str = INT16, **more: Any) -> Type:
    """An integer type at scale 1."""
    return Type(shape, dtype, 1.0, **more)


def plain(
    nodes: list[Node],
    outputs: tuple[str, ...],
    types: dict[str, Type],
    *,
    inputs: tuple[str, ...] = ("x",),
    name: str = "model",
    **more: Any,
) -> Graph:
    """A graph that no rule has been checked for."""
    return Graph(inputs, outputs, tuple(nodes), types, name=name, **more)


def node(op: str, output: str, /, *, attributes: dict[str, Any] | None = None, **inputs: str) -> Node:
    return Node(op, inputs, output, attributes or {})


def add(a: str, b: str, y: str) -> Node:
    return node("add", y, a=a, b=b)


def scanned(body: Graph, output: str = "last", *, steps: int = 3, reverse: bool = False) -> Graph:
    """A graph that is only a scan over a body, its types those of the body."""
    y = body.output_type
    y = y if output == "last" else replace(y, shape=(steps, *y.shape))
    x = replace(body.input_type, shape=(steps, *body.input_type.shape))
    attributes = {"body": body, "output": output, "reverse": reverse}
    return plain([node("scan", "y", x="x", attributes=attributes)], ("y",), {"x": x, "y": y})


def running_sum(start: list[int] | None = None, width: int = 2) -> Graph:
    """The body h := h + x in integers."""
    constants = {} if start is None else {"h": np.array(start, INT16)}
    return plain(
        [add("s", "h", "sum")],
        ("sum",),
        dict.fromkeys(("s", "h", "sum"), integers(width)),
        inputs=("s",),
        state={"h": "sum"},
        constants=constants,
        name="body",
    )


def dense_tanh() -> Graph:
    """A float graph of two classes: dense, tanh, dense."""
    builder = Builder("tiny")
    x = builder.input("x", Type((3,)))
    w = builder.constant("w", [[0.5, -1.25, 0.75], [1.5, 0.25, -0.5]])
    hidden = builder.node("dense", "hidden", x=x, w=w, bias=builder.constant("bias", [0.125, -0.25]))
    active = builder.node("tanh", "active", x=hidden)
    v = builder.constant("v", [[1.0, -0.5], [0.25, 2.0]])
    scores = builder.node("dense", "scores", x=active, w=v, bias=builder.constant("offset", [0.0, 0.5]))
    return builder.finish(scores, labels=("no", "yes"))


def cell(width: int = 2, features: int = 3, seed: int = 0) -> Graph:
    """The float body of a recurrent model: h := tanh(w x + u h)."""
    generator = np.random.default_rng(seed)
    builder = Builder("cell")
    s, h = builder.input("s", Type((features,))), builder.state("h", Type((width,)))
    zeros = builder.constant("zeros", np.zeros(width))
    w = builder.constant("w", np.round(generator.normal(size=(width, features)), 2))
    u = builder.constant("u", np.round(generator.normal(size=(width, width)), 2))
    from_x = builder.node("dense", "from_x", x=s, w=w, bias=zeros)
    from_h = builder.node("dense", "from_h", x=h, w=u, bias=zeros)
    following = builder.node("tanh", "following", x=builder.node("add", "sum", a=from_x, b=from_h))
    builder.carry("h", following)
    return builder.finish(following)


def recurrent(output: str = "last", *, steps: int = 4, reverse: bool = False) -> Graph:
    """A float graph that scans its input with a cell."""
    body = cell()
    builder = Builder("sequence")
    x = builder.input("x", Type((steps, 3)))
    attributes = {"body": body, "output": output, "reverse": reverse}
    return builder.finish(builder.node("scan", "loop", x=x, attributes=attributes))


def rows_for(graph: Graph, count: int = 60, seed: int = 0) -> Array:
    """Typical float rows for a graph."""
    return np.random.default_rng(seed).normal(0, 2, (count, *graph.input_type.shape))


UNARY = ("tanh", "sigmoid", "relu", "hard_tanh", "hard_sigmoid", "clip", "exp", "affine", "rescale")
PAIRS = ("add", "subtract", "multiply")


def _append(draw: Draw, builder: Builder, vectors: list[str], generator: np.random.Generator) -> str:
    """Append one random operation on vectors and return its output, a vector again."""
    x = vectors[draw(st.integers(0, len(vectors) - 1))]
    (width,) = builder.type(x).shape
    op = draw(st.sampled_from((*UNARY, *PAIRS, "dense", "sparse", "reshape", "slice", "concatenate", "distance")))
    if op in PAIRS:
        alike = [value for value in vectors if builder.type(value).shape in ((width,), (1,))]
        if draw(st.booleans()):
            alike.append(builder.constant("operand", generator.normal(size=width)))
        return builder.node(op, a=x, b=alike[draw(st.integers(0, len(alike) - 1))])
    if op in ("dense", "sparse"):
        rows = draw(st.integers(1, 6))
        w = generator.normal(size=(rows, width)) * 10.0 ** draw(st.integers(-2, 1))
        if op == "sparse":
            w *= generator.random(w.shape) < 0.25
        bias = builder.constant("bias", generator.normal(size=rows))
        return builder.node("dense", x=x, w=builder.constant("w", w), bias=bias)
    if op == "distance":
        prototypes = builder.constant("prototypes", generator.normal(size=(draw(st.integers(1, 4)), width)))
        return builder.node("squared_distance", x=x, prototypes=prototypes)
    if op == "reshape":
        matrix = builder.node("reshape", x=x, attributes={"shape": (1, width)})
        return builder.node("reshape", x=matrix, attributes={"shape": (width,)})
    if op == "slice":
        start = draw(st.integers(0, width - 1))
        length = draw(st.integers(1, width - start))
        return builder.node("slice", x=x, attributes={"axis": 0, "start": start, "length": length})
    if op == "concatenate":
        other = vectors[draw(st.integers(0, len(vectors) - 1))]
        return builder.node("concatenate", a=x, b=other, attributes={"axis": 0})
    if op == "affine":
        scale, offset = (builder.constant(port, generator.normal(size=width)) for port in ("scale", "offset"))
        return builder.node("affine", x=x, scale=scale, offset=offset)
    if op == "exp":
        # Of what is bounded: exp of exp of exp leaves float64
        bounded = builder.node("hard_tanh", x=x)
        return builder.node("exp", x=bounded, attributes={"factor": draw(st.sampled_from((1.0, -0.5)))})
    return builder.node(op, x=x, attributes={"low": -0.5, "high": 0.75} if op == "clip" else None)


@st.composite
def float_graphs(draw: Draw, *, scans: bool = True) -> Graph:
    """A random float graph on vectors, one in three of them around a scan with one or two states."""
    generator = np.random.default_rng(draw(st.integers(0, 2**16)))
    width, count = draw(st.integers(1, 5)), draw(st.integers(1, 6))
    builder = Builder("random")
    if not (scans and draw(st.integers(0, 2)) == 0):
        vectors = [builder.input("x", Type((width,)))]
        for _ in range(count):
            vectors.append(_append(draw, builder, vectors, generator))
        return builder.finish(vectors[-1])
    body = Builder("random")  # the same name on purpose: values are told apart by where they are
    vectors = [body.input("x", Type((width,)))]
    states = [body.state(f"h{number}", Type((width,))) for number in range(draw(st.integers(1, 2)))]
    vectors += states
    for _ in range(count):
        vectors.append(_append(draw, body, vectors, generator))
    w = body.constant("back", generator.normal(size=(width, *body.type(vectors[-1]).shape)) / 4)
    bias = body.constant("back_bias", generator.normal(size=width))
    following = body.node("tanh", x=body.node("dense", x=vectors[-1], w=w, bias=bias))
    body.carry(states[0], following)
    if len(states) > 1:
        body.carry(states[1], states[0])
    output = draw(st.sampled_from((following, states[-1], vectors[-1])))
    attributes = {
        "body": body.finish(output),
        "output": draw(st.sampled_from(("last", "stacked"))),
        "reverse": draw(st.booleans()),
    }
    x = builder.input("x", Type((draw(st.integers(1, 4)), width)))
    y = builder.node("scan", x=x, attributes=attributes)
    size = builder.type(y).size
    return builder.finish(builder.node("reshape", "flat", x=y, attributes={"shape": (size,)}))
