"""Entries of one number around a value."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgewright.errors import BadGraph
from edgewright.ir.graph import Attributes
from edgewright.ir.types import Array, Type, quantise_array
from edgewright.ops import INTEGERS, Case, Kernel, Op, Quantised, Request, Types, Values
from edgewright.ops._layout import check_same_integers

MOST_AXES = 3
LARGEST_SIZE = 2**15 - 1  # the kernel keeps sizes in 16 bits


def edges(attributes: Attributes, axes: int) -> list[tuple[int, int]]:
    """Return the entries (before, behind) each axis. Raises BadGraph where they do not fit so many axes."""
    before, behind = (tuple(int(entry) for entry in attributes[name]) for name in ("before", "behind"))
    given = (*before, *behind)
    if len(before) != axes or len(behind) != axes or not all(0 <= entry <= LARGEST_SIZE for entry in given):
        raise BadGraph(
            f"before is {list(before)} and behind {list(behind)}; each must hold {axes} numbers in 0..{LARGEST_SIZE}"
        )
    return list(zip(before, behind, strict=True))


def shape(types: Types, attributes: Attributes) -> tuple[int, ...]:
    """Return the sizes of x with those of its edges."""
    x = types["x"]
    sizes = tuple(
        size + before + behind for size, (before, behind) in zip(x.shape, edges(attributes, len(x.shape)), strict=True)
    )
    if len(x.shape) > MOST_AXES or max(sizes, default=1) > LARGEST_SIZE:
        raise BadGraph(f"x is {x.shape} and y {sizes}: {MOST_AXES} axes of {LARGEST_SIZE} entries are allowed")
    if x.axis is not None:
        raise BadGraph("x needs one scale for all its entries; put an affine operator before it")
    if not np.isfinite(float(attributes.get("value", 0.0))):
        raise BadGraph(f"the value around x is {attributes['value']}; it must be a finite number")
    check_same_integers(x, types)
    return sizes


def padded(x: Array, attributes: Attributes, fill: float | int) -> Array:
    """Return x [n, *shape] with `fill` around it."""
    return np.pad(x, ((0, 0), *edges(attributes, x.ndim - 1)), constant_values=fill)


def fill_of(x: Type, attributes: Attributes) -> int:
    """Return the integer that stands for `value`, cut to the range of x."""
    return int(quantise_array(float(attributes.get("value", 0.0)), replace(x, shape=())))


def quantise(request: Request) -> Quantised:
    """The integers of x, in a range that holds the fill too."""
    x = request.types["x"]
    fill = fill_of(replace(x, limits=None), request.attributes)
    low, high = x.range
    covering = x if low <= fill <= high else replace(x, limits=(min(low, fill), max(high, fill)))
    return Quantised(replace(covering, shape=request.output.shape))


def arguments(v: Values, t: Types, attributes: Attributes) -> dict[str, int | Array]:
    """Return sizes and edges, axes of one entry put before the others, and the fill."""
    around = edges(attributes, len(t["x"].shape))
    missing = MOST_AXES - len(around)
    before, behind = ([0] * missing + [edge[side] for edge in around] for side in (0, 1))
    sizes = [1] * missing + list(t["x"].shape)
    return {"geometry": np.array([*sizes, *before, *behind], np.uint16), "fill": fill_of(t["y"], attributes)}


def cases(generator: np.random.Generator) -> list[Case]:
    """One to three axes, edges on one side and on all, none, a value that is not 0, one out of range."""
    found = []
    for dtype in INTEGERS:
        for size, before, behind, value in (
            ((4,), (2,), (0,), 0.0),
            ((2, 3), (0, 1), (2, 0), 1.2),
            ((2, 3, 4), (1, 0, 2), (0, 3, 1), 0.0),
            ((2, 2, 1), (1, 1, 0), (1, 1, 0), -1e9),
            ((1, 1, 3), (0, 0, 0), (0, 0, 0), 0.0),
        ):
            x = Type(size, dtype, 0.3, 5 if dtype == "int8" else 0)
            attributes = {"before": before, "behind": behind, "value": value}
            found.append(Case({"x": x, "y": replace(x, shape=shape({"x": x}, attributes))}, attributes=attributes))
    return found


ENTRY = Op(
    doc="x with `before` and `behind` entries along each axis (without the batch axis) that hold `value`, 0 unless given.",
    inputs=("x",),
    shape=shape,
    float=lambda v, a: padded(v["x"], a, float(a.get("value", 0.0))),
    integer=lambda v, t, a: padded(v["x"], a, fill_of(t["y"], a)),
    quantise=quantise,
    arguments=arguments,
    kernels=(
        Kernel(
            "pad_X",
            ("x", "y", "geometry", "fill"),
            {"x": INTEGERS, "y": INTEGERS},
            lambda values, types, attributes: types["x"].dtype == types["y"].dtype,
        ),
    ),
    cases=cases,
)
