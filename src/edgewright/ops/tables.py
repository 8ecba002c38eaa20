"""Tables for functions of one number: made here, by one function, for tanh, sigmoid, exp and whatever comes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from edgewright.ir.types import Array, Type, dequantise_array
from edgewright.ops import Op, Quantised, Request, Types
from edgewright.ops.arithmetic import Integers, rshift_floor, rshift_round

Function = Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]

TOLERANCE = 2.0**-11  # of the real output; a table is made as small as this allows
MOST_INTERVALS = 512


def interpolate(x: Integers, table: Integers, lowest: int, shift: int) -> Integers:
    """Return the table at x: entry i stands for lowest + i * 2**shift, straight lines between, flat beyond both ends."""
    last = ((len(table) - 1) << shift) - 1
    distance = np.clip(x - lowest, 0, last)
    index, fraction = rshift_floor(distance, shift), distance & ((1 << shift) - 1)
    result: Integers = table[index] + rshift_round((table[index + 1] - table[index]) * fraction, shift)
    return result


def largest_error(function: Function, x: Type, y: Type, table: Integers, lowest: int, shift: int) -> float:
    """Return the largest real difference between the table and the function (saturated to y) over every integer of x."""
    integers, wanted = _exact(function, x, y)
    return float(np.abs(dequantise_array(interpolate(integers, table, lowest, shift), y) - wanted).max())


def make_table(function: Function, x: Type, y: Type) -> tuple[Array, int, int]:
    """Return (table, lowest, shift): the smallest table whose error over every integer of x is within TOLERANCE.

    Where even MOST_INTERVALS do not reach it, or where y itself is coarser, the best that they give.
    """
    integers, wanted = _exact(function, x, y)
    tolerance = max(TOLERANCE, float(y.scales))
    first, last = _interesting(wanted, tolerance / 4)
    lowest, width = int(integers[first]), last - first + 1
    best = None
    for shift in range(14, -1, -1):
        intervals = max(1, -(-width // 2**shift))
        if intervals > MOST_INTERVALS:
            break
        knots = lowest + (np.arange(intervals + 1) << shift)
        with np.errstate(over="ignore"):
            exact = function(dequantise_array(knots, x))
        table = np.clip(np.floor(exact / float(y.scales) + 0.5) + y.zero_point, *y.range).astype(np.int64)
        error = float(np.abs(dequantise_array(interpolate(integers, table, lowest, shift), y) - wanted).max())
        if best is None or error < best[0]:
            best = (error, table, shift)
        if error <= tolerance:
            break
    assert best is not None  # one interval always fits
    return best[1].astype(y.dtype), lowest, best[2]


def quantise_by_table(function: Callable[[Request], Function]) -> Callable[[Request], Quantised]:
    """Return the quantising rule of an operator that becomes a `lookup`."""

    def quantise(request: Request) -> Quantised:
        x, y = request.types["x"], request.output
        table, lowest, shift = make_table(function(request), x, y)
        table_type = Type(table.shape, y.dtype, y.scale, y.zero_point)
        # Straight lines between entries stay within them
        output = replace(y, limits=(int(table.min()), int(table.max()))) if y.limits is None else y
        return Quantised(output, {"table": (table, table_type)}, {"lowest": lowest, "shift": shift}, op="lookup")

    return quantise


def same_shape(types: Types, attributes: object) -> tuple[int, ...]:
    """Return the shape of x."""
    return types["x"].shape


def table_operator(doc: str, function: Function) -> Op:
    """Return the operator of a function without parameters: float as it is, quantised to a `lookup`."""
    return Op(
        doc=doc,
        inputs=("x",),
        shape=same_shape,
        float=lambda v, a: function(v["x"]),
        quantise=quantise_by_table(lambda request: function),
    )


def _exact(function: Function, x: Type, y: Type) -> tuple[Integers, npt.NDArray[np.float64]]:
    """Return every integer of x, and the function there, saturated to what y can hold."""
    integers = np.arange(x.range[0], x.range[1] + 1, dtype=np.int64)
    low, high = dequantise_array(np.array(y.range), y)
    with np.errstate(over="ignore"):
        wanted = np.clip(function(dequantise_array(integers, x)), low, high)
    return integers, wanted


def _interesting(wanted: npt.NDArray[np.float64], tolerance: float) -> tuple[int, int]:
    """Return the first and last index between which the function is not flat."""
    moved = np.flatnonzero(np.abs(wanted - wanted[0]) > tolerance)
    still = np.flatnonzero(np.abs(wanted - wanted[-1]) > tolerance)
    if not len(moved) or not len(still):
        return 0, 0
    return max(int(moved[0]) - 1, 0), min(int(still[-1]) + 1, len(wanted) - 1)
