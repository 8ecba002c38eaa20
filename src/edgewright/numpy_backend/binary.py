"""Arithmetic of two or more arrays, which broadcast as NumPy's do."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

from edgewright.errors import BadModelFile
from edgewright.numpy_backend._values import Array, wide


def aligned(a: Array, b: Array, broadcast: int, axis: int | None) -> Array:
    """Return b as the opsets before 7 broadcast it: its axes are those of a from `axis` on, the last ones where that is None."""
    if not broadcast or axis is None:
        return b
    behind = a.ndim - axis % max(a.ndim, 1) - b.ndim
    return b.reshape(b.shape + (1,) * behind)


def _two(function: Callable[[Array, Array], Array]) -> Callable[..., Array]:
    """Return a function of two arrays that keeps the dtype of the first."""

    def operator(a: Array, b: Array, *, broadcast: int = 1, axis: int | None = None) -> Array:
        return np.asarray(function(wide(a), wide(aligned(a, b, broadcast, axis)))).astype(a.dtype)

    operator.__doc__ = f"Return {getattr(function, '__name__', 'the function')} of two arrays."
    return operator


def divide(a: Array, b: Array) -> Array:
    """Return a / b; for integers rounded towards zero."""
    if a.dtype.kind not in "iu":
        return np.divide(a, b)
    quotient = np.floor_divide(a, b)
    inexact = (quotient * b != a) & (b != 0)
    return quotient + (inexact & ((a < 0) != (b < 0))).astype(a.dtype)


def modulo(a: Array, b: Array, *, fmod: int = 0) -> Array:
    """Return a - floor(a / b) * b, or with fmod a - trunc(a / b) * b."""
    rest = np.fmod if fmod else np.mod
    return np.asarray(rest(wide(a), wide(b))).astype(a.dtype)


def power(a: Array, b: Array) -> Array:
    """Return a to the power of b, in the dtype of a whatever that of b is."""
    if a.dtype.kind in "iu" and (b.dtype.kind not in "iu" or bool((b < 0).any())):
        return np.power(a.astype(np.float64), b.astype(np.float64))
    return np.power(a, b.astype(a.dtype))


def _many(function: Callable[[Array, Array], Array]) -> Callable[..., Array]:
    """Return a function of one array or more, taken two by two."""

    def operator(*arrays: Array) -> Array:
        return np.asarray(reduce(function, [wide(array) for array in arrays])).astype(arrays[0].dtype)

    operator.__doc__ = f"Return {getattr(function, '__name__', 'the function')} over all arrays."
    return operator


def mean(*arrays: Array) -> Array:
    """Return the mean of the arrays."""
    total = reduce(np.add, [wide(array) for array in arrays])
    return np.asarray(total / len(arrays)).astype(arrays[0].dtype)


def bit_shift(x: Array, amount: Array, *, direction: str) -> Array:
    """Return the bits of x moved LEFT or RIGHT; the sign is kept on the right, amounts beyond the width leave only it."""
    bits = 8 * x.dtype.itemsize
    beyond = (amount >= bits) | (amount < 0)
    inside = np.where(beyond, 0, amount).astype(x.dtype)
    if direction == "LEFT":
        return np.where(beyond, 0, np.left_shift(x, inside)).astype(x.dtype)
    if direction == "RIGHT":
        return np.where(beyond, np.where(x < 0, -1, 0), np.right_shift(x, inside)).astype(x.dtype)
    raise BadModelFile(f"BitShift has direction={direction!r}; allowed: LEFT, RIGHT.")


ENTRY: dict[str, Callable[..., Any]] = {
    "Add": _two(np.add),
    "BitShift": bit_shift,
    "Div": _two(divide),
    "Max": _many(np.maximum),
    "Mean": mean,
    "Min": _many(np.minimum),
    "Mod": modulo,
    "Mul": _two(np.multiply),
    "Pow": _two(power),
    "Sub": _two(np.subtract),
    "Sum": _many(np.add),
}
