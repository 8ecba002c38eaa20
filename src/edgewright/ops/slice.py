"""A stretch of one axis."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgewright.errors import BadGraph
from edgewright.ir.graph import Attributes
from edgewright.ir.types import Array, Type
from edgewright.ops import INTEGERS, Case, Kernel, Op, Quantised, Types, Values
from edgewright.ops._layout import around_axis, axis_of, check_same_integers, in_place


def shape(types: Types, attributes: Attributes) -> tuple[int, ...]:
    """Return the shape of x with `length` entries along the axis."""
    x, axis = types["x"], axis_of(types["x"].shape, attributes)
    start, length = int(attributes["start"]), int(attributes["length"])
    if start < 0 or length < 1 or start + length > x.shape[axis]:
        raise BadGraph(f"{length} entries from {start} on do not lie within axis {axis} of {x.shape}")
    if x.axis is not None:
        raise BadGraph("x needs one scale for all its entries; put an affine operator before it")
    check_same_integers(x, types)
    return (*x.shape[:axis], length, *x.shape[axis + 1 :])


def sliced(v: Values, attributes: Attributes) -> Array:
    """Return the stretch; x: [n, *shape]."""
    start, length = attributes["start"], attributes["length"]
    return np.take(v["x"], range(start, start + length), axis=attributes["axis"] + 1)


def arguments(v: Values, t: Types, attributes: Attributes) -> dict[str, int | Array]:
    """Return how many blocks there are, how far apart they lie, where the first begins and how long each is."""
    before, along, behind = around_axis(t["x"].shape, attributes["axis"])
    return {
        "blocks": before,
        "stride": along * behind,
        "first": attributes["start"] * behind,
        "count": attributes["length"] * behind,
    }


def cases(generator: np.random.Generator) -> list[Case]:
    """First, last and middle entries of the only, the first, a middle and the last axis."""
    found = []
    for dtype in INTEGERS:
        for size, axis, start, length in (
            ((7,), 0, 0, 7),
            ((7,), 0, 6, 1),
            ((3, 4), 0, 1, 2),
            ((3, 4), 1, 1, 2),
            ((2, 3, 4), 1, 0, 2),
        ):
            attributes = {"axis": axis, "start": start, "length": length}
            x = Type(size, dtype, 0.3, 5 if dtype == "int8" else 0)
            found.append(Case({"x": x, "y": replace(x, shape=shape({"x": x}, attributes))}, attributes=attributes))
    return found


ENTRY = Op(
    doc="The `length` entries of x from `start` on along `axis` (counted without the batch axis).",
    inputs=("x",),
    shape=shape,
    float=sliced,
    integer=lambda v, t, a: sliced(v, a),
    quantise=lambda request: Quantised(replace(request.types["x"], shape=request.output.shape)),
    arguments=arguments,
    kernels=(
        Kernel(
            "slice_X",
            ("x", "y", "blocks", "stride", "first", "count"),
            {"x": INTEGERS, "y": INTEGERS},
            lambda values, types, attributes: types["x"].dtype == types["y"].dtype,
            overlap=in_place,
        ),
    ),
    cases=cases,
)
