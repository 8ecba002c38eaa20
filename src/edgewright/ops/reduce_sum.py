"""Sums along one axis; a mean is a sum with a divisor."""

from __future__ import annotations

import numpy as np

from edgewright.errors import BadGraph
from edgewright.ir.graph import Attributes
from edgewright.ir.types import Array, Type
from edgewright.ops import INTEGERS, Case, Kernel, Op, Quantised, Request, Types, Values
from edgewright.ops._layout import around_axis, axis_of, in_place
from edgewright.ops.arithmetic import Ratio, ratios, requantise, requantise_cost
from edgewright.ops.forms import requantise_arguments
from edgewright.ops.quantisation import coarse_enough, largest_real


def shape(types: Types, attributes: Attributes) -> tuple[int, ...]:
    """Return the shape of x without the axis."""
    x, axis = types["x"], axis_of(types["x"].shape, attributes)
    if x.axis is not None:
        raise BadGraph("x needs one scale for all its entries; put an affine operator before it")
    if attributes.get("divisor", 1) < 1:
        raise BadGraph(f"the divisor is {attributes['divisor']}; it must be 1 or more")
    return (*x.shape[:axis], *x.shape[axis + 1 :])


def integer(v: Values, t: Types, attributes: Attributes) -> Array:
    """Return requantise(sum of x - zx); the attribute `divisor` is part of the factor."""
    total = (v["x"] - t["x"].zero_point).sum(axis=attributes["axis"] + 1)
    return requantise(total, factor(t, attributes), t["y"])


def factor(t: Types, attributes: Attributes) -> tuple[Ratio, ...]:
    """Return the factor from the sum to steps of the output."""
    return ratios(np.array([float(t["x"].scales) / (attributes.get("divisor", 1) * float(t["y"].scales))]))


def quantise(request: Request) -> Quantised:
    """The output as calibration saw it."""
    x = request.types["x"]
    return Quantised(coarse_enough(request.output, largest_real(x) * x.shape[request.attributes["axis"]]))


def accumulator(v: Values, t: Types, attributes: Attributes) -> tuple[int, int]:
    """Return the extremes of every partial sum, with what the requantisation adds."""
    x, along = t["x"], t["x"].shape[attributes["axis"]]
    low, high = (along * (bound - x.zero_point) for bound in x.range)
    start = -along * x.zero_point  # the kernel begins there
    return requantise_cost(min(low, start, 0), max(high, start, 0), factor(t, attributes), t["y"])


def arguments(v: Values, t: Types, attributes: Attributes) -> dict[str, int | Array]:
    """Return the sizes before, along and behind the axis, where a sum begins, and the requantisation."""
    before, along, behind = around_axis(t["x"].shape, attributes["axis"])
    sizes = {"before": before, "along": along, "behind": behind, "start": -along * t["x"].zero_point}
    return {**sizes, **requantise_arguments(factor(t, attributes), t["y"])}


def cases(generator: np.random.Generator) -> list[Case]:
    """Every pair of dtypes, powers of two and others, each axis, zero points, means, one entry."""
    found = []
    for x_dtype in INTEGERS:
        for y_dtype in INTEGERS:
            bits = 8 * (x_dtype == "int16") - 8 * (y_dtype == "int16")
            for size, axis in (((9,), 0), ((3, 4), 0), ((3, 4), 1), ((2, 3, 2), 1)):
                y_size = (*size[:axis], *size[axis + 1 :])
                x, y = Type(size, x_dtype, 2.0**-5), Type(y_size, y_dtype, 2.0 ** (bits - 3))
                found.append(Case({"x": x, "y": y}, attributes={"axis": axis}))
                found.append(Case({"x": x, "y": y}, attributes={"axis": axis, "divisor": size[axis]}))
    for x, y, attributes in (
        (Type((6,), "int8", 0.02, 119), Type((), "int8", 0.05, -100), {"axis": 0}),
        (Type((6,), "int8", 0.02, -128), Type((), "int8", 0.02, -128), {"axis": 0, "divisor": 6}),
        (Type((4,), "int8", 2.0**-4, 3), Type((), "int16", 2.0**-9), {"axis": 0, "divisor": 4}),
        (Type((300,), "int16", 2.0**-15), Type((), "int16", 2.0**-7), {"axis": 0}),
        (Type((1,), "int16", 1.0, limits=(0, 9)), Type((), "int8", 1.0), {"axis": 0}),
    ):
        found.append(Case({"x": x, "y": y}, attributes=attributes))
    return found


ENTRY = Op(
    doc="The sum of x along `axis` (counted without the batch axis); divided by `divisor`, 1 unless given.",
    inputs=("x",),
    shape=shape,
    float=lambda v, a: v["x"].sum(axis=a["axis"] + 1) / a.get("divisor", 1),
    integer=integer,
    quantise=quantise,
    accumulator=accumulator,
    arguments=arguments,
    kernels=(
        Kernel(
            "reduce_sum_X_Y_FORM",
            ("x", "y", "before", "along", "behind", "start", "FORM"),
            {"x": INTEGERS, "y": INTEGERS},
            ratios=factor,
            overlap=in_place,
        ),
    ),
    cases=cases,
)
