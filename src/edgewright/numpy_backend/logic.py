"""Comparisons, truth values and bits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from edgewright.numpy_backend._values import Array
from edgewright.numpy_backend.binary import aligned


def _two(function: Callable[[Array, Array], Array], result: type[np.generic] | None = np.bool_) -> Callable[..., Array]:
    """Return a function of two arrays with a result of one dtype, or of the dtype of the first array where that is None."""

    def operator(a: Array, b: Array, *, broadcast: int = 1, axis: int | None = None) -> Array:
        return np.asarray(function(a, aligned(a, b, broadcast, axis))).astype(a.dtype if result is None else result)

    operator.__doc__ = f"Return {getattr(function, '__name__', 'the function')} of two arrays."
    return operator


def logical_not(x: Array) -> Array:
    """Return where x is false."""
    return np.logical_not(x)


def bitwise_not(x: Array) -> Array:
    """Return x with every bit turned."""
    return np.bitwise_not(x)


ENTRY: dict[str, Callable[..., Any]] = {
    "And": _two(np.logical_and),
    "BitwiseAnd": _two(np.bitwise_and, None),
    "BitwiseNot": bitwise_not,
    "BitwiseOr": _two(np.bitwise_or, None),
    "BitwiseXor": _two(np.bitwise_xor, None),
    "Equal": _two(np.equal),
    "Greater": _two(np.greater),
    "GreaterOrEqual": _two(np.greater_equal),
    "Less": _two(np.less),
    "LessOrEqual": _two(np.less_equal),
    "Not": logical_not,
    "Or": _two(np.logical_or),
    "Xor": _two(np.logical_xor),
}
