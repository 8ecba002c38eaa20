"""What the operators share when they choose their integers. Our own scales are powers of two unless the settings say otherwise."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from edgewright.errors import BadGraph
from edgewright.ir.graph import Attributes
from edgewright.ir.types import INTEGER_RANGES, Array, Type, power_of_two
from edgewright.ops.arithmetic import INT32, Integers, Ratio, product_bounds, ratios, requantise_cost, twice

WEIGHT_LIMIT = 127  # -128 is left out, so that weights negate and fast kernels may assume it
SMALLEST_EXPONENT, LARGEST_EXPONENT = -60, 60
EXPONENT_OF_NOTHING = -30  # where all values are zero
LARGEST_SHIFT = 30  # of a sum on its way to the output; half of the 32 bits are left for its rounding term
LARGEST_STEPS = 2**29  # of an output, that a sum may be; a quarter of 32 bits is left for rounding and what is added
OUTPUT_LIMITS = {"int8": (-127, 127), "int16": INTEGER_RANGES["int16"]}


def scale_covering(largest: float, highest: int) -> float:
    """Return the smallest power of two s with largest <= s * highest, within reason where `largest` is 0 or tiny."""
    if largest <= 0:
        return 2.0**EXPONENT_OF_NOTHING
    exponent = math.ceil(math.log2(largest / highest))
    if largest > 2.0**exponent * highest:  # log2 rounded down
        exponent += 1
    return 2.0 ** min(max(exponent, SMALLEST_EXPONENT), LARGEST_EXPONENT)


def exact_scale(largest: float, highest: int) -> float:
    """Return the scale s with largest == s * highest, that of nothing where `largest` is 0 or tiny."""
    return float(max(largest / highest, 2.0**SMALLEST_EXPONENT)) if largest > 0 else 2.0**EXPONENT_OF_NOTHING


def activation_type(
    shape: tuple[int, ...], low: float, high: float, dtype: str, scales: str = "power-of-two", zero_points: bool = False
) -> Type:
    """Return the type of an activation that reached low..high in calibration; what lies beyond saturates.

    scales: "power-of-two" or "any". zero_points: whether int8 takes all its 256 integers for low..high, 0 included; int16 stays
    symmetric.
    """
    scale_of = exact_scale if scales == "any" else scale_covering
    if zero_points and dtype == "int8":
        low, high = min(low, 0.0), max(high, 0.0)
        lowest, highest = INTEGER_RANGES[dtype]
        scale = scale_of(high - low, highest - lowest)
        zero_point = math.floor(lowest - low / scale + 0.5)
        return Type(shape, dtype, scale, min(max(zero_point, lowest), highest))
    limits = OUTPUT_LIMITS[dtype]
    scale = scale_of(max(abs(low), abs(high)), limits[1])
    return Type(shape, dtype, scale, limits=limits if dtype == "int8" else None)


def quantise_weights(values: Array, scale: float | npt.NDArray[np.float64]) -> npt.NDArray[np.int8]:
    """Return float weights as int8 at a scale, or one scale a row."""
    integers = np.floor(np.asarray(values, np.float64) / np.reshape(scale, (-1,) + (1,) * (np.ndim(values) - 1)) + 0.5)
    clipped: npt.NDArray[np.float64] = np.clip(integers, -WEIGHT_LIMIT, WEIGHT_LIMIT)
    return clipped.astype(np.int8)


@dataclass(frozen=True)
class Rows:
    """Weights and bias of a matrix-vector product, one scale a row."""

    weights: tuple[Array, Type]
    bias: tuple[Array, Type]


def quantise_rows(weights: Array, bias: Array, x: Type, y: Type | None = None) -> Rows:
    """Return integer weights [rows, columns] and bias [rows] for an input type.

    Each row has the finest scale at which its weights fit int8 and its sum is proven to fit 32 bits: a power of two where input and
    output have such scales, for then requantising is a shift; else any. No finer than an output type needs, if one is given: a row
    of zeros would be shifted out of 32 bits. The bias is at scale s_x * s_w, int16 where it fits,
    else int32. Raises BadGraph where the input has several scales.
    """
    if x.axis is not None:
        raise BadGraph("A matrix-vector product needs one scale for its whole input; put an affine operator before it.")
    input_scale = float(x.scales)
    given = [x] if y is None else [x, y]
    shifts_do = all(power_of_two(float(type.scales)) is not None for type in given)
    scale_of = scale_covering if shifts_do else exact_scale
    scales = np.array([scale_of(float(np.abs(row).max(initial=0)), WEIGHT_LIMIT) for row in weights])
    if y is not None:
        scales = np.maximum(scales, float(y.scales) * 2.0**-LARGEST_SHIFT / input_scale)
    low, high = min(x.range[0], 0), max(x.range[1], 0)
    while True:
        integers = quantise_weights(weights, scales)
        offsets = np.floor(np.asarray(bias, np.float64) / (scales * input_scale) + 0.5)
        lowest, highest = product_bounds(integers.astype(np.int64), low - x.zero_point, high - x.zero_point)
        # Half of the 32 bits are left for the rounding term
        over = np.maximum(np.abs(lowest + offsets), np.abs(highest + offsets)) >= INT32[1] // 2
        over |= np.abs(offsets) >= INT32[1] // 2
        if not over.any():
            break
        scales = np.where(over, scales * 2, scales)
    folded = offsets.astype(np.int64) - x.zero_point * integers.astype(np.int64).sum(axis=1)
    dtype = "int16" if np.abs(folded).max(initial=0) <= INTEGER_RANGES["int16"][1] else "int32"
    weight_type = Type(weights.shape, "int8", _scales(scales), axis=0, limits=(-WEIGHT_LIMIT, WEIGHT_LIMIT))
    bias_type = Type(folded.shape, dtype, _scales(scales * input_scale), axis=0)
    return Rows((integers, weight_type), (folded.astype(dtype), bias_type))


def _scales(scales: npt.NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(float(scale) for scale in scales)


def row_ratios(bias: Type, y: Type, attributes: Attributes | None = None) -> tuple[Ratio, ...]:
    """Return the factors from the accumulators of a product, whose scales the bias carries, to its output.

    One factor alone where all rows have the same. They round twice where the attribute `rounds_twice` says so.
    """
    factors = ratios(np.broadcast_to(bias.scales, bias.shape) / y.scales)
    if attributes and attributes.get("rounds_twice"):
        factors = tuple(twice(factor) for factor in factors)
    return factors[:1] if len(set(factors)) == 1 else factors


def dense_accumulator(
    weights: Integers, bias: Integers, x: Type, y: Type, factors: tuple[Ratio, ...]
) -> tuple[int, int]:
    """Return the extremes of every partial sum of weights @ x + bias, with the rounding term."""
    low, high = min(x.range[0], 0), max(x.range[1], 0)
    lowest, highest = product_bounds(weights, low, high)
    return row_costs(lowest + bias, highest + bias, factors, y)


def row_costs(lowest: Integers, highest: Integers, factors: tuple[Ratio, ...], y: Type) -> tuple[int, int]:
    """Return the extremes over all rows of their sums, each with what its own requantisation puts on it."""
    costs = [
        requantise_cost(int(low), int(high), (factors[row % len(factors)],), y)
        for row, (low, high) in enumerate(zip(lowest, highest, strict=True))
    ]
    return min(low for low, _ in costs), max(high for _, high in costs)


def largest_real(x: Type) -> float:
    """Return the largest real magnitude within the proven range of a type, over all its scales."""
    return float(np.max(x.scales)) * max(abs(bound - x.zero_point) for bound in x.range)


def coarse_enough(y: Type, largest: float) -> Type:
    """Return an output type, or a coarser one where results up to `largest` are too many of its steps for 32 bits.

    That happens where calibration saw next to nothing, as of a rectifier that never lets anything through.
    """
    return replace(y, scale=max(float(y.scales), scale_covering(largest, LARGEST_STEPS)))


def clip_bounds(attributes: Attributes, y: Type) -> tuple[int, int]:
    """Return the integers that an output is cut to: the attributes `lowest` and `highest`, within the range of its type."""
    low, high = y.range
    return max(int(attributes.get("lowest", low)), low), min(int(attributes.get("highest", high)), high)


def counted(types: Mapping[str, Type], highest: int, lowest: int = 0) -> None:
    """Raise BadGraph where the output of an operator that counts is not whole numbers that reach from `lowest` to `highest`."""
    y = types.get("y")
    if y is None or y.is_float:
        return
    if (y.dtype, y.zero_point, float(np.max(y.scales))) != ("int16", 0, 1.0) or not (
        y.range[0] <= lowest and highest <= y.range[1]
    ):
        raise BadGraph(f"its output is {y}; it must be int16 of scale 1 that reaches from {lowest} to {highest}")
