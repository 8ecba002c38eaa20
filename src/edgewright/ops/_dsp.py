"""Constants as the kernels in *.dsp.c read them, and the proof that their sums fit. dsp.h says how the words work."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgewright.ir.types import Array, Type
from edgewright.ops.arithmetic import INT32, product_bounds

COLUMNS = 4  # of a word
OFFSET = 127  # of each even entry, which the start of a sum takes off again
SCALE = 256  # of a sum


def fits(w: Array, x: Type) -> bool:
    """Whether the words of w [rows, columns] and 256 times its products fit, for every x of a type."""
    return bool(w.min() >= -OFFSET and _small(w, np.zeros(len(w), np.int64), x).all())


def packed(w: Array, together: int) -> dict[str, int | Array]:
    """Return w [rows, columns] as words of four columns: `together` rows take turns; rows and columns are filled up with 0."""
    rows, columns = filled(w.shape[0], together), filled(w.shape[1], COLUMNS)
    whole = np.zeros((rows, columns), np.int64)
    whole[: w.shape[0], : w.shape[1]] = w
    low, high = (SCALE * whole[:, place + 1 :: COLUMNS] + whole[:, place::COLUMNS] for place in (0, 2))
    words = wrapped((high << 16) + (low & 0xFFFF))
    return {"packed": words.reshape(rows // together, together, -1).transpose(0, 2, 1).ravel()}


def packed_halves(w: Array) -> dict[str, int | Array]:
    """Return w [rows, columns] as words of the columns 0, 2, 1, 3: four rows take turns; rows and columns are filled up with 0."""
    whole = np.zeros((filled(len(w), 4), filled(w.shape[1], COLUMNS)), np.int8)
    whole[: len(w), : w.shape[1]] = w
    fours = whole.reshape(len(whole) // 4, 4, -1, COLUMNS).transpose(0, 2, 1, 3)[..., [0, 2, 1, 3]]
    return {"packed": np.ascontiguousarray(fours).view("<i4").astype(np.int32).ravel()}


def start(w: Array, bias: Array, x: Type, together: int) -> dict[str, int | Array]:
    """Return what each sum of w [rows, columns] starts from, modulo 2^32, and `rest`: the biases that it has no room for, or 0."""
    small = _small(w, bias, x)
    even = w.astype(np.int64)[:, ::2].sum(axis=1)
    sums, rest = np.zeros((2, filled(len(w), together)), np.int64)
    sums[: len(w)] = SCALE * np.where(small, bias, 0) - OFFSET * even
    rest[: len(w)] = np.where(small, 0, bias)
    return {"start": wrapped(sums), "rest": 0 if small.all() else rest.astype(np.int32)}


def _small(w: Array, bias: Array, x: Type) -> npt.NDArray[np.bool_]:
    """Return for each row whether 256 times its sum fits."""
    lowest, highest = product_bounds(w.astype(np.int64), min(x.range[0], 0), max(x.range[1], 0))
    small: npt.NDArray[np.bool_] = (SCALE * (lowest + bias) >= INT32[0]) & (SCALE * (highest + bias) <= INT32[1])
    return small


def filled(count: int, together: int) -> int:
    """Return the next multiple."""
    return -(-count // together) * together


def wrapped(words: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    """Return integers modulo 2^32 as int32."""
    return (words & 0xFFFFFFFF).astype(np.uint32).view(np.int32)
