"""Squared Euclidean distances to prototypes: the heart of ProtoNN."""

from __future__ import annotations

import math

import numpy as np

from edgewright.errors import BadGraph
from edgewright.ir.graph import Attributes
from edgewright.ir.types import Array, Type, power_of_two
from edgewright.ops import INTEGERS, Case, Kernel, Op, Quantised, Request, Types, Values, _avr
from edgewright.ops.arithmetic import Integers, Ratio, ratios, requantise, requantise_cost, rshift_round
from edgewright.ops.forms import requantise_arguments
from edgewright.ops.quantisation import WEIGHT_LIMIT, coarse_enough, scale_covering

WIDE_LIMIT = 2**15 - 1
LARGEST_SUM = 2**30  # half of 32 bits is left for the rounding term


def shape(types: Types, attributes: Attributes) -> tuple[int, ...]:
    """Return (prototypes,)."""
    count, columns = types["prototypes"].shape
    if types["x"].shape != (columns,):
        raise BadGraph(f"prototypes are {count}x{columns}, so x must be {columns}")
    return (count,)


def distances(v: Values, attributes: Attributes) -> Array:
    """Return the squared distances of x [n, columns] to each prototype: [n, prototypes]."""
    difference = v["x"][:, None, :] - v["prototypes"]
    result: Array = np.einsum("npc,npc->np", difference, difference)
    return result


def alignment(prototypes: Integers, x: Type, prototype: Type) -> tuple[int, int]:
    """Return (x_shift, prototype_shift): how far x goes right and the prototypes left to meet at one scale.

    The scale is the finest at which the sum of squares is proven to fit. Raises BadGraph where that of the prototypes is not that of x
    times a power of two, or is finer.
    """
    apart = None if x.axis is not None else power_of_two(float(prototype.scales) / float(x.scales))
    if apart is None or apart < 0:
        raise BadGraph(
            f"the prototypes are {prototype} and x is {x}: x needs one scale, the prototypes 1, 2, 4, ... times it"
        )
    x_shift = _fitting_shift(prototypes, x, apart)
    if x_shift is None:
        raise BadGraph(
            "the sum of squares does not fit 32 bits at the scale of the prototypes; use a coarser scale for them"
        )
    return x_shift, apart - x_shift


def _fitting_shift(prototypes: Integers, x: Type, apart: int) -> int | None:
    """Return the least x_shift at which the sum of squares is proven to fit, None where it never does."""
    return next(
        (shift for shift in range(apart + 1) if _largest_sum(prototypes, x, shift, apart - shift) < LARGEST_SUM), None
    )


def _largest_sum(prototypes: Integers, x: Type, x_shift: int, prototype_shift: int) -> int:
    low, high = (int(rshift_round(np.int64(bound - x.zero_point), x_shift)) for bound in x.range)
    placed = prototypes << prototype_shift
    farthest = np.maximum(np.abs(low - placed), np.abs(high - placed))
    return int((farthest * farthest).sum(axis=-1).max())


def integer(v: Values, t: Types, attributes: Attributes) -> Array:
    """Return requantise(sum of (x >> x_shift - (prototype << prototype_shift))^2)."""
    x_shift, prototype_shift = alignment(v["prototypes"], t["x"], t["prototypes"])
    aligned = {
        "x": rshift_round(v["x"] - t["x"].zero_point, x_shift),
        "prototypes": v["prototypes"] << prototype_shift,
    }
    return requantise(distances(aligned, attributes), _factors(t, prototype_shift), t["y"])


def _factors(t: Types, prototype_shift: int) -> tuple[Ratio, ...]:
    scale = float(t["prototypes"].scales) / 2**prototype_shift
    return ratios(np.array([scale * scale / float(t["y"].scales)]))


def quantise(request: Request) -> Quantised:
    """Prototypes with one scale, no finer than that of x, and coarse enough for a proven sum.

    They have 16 bits where the attribute `wide` is set, else 8. Raises BadGraph where x has several scales.
    """
    x, values = request.types["x"], request.parameters["prototypes"].astype(np.float64)
    if x.axis is not None:
        raise BadGraph("Distances need one scale for the whole input; put an affine operator before them.")
    dtype, limit = ("int16", WIDE_LIMIT) if request.attributes.get("wide") else ("int8", WEIGHT_LIMIT)
    step = float(x.scales)
    apart = max(round(math.log2(scale_covering(float(np.abs(values).max(initial=0)) / step, limit))), 0)
    while True:
        integers = np.clip(np.floor(values / (step * 2.0**apart) + 0.5), -limit, limit).astype(np.int64)
        x_shift = _fitting_shift(integers, x, apart)
        if x_shift is not None:
            break
        apart += 1
    unit = (step * 2.0**x_shift) ** 2
    y = coarse_enough(request.output, _largest_sum(integers, x, x_shift, apart - x_shift) * unit)
    type = Type(values.shape, dtype, step * 2.0**apart, limits=(-limit, limit))
    return Quantised(y, {"prototypes": (integers.astype(dtype), type)})


def accumulator(v: Values, t: Types, attributes: Attributes) -> tuple[int, int]:
    """Return the extremes of the sum of squares, with the rounding term."""
    x_shift, prototype_shift = alignment(v["prototypes"], t["x"], t["prototypes"])
    largest = _largest_sum(v["prototypes"], t["x"], x_shift, prototype_shift)
    return requantise_cost(0, largest, _factors(t, prototype_shift), t["y"])


