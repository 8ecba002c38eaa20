"""Random numbers. A seed gives the same numbers every time; they are not those of another runtime."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx

from edgewright.numpy_backend._values import Array, wide

DROPOUT_INPUTS, DROPOUT_BOOL_MASK, DROPOUT_TRAINING_FLAG = 12, 10, 7
"""The opsets from which the ratio of Dropout is an input, its mask bool, and from which it is for inference without a flag."""


def generator(seed: float | None) -> np.random.Generator:
    """Return a generator for a seed; None: a new one every time. The bits of the number are the seed, for it may be negative."""
    return np.random.default_rng(None if seed is None else np.float64(seed).view(np.uint64))


def _dtype(number: int | None, otherwise: Any = np.float32) -> Any:
    return otherwise if number is None else onnx.helper.tensor_dtype_to_np_dtype(number)


def random_normal(
    *, shape: Sequence[int], dtype: int | None = None, mean: float = 0.0, scale: float = 1.0, seed: float | None = None
) -> Array:
    """Return numbers of a normal distribution."""
    return generator(seed).normal(mean, scale, tuple(shape)).astype(_dtype(dtype))


def random_normal_like(
    x: Array, *, dtype: int | None = None, mean: float = 0.0, scale: float = 1.0, seed: float | None = None
) -> Array:
    """Return numbers of a normal distribution in the shape of x, and its dtype unless one is given."""
    return generator(seed).normal(mean, scale, x.shape).astype(_dtype(dtype, x.dtype))


def random_uniform(
    *, shape: Sequence[int], dtype: int | None = None, low: float = 0.0, high: float = 1.0, seed: float | None = None
) -> Array:
    """Return numbers spread evenly between low and high."""
    return generator(seed).uniform(low, high, tuple(shape)).astype(_dtype(dtype))


def random_uniform_like(
    x: Array, *, dtype: int | None = None, low: float = 0.0, high: float = 1.0, seed: float | None = None
) -> Array:
    """Return numbers spread evenly between low and high in the shape of x, and its dtype unless one is given."""
    return generator(seed).uniform(low, high, x.shape).astype(_dtype(dtype, x.dtype))


def bernoulli(x: Array, *, dtype: int | None = None, seed: float | None = None) -> Array:
    """Return 1 with the probabilities x and 0 else."""
    return (generator(seed).random(x.shape) < wide(x)).astype(_dtype(dtype, x.dtype))


def multinomial(
    x: Array, *, dtype: int = onnx.TensorProto.INT32, sample_size: int = 1, seed: float | None = None
) -> Array:
    """Return classes [batch, sample_size] drawn by the logarithms [batch, classes] of their probabilities, which need not be normalised."""
    noise = generator(seed).gumbel(size=(x.shape[0], sample_size, x.shape[1]))
    return (wide(x)[:, np.newaxis, :] + noise).argmax(axis=2).astype(_dtype(dtype))


def dropout(
    x: Array, ratio_input: Array | None = None, training_mode: Array | None = None, *,
    ratio: float = 0.5, is_test: int = 0, seed: int | None = None, opset: int, outputs: int,
) -> Array | tuple[Array, Array]:  # fmt: skip
    """Return x itself, or in training with a share `ratio` of it set to 0 and the rest scaled up; and where it was kept."""
    share = ratio if ratio_input is None else float(np.asarray(ratio_input).reshape(()))
    if opset >= DROPOUT_INPUTS:
        training = training_mode is not None and bool(np.asarray(training_mode).all())
    else:
        training = opset < DROPOUT_TRAINING_FLAG and not is_test
    kept, y = np.ones(x.shape, bool), x
    if training and share > 0:
        kept = generator(seed).random(x.shape) >= share
        y = (wide(x) * kept / (1 - share)).astype(x.dtype)
    return (y, kept if opset >= DROPOUT_BOOL_MASK else kept.astype(x.dtype)) if outputs > 1 else y


ENTRY: dict[str, Callable[..., Any]] = {
    "Bernoulli": bernoulli,
    "Dropout": dropout,
    "Multinomial": multinomial,
    "RandomNormal": random_normal,
    "RandomNormalLike": random_normal_like,
    "RandomUniform": random_uniform,
    "RandomUniformLike": random_uniform_like,
}
