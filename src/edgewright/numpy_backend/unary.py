"""Functions of one number, activations among them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import erf as scipy_erf

from edgewright.errors import BadModelFile
from edgewright.numpy_backend._values import Array, wide

SLOPE_BROADCASTS = 7
"""The opset from which the slope of PRelu broadcasts as any array does."""


def _elementwise(function: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """Return a function of arrays that keeps the dtype and computes half precision in single."""

    def operator(x: Array) -> Array:
        return np.asarray(function(wide(x))).astype(x.dtype)

    operator.__doc__ = f"Return {getattr(function, '__name__', 'the function')} of each number."
    return operator


def _with_settings(function: Callable[..., Array], **defaults: float) -> Callable[..., Array]:
    """Return an activation with numbers for attributes that keeps the dtype and computes half precision in single."""
    known = frozenset(defaults)

    def operator(x: Array, **given: Any) -> Array:
        if unknown := given.keys() - known:
            raise BadModelFile(f"There is no attribute {min(unknown)!r}; known: {', '.join(sorted(known))}.")
        return np.asarray(function(wide(x), **(defaults | given))).astype(x.dtype)

    operator.__doc__ = function.__doc__
    return operator


def sigmoid(x: Array) -> Array:
    """Return 1 / (1 + exp(-x)), without overflow on either side."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, small) / (1 + small)


def softplus(x: Array) -> Array:
    """Return log(1 + exp(x))."""
    return np.logaddexp(x, np.zeros((), x.dtype))


def elu(x: Array, alpha: float) -> Array:
    """Return x, or alpha * (exp(x) - 1) below zero."""
    return np.where(x < 0, alpha * np.expm1(x), x)


def celu(x: Array, alpha: float) -> Array:
    """Return x, or alpha * (exp(x / alpha) - 1) below zero."""
    return np.maximum(x, 0) + np.minimum(0, alpha * np.expm1(x / alpha))


def selu(x: Array, alpha: float, gamma: float) -> Array:
    """Return gamma * x, or gamma * alpha * (exp(x) - 1) below zero."""
    return gamma * np.where(x > 0, x, alpha * np.expm1(x))


def hard_sigmoid(x: Array, alpha: float, beta: float) -> Array:
    """Return alpha * x + beta within 0 and 1."""
    return np.clip(alpha * x + beta, 0, 1)


def swish(x: Array, alpha: float) -> Array:
    """Return x * sigmoid(alpha * x)."""
    return x * sigmoid(alpha * x)


def leaky_relu(x: Array, alpha: float) -> Array:
    """Return x, or alpha * x below zero."""
    return np.where(x < 0, alpha * x, x)


def thresholded_relu(x: Array, alpha: float) -> Array:
    """Return x where it is above alpha, else 0."""
    return np.where(x > alpha, x, 0)


def shrink(x: Array, bias: float, lambd: float) -> Array:
    """Return x moved towards zero by the bias where it is further than lambd from it, else 0."""
    return np.where(x < -lambd, x + bias, np.where(x > lambd, x - bias, 0))


def gelu(x: Array, *, approximate: str = "none") -> Array:
    """Return x times the normal distribution function of x, or its tanh approximation (https://arxiv.org/abs/1606.08415)."""
    z = wide(x)
    if approximate == "tanh":
        gate = np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3))
    elif approximate == "none":
        gate = scipy_erf(z / np.sqrt(2))
    else:
        raise BadModelFile(f"Gelu has approximate={approximate!r}; allowed: none, tanh.")
    return np.asarray(0.5 * z * (1 + gate)).astype(x.dtype)


def prelu(x: Array, slope: Array, *, opset: int) -> Array:
    """Return x, or slope * x below zero. slope: broadcasts to x; before opset 7 it is one number, or one a channel (axis 1)."""
    if opset < SLOPE_BROADCASTS and slope.size > 1:
        slope = slope.reshape(-1, *[1] * (x.ndim - 2))
    return np.where(wide(x) < 0, wide(slope) * wide(x), wide(x)).astype(x.dtype)


