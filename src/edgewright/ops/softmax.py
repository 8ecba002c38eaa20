"""Softmax over the last axis, in integers alone: own definition, by a table of powers of two and one of reciprocals."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from edgewright.errors import BadGraph
from edgewright.ir.graph import Attributes
from edgewright.ir.types import Array, Type
from edgewright.ops import INTEGERS, Case, Kernel, Op, Quantised, Request, Types, Values
from edgewright.ops.arithmetic import INT32, Integers, ratio, rshift_round, saturate

FRACTION = 20  # bits behind the point of an exponent
LARGEST_EXPONENT = 30  # 2^-30 of the largest power is all that is left
FINEST_FACTOR = 50  # bits behind its point
POWERS = np.floor(2.0**15 * 2.0 ** (-np.arange(65) / 64) + 0.5).astype(np.uint16)
RECIPROCALS = np.floor(2.0**30 / (2.0**15 + 2.0**10 * np.arange(33)) + 0.5).astype(np.uint16)
LEAST_STEP, LARGEST_STEP = 2.0**-24, 1.0  # of the output


@dataclass(frozen=True)
class Constants:
    """The integers of a node.

    last: the distance from the largest entry beyond which nothing changes. factor / 2^(20 + shift): the exponent of 2 that one step
    of x is. bits: a power is at scale 2^-(15 + bits). multiplier / 2^y_shift: steps of y, with the reciprocal's own shift in it.
    """

    last: int
    factor: int
    shift: int
    bits: int
    multiplier: int
    y_shift: int


def constants(t: Types) -> Constants:
    """Return the integers of a node.

    1. Steps of x: the largest distance times `factor`, with its rounding term, fits 32 bits; exponents are cut at 30.
    2. Powers: as many bits as leave the sum of a row below 2^31.
    3. The reciprocal of a sum in 2^30..2^31 lies in 2^29..2^30, so its product with a multiplier below 2^31 is below 2^31 after a
       shift by 30; the sum is shifted left by 0..15, so that the last shift lies in 0..62.
    """
    x, y = t["x"], t["y"]
    exponent = min(float(x.scales) / math.log(2.0), LARGEST_EXPONENT + 1.0)
    last = min(x.range[1] - x.range[0], math.ceil(LARGEST_EXPONENT / exponent))
    for point in range(FINEST_FACTOR, FRACTION - 1, -1):
        factor, shift = math.floor(exponent * 2.0**point + 0.5), point - FRACTION
        if (
            max(last, 1) * factor + ((1 << shift) >> 1) <= INT32[1]
        ):  # where all entries are alike the factor has to fit too
            break
    bits = min(15, 30 - 15 - (x.shape[-1] - 1).bit_length())
    steps = ratio(1.0 / float(y.scales))
    multiplier, y_shift = (2**30, 30 + steps.shift) if steps.multiplier is None else (steps.multiplier, steps.shift)
    return Constants(last, factor, shift, max(bits, 0), multiplier, y_shift + 30)


def shape(types: Types, attributes: Attributes) -> tuple[int, ...]:
    """Return the shape of x."""
    x = types["x"]
    if not x.shape:
        raise BadGraph("x is a single entry; softmax needs an axis")
    if x.axis is not None:
        raise BadGraph("x needs one scale for all its entries; put an affine operator before it")
    if "y" in types and not types["y"].is_float and not LEAST_STEP <= float(types["y"].scales) <= LARGEST_STEP:
        raise BadGraph(f"the step of the output is {float(types['y'].scales):g}; it must lie in 2^-24..1")
    return x.shape


def real(v: Values, attributes: Attributes) -> Array:
    """Return the softmax; x: [n, ..., classes]."""
    x = v["x"]
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def integer(v: Values, t: Types, attributes: Attributes) -> Array:
    """Return the softmax in steps of y; x: [n, ..., classes]."""
    by, x = constants(t), v["x"]
    powers = powers_of(x.max(axis=-1, keepdims=True) - x, by)
    total = powers.sum(axis=-1, keepdims=True)
    left = 31 - np.frexp(total.astype(np.float64))[1].astype(np.int64)  # to 2^30..2^31
    part = rshift_round(reciprocal(total << left) * by.multiplier, 30)
    return saturate(rshift_round(powers * part, by.y_shift - left) + t["y"].zero_point, t["y"])


def powers_of(distance: Integers, by: Constants) -> Integers:
    """Return 2^(15 + bits) * exp(-scale * distance)."""
    exponent = rshift_round(np.minimum(distance, by.last) * by.factor, by.shift)
    exponent = np.minimum(exponent, LARGEST_EXPONENT << FRACTION)
    power = between(POWERS, (exponent >> (FRACTION - 6)) & 63, exponent & (2 ** (FRACTION - 6) - 1), FRACTION - 6)
    result: Integers = rshift_round(power << by.bits, exponent >> FRACTION)
    return result


def reciprocal(total: Integers) -> Integers:
    """Return 2^60 / total within a few units of 2^29..2^30, never above it; total in 2^30..2^31."""
    guess = between(RECIPROCALS, (total >> 25) & 31, (total >> 15) & 1023, 10)
    missing = 2**30 - ((guess * total) >> 15)
    result: Integers = guess * 2**15 + ((guess * (missing >> 4)) >> 11)
    return result


def between(table: Array, index: Integers, fraction: Integers, bits: int) -> Integers:
    """Return a table on the straight line from an entry to the next."""
    entries = table.astype(np.int64)
    result: Integers = entries[index] + rshift_round((entries[index + 1] - entries[index]) * fraction, bits)
    return result


def quantise(request: Request) -> Quantised:
    """The output as calibration saw it, in steps that are neither too fine nor too coarse."""
    y = request.output
    return Quantised(replace(y, scale=min(max(float(y.scales), LEAST_STEP), LARGEST_STEP)))


def accumulator(v: Values, t: Types, attributes: Attributes) -> tuple[int, int]:
    """Return the extremes of the sum of a row."""
    return 0, t["x"].shape[-1] << (15 + constants(t).bits)


def arguments(v: Values, t: Types, attributes: Attributes) -> dict[str, int | Array]:
    """Return both tables, rows and columns, and the integers of the node."""
    by, columns = constants(t), t["x"].shape[-1]
    return {
        "powers_table": POWERS,
        "reciprocals_table": RECIPROCALS,
        "rows": t["x"].size // columns,
        "columns": columns,
        **{name: getattr(by, name) for name in ("last", "factor", "shift", "bits", "multiplier", "y_shift")},
        "zero_point": t["y"].zero_point,
        "lowest": t["y"].range[0],
        "highest": t["y"].range[1],
    }


def cases(generator: np.random.Generator) -> list[Case]:
    """Every pair of dtypes, scales from none of the entries to one that takes all; zero points, one entry, many, several rows."""
    found = []
    for x_dtype in INTEGERS:
        for y_dtype, y_scale, zero_point in (("int8", 2.0**-8, -128), ("int16", 2.0**-15, 0), ("int8", 0.0051, -100)):
            for x_scale in (0.147, 2.0**-9, 40.0, 1e-12):
                x = Type((12,), x_dtype, x_scale, 14 if x_dtype == "int8" else 0)
                found.append(Case({"x": x, "y": Type((12,), y_dtype, y_scale, zero_point)}))
    for size in ((1,), (2,), (3, 5), (2, 2, 3), (300,)):
        x = Type(size, "int8", 0.05, -128)
        found.append(Case({"x": x, "y": Type(size, "int8", 2.0**-7, limits=(-127, 127))}))
        found.append(Case({"x": x, "y": Type(size, "int16", 2.0**-24)}))
        found.append(Case({"x": x, "y": Type(size, "int16", 1.0)}))
    x = Type((4,), "int16", 0.6, limits=(-3, 9))
    alike = Type((4,), "int8", 1e-6, limits=(5, 5))
    return [
        *found,
        Case({"x": x, "y": replace(x, scale=2.0**-15, limits=(0, 32767))}),
        Case({"x": alike, "y": Type((4,), "int8", 2.0**-8, -128)}),
    ]


ENTRY = Op(
    doc="exp(x) / sum of exp(x) over the last axis.",
    inputs=("x",),
    shape=shape,
    float=real,
    integer=integer,
    quantise=quantise,
    accumulator=accumulator,
    arguments=arguments,
    kernels=(
        Kernel(
            "softmax_X_Y",
            (
                *(
                    "x",
                    "y",
                    "powers_table",
                    "reciprocals_table",
                    "rows",
                    "columns",
                    "last",
                    "factor",
                    "shift",
                    "bits",
                    "multiplier",
                ),
                *("y_shift", "zero_point", "lowest", "highest"),
            ),
            {"x": INTEGERS, "y": INTEGERS},
            overlap=lambda t, a: {"x": 0},
        ),
    ),
    cases=cases,
)
