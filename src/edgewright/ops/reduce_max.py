"""Maxima along one axis."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgewright.errors import BadGraph
from edgewright.ir.graph import Attributes
from edgewright.ir.types import Array, Type
from edgewright.ops import INTEGERS, Case, Kernel, Op, Quantised, Types, Values
from edgewright.ops._layout import around_axis, axis_of, check_same_integers, in_place


def shape(types: Types, attributes: Attributes) -> tuple[int, ...]:
    """Return the shape of x without the axis."""
    x, axis = types["x"], axis_of(types["x"].shape, attributes)
    if x.axis is not None:
        raise BadGraph("x needs one scale for all its entries; put an affine operator before it")
    check_same_integers(x, types)
    return (*x.shape[:axis], *x.shape[axis + 1 :])


def arguments(v: Values, t: Types, attributes: Attributes) -> dict[str, int | Array]:
    """Return the sizes before, along and behind the axis."""
    return dict(zip(("before", "along", "behind"), around_axis(t["x"].shape, attributes["axis"]), strict=True))


def largest(v: Values, attributes: Attributes) -> Array:
    """Return the maxima; x: [n, *shape]."""
    return np.asarray(v["x"].max(axis=attributes["axis"] + 1))


def cases(generator: np.random.Generator) -> list[Case]:
    """Each axis, one entry, zero points, ranges that are all below zero."""
    found = []
    for dtype in INTEGERS:
        for size, axis in (((9,), 0), ((1,), 0), ((3, 4), 0), ((3, 4), 1), ((2, 3, 2), 1)):
            for zero_point, limits in ((0, None), (-5, (-100, -50))):
                x = Type(size, dtype, 0.3, zero_point, limits=limits)
                y = replace(x, shape=(*size[:axis], *size[axis + 1 :]))
                found.append(Case({"x": x, "y": y}, attributes={"axis": axis}))
    return found


ENTRY = Op(
    doc="The largest entry of x along `axis` (counted without the batch axis).",
    inputs=("x",),
    shape=shape,
    float=largest,
    integer=lambda v, t, a: largest(v, a),
    quantise=lambda request: Quantised(replace(request.types["x"], shape=request.output.shape)),
    arguments=arguments,
    kernels=(
        Kernel(
            "reduce_max_X",
            ("x", "y", "before", "along", "behind"),
            {"x": INTEGERS, "y": INTEGERS},
            lambda values, types, attributes: types["x"].dtype == types["y"].dtype,
            overlap=in_place,
        ),
    ),
    cases=cases,
)
