"""Scores made into shares, and the losses on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from edgewright.errors import BadModelFile
from edgewright.numpy_backend._values import Array, wide

PER_AXIS = 13
"""The opset from which a softmax runs along one axis; before, over all axes from `axis` on."""


def _shares(function: Callable[[Array, int], Array]) -> Callable[..., Array]:
    def operator(x: Array, *, axis: int | None = None, opset: int) -> Array:
        if opset >= PER_AXIS:
            return function(wide(x), -1 if axis is None else axis).astype(x.dtype)
        first = (1 if axis is None else axis) % max(x.ndim, 1)
        flat = wide(x).reshape(int(np.prod(x.shape[:first], dtype=np.int64)), -1)
        return function(flat, -1).reshape(x.shape).astype(x.dtype)

    operator.__doc__ = function.__doc__
    return operator


def log_softmax(x: Array, axis: int) -> Array:
    """Return the logarithms of the shares along an axis, without overflow."""
    z = x - x.max(axis=axis, keepdims=True, initial=-np.inf)
    return z - np.log(np.exp(z).sum(axis=axis, keepdims=True))


def softmax(x: Array, axis: int) -> Array:
    """Return exp(x) as shares of their sum along an axis, without overflow."""
    z = np.exp(x - x.max(axis=axis, keepdims=True, initial=-np.inf))
    return z / z.sum(axis=axis, keepdims=True)


def hardmax(x: Array, axis: int) -> Array:
    """Return 1 at the first maximum along an axis and 0 elsewhere."""
    result = np.zeros_like(x)
    np.put_along_axis(result, np.expand_dims(x.argmax(axis=axis), axis), 1, axis=axis)
    return result


def negative_log_likelihood(
    scores: Array,
    target: Array,
    weight: Array | None = None,
    *,
    ignore_index: int | None = None,
    reduction: str = "mean",
) -> Array:
    """Return minus the logarithm at the target class. scores: logarithms [n, classes, ...]; target: int [n, ...]; weight: [classes]."""
    classes = scores.shape[1]
    kept = np.ones(target.shape, bool) if ignore_index is None else target != ignore_index
    place = np.where(kept, target, 0)
    if place.size and not -classes <= place.min() <= place.max() < classes:
        raise BadModelFile(
            f"A target class is outside of the {classes} classes and is not ignore_index={ignore_index}."
        )
    z = wide(scores)
    factor = kept * (np.ones(1, z.dtype) if weight is None else wide(weight)[place]).astype(z.dtype)
    loss = -np.take_along_axis(z, np.expand_dims(place, 1), axis=1)[:, 0] * factor
    if reduction == "sum":
        loss = loss.sum()
    elif reduction == "mean":
        loss = loss.sum() / factor.sum()
    elif reduction != "none":
        raise BadModelFile(f"A loss has reduction={reduction!r}; allowed: none, mean, sum.")
    return np.asarray(loss).astype(scores.dtype)


def cross_entropy(
    scores: Array,
    target: Array,
    weight: Array | None = None,
    *,
    ignore_index: int | None = None,
    reduction: str = "mean",
) -> tuple[Array, Array]:
    """Return the loss of scores [n, classes, ...] that are not normalised, and their logarithms of shares."""
    logarithms = log_softmax(wide(scores), 1).astype(scores.dtype)
    loss = negative_log_likelihood(logarithms, target, weight, ignore_index=ignore_index, reduction=reduction)
    return loss, logarithms


ENTRY: dict[str, Callable[..., Any]] = {
    "Hardmax": _shares(hardmax),
    "LogSoftmax": _shares(log_softmax),
    "NegativeLogLikelihoodLoss": negative_log_likelihood,
    "Softmax": _shares(softmax),
    "SoftmaxCrossEntropyLoss": cross_entropy,
}
