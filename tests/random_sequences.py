"""Random float graphs on sequences: loops within loops, windows, loops and branches that a condition ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from edgewright.ir.graph import Graph
from edgewright.ir.types import Type
from edgewright.lowering import Builder

Draw = Callable[[st.SearchStrategy[Any]], Any]
MOST_STEPS = 9


def dense(builder: Builder, x: str, rows: int, generator: np.random.Generator) -> str:
    """Append a layer on a vector."""
    (columns,) = builder.type(x).shape
    w = builder.constant("w", generator.normal(size=(rows, columns)) / columns**0.5)
    return builder.node("dense", x=x, w=w, bias=builder.constant("bias", generator.normal(size=rows) / 4))


def confident(draw: Draw, builder: Builder, x: str) -> str:
    """Append a condition on a vector of two entries or more."""
    attributes: dict[str, Any] = {"threshold": draw(st.sampled_from((-0.5, 0.0, 0.25, 0.5, 2.0)))}
    if draw(st.booleans()):
        attributes["entry"] = draw(st.integers(0, builder.type(x).size - 1))
    return builder.node("is_confident", x=x, attributes=attributes)


def step_body(draw: Draw, features: int, generator: np.random.Generator) -> tuple[Graph, dict[str, Any]]:
    """Return a body on one step, with a state or none, and what a scan over it may add to its attributes."""
    body, width = Builder("step"), draw(st.integers(1, 4))
    given = body.input("given", Type((features,)))
    if draw(st.integers(0, 3)) == 0:
        return body.finish(body.node("tanh", x=dense(body, given, width, generator))), {}
    state = body.state("state", Type((width,)))
    both = body.node("add", a=dense(body, given, width, generator), b=dense(body, state, width, generator))
    following = body.node(draw(st.sampled_from(("hard_tanh", "tanh"))), x=both)
    body.carry(state, following)
    shown = draw(st.sampled_from((following, following, state)))
    if width > 1 and draw(st.booleans()):
        until = confident(draw, body, draw(st.sampled_from((following, state, both))))
        return body.finish(shown), {"until": until}
    return body.finish(shown), {}


def whole_body(draw: Draw, shape: tuple[int, ...], depth: int, generator: np.random.Generator) -> Graph:
    """Return a body that makes a vector of a sequence."""
    body = Builder("whole")
    return body.finish(summary(draw, body, body.input("given", Type(shape)), depth, generator))


def summary(draw: Draw, builder: Builder, x: str, depth: int, generator: np.random.Generator) -> str:
    """Append what makes a vector of a sequence [steps, features]."""
    steps, features = builder.type(x).shape
    kind = draw(st.sampled_from(("scan", "map", "windows", "sums", "reduce_max") if depth else ("scan", "reduce_max")))
    reverse = draw(st.booleans())
    if kind == "reduce_max":
        return builder.node("reduce_max", x=x, attributes={"axis": 0})
    if kind in ("scan", "map"):
        body, more = step_body(draw, features, generator)
        attributes = {"body": body, "output": "last", "reverse": reverse, **more}
        if kind == "map":
            attributes = {"body": body, "output": "stacked", "reverse": reverse}
        made = builder.node("scan", x=x, attributes=attributes)
        return made if kind == "scan" else summary(draw, builder, made, depth - 1, generator)
    size = draw(st.integers(1, steps))
    windows = builder.node("windows", x=x, attributes={"size": size, "stride": draw(st.integers(1, 3))})
    if kind == "sums":  # what no scan reads has memory of its own
        made = builder.node("reduce_sum", x=windows, attributes={"axis": 1})
    else:
        body = whole_body(draw, (size, features), depth - 1, generator)
        attributes = {"body": body, "output": draw(st.sampled_from(("last", "stacked"))), "reverse": reverse}
        made = builder.node("scan", x=windows, attributes=attributes)
        if attributes["output"] == "last":
            return made
    return summary(draw, builder, made, depth - 1, generator)


@st.composite
def sequence_graphs(draw: Draw) -> Graph:
    """A random float graph on a sequence, half of them with a branch at the end."""
    generator = np.random.default_rng(draw(st.integers(0, 2**16)))
    builder = Builder("random")
    x = builder.input("x", Type((draw(st.integers(1, MOST_STEPS)), draw(st.integers(1, 4)))))
    scores = dense(builder, summary(draw, builder, x, 2, generator), draw(st.integers(2, 3)), generator)
    if draw(st.booleans()):
        return builder.finish(scores)
    body = Builder("second")
    given = body.input("given", builder.type(draw(st.sampled_from((x, scores)))))
    whole = given if len(body.type(given).shape) == 1 else summary(draw, body, given, 1, generator)
    better = dense(body, whole, builder.type(scores).size, generator)
    if draw(st.booleans()):  # an operator that chooses its own type
        better = body.node("softmax", x=better)
    otherwise = scores
    if draw(st.booleans()):
        otherwise = builder.constant("otherwise", generator.normal(size=builder.type(scores).shape) * 4)
    condition = confident(draw, builder, scores)
    read = x if builder.type(x) == body.type(given) else scores
    attributes = {"body": body.finish(better)}
    return builder.finish(builder.node("when", condition=condition, x=read, otherwise=otherwise, attributes=attributes))