def clip(
    x: Array, low: Array | None = None, high: Array | None = None, *, min: float | None = None, max: float | None = None
) -> Array:
    """Return x within low and high, which are inputs from opset 11 on and attributes before; high wins over a higher low."""
    lowest = min if low is None else low
    highest = max if high is None else high
    y = x if lowest is None else np.maximum(x, np.asarray(lowest, x.dtype))
    return y if highest is None else np.minimum(y, np.asarray(highest, x.dtype))


def is_inf(x: Array, *, detect_negative: int = 1, detect_positive: int = 1) -> Array:
    """Return where x is infinite; each of the signs may be left out."""
    z = wide(x)
    return (np.isposinf(z) & bool(detect_positive)) | (np.isneginf(z) & bool(detect_negative))


def is_nan(x: Array) -> Array:
    """Return where x is not a number."""
    return np.isnan(wide(x))


def relu(x: Array) -> Array:
    """Return the larger of x and 0."""
    return np.maximum(x, np.zeros((), x.dtype))


def sign(x: Array) -> Array:
    """Return -1, 0 or 1, and NaN for NaN."""
    return np.sign(wide(x)).astype(x.dtype)


def reciprocal(x: Array) -> Array:
    """Return 1 / x."""
    return 1 / x


def mish(x: Array) -> Array:
    """Return x * tanh(softplus(x))."""
    return x * np.tanh(softplus(x))


def softsign(x: Array) -> Array:
    """Return x / (1 + |x|)."""
    return x / (1 + np.abs(x))


def hard_swish(x: Array) -> Array:
    """Return x * HardSigmoid(x) with alpha 1/6 and beta 1/2."""
    return x * np.clip(x / 6 + 0.5, 0, 1)


def identity(x: Any) -> Any:
    """Return what it is given: an array, a sequence or an optional."""
    return x


PLAIN: dict[str, Callable[..., Array]] = {
    "Abs": np.absolute, "Acos": np.arccos, "Acosh": np.arccosh, "Asin": np.arcsin, "Asinh": np.arcsinh, "Atan": np.arctan,
    "Atanh": np.arctanh, "Ceil": np.ceil, "Cos": np.cos, "Cosh": np.cosh, "Erf": scipy_erf, "Exp": np.exp, "Floor": np.floor,
    "HardSwish": hard_swish, "Log": np.log, "Mish": mish, "Neg": np.negative, "Reciprocal": reciprocal, "Round": np.rint,
    "Sigmoid": sigmoid, "Sin": np.sin, "Sinh": np.sinh, "Softplus": softplus, "Softsign": softsign, "Sqrt": np.sqrt,
    "Tan": np.tan, "Tanh": np.tanh,
}  # fmt: skip

ENTRY: dict[str, Callable[..., Any]] = {
    **{name: _elementwise(function) for name, function in PLAIN.items()},
    "Celu": _with_settings(celu, alpha=1.0),
    "Clip": clip,
    "Elu": _with_settings(elu, alpha=1.0),
    "Gelu": gelu,
    "HardSigmoid": _with_settings(hard_sigmoid, alpha=0.2, beta=0.5),
    "Identity": identity,
    "IsInf": is_inf,
    "IsNaN": is_nan,
    "LeakyRelu": _with_settings(leaky_relu, alpha=0.01),
    "PRelu": prelu,
    "Relu": relu,
    "Selu": _with_settings(selu, alpha=1.67326319217681884765625, gamma=1.05070102214813232421875),
    "Shrink": _with_settings(shrink, bias=0.0, lambd=0.5),
    "Sign": sign,
    "Swish": _with_settings(swish, alpha=1.0),
    "ThresholdedRelu": _with_settings(thresholded_relu, alpha=1.0),
}
