"""The same real values in another type; also what the operators that only cut become."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from edgewright.errors import BadGraph
from edgewright.ir.graph import Attributes
from edgewright.ir.types import Array, Type, quantise_array
from edgewright.ops import INTEGERS, Case, Kernel, Op, Quantised, Request, Types, Values
from edgewright.ops._layout import in_place
from edgewright.ops.arithmetic import Ratio, entry_ratios, requantise, requantise_cost
from edgewright.ops.forms import requantise_arguments
from edgewright.ops.quantisation import OUTPUT_LIMITS, clip_bounds, coarse_enough, largest_real, scale_covering

CUT = 1 + 2.0**-4  # of what the largest entries may be, of the largest integer

Bounds = Callable[[Attributes], tuple[float, float]]


def shape(types: Types, attributes: Attributes) -> tuple[int, ...]:
    """Return the shape of x."""
    if (dtype := attributes.get("dtype", "int8")) not in INTEGERS:
        raise BadGraph(f"dtype cannot be {dtype!r}; it is {' or '.join(INTEGERS)}")
    if types["x"].axis is not None:
        raise BadGraph("x needs one scale for all its entries; put an affine operator before it")
    return types["x"].shape


def integer(v: Values, t: Types, attributes: Attributes) -> Array:
    """Return requantise(x - zx), cut to the attributes `lowest` and `highest` where they are given."""
    scaled = requantise(v["x"] - t["x"].zero_point, factor(t), t["y"])
    return np.clip(scaled, *clip_bounds(attributes, t["y"]))


def factor(t: Types) -> tuple[Ratio, ...]:
    """Return the factor from steps of x to steps of y."""
    return entry_ratios(np.array([float(t["x"].scales) / float(t["y"].scales)]))


def quantise(request: Request) -> Quantised:
    """The output as calibration saw it."""
    return Quantised(coarse_enough(request.output, largest_real(request.types["x"])))


def prescribes(largest: Mapping[str, float], attributes: Attributes) -> dict[str, tuple[str, float]]:
    """Return the attribute `dtype` as that of y, where it is given, and a scale at which at most a sixteenth of the range is cut off."""
    dtype = attributes.get("dtype")
    return {} if dtype is None else {"y": (dtype, scale_covering(largest["y"] / CUT, OUTPUT_LIMITS[dtype][1]))}


def accumulator(v: Values, t: Types, attributes: Attributes) -> tuple[int, int]:
    """Return the extremes of x less its zero point, with what the requantisation adds."""
    low, high = (bound - t["x"].zero_point for bound in t["x"].range)
    return requantise_cost(low, high, factor(t), t["y"])


def arguments(v: Values, t: Types, attributes: Attributes) -> dict[str, int | Array]:
    """Return the number of values, the zero point of x and the requantisation."""
    lowest, highest = clip_bounds(attributes, t["y"])
    (one,) = factor(t)
    sizes = {"count": t["y"].size, "x_zero_point": t["x"].zero_point, "bits": one.shift}
    return {**requantise_arguments((one,), t["y"]), **sizes, "lowest": lowest, "highest": highest}


def narrows(v: Values, t: Types, attributes: Attributes) -> bool:
    """Whether a step of y is a power of two of steps of x, 2 to 256, and there are no zero points."""
    (one,) = factor(t)
    return one.multiplier is None and 1 <= one.shift <= 8 and not t["x"].zero_point and not t["y"].zero_point


def cutting_operator(doc: str, bounds: Bounds) -> Op:
    """Return the operator that cuts x to the real bounds(attributes): in integers a `rescale` with bounds."""

    def checked(types: Types, attributes: Attributes) -> tuple[int, ...]:
        low, high = bounds(attributes)
        if not low < high:
            raise BadGraph(f"the lower bound {low:g} must lie below the upper one {high:g}")
        return shape(types, attributes)

    def cut(request: Request) -> Quantised:
        y = quantise(request).output
        low, high = (int(quantise_array(bound, y)) for bound in bounds(request.attributes))
        return Quantised(y, attributes={"lowest": low, "highest": high}, op="rescale")

    return Op(
        doc=doc,
        inputs=("x",),
        shape=checked,
        float=lambda v, a: np.clip(v["x"], *bounds(a)),
        quantise=cut,
    )


def cases(generator: np.random.Generator) -> list[Case]:
    """Every pair of dtypes, to coarser, equal and finer scales, powers of two and others; zero points, bounds, one entry."""
    found = []
    for x_dtype in INTEGERS:
        for y_dtype in INTEGERS:
            for x_scale, y_scale in ((2.0**-7, 2.0**-2), (0.5, 0.5), (2.0**-2, 2.0**-6), (0.037, 0.05), (0.05, 0.001)):
                x, y = Type((6,), x_dtype, x_scale), Type((6,), y_dtype, y_scale)
                found.append(Case({"x": x, "y": y}))
    for x, y, bounds in (
        (Type((4,), "int8", 0.1, -128), Type((4,), "int8", 0.2, 127), {}),
        (Type((4,), "int8", 2.0**-3, 90), Type((4,), "int16", 2.0**-9), {"lowest": 0}),
        (Type((4,), "int16", 2.0**-3, limits=(-4, 4)), Type((4,), "int8", 2.0**-5, -1), {"highest": 12}),
        (Type((4,), "int16", 2.0**-3), Type((4,), "int8", 2.0**4, limits=(-127, 127)), {"lowest": -128, "highest": 1}),
        (Type((4,), "int16", 2.0**-29), Type((4,), "int16", 1.0), {}),
        *((Type((4,), "int16", 2.0**-shift), Type((4,), "int8", 1.0), {}) for shift in (1, 7, 8, 9)),
        (Type((4,), "int16", 2.0**-8), Type((4,), "int8", 1.0), {"lowest": -3, "highest": 90}),
        (Type((), "int16", 2.0**-9), Type((), "int8", 2.0**-1), {"lowest": -2, "highest": 2}),
        (Type((2, 2), "int8", 2.0**-9), Type((2, 2), "int8", 2.0**-9), {"lowest": 0}),
    ):
        found.append(Case({"x": x, "y": y}, attributes=bounds))
    return found


ENTRY = Op(
    doc="The same real values in another type: `dtype` where that is given. In integers it may cut to `lowest`..`highest`, integers "
    "of the output.",
    inputs=("x",),
    shape=shape,
    float=lambda v, a: v["x"],
    integer=integer,
    quantise=quantise,
    accumulator=accumulator,
    arguments=arguments,
    kernels=(
        Kernel(
            "rescale_narrow",
            ("x", "y", "count", "bits", "lowest", "highest"),
            {"x": ("int16",), "y": ("int8",)},
            when=narrows,
            needs="avr",
        ),
        Kernel(
            "rescale_X_Y_FORM",
            ("x", "y", "count", "x_zero_point", "FORM"),
            {"x": INTEGERS, "y": INTEGERS},
            ratios=lambda t, a: factor(t),
            overlap=in_place,
        ),
    ),
    cases=cases,
    prescribes=prescribes,
)
