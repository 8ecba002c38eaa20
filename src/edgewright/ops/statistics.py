"""Statistics of each channel over a window of raw samples, exact integers: what few instructions say about a movement or a sound.

A sample is cut to `bits` bits and shifted to the upper ones of 16, so that small readings keep a fraction; the output has steps of
2^-(16 - bits) for every statistic. Means and roots are rounded to the nearest step, ties up; what leaves int16 saturates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from edgewright.errors import BadGraph, UnknownName
from edgewright.ir.graph import Attributes
from edgewright.ir.types import INTEGER_RANGES, Array, Type
from edgewright.ops import Case, Kernel, Op, Quantised, Request, Types, Values
from edgewright.ops.arithmetic import INT32, Integers

BITS = 16
FEWEST_BITS = 8
MOST_STEPS = 2**16 - 1

STATISTICS: Mapping[str, Callable[[Array], Array]] = {  # of samples [..., steps]; the order is that of their codes in C
    "mean": lambda x: x.mean(axis=-1),
    "deviation": lambda x: x.std(axis=-1),
    "minimum": lambda x: x.min(axis=-1),
    "maximum": lambda x: x.max(axis=-1),
    "range": lambda x: x.max(axis=-1) - x.min(axis=-1),
    "root_mean_square": lambda x: np.sqrt((x**2).mean(axis=-1)),
    "zero_crossings": lambda x: _changes(x < 0),
    "mean_crossings": lambda x: _changes(x < x.mean(axis=-1, keepdims=True)),
}
CODES = {name: code for code, name in enumerate(STATISTICS)}


def shape(types: Types, attributes: Attributes) -> tuple[int, ...]:
    """Return (channels, statistics)."""
    x, which, bits = types["x"], attributes["which"], attributes["bits"]
    if len(x.shape) != 2 or not 1 <= x.shape[0] <= MOST_STEPS or not x.shape[1]:
        raise BadGraph(f"x is {x.shape}; it must be (steps, channels) with 1..{MOST_STEPS} steps")
    if not isinstance(bits, int) or not FEWEST_BITS <= bits <= BITS:
        raise BadGraph(f"bits is {bits!r}; a sample has {FEWEST_BITS} to {BITS}")
    if not which:
        raise BadGraph(f"which is empty; it names statistics: {', '.join(CODES)}")
    for name in which:
        if name not in CODES:
            raise UnknownName("statistic", str(name), CODES)
    if not x.is_float and (x.dtype != "int16" or x.scale != 1.0 or x.zero_point):
        raise BadGraph(f"x must be raw samples, int16 in steps of 1, and is {x}")
    return x.shape[1], len(which)


def real(v: Values, attributes: Attributes) -> Array:
    """Return the statistics; x: [n, steps, channels]."""
    low, high = sample_range(attributes)
    samples = np.clip(np.swapaxes(v["x"], 1, 2), low, high)
    return np.stack([STATISTICS[name](samples) for name in attributes["which"]], axis=-1)


def sample_range(attributes: Attributes) -> tuple[int, int]:
    """Return the lowest and highest sample that is not cut."""
    return -(1 << (attributes["bits"] - 1)), (1 << (attributes["bits"] - 1)) - 1


def integer(v: Values, t: Types, attributes: Attributes) -> Array:
    """Return the integers; x: [n, steps, channels]."""
    fraction, steps = BITS - attributes["bits"], t["x"].shape[0]
    x = np.clip(np.swapaxes(v["x"], 1, 2), *sample_range(attributes)) << fraction
    total, squares = x.sum(axis=-1), (x**2).sum(axis=-1)
    low, high = x.min(axis=-1), x.max(axis=-1)
    meanings: dict[str, Callable[[], Integers]] = {
        "mean": lambda: (2 * total + steps) // (2 * steps),
        "deviation": lambda: root((steps * squares - total**2) // steps**2),
        "minimum": lambda: low,
        "maximum": lambda: high,
        "range": lambda: high - low,
        "root_mean_square": lambda: root(squares // steps),
        "zero_crossings": lambda: _changes(x < 0) << fraction,
        "mean_crossings": lambda: _changes(x * steps < total[..., np.newaxis]) << fraction,
    }
    found = np.stack([meanings[name]() for name in attributes["which"]], axis=-1)
    return np.clip(found, *t["y"].range)


def root(squares: Integers) -> Integers:
    """Return the square root of integers in 0..2^30, rounded to nearest."""
    floor = np.floor(np.sqrt(squares.astype(np.float64))).astype(np.int64)
    return floor + (squares > floor * (floor + 1))


def _changes(below: Array) -> Integers:
    """Return how often neighbours along the last axis differ."""
    return np.asarray((below[..., 1:] != below[..., :-1]).sum(axis=-1), np.int64)


def quantise(request: Request) -> Quantised:
    """Steps of 2^-(16 - bits), whatever calibration saw."""
    scale = 2.0 ** (request.attributes["bits"] - BITS)
    return Quantised(replace(request.output, dtype="int16", scale=scale, zero_point=0, axis=None, limits=None))


def accumulator(v: Values, t: Types, attributes: Attributes) -> tuple[int, int]:
    """Return the extremes of a sum of samples; squares are summed in 64 bits."""
    low, high = INTEGER_RANGES["int16"]
    steps = t["x"].shape[0]
    return max(low * steps, INT32[0]), high * steps


def arguments(v: Values, t: Types, attributes: Attributes) -> dict[str, int | Array]:
    """Return sizes, the codes of the statistics and how samples are cut and shifted."""
    steps, channels = t["x"].shape
    low, high = sample_range(attributes)
    lowest, highest = t["y"].range
    return {
        "steps": steps,
        "channels": channels,
        "which": np.array([CODES[name] for name in attributes["which"]], np.uint8),
        "number": len(attributes["which"]),
        "low": low,
        "high": high,
        "fraction": BITS - attributes["bits"],
        "lowest": lowest,
        "highest": highest,
    }


def cases(generator: np.random.Generator) -> list[Case]:
    """All statistics and single ones, one step, one channel and many, few bits, samples that do not use their range."""
    found = []
    for size, which, bits, limits in (
        ((20, 3), tuple(CODES), 16, None),
        ((7, 1), tuple(CODES), 12, None),
        ((1, 2), tuple(reversed(CODES)), 8, None),
        ((33, 2), ("deviation", "root_mean_square", "mean"), 16, (-900, 70)),
        ((16, 1), ("mean_crossings",), 16, (-5, 5)),
    ):
        x = Type(size, "int16", 1.0, limits=limits)
        y = Type((size[1], len(which)), "int16", 2.0 ** (bits - BITS))
        found.append(Case({"x": x, "y": y}, attributes={"which": list(which), "bits": bits}))
    return found


ENTRY = Op(
    doc="Statistics [channels, which] of raw samples [steps, channels] of `bits` bits: mean, deviation, crossings and others.",
    inputs=("x",),
    shape=shape,
    float=real,
    integer=integer,
    quantise=quantise,
    samples=("x",),
    accumulator=accumulator,
    arguments=arguments,
    kernels=(
        Kernel(
            "statistics_samples",
            ("x", "y", "steps", "channels", "which", "number", "low", "high", "fraction", "lowest", "highest"),
            {"x": ("int16",), "y": ("int16",)},
        ),
    ),
    cases=cases,
)
