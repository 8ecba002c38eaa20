"""Means of windows over images [height, width, channels]."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from edgewright.ir.graph import Attributes
from edgewright.ir.types import Array, Type
from edgewright.ops import INTEGERS, Case, Kernel, Op, Quantised, Request, Types, Values
from edgewright.ops._pooling import entries, overlap, pooled_shape, pooling_windows
from edgewright.ops._windows import geometry
from edgewright.ops.arithmetic import Ratio, ratio, requantise, requantise_cost
from edgewright.ops.forms import requantise_arguments
from edgewright.ops.quantisation import coarse_enough, largest_real


@dataclass(frozen=True)
class Sums:
    """How the entries of a window become a mean: their sum begins at `base` less `step` an entry, and goes to the type `y`.

    factors: one for all windows, or one for each number of entries, from 1 on.
    """

    base: int
    step: int
    factors: tuple[Ratio, ...]
    y: Type


def sums_of(t: Types, attributes: Attributes) -> Sums:
    """Return how a node sums.

    Where x and y have the same scale and zero point, the integers themselves are averaged, and ties go away from zero, as in
    LiteRT: the factor is the next one above 1 / n. Else the zero point of x is taken away and ties go up.
    """
    x, y = t["x"], t["y"]
    windows = pooling_windows(attributes)
    held = entries(windows, x.shape)
    same = (x.zero_point, float(x.scales)) == (y.zero_point, float(y.scales))
    all_of_them = math.prod(windows.size)

    def factor(divisor: int) -> Ratio:
        return above_one_part(divisor) if same else ratio(float(x.scales) / (divisor * float(y.scales)))

    if attributes.get("count_include_pad") or held.min() == held.max():
        divisor = all_of_them if attributes.get("count_include_pad") else int(held.max())
        factors: tuple[Ratio, ...] = (factor(divisor),)
    else:
        made = {int(count): factor(int(count)) for count in np.unique(held)}
        anything = made[int(held.max())]  # where no window has that number of entries
        factors = tuple(made.get(count, anything) for count in range(1, all_of_them + 1))
    if not same:
        return Sums(0, x.zero_point, factors, y)
    padding = x.zero_point if attributes.get("count_include_pad") else 0
    return Sums(all_of_them * padding, padding, factors, replace(y, zero_point=0))


def above_one_part(divisor: int) -> Ratio:
    """Return the factor just above 1 / divisor: sums that are exactly between two integers go away from zero."""
    if divisor == 1:
        return Ratio(None, 0)
    shift = 30 + (divisor - 1).bit_length()
    return Ratio(2**shift // divisor + 1, shift)


def real(v: Values, attributes: Attributes) -> Array:
    """Return the means; x: [n, height, width, channels]. Padding counts as zeros where `count_include_pad` says so."""
    windows = pooling_windows(attributes)
    held = entries(windows, v["x"].shape[1:])[..., None]
    divisors = math.prod(windows.size) if attributes.get("count_include_pad") else held
    return np.asarray(windows.cut(v["x"], 0.0).sum(axis=(3, 4)) / divisors)


def integer(v: Values, t: Types, attributes: Attributes) -> Array:
    """Return requantise(base + sum of x - step), the factor chosen by the number of entries of each window."""
    windows, by = pooling_windows(attributes), sums_of(t, attributes)
    held = entries(windows, t["x"].shape)
    total = windows.cut(v["x"] - by.step, 0).sum(axis=(3, 4)) + by.base
    y: Array = np.empty_like(total)
    for count in np.unique(held):
        y[:, held == count] = requantise(total[:, held == count], (by.factors[(count - 1) % len(by.factors)],), by.y)
    return y


def quantise(request: Request) -> Quantised:
    """The output as calibration saw it."""
    size = math.prod(pooling_windows(request.attributes).size)
    return Quantised(coarse_enough(request.output, largest_real(request.types["x"]) * size))


def accumulator(v: Values, t: Types, attributes: Attributes) -> tuple[int, int]:
    """Return the extremes of every partial sum, with what the requantisation adds."""
    by, most = sums_of(t, attributes), math.prod(pooling_windows(attributes).size)
    low, high = (most * bound for bound in t["x"].range)
    start = [by.base, by.base - most * by.step]  # of windows with no entry, and with all
    lowest = min(*start, *(one + min(low, 0) for one in start))
    highest = max(*start, *(one + max(high, 0) for one in start))
    return requantise_cost(lowest, highest, by.factors, by.y)


def arguments(v: Values, t: Types, attributes: Attributes) -> dict[str, int | Array]:
    """Return the geometry, where sums begin, and the requantisation."""
    by = sums_of(t, attributes)
    return {
        "geometry": geometry(pooling_windows(attributes), t["x"].shape),
        "base": by.base,
        "step": by.step,
        **requantise_arguments(by.factors, by.y),
    }


def cases(generator: np.random.Generator) -> list[Case]:
    """Every pair of dtypes, the same integers and others; borders counted and not, strides, one entry, the whole image."""
    found = []
    for x_dtype in INTEGERS:
        for y_dtype in INTEGERS:
            for image, attributes in (
                ((5, 4, 3), {"size": (2, 2), "strides": (2, 2)}),
                ((5, 6, 2), {"size": (3, 3), "strides": (2, 1), "padding": (1, 1, 1, 1)}),
                ((5, 6, 2), {"size": (3, 2), "padding": (2, 0, 1, 1), "count_include_pad": True}),
                ((4, 4, 1), {"size": (4, 4)}),
                ((3, 5, 2), {"size": (3, 5)}),
                ((1, 1, 1), {"size": (1, 1)}),
            ):
                zero_points = [-7 if dtype == "int8" else 0 for dtype in (x_dtype, y_dtype)]
                for scale in (0.25, 0.5, 0.031):
                    x = Type(image, x_dtype, 0.25, zero_points[0])
                    y = Type(pooled_shape({"x": x}, attributes), y_dtype, scale, zero_points[1])
                    found.append(Case({"x": x, "y": y}, attributes=attributes))
    limited = {"size": (3, 3), "padding": (1, 1, 1, 1)}
    x = Type((4, 3, 2), "int8", 2.0**-4, 3, limits=(0, 90))
    return [*found, Case({"x": x, "y": Type((4, 3, 2), "int8", 2.0**-5, -128, limits=(-128, 60))}, attributes=limited)]


ENTRY = Op(
    doc="The mean of each window of x [height, width, channels]: `size`, `strides`, `padding` (top, left, bottom, right); padding is "
    "no entry, or zeros with `count_include_pad`.",
    inputs=("x",),
    shape=pooled_shape,
    float=real,
    integer=integer,
    quantise=quantise,
    accumulator=accumulator,
    arguments=arguments,
    kernels=(
        Kernel(
            "average_pool2d_X_Y_FORM",
            ("x", "y", "geometry", "base", "step", "FORM"),
            {"x": INTEGERS, "y": INTEGERS},
            ratios=lambda t, a: sums_of(t, a).factors,
            overlap=overlap,
        ),
    ),
    cases=cases,
)
