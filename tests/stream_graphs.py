"""Quantised graphs of sequences, one a structure that becomes a stream in its own way."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from small_graphs import cell, rows_for

from edgewright.compiler.pipeline import to_integers
from edgewright.ir.graph import Graph
from edgewright.ir.types import Type
from edgewright.lowering import Builder

FEATURES = 3


def scan(builder: Builder, x: str, body: Graph, output: str = "last", **more: object) -> str:
    return builder.node("scan", x=x, attributes={"body": body, "output": output, "reverse": False, **more})


def windows(builder: Builder, x: str, size: int, stride: int) -> str:
    return builder.node("windows", x=x, attributes={"size": size, "stride": stride})


def scores(builder: Builder, x: str, classes: int = 3) -> str:
    (width,) = builder.type(x).shape
    generator = np.random.default_rng(5)
    w = builder.constant("w_scores", np.round(generator.normal(size=(classes, width)), 2))
    return builder.node("dense", "scores", x=x, w=w, bias=builder.constant("b_scores", np.zeros(classes)))


def squashed(width: int = FEATURES) -> Graph:
    """A body without state: tanh of each entry."""
    body = Builder("squashed")
    return body.finish(body.node("tanh", "t", x=body.input("s", Type((width,)))))


def window_body(size: int, *, last: bool = True) -> Graph:
    """A body without state on [size, features]: the last state of a cell over it, or all entries side by side through a tanh."""
    body = Builder("window")
    x = body.input("window", Type((size, FEATURES)))
    if last:
        return body.finish(scan(body, x, cell(4, FEATURES, 2)))
    flat = body.node("reshape", x=x, attributes={"shape": (size * FEATURES,)})
    return body.finish(body.node("tanh", x=flat))


def counted() -> Graph:
    """A body with state on [2, features] that ends when its sum is large: what EMI-RNN does with its windows."""
    body = Builder("counted")
    x = body.input("window", Type((2, FEATURES)))
    held = body.state("held", Type((3,)))
    last = scan(body, x, cell(4, FEATURES, 3))
    w = body.constant("w_inner", np.round(np.random.default_rng(6).normal(size=(3, 4)), 2))
    made = body.node("dense", x=last, w=w, bias=body.constant("b_inner", np.zeros(3)))
    following = body.node("tanh", "following", x=body.node("add", a=made, b=held))
    body.node("is_confident", "sure", x=following, attributes={"threshold": 0.75})
    body.carry(held, following)
    return body.finish(following)


def _last(builder: Builder, x: str) -> str:
    return scan(builder, x, cell(4, FEATURES, 2))


def _deep(builder: Builder, x: str) -> str:
    return scan(builder, scan(builder, x, cell(FEATURES, FEATURES, 1), "stacked"), cell(4, FEATURES, 2))


def _reverse(builder: Builder, x: str) -> str:
    return scan(builder, x, cell(4, FEATURES, 2), reverse=True)


def _both(builder: Builder, x: str) -> str:
    sides = (_last(builder, x), _reverse(builder, x))
    return builder.node("concatenate", a=sides[0], b=sides[1], attributes={"axis": 0})


def _map(builder: Builder, x: str) -> str:
    return _last(builder, scan(builder, x, squashed(), "stacked"))


def _frames(builder: Builder, x: str) -> str:
    frames = scan(builder, windows(builder, x, 3, 2), window_body(3, last=False), "stacked")
    return scan(builder, frames, cell(4, 3 * FEATURES, 2))


def _bricks(builder: Builder, x: str) -> str:
    bricks = scan(builder, windows(builder, x, 2, 2), window_body(2), "stacked")
    return scan(builder, bricks, cell(4, 4, 7))


def _raw(builder: Builder, x: str) -> str:
    body = Builder("frame")
    frame = body.input("frame", Type((4,)))
    w = body.constant("w_frame", np.round(np.random.default_rng(7).normal(size=(2, 4)), 2))
    made = body.node("dense", x=frame, w=w, bias=body.constant("b_frame", np.zeros(2)))
    frames = scan(builder, windows(builder, x, 4, 2), body.finish(body.node("tanh", x=made)), "stacked")
    return scan(builder, frames, cell(4, 2, 2))


def _between(builder: Builder, x: str) -> str:
    """Operators on whole sequences that treat all entries alike, and reshapes of elements."""
    scale, offset = (builder.constant(name, np.array([0.5, -1.25, 0.75])) for name in ("scale", "offset"))
    flat = builder.node("reshape", x=x, attributes={"shape": (builder.type(x).shape[0], 1, FEATURES)})
    back = builder.node("reshape", x=flat, attributes={"shape": builder.type(x).shape})
    normalised = builder.node("standardise", x=builder.node("tanh", x=back), scale=scale, offset=offset)
    return _last(builder, normalised)


def _apart(builder: Builder, x: str) -> str:
    frames = scan(builder, windows(builder, x, 1, 3), window_body(1, last=False), "stacked")
    return scan(builder, frames, cell(4, FEATURES, 2))


def _carried_windows(builder: Builder, x: str) -> str:
    return scan(builder, windows(builder, x, 2, 1), counted())


def _until(builder: Builder, x: str) -> str:
    return scan(builder, windows(builder, x, 2, 2), counted(), until="sure")


def _bricks_in_frames(builder: Builder, x: str) -> str:
    brick = Builder("pair")
    pair = brick.input("pair", Type((2, FEATURES)))
    inner = brick.finish(scan(brick, pair, cell(FEATURES, FEATURES, 4)))
    outer = Builder("frame")
    frame = outer.input("frame", Type((4, FEATURES)))
    found = scan(outer, windows(outer, frame, 2, 2), inner, "stacked")
    body = outer.finish(scan(outer, found, cell(4, FEATURES, 8)))
    return scan(builder, scan(builder, windows(builder, x, 4, 4), body, "stacked"), cell(4, 4, 9))


STRUCTURES: dict[str, tuple[Callable[[Builder, str], str], int]] = {
    "last": (_last, 5),
    "deep": (_deep, 5),
    "reverse": (_reverse, 5),
    "both": (_both, 5),
    "map": (_map, 4),
    "frames": (_frames, 8),
    "bricks": (_bricks, 8),
    "bricks_and_more": (_bricks, 9),
    "raw": (_raw, 11),
    "between": (_between, 4),
    "apart": (_apart, 8),
    "carried_windows": (_carried_windows, 6),
    "until": (_until, 8),
    "bricks_in_frames": (_bricks_in_frames, 8),
}


@cache
def sequence(name: str) -> Graph:
    """The integers of one structure, with a head of three classes."""
    make, steps = STRUCTURES[name]
    builder = Builder(name)
    x = builder.input("x", Type((steps,) if name == "raw" else (steps, FEATURES)))
    graph = builder.finish(scores(builder, make(builder, x)), labels=("a", "b", "c"))
    return to_integers(graph, rows_for(graph))
