"""Stretches of a sequence that may overlap."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from edgewright.errors import BadGraph
from edgewright.ir.graph import Attributes
from edgewright.ir.types import Array, Type
from edgewright.ops import INTEGERS, Case, Kernel, Op, Quantised, Request, Types, Values
from edgewright.ops._layout import check_same_integers


def shape(types: Types, attributes: Attributes) -> tuple[int, ...]:
    """Return (count, size, ...): as many windows as lie within axis 0 of x."""
    x, size, stride = types["x"], int(attributes["size"]), int(attributes["stride"])
    if size < 1 or stride < 1:
        raise BadGraph(f"size is {size} and stride is {stride}: both must be 1 or more")
    if not x.shape or x.shape[0] < size:
        raise BadGraph(f"x is {x.shape}: a window takes {size} entries of axis 0, so there must be {size} at least")
    if x.axis == 0:
        raise BadGraph("x needs one scale for all entries of axis 0; put an affine operator before it")
    windows = ((x.shape[0] - size) // stride + 1, size, *x.shape[1:])
    check_same_integers(windowed(x, windows), types)
    return windows


def windowed(x: Type, windows: tuple[int, ...]) -> Type:
    """Return the type of windows over x, of this shape."""
    return replace(x, shape=windows, axis=None if x.axis is None else x.axis + 1)


def windows(v: Values, attributes: Attributes) -> Array:
    """Return the windows as a view: [n, count, size, ...]; x: [n, T, ...]."""
    found = np.lib.stride_tricks.sliding_window_view(v["x"], attributes["size"], axis=1)
    return np.moveaxis(found[:, :: attributes["stride"]], -1, 2)


def arguments(v: Values, t: Types, attributes: Attributes) -> dict[str, int | Array]:
    """Return how many windows there are, the entries of each, and how far apart they begin."""
    entries = math.prod(t["x"].shape[1:])
    count = t["y"].shape[0]
    return {"windows": count, "count": attributes["size"] * entries, "stride": attributes["stride"] * entries}


def cases(generator: np.random.Generator) -> list[Case]:
    """Windows that overlap, that touch and that leave gaps, with and without entries left over; one window; one entry."""
    found = []
    for dtype in INTEGERS:
        for of, size, stride in (((7,), 3, 2), ((8, 2), 3, 3), ((9, 2, 3), 2, 4), ((5,), 5, 1), ((4, 3), 1, 1)):
            attributes = {"size": size, "stride": stride}
            x = Type(of, dtype, 0.3, 5 if dtype == "int8" else 0)
            found.append(Case({"x": x, "y": replace(x, shape=shape({"x": x}, attributes))}, attributes=attributes))
    return found


def quantise(request: Request) -> Quantised:
    """The integers of x as they are."""
    return Quantised(windowed(request.types["x"], request.output.shape))


# Windows that only scans read have no memory of their own: the scans read x with a stride (compiler.memory.lives).
ENTRY = Op(
    doc="Windows over axis 0 of x: `size` entries each, one begins `stride` behind the other; what is left over at the end is left out.",
    inputs=("x",),
    shape=shape,
    float=windows,
    integer=lambda v, t, a: windows(v, a),
    quantise=quantise,
    arguments=arguments,
    kernels=(
        Kernel(
            "windows_X",
            ("x", "y", "windows", "count", "stride"),
            {"x": INTEGERS, "y": INTEGERS},
            lambda values, types, attributes: types["x"].dtype == types["y"].dtype,
        ),
    ),
    cases=cases,
)
