"""A condition on scores: whether one of them is well above all others."""

from __future__ import annotations

import math

import numpy as np

from edgewright.errors import BadGraph
from edgewright.ir.graph import Attributes
from edgewright.ir.types import INTEGER_RANGES, Array, Type
from edgewright.ops import INTEGERS, Case, Kernel, Op, Quantised, Request, Types, Values
from edgewright.ops._bodies import CONDITION

MOST = INTEGER_RANGES["int16"][1] + 1
LARGEST = 2**16  # beyond the difference of any two scores
ANY = -1  # in the C: the largest score, whichever it is


def shape(types: Types, attributes: Attributes) -> tuple[int, ...]:
    """Return (1,)."""
    x, entry = types["x"], attributes.get("entry")
    if len(x.shape) != 1 or not 2 <= x.size <= MOST or x.axis is not None:
        raise BadGraph(f"x is {x}; it must be a vector of one scale, with 2 to {MOST} entries")
    if entry is not None and not 0 <= entry < x.size:
        raise BadGraph(f"entry is {entry}; x has the entries 0..{x.size - 1}")
    if not math.isfinite(attributes["threshold"]):
        raise BadGraph(f"threshold is {attributes['threshold']}; it must be a finite number")
    if "y" in types and types["y"].dtype not in ("bool", "float32"):
        raise BadGraph(f"its output is {types['y']}; it must be bool")
    return (1,)


def lead(x: Array, entry: int | None) -> Array:
    """Return by how much the largest score, or that of one entry, is above the largest of the others: [n, 1]; x: [n, entries]."""
    if entry is None:
        ordered = np.sort(x, axis=1)
        return ordered[:, -1:] - ordered[:, -2:-1]
    return x[:, entry : entry + 1] - np.delete(x, entry, axis=1).max(axis=1, keepdims=True)


def float_meaning(v: Values, attributes: Attributes) -> Array:
    """Return 1 where the lead reaches the threshold, else 0: [n, 1]; x: [n, entries]."""
    return (lead(v["x"], attributes.get("entry")) >= attributes["threshold"]).astype(v["x"].dtype)


def integer(v: Values, t: Types, attributes: Attributes) -> Array:
    """Return 1 where the lead reaches the threshold in steps of the scores, else 0."""
    return (lead(v["x"], attributes.get("entry")) >= least(t, attributes)).astype(np.int64)


def least(t: Types, attributes: Attributes) -> int:
    """Return the threshold in steps of the scores, rounded half up."""
    steps = attributes["threshold"] / float(t["x"].scales) + 0.5
    return math.floor(min(max(steps, -LARGEST), LARGEST))


def quantise(request: Request) -> Quantised:
    """A condition, whatever the scores are."""
    return Quantised(CONDITION)


def arguments(v: Values, t: Types, attributes: Attributes) -> dict[str, int | Array]:
    """Return the number of scores, the entry that must lead, and the least lead."""
    entry = attributes.get("entry")
    return {"count": t["x"].size, "entry": ANY if entry is None else entry, "least": least(t, attributes)}


def cases(generator: np.random.Generator) -> list[Case]:
    """Any entry and each of some, with thresholds of no step, of some, and beyond all that can be."""
    found = []
    for dtype in INTEGERS:
        for size, entry, steps in (
            (2, None, 0),
            (2, 0, 1),
            (2, 1, -3),
            (3, None, 2),
            (3, 1, 0),
            (7, None, 3),
            (7, 6, 1),
            (3, None, LARGEST),
        ):
            attributes = {"threshold": 0.25 * steps} | ({} if entry is None else {"entry": entry})
            for limits in (None, (-3, 3)):
                found.append(
                    Case({"x": Type((size,), dtype, 0.25, limits=limits), "y": CONDITION}, attributes=attributes)
                )
    return found


ENTRY = Op(
    doc="1 where the largest score of a vector is `threshold` or more above the second largest, else 0; with `entry`, where the score "
    "of that entry is so far above all others.",
    inputs=("x",),
    shape=shape,
    float=float_meaning,
    integer=integer,
    quantise=quantise,
    arguments=arguments,
    kernels=(Kernel("is_confident_X", ("x", "y", "count", "entry", "least"), {"x": INTEGERS, "y": ("bool",)}),),
    cases=cases,
)
