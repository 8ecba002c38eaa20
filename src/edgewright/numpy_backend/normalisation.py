"""Normalisations: by statistics given or measured, over a batch, a sample, a group, a layer or neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from edgewright.errors import BadModelFile
from edgewright.numpy_backend._windows import Array, widened


def _by_channel(values: Array, x: Array) -> Array:
    return widened(values).reshape(1, -1, *(1,) * (x.ndim - 2))


def _stash(stash_type: int) -> npt.DTypeLike:
    dtype: npt.DTypeLike = onnx.helper.tensor_dtype_to_np_dtype(stash_type)
    return dtype


def _standard(x: Array, axes: tuple[int, ...], epsilon: float) -> tuple[Array, Array, Array]:
    """Return x with mean 0 and deviation 1 over axes, the mean, and 1 / deviation."""
    mean = x.mean(axis=axes, keepdims=True)
    centred = x - mean
    variance = np.square(centred).mean(axis=axes, keepdims=True)
    inverse = 1 / np.sqrt(variance + np.asarray(epsilon, variance.dtype))
    return centred * inverse, mean, inverse


def batch_normalization(
    x: Array,
    scale: Array,
    bias: Array,
    mean: Array,
    variance: Array,
    *,
    epsilon: float = 1e-5,
    momentum: float = 0.9,
    spatial: int = 1,
    training_mode: int = 0,
    is_test: int = 0,
    opset: int = 15,
    outputs: int = 1,
) -> Array | tuple[Array, ...]:
    """Return x by the statistics of its channels, given or measured (arXiv 1502.03167); in training also the running statistics.

    spatial: 0 has statistics for each element of a sample. is_test: says so before version 7; until version 14 several outputs mean
    training.
    """
    training = not is_test if opset < 7 else bool(training_mode) or outputs > 1
    wide = widened(x)
    axes = (0, *range(2, x.ndim)) if spatial else (0,)
    shape = (1, -1, *(1,) * (x.ndim - 2)) if spatial else (1, *x.shape[1:])
    used_mean, used_variance = widened(mean), widened(variance)
    if training:
        measured = wide.mean(axis=axes), wide.var(axis=axes)
        used_mean, used_variance = (value.reshape(mean.shape) for value in measured)
    factor = widened(scale) / np.sqrt(used_variance + np.asarray(epsilon, used_variance.dtype))
    y = (wide - used_mean.reshape(shape)) * factor.reshape(shape) + widened(bias).reshape(shape)
    y = y.astype(x.dtype, copy=False)
    if not training:
        return y
    running = (
        (old * momentum + new * (1 - momentum)).astype(old.dtype)
        for old, new in ((mean, used_mean), (variance, used_variance))
    )
    return (y, *running, used_mean.astype(mean.dtype), used_variance.astype(variance.dtype))[: max(outputs, 3)]


def instance_normalization(x: Array, scale: Array, bias: Array, *, epsilon: float = 1e-5) -> Array:
    """Return x with each channel of each sample standardised, then scaled and shifted (arXiv 1607.08022)."""
    y = _standard(widened(x), tuple(range(2, x.ndim)), epsilon)[0]
    return (y * _by_channel(scale, x) + _by_channel(bias, x)).astype(x.dtype, copy=False)


def layer_normalization(
    x: Array, scale: Array, bias: Array | None = None, *, axis: int = -1, epsilon: float = 1e-5, stash_type: int = 1
) -> tuple[Array, Array, Array]:
    """Return x standardised over the axes from `axis` on, scaled and shifted; the means; 1 / the deviations (arXiv 1607.06450)."""
    y, mean, inverse = _standard(x.astype(_stash(stash_type)), tuple(range(axis % x.ndim, x.ndim)), epsilon)
    y = y.astype(x.dtype) * scale
    return (y if bias is None else y + bias).astype(x.dtype, copy=False), mean, inverse


def group_normalization(
    x: Array,
    scale: Array,
    bias: Array,
    *,
    num_groups: int,
    epsilon: float = 1e-5,
    stash_type: int = 1,
    opset: int = 21,
) -> Array:
    """Return x standardised over groups of channels, scaled and shifted by channel, or by group before version 21 (arXiv 1803.08494)."""
    if num_groups < 1 or x.shape[1] % num_groups:
        raise BadModelFile(
            f"GroupNormalization has {num_groups} groups for {x.shape[1]} channels; it needs a divisor of them."
        )
    grouped = x.astype(_stash(stash_type)).reshape(len(x), num_groups, -1)
    y = _standard(grouped, (2,), epsilon)[0].astype(x.dtype)
    shape = (1, num_groups, 1) if opset < 21 else (1, -1, *(1,) * (x.ndim - 2))
    y = y if opset < 21 else y.reshape(x.shape)
    return (y * scale.reshape(shape) + bias.reshape(shape)).reshape(x.shape).astype(x.dtype, copy=False)


def local_response_normalization(
    x: Array, *, size: int, alpha: float = 1e-4, beta: float = 0.75, bias: float = 1.0
) -> Array:
    """Return x over a power of the squares of `size` neighbouring channels (LRN, of Krizhevsky et al. 2012)."""
    wide = widened(x)
    squares = np.square(wide)
    total = np.zeros_like(squares)
    before = (size - 1) // 2
    for step in range(-before, size - before):
        if abs(step) < x.shape[1]:
            total[:, max(-step, 0) : x.shape[1] - max(step, 0)] += squares[:, max(step, 0) : x.shape[1] + min(step, 0)]
    return (wide / (bias + alpha / size * total) ** beta).astype(x.dtype, copy=False)


def mean_variance_normalization(x: Array, *, axes: Sequence[int] = (0, 2, 3)) -> Array:
    """Return x standardised over axes; what does not vary becomes 0."""
    wide = widened(x)
    centred = wide - wide.mean(axis=tuple(axes), keepdims=True)
    deviation = np.sqrt(np.square(centred).mean(axis=tuple(axes), keepdims=True))
    return (centred / (deviation + np.asarray(1e-9, wide.dtype))).astype(x.dtype, copy=False)


def lp_normalization(x: Array, *, axis: int = -1, p: int = 2) -> Array:
    """Return x over its norm of order 1 or 2 along an axis; 0 where the norm is 0."""
    if p not in (1, 2):
        raise BadModelFile(f"LpNormalization has the order {p}; it must be 1 or 2.")
    wide = widened(x)
    norm = (np.abs(wide) ** p).sum(axis=axis, keepdims=True) ** (1 / p)
    return np.divide(wide, norm, out=np.zeros_like(wide), where=norm != 0).astype(x.dtype, copy=False)


def rms_normalization(x: Array, scale: Array, *, axis: int = -1, epsilon: float = 1e-5, stash_type: int = 1) -> Array:
    """Return x over its root mean square over the axes from `axis` on, scaled (arXiv 1910.07467)."""
    wide = x.astype(_stash(stash_type))
    mean = np.square(wide).mean(axis=tuple(range(axis % x.ndim, x.ndim)), keepdims=True)
    return ((wide / np.sqrt(mean + np.asarray(epsilon, wide.dtype))).astype(x.dtype) * scale).astype(
        x.dtype, copy=False
    )


ENTRY: dict[str, Any] = {
    "BatchNormalization": batch_normalization,
    "GroupNormalization": group_normalization,
    "InstanceNormalization": instance_normalization,
    "LRN": local_response_normalization,
    "LayerNormalization": layer_normalization,
    "LpNormalization": lp_normalization,
    "MeanVarianceNormalization": mean_variance_normalization,
    "RMSNormalization": rms_normalization,
}
