"""A straight line a feature: how raw sensor readings are normalised on the device."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from edgewright.errors import BadGraph
from edgewright.ir.graph import Attributes
from edgewright.ir.types import Array, Type
from edgewright.ops import INTEGERS, Case, Kernel, Op, Quantised, Request, Types, Values
from edgewright.ops._layout import in_place
from edgewright.ops.arithmetic import INT32, Integers, Ratio, requantise, requantise_cost
from edgewright.ops.forms import requantise_arguments
from edgewright.ops.quantisation import clip_bounds, coarse_enough, row_ratios

LARGEST_MULTIPLIER = 2**15 - 1
FINEST, COARSEST = 30, -16  # shifts to the right that are tried, the finest unit first
KEPT = 2**11  # one shift serves all features where every multiplier keeps this size or is exact

Floats = npt.NDArray[np.float64]


def shape(types: Types, attributes: Attributes) -> tuple[int, ...]:
    """Return the shape of x."""
    x, sizes = types["x"], {port: types[port].shape for port in ("scale", "offset")}
    allowed = {(1,), x.shape[-1:]} - {()}
    for port, given in sizes.items():
        if given not in allowed:
            raise BadGraph(
                f"{port} is {given} where x is {x.shape}: it needs one entry, or one for each of the last axis"
            )
    if not types["scale"].is_float and sizes["scale"] != sizes["offset"]:
        raise BadGraph(f"scale is {sizes['scale']} and offset {sizes['offset']}: in integers both must be alike")
    if x.axis is not None and x.axis != len(x.shape) - 1:
        raise BadGraph(f"x has a scale for each entry of axis {x.axis}; only the last axis may have several")
    return x.shape


def integer(v: Values, t: Types, attributes: Attributes) -> Array:
    """Return requantise(x * scale + offset); the offset holds the zero point of x. x: [n, ..., features]."""
    total = v["x"] * v["scale"] + v["offset"]
    return np.clip(requantise(total, row_ratios(t["offset"], t["y"]), t["y"]), *clip_bounds(attributes, t["y"]))


def quantise(request: Request) -> Quantised:
    """A feature at a time: the finest multiplier of 16 bits with which its sum is proven to fit 32 bits.

    The unit of a sum is the step of the output / 2^shift; where little is lost, all features have the same shift.
    """
    x, scale, offset = request.types["x"], request.parameters["scale"], request.parameters["offset"]
    features = max(np.size(scale), np.size(offset), np.size(x.scales))
    scale, offset, steps = (
        np.broadcast_to(np.ravel(array).astype(np.float64), (features,)) for array in (scale, offset, x.scales)
    )
    reach = max(abs(bound - x.zero_point) for bound in x.range)
    y = coarse_enough(request.output, float((np.abs(scale) * steps * reach + np.abs(offset)).max()))
    lines = np.stack([scale * steps, offset]) / float(y.scales)  # in steps of y
    shifts = np.array([_finest(slope, start, x, y) for slope, start in lines.T])
    alike, _ = _integers(lines, np.full(features, shifts.min()), x)
    if np.all((np.abs(alike) >= KEPT) | (alike == lines[0] * 2.0 ** shifts.min())):
        shifts = np.full(features, shifts.min())
    multipliers, offsets = _integers(lines, shifts, x)
    units = float(y.scales) * 2.0**-shifts
    limits = (-LARGEST_MULTIPLIER, LARGEST_MULTIPLIER)
    multiplier_type = Type((features,), "int16", _scales(units / steps), axis=0, limits=limits)
    return Quantised(
        y,
        {
            "scale": (multipliers.astype(np.int16), multiplier_type),
            "offset": (offsets.astype(np.int32), Type((features,), "int32", _scales(units), axis=0)),
        },
    )


def _scales(scales: Floats) -> tuple[float, ...]:
    return tuple(float(scale) for scale in scales)


def _integers(lines: Floats, shifts: npt.NDArray[np.int64], x: Type) -> tuple[Integers, Integers]:
    """Return multipliers and offsets for lines [2, features] in steps of y, the zero point of x folded in."""
    slopes, starts = np.floor(lines * 2.0**shifts + 0.5).astype(np.int64)
    return slopes, starts - x.zero_point * slopes


def _finest(slope: float, start: float, x: Type, y: Type) -> int:
    for shift in range(FINEST, COARSEST, -1):
        if max(abs(slope), abs(start) / 2**16) * 2.0**shift <= LARGEST_MULTIPLIER:
            multiplier, offset = _integers(np.array([[slope], [start]]), np.array([shift]), x)
            low, high = sum_bounds(multiplier, offset, x, y, (Ratio(None, shift),))
            if INT32[0] <= low and high <= INT32[1]:
                return shift
    raise BadGraph(f"x * {slope:g} + {start:g}, in steps of the output, does not fit 32 bits; give it a coarser scale")


def sum_bounds(
    multipliers: Integers, offsets: Integers, x: Type, y: Type, factors: tuple[Ratio, ...]
) -> tuple[int, int]:
    """Return the extremes of any feature's sum, with what its requantisation adds."""
    ends = np.stack([multipliers * bound for bound in (*x.range, 0)])
    lowest, highest = ends.min(axis=0) + offsets, ends.max(axis=0) + offsets
    costs = [
        requantise_cost(int(low), int(high), (factors[feature % len(factors)],), y)
        for feature, (low, high) in enumerate(zip(lowest, highest, strict=True))
    ]
    return min(low for low, _ in costs), max(high for _, high in costs)


