"""Steps of gradient descent (domain ai.onnx.preview.training). Tensors come as one list of groups: all values, all gradients, ..."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from edgewright.errors import BadModelFile
from edgewright.numpy_backend._values import Array

DOMAIN = "ai.onnx.preview.training"


def _groups(tensors: Sequence[Array], number: int) -> list[tuple[Array, ...]]:
    """Return, for each optimised tensor, the tensor and what belongs to it."""
    if len(tensors) % number:
        raise BadModelFile(f"An optimiser takes groups of {number} tensors and was given {len(tensors)}.")
    each = len(tensors) // number
    return [tuple(tensors[part * each + place] for part in range(number)) for place in range(each)]


def _flat(results: Sequence[tuple[Array, ...]]) -> tuple[Array, ...]:
    return tuple(array for group in zip(*results, strict=True) for array in group)


def adagrad(
    rate: Array,
    steps: Array,
    *tensors: Array,
    decay_factor: float = 0.0,
    epsilon: float = 1e-6,
    norm_coefficient: float = 0.0,
) -> tuple[Array, ...]:
    """Return new values and sums of squared gradients (Duchi et al., JMLR 12, 2011). tensors: values, gradients, sums."""
    step_rate = rate / (1 + steps * decay_factor)
    results = []
    for x, gradient, total in _groups(tensors, 3):
        slope = norm_coefficient * x + gradient
        new_total = total + slope * slope
        y = x - step_rate * slope / (np.sqrt(new_total) + epsilon)
        results.append((y.astype(x.dtype), new_total.astype(x.dtype)))
    return _flat(results)


def adam(
    rate: Array, steps: Array, *tensors: Array, alpha: float = 0.9, beta: float = 0.999, epsilon: float = 1e-6,
    norm_coefficient: float = 0.0, norm_coefficient_post: float = 0.0,
) -> tuple[Array, ...]:  # fmt: skip
    """Return new values, means of gradients and of their squares (https://arxiv.org/abs/1412.6980).

    tensors: values, gradients, both means.
    """
    after = int(np.asarray(steps).reshape(()))
    step_rate = rate * np.sqrt(1 - beta**after) / (1 - alpha**after) if after > 0 else rate
    results = []
    for x, gradient, mean, square in _groups(tensors, 4):
        slope = norm_coefficient * x + gradient
        new_mean = alpha * mean + (1 - alpha) * slope
        new_square = beta * square + (1 - beta) * slope * slope
        y = (1 - norm_coefficient_post) * (x - step_rate * new_mean / (np.sqrt(new_square) + epsilon))
        results.append((y.astype(x.dtype), new_mean.astype(x.dtype), new_square.astype(x.dtype)))
    return _flat(results)


def momentum(
    rate: Array, steps: Array, *tensors: Array, alpha: float, beta: float, mode: str, norm_coefficient: float
) -> tuple[Array, ...]:
    """Return new values and momenta, standard or of Nesterov. tensors: values, gradients, momenta."""
    if mode not in ("standard", "nesterov"):
        raise BadModelFile(f"Momentum has mode={mode!r}; allowed: standard, nesterov.")
    factor = beta if np.asarray(steps).reshape(()) > 0 else 1.0
    results = []
    for x, gradient, speed in _groups(tensors, 3):
        slope = norm_coefficient * x + gradient
        new_speed = alpha * speed + factor * slope
        y = x - rate * (slope + alpha * new_speed if mode == "nesterov" else new_speed)
        results.append((y.astype(x.dtype), new_speed.astype(x.dtype)))
    return _flat(results)


ENTRY: dict[str, Callable[..., Any]] = {
    f"{DOMAIN}:Adagrad": adagrad,
    f"{DOMAIN}:Adam": adam,
    f"{DOMAIN}:Momentum": momentum,
}
