"""Weights as the functions of avr.h read them, and the proof of their sums."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgewright.ir.types import INTEGER_RANGES, Array, Type
from edgewright.ops import Case
from edgewright.ops.arithmetic import Integers, product_bounds

TOGETHER = 4
WEIGHT_OFFSET = 128
OFFSETS = {"int8": 0x80, "int16": 0x8000}
LARGEST_24 = 2**23 - 1


def fits(w: Integers, bias: Integers, x: Type) -> bool:
    """Return whether every sum of w [rows, columns] times x, plus bias, fits the width of its register: 24 bits for x of int8.

    Those of int16 have 32 bits, which every kernel needs.
    """
    if x.dtype != "int8":
        return True
    lowest, highest = product_bounds(w.astype(np.int64), *x.range)
    return bool((lowest + bias >= -LARGEST_24 - 1).all() and (highest + bias <= LARGEST_24).all())


def is_unsigned(x: Type) -> bool:
    """Return whether x is proven never to be negative."""
    return x.range[0] >= 0


def interleaved(w: Integers, bias: Integers, x: Type, block: int, *, unsigned: bool = False) -> dict[str, int | Array]:
    """Return the constants of the rows of w [rows, columns].

    block: rows that are multiplied in one go. interleaved: four rows at a time, column by column, plus 128; rows that are left over in
    a block follow as they are. start: what each sum begins with: its bias, less what the offset of x adds to its products.
    """
    offset = 0 if unsigned else OFFSETS[x.dtype]
    whole = np.arange(len(w)) % block < block // TOGETHER * TOGETHER
    pieces = []
    for first in range(0, len(w), block):
        rows = w[first : first + block]
        fours = rows[: block // TOGETHER * TOGETHER]
        pieces.append((fours.reshape(-1, TOGETHER, w.shape[1]).transpose(0, 2, 1) + WEIGHT_OFFSET).ravel())
        pieces.append(rows[len(fours) :].ravel())
    start = bias - np.where(whole, offset * w.sum(axis=1), 0)
    return {
        "interleaved": (np.concatenate(pieces) & 0xFF).astype(np.uint8),
        "start": wrapped(start),
    }


def wrapped(integers: Integers) -> npt.NDArray[np.int32]:
    """Return integers modulo 2^32 as int32."""
    return (integers & 0xFFFFFFFF).astype(np.uint32).view(np.int32)


def dense_cases(generator: np.random.Generator) -> list[Case]:
    """Each column at which a turn may begin, rows left over, all weights at one end of their range, sums at both ends of 24 bits."""
    found = []
    for x_dtype, sizes in (("int8", ((5, 1), (4, 2), (7, 3), (8, 132))), ("int16", ((6, 1), (8, 132)))):
        lowest, highest = INTEGER_RANGES[x_dtype]
        for low in (0, lowest):
            for rows, columns in sizes:
                x = Type((columns,), x_dtype, 1.0, limits=(low, highest))
                w = generator.integers(-128, 128, (rows, columns))
                w[:3], w[-1] = np.array([[127], [-127], [-128]]), -128
                found.append(_dense_case(w, generator.integers(-30000, 30000, rows), x))
    x, w = Type((9,), "int8", 1.0), np.repeat([[127], [-128]], [2, 3], axis=0) * np.ones((1, 9), np.int64)
    lowest_sums, highest_sums = product_bounds(w, *x.range)
    ends = np.where(np.arange(5) % 2, LARGEST_24 - highest_sums, -LARGEST_24 - 1 - lowest_sums)
    return [*found, _dense_case(w, ends, x)]


def _dense_case(w: Integers, bias: Integers, x: Type) -> Case:
    rows = len(w)
    types = {
        "x": x,
        "w": Type(w.shape, "int8", 1.0),
        "bias": Type((rows,), "int32", 1.0),
        "y": Type((rows,), "int16", 2.0**9 if x.dtype == "int8" else 2.0**15),
    }
    return Case(types, {"w": w.astype(np.int8), "bias": bias.astype(np.int32)})
