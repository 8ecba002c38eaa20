"""The number of the largest entry: from scores to a class."""

from __future__ import annotations

import numpy as np

from edgewright.errors import BadGraph
from edgewright.ir.graph import Attributes
from edgewright.ir.types import INTEGER_RANGES, Array, Type
from edgewright.ops import INTEGERS, Case, Kernel, Op, Quantised, Request, Types, Values

MOST = INTEGER_RANGES["int16"][1] + 1


def shape(types: Types, attributes: Attributes) -> tuple[int, ...]:
    """Return (1,)."""
    x = types["x"]
    if len(x.shape) != 1 or x.size > MOST or x.axis is not None:
        raise BadGraph(f"x is {x}; it must be a vector of one scale, with {MOST} entries at most")
    return (1,)


def first_largest(v: Values, attributes: Attributes) -> Array:
    """Return the number of the largest entry, the first of equals: [n, 1]; x: [n, entries]."""
    return v["x"].argmax(axis=1, keepdims=True).astype(v["x"].dtype)


def quantise(request: Request) -> Quantised:
    """A number at scale 1, proven to be one of the vector's."""
    return Quantised(Type((1,), "int16", 1.0, limits=(0, request.types["x"].size - 1)))


def cases(generator: np.random.Generator) -> list[Case]:
    """Vectors of one entry and of more, with ranges narrow enough for many equals."""
    return [
        Case({"x": Type((size,), dtype, 0.1, limits=limits), "y": Type((1,), "int16", 1.0, limits=(0, size - 1))})
        for dtype in INTEGERS
        for size in (1, 2, 7)
        for limits in (None, (-2, 1), (-9, -8))
    ]


ENTRY = Op(
    doc="The number of the largest entry of a vector, the first of equals.",
    inputs=("x",),
    shape=shape,
    float=first_largest,
    integer=lambda v, t, a: first_largest(v, a),
    quantise=quantise,
    arguments=lambda v, t, a: {"count": t["x"].size},
    kernels=(Kernel("argmax_X", ("x", "y", "count"), {"x": INTEGERS, "y": ("int16",)}),),
    cases=cases,
)