def arguments(v: Values, t: Types, attributes: Attributes) -> dict[str, int | Array]:
    """Return the sizes, the alignment and the requantisation."""
    count, columns = t["prototypes"].shape
    x_shift, prototype_shift = alignment(v["prototypes"], t["x"], t["prototypes"])
    end = requantise_arguments(_factors(t, 0), t["y"])
    return {
        "count": count,
        "columns": columns,
        "x_zero_point": t["x"].zero_point,
        "x_shift": x_shift,
        "prototype_factor": 1 << prototype_shift,
        **end,
        "shift": int(end["shift"]) + 2 * prototype_shift,  # the form is chosen where no prototype is seen
    }


def products_fit(v: Values, t: Types, attributes: Attributes) -> bool:
    """Return whether x fits 16 bits where it meets the prototypes."""
    x_shift, _ = alignment(v["prototypes"].astype(np.int64), t["x"], t["prototypes"])
    low, high = (int(rshift_round(np.int64(bound - t["x"].zero_point), x_shift)) for bound in t["x"].range)
    return -(2**15) <= low <= high < 2**15


def products(v: Values, t: Types, attributes: Attributes) -> dict[str, int | Array]:
    """Return the prototypes as rows of weights, and what the distance to each has beside the product and the square of x."""
    _, prototype_shift = alignment(v["prototypes"], t["x"], t["prototypes"])
    factor = 1 << prototype_shift
    rows = _avr.interleaved(v["prototypes"], np.zeros(len(v["prototypes"]), np.int64), t["x"], len(v["prototypes"]))
    squares = (v["prototypes"] * factor) ** 2
    ends = squares.sum(axis=1) - 2 * factor * np.asarray(rows["start"], np.int64)
    return {"interleaved": rows["interleaved"], "ends": _avr.wrapped(ends)}


def cases(generator: np.random.Generator) -> list[Case]:
    """Equal and distant scales, zero points, narrow ranges."""
    found = []
    for x, prototype_scale, y in (
        (Type((6,), "int8", 2.0**-5), 2.0**-5, Type((4,), "int16", 2.0**-6)),
        (Type((6,), "int16", 2.0**-12), 2.0**-5, Type((4,), "int16", 2.0**-9)),
        (Type((6,), "int16", 2.0**-12), 2.0**-4, Type((4,), "int8", 2.0**1, limits=(0, 100))),
        (Type((6,), "int8", 2.0**-6, zero_point=-20), 2.0**-5, Type((4,), "int16", 2.0**-4, zero_point=0)),
        (Type((6,), "int16", 2.0**-9, limits=(-300, 500)), 2.0**-8, Type((4,), "int16", 2.0**-3)),
        (Type((6,), "int8", 0.03, zero_point=5), 0.06, Type((4,), "int8", 0.7, zero_point=-128)),
        (Type((6,), "int16", 0.001), 0.032, Type((4,), "int16", 0.05)),
    ):
        for dtype, limit in (("int8", WEIGHT_LIMIT), ("int16", 1000)):
            prototypes = generator.integers(-limit, limit + 1, (4, 6)).astype(dtype)
            prototypes[0], prototypes[1] = limit, -limit
            types = {"x": x, "prototypes": Type((4, 6), dtype, prototype_scale, limits=(-limit, limit)), "y": y}
            found.append(Case(types, {"prototypes": prototypes}))
    return found


ENTRY = Op(
    doc="Squared Euclidean distance of x to each row of `prototypes` [count, columns].",
    inputs=("x", "prototypes"),
    parameters=("prototypes",),
    shape=shape,
    float=distances,
    integer=integer,
    quantise=quantise,
    accumulator=accumulator,
    arguments=arguments,
    kernels=(
        Kernel(
            "squared_distance_products_X_Y_FORM",
            (
                "x",
                "y",
                "interleaved",
                "ends",
                "placed",
                "count",
                "columns",
                "x_zero_point",
                "x_shift",
                "prototype_factor",
                "FORM",
            ),
            {"x": ("int16",), "prototypes": ("int8",), "y": INTEGERS},
            when=products_fit,
            ratios=lambda t, a: _factors(t, 0),
            needs="avr",
            layout=products,
            scratch=lambda t, a: {"placed": ("int16", t["x"].size)},
        ),
        Kernel(
            "squared_distance_placed_X_Y_FORM",
            (
                "x",
                "y",
                "prototypes",
                "placed",
                "count",
                "columns",
                "x_zero_point",
                "x_shift",
                "prototype_factor",
                "FORM",
            ),
            {"x": INTEGERS, "prototypes": ("int8",), "y": INTEGERS},
            ratios=lambda t, a: _factors(t, 0),
            needs="thumb1",
            scratch=lambda t, a: {"placed": ("int32", t["x"].size)},
        ),
        Kernel(
            "squared_distance_X_PROTOTYPES_Y_FORM",
            (
                "x",
                "y",
                "prototypes",
                "count",
                "columns",
                "x_zero_point",
                "x_shift",
                "prototype_factor",
                "FORM",
            ),
            {"x": INTEGERS, "prototypes": INTEGERS, "y": INTEGERS},
            ratios=lambda t, a: _factors(t, 0),
        ),
    ),
    cases=cases,
)
