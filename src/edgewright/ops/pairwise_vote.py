"""Votes of the scores of all pairs of classes: how a support vector machine of many classes decides."""

from __future__ import annotations

from math import isqrt

import numpy as np

from edgewright.errors import BadGraph
from edgewright.ir.graph import Attributes
from edgewright.ir.types import Array, Type
from edgewright.ops import INTEGERS, Case, Kernel, Op, Quantised, Request, Types


def classes_of(pairs: int) -> int:
    """Return the number of classes that have so many pairs. Raises BadGraph where none has."""
    classes = (1 + isqrt(1 + 8 * pairs)) // 2
    if pairs < 1 or classes * (classes - 1) // 2 != pairs:
        raise BadGraph(f"x has {pairs} scores; classes have 1, 3, 6, 10, ... pairs")
    return classes


def shape(types: Types, attributes: Attributes) -> tuple[int, ...]:
    """Return (classes,)."""
    x = types["x"]
    if len(x.shape) != 1 or x.axis is not None:
        raise BadGraph(f"x is {x}; it must be a vector of one scale")
    return (classes_of(x.size),)


def votes(x: Array) -> Array:
    """Return the votes [n, classes] for scores [n, pairs], the pairs in the order (0, 1), (0, 2), ..., (1, 2), ..."""
    classes = classes_of(x.shape[1])
    first, second = np.triu_indices(classes, 1)
    winners = np.where(x > 0, first, second)
    return np.stack([(winners == number).sum(axis=1) for number in range(classes)], axis=1).astype(x.dtype)


def quantise(request: Request) -> Quantised:
    """Counts at scale 1."""
    (classes,) = request.output.shape
    return Quantised(Type((classes,), "int16", 1.0, limits=(0, classes - 1)))


def cases(generator: np.random.Generator) -> list[Case]:
    """Two classes and more, zero points, ranges with many scores at zero."""
    return [
        Case(
            {
                "x": Type((classes * (classes - 1) // 2,), dtype, 0.1, zero_point, limits=limits),
                "y": Type((classes,), "int16", 1.0, limits=(0, classes - 1)),
            }
        )
        for dtype in INTEGERS
        for classes in (2, 3, 5)
        for zero_point, limits in ((0, None), (0, (-1, 1)), (-1, (-2, 1)))
    ]


ENTRY = Op(
    doc="Votes [classes] of scores, one for each pair of classes: for its first class where the score is above zero, else its second.",
    inputs=("x",),
    shape=shape,
    float=lambda v, a: votes(v["x"]),
    integer=lambda v, t, a: votes(v["x"] - t["x"].zero_point),
    quantise=quantise,
    arguments=lambda v, t, a: {"classes": t["y"].size, "zero_point": t["x"].zero_point},
    kernels=(Kernel("pairwise_vote_X", ("x", "y", "classes", "zero_point"), {"x": INTEGERS, "y": ("int16",)}),),
    cases=cases,
)
