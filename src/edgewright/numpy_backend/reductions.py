"""Numbers made of many along axes, and running sums and products."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from edgewright.errors import BadModelFile
from edgewright.numpy_backend._values import Array, wide

Axes = tuple[int, ...]


def _reduction(function: Callable[[Array, Axes], Array]) -> Callable[..., Array]:
    """Return a reduction that keeps the dtype. The function takes an array and axes and keeps these axes with size 1."""

    def operator(
        x: Array, axes_input: Array | None = None, *, axes: Sequence[int] | None = None,
        keepdims: int = 1, noop_with_empty_axes: int = 0,
    ) -> Array:  # fmt: skip
        named = list(axes or ()) if axes_input is None else np.atleast_1d(axes_input).tolist()
        every = range(x.ndim) if not noop_with_empty_axes else ()
        if any(not -x.ndim <= axis < x.ndim for axis in named):
            raise BadModelFile(f"The axes {named} are not those of an array of rank {x.ndim}.")
        chosen = tuple(sorted({int(axis) % x.ndim for axis in named})) if named else tuple(every)
        y = np.asarray(function(wide(x), chosen)).astype(x.dtype)
        return y if keepdims else y.reshape([size for axis, size in enumerate(y.shape) if axis not in chosen])

    operator.__doc__ = function.__doc__
    return operator


def _sum(x: Array, axes: Axes) -> Array:
    """Return the sum along axes."""
    return np.sum(x, axis=axes, keepdims=True, dtype=x.dtype)


def _product(x: Array, axes: Axes) -> Array:
    """Return the product along axes."""
    return np.prod(x, axis=axes, keepdims=True, dtype=x.dtype)


def _mean(x: Array, axes: Axes) -> Array:
    """Return the mean along axes; of nothing it is NaN."""
    count = np.prod([x.shape[axis] for axis in axes], dtype=np.int64)
    return _sum(x, axes) / np.asarray(count, x.dtype if x.dtype.kind == "f" else np.float64)


def lowest(dtype: np.dtype[Any]) -> Any:
    """Return the smallest number of a dtype, which is what the maximum of nothing is."""
    if dtype.kind == "b":
        return False
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


def highest(dtype: np.dtype[Any]) -> Any:
    """Return the largest number of a dtype, which is what the minimum of nothing is."""
    if dtype.kind == "b":
        return True
    return np.inf if dtype.kind == "f" else np.iinfo(dtype).max


def _maximum(x: Array, axes: Axes) -> Array:
    """Return the maximum along axes."""
    return np.max(x, axis=axes, keepdims=True, initial=lowest(x.dtype))


def _minimum(x: Array, axes: Axes) -> Array:
    """Return the minimum along axes."""
    return np.min(x, axis=axes, keepdims=True, initial=highest(x.dtype))


def _l1(x: Array, axes: Axes) -> Array:
    """Return the sum of the absolute values along axes."""
    return _sum(np.abs(x), axes)


def _sum_square(x: Array, axes: Axes) -> Array:
    """Return the sum of the squares along axes."""
    return _sum(np.square(x), axes)


def _l2(x: Array, axes: Axes) -> Array:
    """Return the root of the sum of the squares along axes."""
    return np.sqrt(_sum_square(x, axes))


def _log_sum(x: Array, axes: Axes) -> Array:
    """Return the logarithm of the sum along axes."""
    return np.log(_sum(x, axes))


def _log_sum_exp(x: Array, axes: Axes) -> Array:
    """Return the logarithm of the sum of the exponentials along axes, without overflow."""
    z = x if x.dtype.kind == "f" else x.astype(np.float64)
    top = _maximum(z, axes)
    top = np.where(np.isfinite(top), top, np.zeros((), z.dtype))
    return np.log(_sum(np.exp(z - top), axes)) + top


def _place(function: Callable[..., Any]) -> Callable[..., Array]:
    """Return ArgMax or ArgMin: int64 indices along one axis, of the first or the last one where several are equal."""

    def operator(x: Array, *, axis: int = 0, keepdims: int = 1, select_last_index: int = 0) -> Array:
        z = wide(x)
        found = function(np.flip(z, axis) if select_last_index else z, axis=axis)
        found = z.shape[axis] - 1 - found if select_last_index else found
        found = np.asarray(found, np.int64)
        return np.expand_dims(found, axis) if keepdims else found

    operator.__doc__ = f"Return {getattr(function, '__name__', 'the place')} along an axis as int64."
    return operator


def _running(function: Callable[..., Array], neutral: int) -> Callable[..., Array]:
    """Return CumSum or CumProd. exclusive: an element does not count for its own place; reverse: from the end."""

    def operator(x: Array, axis: Array, *, exclusive: int = 0, reverse: int = 0) -> Array:
        along = int(np.asarray(axis).reshape(()))
        z = np.moveaxis(wide(x), along, 0)
        z = z[::-1] if reverse else z
        if exclusive:
            z = np.concatenate([np.full_like(z[:1], neutral), z[:-1]])
        y = function(z, axis=0, dtype=z.dtype)
        return np.moveaxis(y[::-1] if reverse else y, 0, along).astype(x.dtype)

    operator.__doc__ = f"Return {getattr(function, '__name__', 'the function')} along an axis."
    return operator


ENTRY: dict[str, Callable[..., Any]] = {
    "ArgMax": _place(np.argmax),
    "ArgMin": _place(np.argmin),
    "CumProd": _running(np.cumprod, 1),
    "CumSum": _running(np.cumsum, 0),
    "ReduceL1": _reduction(_l1),
    "ReduceL2": _reduction(_l2),
    "ReduceLogSum": _reduction(_log_sum),
    "ReduceLogSumExp": _reduction(_log_sum_exp),
    "ReduceMax": _reduction(_maximum),
    "ReduceMean": _reduction(_mean),
    "ReduceMin": _reduction(_minimum),
    "ReduceProd": _reduction(_product),
    "ReduceSum": _reduction(_sum),
    "ReduceSumSquare": _reduction(_sum_square),
}
