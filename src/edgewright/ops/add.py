"""Sum of two values, entry by entry. `subtract` shares everything but the sign."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgewright.errors import BadGraph
from edgewright.ir.graph import Attributes
from edgewright.ir.types import INTEGER_RANGES, Array, Type, power_of_two
from edgewright.ops import INTEGERS, Case, Kernel, Op, Quantised, Request, Types, Values
from edgewright.ops._layout import pair_arguments, pair_overlap, pair_shape, pair_values
from edgewright.ops.arithmetic import INT32, Ratio, requantise, requantise_cost
from edgewright.ops.quantisation import clip_bounds, coarse_enough, largest_real

LARGEST_SHIFT = 30
CALL = (
    *("a", "b", "y", "count", "a_step", "b_step", "a_zero_point", "b_zero_point"),
    *("a_factor", "b_factor", "shift", "zero_point", "lowest", "highest"),
)


@dataclass(frozen=True)
class Alignment:
    """Integers that bring two operands to one unit: ((a - za) * a_factor +- (b - zb) * b_factor) / 2**shift is in steps of y."""

    a_factor: int
    b_factor: int
    shift: int


def align(a: Type, b: Type, y: Type, sign: int) -> Alignment:
    """Return how a + sign * b meets the steps of y; the unit of the sum is the step of y / 2**shift.

    Where all scales are powers of two, the smallest shift that loses nothing; else, or where that does not fit, the largest with
    which the sum is proven to fit 32 bits. An operand far below the unit is rounded to none of it: at most half a step of y, or
    two of the other operand. Raises BadGraph where not even shift 0 fits.
    """
    parts = [float(type.scales) / float(y.scales) for type in (a, b)]
    exponents = [power_of_two(part) for part in parts]
    exact = [max(0, -exponent) for exponent in exponents if exponent is not None]
    first = min(max(exact), LARGEST_SHIFT) if len(exact) == len(parts) else LARGEST_SHIFT
    for shift in range(first, -1, -1):
        a_factor, b_factor = (int(part * 2**shift + 0.5) for part in parts)
        low, high = sum_bounds(a, b, y, Alignment(a_factor, b_factor, shift), sign)
        if INT32[0] <= low and high <= INT32[1] and max(a_factor, b_factor) <= INT32[1]:
            return Alignment(a_factor, b_factor, shift)
    raise BadGraph(f"the sum of {a} and {b} does not fit 32 bits in steps of {y}; give the output a coarser scale")


def sum_bounds(a: Type, b: Type, y: Type, by: Alignment, sign: int) -> tuple[int, int]:
    """Return the extremes of both products and of their sum, with the rounding term."""
    (a_low, a_high), (b_low, b_high) = (
        sorted((bound - type.zero_point) * factor for bound in type.range)
        for type, factor in ((a, by.a_factor), (b, sign * by.b_factor))
    )
    lowest, highest = min(a_low, b_low, a_low + b_low), max(a_high, b_high, a_high + b_high)
    return requantise_cost(lowest, highest, (Ratio(None, by.shift),), y)


def pair_sum(doc: str, name: str, sign: int) -> Op:
    """Return the operator y = a + sign * b, whose kernels are called `name`."""

    def real(v: Values, attributes: Attributes) -> Array:
        a, b = pair_values(v)
        return a + sign * b

    def integer(v: Values, t: Types, attributes: Attributes) -> Array:
        by = align(t["a"], t["b"], t["y"], sign)
        a, b = pair_values(v)
        total = (a - t["a"].zero_point) * by.a_factor + sign * (b - t["b"].zero_point) * by.b_factor
        return np.clip(requantise(total, (Ratio(None, by.shift),), t["y"]), *clip_bounds(attributes, t["y"]))

    def quantise(request: Request) -> Quantised:
        return Quantised(
            coarse_enough(request.output, largest_real(request.types["a"]) + largest_real(request.types["b"]))
        )

    def accumulator(v: Values, t: Types, attributes: Attributes) -> tuple[int, int]:
        return sum_bounds(t["a"], t["b"], t["y"], align(t["a"], t["b"], t["y"], sign), sign)

    def arguments(v: Values, t: Types, attributes: Attributes) -> dict[str, int | Array]:
        by = align(t["a"], t["b"], t["y"], sign)
        lowest, highest = clip_bounds(attributes, t["y"])
        return {
            **pair_arguments(t),
            "a_factor": by.a_factor,
            "b_factor": by.b_factor,
            "shift": by.shift,
            "zero_point": t["y"].zero_point,
            "lowest": lowest,
            "highest": highest,
        }

    def is_narrow(v: Values, t: Types, attributes: Attributes) -> bool:
        """Whether factors and centred operands fit 16 bits: a product of two of those is one instruction, or few."""
        by = align(t["a"], t["b"], t["y"], sign)
        low, high = INTEGER_RANGES["int16"]
        centred = [bound - type.zero_point for type in (t["a"], t["b"]) for bound in type.range]
        return max(by.a_factor, by.b_factor) <= high and low <= min(centred) and max(centred) <= high

    dtypes = {"a": INTEGERS, "b": INTEGERS, "y": INTEGERS}
    return Op(
        doc=doc,
        inputs=("a", "b"),
        shape=pair_shape,
        float=real,
        integer=integer,
        quantise=quantise,
        accumulator=accumulator,
        arguments=arguments,
        kernels=(
            Kernel(f"{name}_A_B_Y", CALL, dtypes, is_narrow, overlap=pair_overlap),
            Kernel(f"{name}_A_B_Y_wide", CALL, dtypes, overlap=pair_overlap),
        ),
        cases=cases,
    )


def cases(generator: np.random.Generator) -> list[Case]:
    """Every triple of dtypes; scales that are equal, apart and far apart, powers of two and others; zero points, one entry."""
    found = []
    for a_dtype in INTEGERS:
        for b_dtype in INTEGERS:
            for y_dtype in INTEGERS:
                wide = 2.0**-8 if y_dtype == "int16" else 1.0
                a, b = Type((5,), a_dtype, 2.0**-4), Type((5,), b_dtype, 2.0**-6)
                found.append(Case({"a": a, "b": b, "y": Type((5,), y_dtype, 2.0**-3 * wide)}))
                a, b = Type((5,), a_dtype, 0.013), Type((5,), b_dtype, 0.0071)
                found.append(Case({"a": a, "b": b, "y": Type((5,), y_dtype, 0.9 * wide)}))
    for a, b, y in (
        (Type((4,), "int8", 0.02, -7), Type((4,), "int8", 0.03, 100), Type((4,), "int8", 0.04, -128)),
        (Type((4,), "int8", 2.0**-3, -128), Type((4,), "int16", 2.0**-3), Type((4,), "int16", 2.0**-3)),
        (Type((4,), "int8", 2.0**-3, limits=(0, 5)), Type((4,), "int8", 2.0**-5), Type((4,), "int8", 2.0**-9)),
        (Type((4,), "int16", 1.0), Type((4,), "int16", 2.0**-24), Type((4,), "int16", 1.0)),
        (Type((4,), "int16", 2.0**-14), Type((4,), "int16", 1.0), Type((4,), "int16", 1.0)),
        (Type((4,), "int16", 2.0**-20), Type((4,), "int16", 2.0**-20), Type((4,), "int16", 2.0**-2, limits=(-9, 9))),
        (Type((3,), "int16", 2.0**-9, 300), Type((3,), "int16", 2.0**-8, -300), Type((3,), "int16", 2.0**-8, 17)),
        (Type((1,), "int8", 2.0**-4), Type((2, 3), "int16", 2.0**-8), Type((2, 3), "int16", 2.0**-8)),
        (Type((2, 3), "int16", 2.0**-8), Type((), "int8", 2.0**-4), Type((2, 3), "int8", 2.0**-1)),
        (Type((), "int8", 1.0), Type((), "int8", 1.0), Type((), "int8", 1.0)),
    ):
        found.append(Case({"a": a, "b": b, "y": y}))
    b = Type((3,), "int16", 2.0**-8)
    types = {"a": Type((3,), "int16", 2.0**-8), "b": b, "y": Type((3,), "int16", 2.0**-8)}
    constant = generator.integers(-32768, 32768, 3).astype(np.int16)
    return [*found, Case(types, {"b": constant}), Case(types, attributes={"lowest": -5, "highest": 700})]


ENTRY = pair_sum("y = a + b, entry by entry; one of them may be a single entry.", "add", 1)
