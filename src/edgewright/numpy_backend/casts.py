"""Changes of dtype, of the value or of the bits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import onnx

from edgewright.errors import BadModelFile
from edgewright.numpy_backend._values import Array

FLOAT8 = (ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e4m3fnuz, ml_dtypes.float8_e5m2, ml_dtypes.float8_e5m2fnuz)
finfo: Callable[[np.dtype[Any]], Any] = ml_dtypes.finfo  # it has no types of its own
BITS = {ml_dtypes.int4: 4, ml_dtypes.uint4: 4, ml_dtypes.float4_e2m1fn: 4, ml_dtypes.int2: 2, ml_dtypes.uint2: 2}
EXPONENT_BIAS, NOT_A_NUMBER = 127, 255
"""Of float8e8m0, which holds exponents of two alone."""


def cast(x: Array, *, to: int | str, saturate: int = 1, round_mode: str = "up") -> Array:
    """Return x in another dtype, a number of TensorProto.DataType (its name in opset 1).

    saturate: what is beyond a float 8 type becomes its largest number, infinity too. round_mode: up, down or nearest, for float8e8m0.
    """
    number = onnx.TensorProto.DataType.Value(to) if isinstance(to, str) else to
    return to_dtype(
        x, np.dtype(onnx.helper.tensor_dtype_to_np_dtype(number)), saturate=bool(saturate), round_mode=round_mode
    )


def cast_like(x: Array, like: Array, *, saturate: int = 1, round_mode: str = "up") -> Array:
    """Return x in the dtype of another array."""
    return to_dtype(x, like.dtype, saturate=bool(saturate), round_mode=round_mode)


def to_dtype(x: Array, dtype: np.dtype[Any], *, saturate: bool = True, round_mode: str = "up") -> Array:
    """Return x in another dtype by the rules of Cast."""
    if x.dtype.kind in "OUS":
        x = x.astype(object) if dtype.kind in "OUS" else from_text(x, dtype)
    if dtype.kind in "OUS":
        return x if x.dtype == object else to_text(x)
    if dtype == ml_dtypes.float8_e8m0fnu:
        return to_exponents(x.astype(np.float64), saturate, round_mode)
    if dtype.kind == "b":
        return (x.astype(np.float32) if x.dtype.isbuiltin == 2 else x) != 0
    if dtype.type in FLOAT8 and saturate:
        largest = float(finfo(dtype).max)
        x = np.clip(x if x.dtype.isbuiltin == 1 else x.astype(np.float32), -largest, largest)
    return x.astype(dtype)


def from_text(x: Array, dtype: np.dtype[Any]) -> Array:
    """Return the numbers that texts spell. Raises BadModelFile for one that spells none."""
    whole = dtype.kind in "iu" or dtype.type in (ml_dtypes.int4, ml_dtypes.uint4, ml_dtypes.int2, ml_dtypes.uint2)
    try:
        numbers = [_whole(text) if whole else float(text) for text in x.ravel().tolist()]
    except (OverflowError, ValueError) as error:
        raise BadModelFile(f"A Cast from text to {dtype.name} met a text that is no number: {error}") from error
    return np.array(numbers, np.int64 if whole else np.float64).reshape(x.shape)


def _whole(text: str | bytes) -> int:
    try:
        return int(text)
    except ValueError:
        return int(float(text))


def to_text(x: Array) -> Array:
    """Return numbers as the shortest decimal text that reads back as the same number of their dtype."""
    texts = [_spelled(number) for number in x.ravel()]
    result = np.empty(x.size, object)
    result[:] = texts
    return result.reshape(x.shape)


def _spelled(number: Any) -> str:
    if not isinstance(number, np.floating):
        number = float(number) if np.dtype(type(number)).isbuiltin == 2 else number
        return str(number)
    if np.isinf(number):
        return "INF" if number > 0 else "-INF"
    return "NaN" if np.isnan(number) else str(number)


def to_exponents(x: Array, saturate: bool, round_mode: str) -> Array:
    """Return x as float8e8m0, a power of two. What lies outside is its nearest end where it saturates, else NaN."""
    fraction, exponent = np.frexp(np.abs(x))  # x = fraction * 2**exponent, fraction in [0.5, 1)
    upper = {"up": fraction > 0.5, "down": np.zeros(x.shape, bool), "nearest": fraction >= 0.75}
    if round_mode not in upper:
        raise BadModelFile(f"Cast has round_mode={round_mode!r}; allowed: {', '.join(upper)}.")
    stored = exponent.astype(np.int64) - 1 + upper[round_mode] + EXPONENT_BIAS
    stored = np.where(x == 0, -1, np.where(np.isinf(x), NOT_A_NUMBER, stored))
    clipped = np.clip(stored, 0, NOT_A_NUMBER - 1)
    bad = np.isnan(x) | ((stored != clipped) & (not saturate))
    return np.where(bad, NOT_A_NUMBER, clipped).astype(np.uint8).view(ml_dtypes.float8_e8m0fnu)


def bit_cast(x: Array, *, to: int) -> Array:
    """Return the same bits read as another dtype of the same width."""
    dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(to))
    widths = [BITS.get(kind.type, 8 * kind.itemsize) for kind in (x.dtype, dtype)]
    if widths[0] != widths[1] or "O" in (x.dtype.kind, dtype.kind):
        raise BadModelFile(f"BitCast from {x.dtype.name} to {dtype.name}: they must be as wide, and no text.")
    if widths[0] == 8 * x.dtype.itemsize:
        return np.ascontiguousarray(x).view(dtype).reshape(x.shape)
    mask = (1 << widths[0]) - 1
    bits = np.ascontiguousarray(x).view(np.uint8).reshape(x.shape) & mask
    if dtype.type in (ml_dtypes.int4, ml_dtypes.int2):
        return ((bits ^ (1 << (widths[0] - 1))).astype(np.int8) - (1 << (widths[0] - 1))).astype(dtype)
    return bits.view(dtype)


ENTRY: dict[str, Callable[..., Any]] = {"BitCast": bit_cast, "Cast": cast, "CastLike": cast_like}
