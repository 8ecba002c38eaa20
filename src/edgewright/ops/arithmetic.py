"""The arithmetic of all operators, over int64 arrays; `arithmetic.h` is the same in C.

Section "Arithmetic" of docs/contract.md is the specification.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgewright.errors import BadGraph
from edgewright.ir.types import Type, power_of_two

Integers = npt.NDArray[np.int64]
INT32 = (-(2**31), 2**31 - 1)
LARGEST_SHIFT = 62
ENTRY_SHIFT = 24
FIRST_SHIFT = 31  # of a product that is rounded twice


def rshift_floor(x: Any, shift: Any) -> Any:
    """Return x >> shift, towards minus infinity; shift >= 0."""
    return x >> shift


def rshift_round(x: Any, shift: Any) -> Any:
    """Return x / 2**shift rounded to nearest, ties towards +infinity; shift >= 0, a number or an array."""
    half = np.where(np.asarray(shift) > 0, np.int64(1) << np.maximum(np.asarray(shift) - 1, 0), 0)
    return (x + half) >> shift


def saturate(x: Any, type: Type) -> Integers:
    """Return x cut to the range of a type."""
    low, high = type.range
    return np.clip(x, low, high)


@dataclass(frozen=True)
class Ratio:
    """A real factor as integers: multiplier / 2**shift, or 1 / 2**shift where multiplier is None.

    multiplier lies in [2**30, 2**31) and shift in 0..62; without a multiplier the shift may be negative, a shift to the left.
    twice: where the shift is above 31, round after 31 bits, ties up, and again at the end, ties away from zero (gemmlowp's way,
    which LiteRT's convolutions keep); with a multiplier only.
    """

    multiplier: int | None
    shift: int
    twice: bool = False

    def apply(self, x: Any) -> Any:
        """Return x times the factor, rounded half up, or twice."""
        if self.multiplier is not None and self.twice and self.shift > FIRST_SHIFT:
            high = rshift_round(x * self.multiplier, FIRST_SHIFT)
            return rshift_round(high - (high < 0), self.shift - FIRST_SHIFT)
        if self.multiplier is not None:
            return rshift_round(x * self.multiplier, self.shift)
        return x << -self.shift if self.shift < 0 else rshift_round(x, self.shift)


def ratio(factor: float) -> Ratio:
    """Return a positive real factor as a Ratio: exact for powers of two, else to 31 bits. Raises BadGraph outside 2**-31..2**31."""
    if not math.isfinite(factor):
        raise BadGraph(f"The factor {factor:g} between two scales is not finite.")
    exponent = power_of_two(factor)
    if exponent is not None and -LARGEST_SHIFT <= exponent <= 30:
        return Ratio(None, -exponent)
    mantissa, exponent = math.frexp(factor)
    multiplier = round(mantissa * 2**31)
    if multiplier == 2**31:
        multiplier, exponent = 2**30, exponent + 1
    shift = 31 - exponent
    if not (factor > 0 and 0 <= shift <= LARGEST_SHIFT):
        raise BadGraph(f"The factor {factor:g} between two scales is outside 2^-31..2^31.")
    return Ratio(multiplier, shift)


def twice(factor: Ratio) -> Ratio:
    """Return a factor that rounds twice; a power of two gets a multiplier, as both roundings count there too."""
    if factor.multiplier is None:
        return Ratio(2**30, min(30 + factor.shift, LARGEST_SHIFT), twice=True)
    return Ratio(factor.multiplier, factor.shift, twice=True)


def ratios(factors: npt.NDArray[np.float64]) -> tuple[Ratio, ...]:
    """Return each factor of a vector as a Ratio."""
    return tuple(ratio(float(factor)) for factor in np.ravel(factors))


def entry_ratios(factors: npt.NDArray[np.float64]) -> tuple[Ratio, ...]:
    """Return each factor as a Ratio for single entries less their zero point, 17 bits at most.

    A shift of more than 24 gives 0 for all of them, as one of 24 does, without a rounding term that leaves 32 bits.
    """
    found = ratios(factors)
    return tuple(one if one.multiplier is not None else Ratio(None, min(one.shift, ENTRY_SHIFT)) for one in found)


def requantise(acc: Integers, factors: tuple[Ratio, ...], type: Type) -> Integers:
    """Return accumulators as integers of a type.

    acc: [..., rows]. factors: one Ratio, or one a row.
    """
    scaled = (
        np.stack([factors[row].apply(acc[..., row]) for row in range(acc.shape[-1])], axis=-1)
        if len(factors) > 1
        else (factors[0].apply(acc))
    )
    return saturate(scaled + type.zero_point, type)


def requantise_cost(lowest: int, highest: int, factors: tuple[Ratio, ...], y: Type) -> tuple[int, int]:
    """Return the extremes of an accumulator with what requantising puts on it: rounding term, left shift, zero point.

    What a multiplier does is done in 64 bits, and is no part of this.
    """
    halves = [1 << (factor.shift - 1) for factor in factors if factor.multiplier is None and factor.shift > 0]
    lefts = [-factor.shift for factor in factors if factor.multiplier is None and factor.shift < 0]
    left = max(lefts, default=0)
    low = min(lowest, (lowest << left) + min(y.zero_point, 0))
    return low, max(highest + max(halves, default=0), (highest << left) + max(y.zero_point, 0))


def exact_products(x: Any, weights: Any) -> Any:
    """Return x [..., columns] @ weights [columns, rows]; integers that float64 holds exactly go its way, which is several times as fast."""
    if np.issubdtype(np.result_type(x, weights), np.integer) and x.size:
        largest = int(np.abs(x).max()) * int(np.abs(weights).sum(axis=0).max(initial=0))
        if largest < 2**53:
            return (x.astype(np.float64) @ weights.astype(np.float64)).astype(np.int64)
    return x @ weights


def product_bounds(weights: Integers, low: int, high: int, axis: int = -1) -> tuple[Integers, Integers]:
    """Return the lowest and highest value of sum(weights * x) along an axis, for any x in low..high."""
    positive, negative = np.maximum(weights, 0).sum(axis), np.minimum(weights, 0).sum(axis)
    return positive * low + negative * high, positive * high + negative * low