def accumulator(v: Values, t: Types, attributes: Attributes) -> tuple[int, int]:
    """Return the extremes of the sum of any feature."""
    return sum_bounds(v["scale"], v["offset"], t["x"], t["y"], row_ratios(t["offset"], t["y"]))


def arguments(v: Values, t: Types, attributes: Attributes) -> dict[str, int | Array]:
    """Return rows and features, and the requantisation."""
    features = t["scale"].size
    lowest, highest = clip_bounds(attributes, t["y"])
    return {
        **requantise_arguments(row_ratios(t["offset"], t["y"]), t["y"]),
        "rows": t["x"].size // features,
        "features": features,
        "lowest": lowest,
        "highest": highest,
    }


def cases(generator: np.random.Generator) -> list[Case]:
    """Every pair of dtypes, one line and one a feature, a scale a feature, zero points, several rows, bounds, left shifts."""
    found = []
    for x_dtype in INTEGERS:
        for y_dtype in INTEGERS:
            x_step, y_step = 2.0 ** (-3 if x_dtype == "int8" else -11), 2.0 ** (-2 if y_dtype == "int8" else -10)
            y = Type((5,), y_dtype, y_step, limits=(-127, 127) if y_dtype == "int8" else None)
            steps = tuple(x_step * 2.0 ** (k % 3) for k in range(5))
            lines = {"scale": generator.normal(0, 1, 5), "offset": generator.normal(0, 3, 5)}
            apart = {
                "scale": np.array([1.0, -0.001, 0.0, 30.0, 1e-6]),
                "offset": np.array([0.0, 1e-5, -3.0, 0.5, 20.0]),
            }
            found += [
                _case(Type((5,), x_dtype, x_step), lines, y),
                _case(Type((5,), x_dtype, x_step), apart, y),
                _case(Type((5,), x_dtype, steps, axis=0), lines, y),
                _case(Type((5,), x_dtype, x_step), {"scale": [0.5], "offset": [0.5]}, y, {"lowest": 0, "highest": 4}),
            ]
    rows = {"scale": [0.31, -2.0, 1.0], "offset": [3.0, 0.01, 0.0]}
    return [
        *found,
        _case(Type((2, 3), "int8", 0.05, 77), rows, Type((2, 3), "int8", 0.11, -20)),
        _case(Type((2, 3), "int16", (0.01, 0.02, 0.3), axis=1), rows, Type((2, 3), "int16", 2.0**-6)),
        _case(Type((2, 3), "int8", 2.0**-3, -128), {"scale": [-1.7], "offset": [0.0]}, Type((2, 3), "int16", 2.0**-11)),
        _case(Type((), "int16", 1.0), {"scale": [0.01], "offset": [-5.0]}, Type((), "int8", 2.0)),
        _case(
            Type((1,), "int8", 1.0, limits=(3, 9)), {"scale": [100.0], "offset": [-600.0]}, Type((1,), "int8", 2.0**-18)
        ),
    ]


def _case(x: Type, line: Mapping[str, npt.ArrayLike], y: Type, attributes: Attributes | None = None) -> Case:
    """Return a case whose integers are those that quantising gives."""
    result = quantise(Request({"x": x}, {port: np.asarray(values) for port, values in line.items()}, {}, y))
    parameters = {port: array for port, (array, _) in result.parameters.items()}
    types = {port: type for port, (_, type) in result.parameters.items()}
    return Case({"x": x, **types, "y": result.output}, parameters, attributes or {})


ENTRY = Op(
    doc="y = x * scale + offset, with one scale and one offset, or one for each entry of the last axis.",
    inputs=("x", "scale", "offset"),
    parameters=("scale", "offset"),
    shape=shape,
    float=lambda v, a: v["x"] * v["scale"] + v["offset"],
    integer=integer,
    quantise=quantise,
    accumulator=accumulator,
    arguments=arguments,
    kernels=(
        Kernel(
            "affine_X_Y_FORM",
            ("x", "y", "scale", "offset", "rows", "features", "FORM"),
            {"x": INTEGERS, "scale": ("int16",), "offset": ("int32",), "y": INTEGERS},
            ratios=lambda t, a: row_ratios(t["offset"], t["y"]),
            overlap=in_place,
        ),
    ),
    cases=cases,
    scale_a_feature=True,
)
