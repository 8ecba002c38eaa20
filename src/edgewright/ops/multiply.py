"""Product of two values, entry by entry."""

from __future__ import annotations

import numpy as np

from edgewright.ir.graph import Attributes
from edgewright.ir.types import Array, Type
from edgewright.ops import INTEGERS, Case, Kernel, Op, Quantised, Request, Types, Values
from edgewright.ops._layout import pair_arguments, pair_overlap, pair_shape, pair_values
from edgewright.ops.arithmetic import Ratio, ratios, requantise, requantise_cost
from edgewright.ops.forms import requantise_arguments
from edgewright.ops.quantisation import coarse_enough, largest_real


def real(v: Values, attributes: Attributes) -> Array:
    """Return a * b: [n, *shape]."""
    a, b = pair_values(v)
    return a * b


def integer(v: Values, t: Types, attributes: Attributes) -> Array:
    """Return requantise((a - za) * (b - zb))."""
    a, b = pair_values(v)
    return requantise((a - t["a"].zero_point) * (b - t["b"].zero_point), factor(t), t["y"])


def factor(t: Types) -> tuple[Ratio, ...]:
    """Return the factor from the product to steps of the output."""
    return ratios(np.array([float(t["a"].scales) * float(t["b"].scales) / float(t["y"].scales)]))


def quantise(request: Request) -> Quantised:
    """The output as calibration saw it."""
    largest = largest_real(request.types["a"]) * largest_real(request.types["b"])
    return Quantised(coarse_enough(request.output, largest))


def accumulator(v: Values, t: Types, attributes: Attributes) -> tuple[int, int]:
    """Return the extremes of the product of any two entries, with the rounding term."""
    products = [(a - t["a"].zero_point) * (b - t["b"].zero_point) for a in t["a"].range for b in t["b"].range]
    return requantise_cost(min(products), max(products), factor(t), t["y"])


def arguments(v: Values, t: Types, attributes: Attributes) -> dict[str, int | Array]:
    """Return the walk over pairs and the requantisation."""
    return {**pair_arguments(t), **requantise_arguments(factor(t), t["y"])}


def cases(generator: np.random.Generator) -> list[Case]:
    """Every triple of dtypes, powers of two and others; zero points, shifts to the left, shift 0, one entry, a constant."""
    found = []
    for a_dtype in INTEGERS:
        for b_dtype in INTEGERS:
            for y_dtype in INTEGERS:
                for a_scale in (2.0**-6, 0.0171):
                    bits = 16 * (a_dtype == "int16") + 8 * (b_dtype == "int16") - 8 * (y_dtype == "int16")
                    a, b = Type((5,), a_dtype, a_scale), Type((5,), b_dtype, 2.0**-7)
                    found.append(Case({"a": a, "b": b, "y": Type((5,), y_dtype, 2.0 ** (bits / 2 // 1 - 6))}))
    for a, b, y in (
        (Type((4,), "int8", 2.0**-3, -128), Type((4,), "int8", 2.0**-3, 127), Type((4,), "int8", 2.0**-6, 5)),
        (Type((4,), "int8", 0.3, 3), Type((4,), "int8", 0.7, -128), Type((4,), "int8", 0.01, -128)),
        (Type((4,), "int16", 1.0, limits=(-9, 9)), Type((4,), "int16", 1.0, limits=(-7, 8)), Type((4,), "int8", 1.0)),
        (Type((4,), "int8", 1.0), Type((4,), "int8", 1.0), Type((4,), "int16", 2.0**-10)),
        (Type((1,), "int16", 1.0), Type((2, 3), "int8", 1.0), Type((2, 3), "int16", 2.0**9)),
        (Type((2, 3), "int16", 2.0**-15), Type((), "int16", 2.0**-15), Type((2, 3), "int16", 2.0**-15)),
        (Type((), "int8", 1.0), Type((), "int8", 1.0), Type((), "int8", 2.0**7, limits=(-100, 100))),
    ):
        found.append(Case({"a": a, "b": b, "y": y}))
    types = {port: Type((3,), "int16", 2.0**-8) for port in ("a", "b", "y")}
    return [*found, Case(types, {"b": generator.integers(-32768, 32768, 3).astype(np.int16)})]


CALL = ("a", "b", "y", "count", "a_step", "b_step", "a_zero_point", "b_zero_point")

ENTRY = Op(
    doc="y = a * b, entry by entry; one of them may be a single entry.",
    inputs=("a", "b"),
    shape=pair_shape,
    float=real,
    integer=integer,
    quantise=quantise,
    accumulator=accumulator,
    arguments=arguments,
    kernels=(
        Kernel(
            "multiply_A_B_Y_FORM",
            (*CALL, "FORM"),
            {"a": INTEGERS, "b": INTEGERS, "y": INTEGERS},
            ratios=lambda t, a: factor(t),
            overlap=pair_overlap,
        ),
    ),
    cases=cases,
)
