"""Quantisation: real = scale * (integer - zero point), rounded half to even and saturated; and what computes on such integers.

Sums of products are exact: they are made in float64, which holds every integer below 2^53.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt
from onnx.helper import tensor_dtype_to_np_dtype

from edgewright.errors import BadModelFile
from edgewright.numpy_backend.convolution import conv
from edgewright.numpy_backend.shapes import axis_of

Array = npt.NDArray[Any]
INTEGERS = {np.dtype(name) for name in ("int8", "int16", "int32", "uint8", "uint16")} | {
    np.dtype(kind) for kind in (ml_dtypes.int2, ml_dtypes.int4, ml_dtypes.uint2, ml_dtypes.uint4)
}
SATURATED_BY_CHOICE = {
    np.dtype(kind)
    for kind in (ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e4m3fnuz, ml_dtypes.float8_e5m2, ml_dtypes.float8_e5m2fnuz)
}


def spread(operator: str, values: Array, shape: tuple[int, ...], axis: int, block_size: int) -> Array:
    """Return scales or zero points so that they broadcast against an array: one for all, one an index of axis, or one a block."""
    if values.size == 1 and not block_size:
        return values.reshape(())
    if values.ndim == 1 and len(shape) == 1 and not block_size:
        axis = 0
    place = axis_of(operator, axis, len(shape))
    size = shape[place]
    if block_size:
        wanted = (*shape[:place], -(-size // block_size), *shape[place + 1 :])
        if values.shape != wanted:
            raise BadModelFile(
                f"{operator}: scales {values.shape} for {shape} in blocks of {block_size}; needed: {wanted}."
            )
        return np.take(np.repeat(values, block_size, place), np.arange(size), place)
    if values.shape != (size,):
        raise BadModelFile(f"{operator}: scales {values.shape} for axis {place} of {shape}; needed: one, or {size}.")
    return values.reshape([size if other == place else 1 for other in range(len(shape))])


def saturated(real: Array, dtype: npt.DTypeLike, saturate: bool = True) -> Array:
    """Return real numbers in an integer or a small floating-point type, the nearest that it has, ties to even.

    saturate: what float8 makes of numbers beyond its range: its largest, else infinity or, without one, NaN.
    """
    target = np.dtype(dtype)
    if target in INTEGERS:
        limits = ml_dtypes.iinfo(target)  # type: ignore[no-untyped-call]
        return np.clip(np.rint(real), float(limits.min), float(limits.max)).astype(np.int64).astype(target)
    if saturate or target not in SATURATED_BY_CHOICE:
        largest = float(ml_dtypes.finfo(target).max)  # type: ignore[no-untyped-call]
        real = np.clip(real, -largest, largest)
    return real.astype(target)


def quantize_linear(
    x: Array,
    y_scale: Array,
    y_zero_point: Array | None = None,
    *,
    axis: int = 1,
    block_size: int = 0,
    output_dtype: int = 0,
    precision: int = 0,
    saturate: int = 1,
) -> Array:
    """Return saturate(round(x / y_scale) + y_zero_point) in the type of the zero point, of output_dtype, or uint8.

    y_scale: one for all, one an index of axis, or one a block of block_size along axis. precision: the type that divides, else
    that of y_scale.
    """
    if y_zero_point is not None:
        target = y_zero_point.dtype
    else:
        target = tensor_dtype_to_np_dtype(output_dtype) if output_dtype else np.dtype(np.uint8)
    divided_in = tensor_dtype_to_np_dtype(precision) if precision else _arithmetic(y_scale.dtype)
    scale = spread("QuantizeLinear", y_scale, x.shape, axis, block_size).astype(divided_in)
    ratio = np.asarray(x.astype(divided_in) / scale)
    ratio = np.rint(ratio.astype(np.float64)) if target in INTEGERS else ratio.astype(np.float32)
    if y_zero_point is not None:
        ratio = ratio + spread("QuantizeLinear", y_zero_point, x.shape, axis, block_size).astype(ratio.dtype)
    return saturated(ratio, target, bool(saturate))


def _arithmetic(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the type of a scale, or float32 for a scale of powers of two, which is no type to divide or multiply in."""
    return np.dtype(np.float32) if dtype == np.dtype(ml_dtypes.float8_e8m0fnu) else dtype


def dequantize_linear(
    x: Array,
    x_scale: Array,
    x_zero_point: Array | None = None,
    *,
    axis: int = 1,
    block_size: int = 0,
    output_dtype: int = 0,
) -> Array:
    """Return (x - x_zero_point) * x_scale in the type of output_dtype, else of x_scale.

    x_scale: one for all, one an index of axis, or one a block of block_size along axis.
    """
    target = tensor_dtype_to_np_dtype(output_dtype) if output_dtype else _arithmetic(x_scale.dtype)
    whole = x.astype(np.float64)
    if x_zero_point is not None:
        whole = whole - spread("DequantizeLinear", x_zero_point, x.shape, axis, block_size).astype(np.float64)
    # float32 holds the product of two numbers of half its precision, so one rounding follows, as if made in the target.
    wide = np.result_type(target, np.float32) if target.kind == "f" else np.dtype(np.float32)
    scale = spread("DequantizeLinear", x_scale, x.shape, axis, block_size).astype(wide)
    return np.asarray(whole.astype(wide) * scale).astype(target)


def dynamic_quantize_linear(x: Array) -> tuple[Array, Array, Array]:
    """Return x as uint8 over its own range, which is widened to hold 0, the scale and the zero point."""
    low, high = np.minimum(x.min(initial=0), 0), np.maximum(x.max(initial=0), 0)
    scale = np.asarray((high - low) / np.float32(255), np.float32)
    if scale == 0:  # nothing but zeros: any scale tells them; 1 divides
        scale = np.ones_like(scale)
    zero_point = saturated(np.asarray(-low / scale), np.uint8)
    return quantize_linear(x, scale, zero_point), scale, zero_point


def _shifted_rows(a: Array, zero_point: Array | None) -> Array:
    """Return a without its zero point, which is one for all or, as a vector, one a row."""
    if zero_point is None:
        return a.astype(np.float64)
    offset = zero_point[:, None] if zero_point.ndim == 1 and zero_point.size > 1 else zero_point
    return a.astype(np.float64) - offset.astype(np.float64)


def _shifted_columns(b: Array, zero_point: Array | None) -> Array:
    """Return b without its zero point, which is one for all or, as a vector, one a column."""
    return b.astype(np.float64) if zero_point is None else b.astype(np.float64) - zero_point.astype(np.float64)


def _wrapped(sums: Array) -> Array:
    """Return whole numbers as int32 has them, modulo 2^32."""
    return sums.astype(np.int64).astype(np.int32)


def mat_mul_integer(a: Array, b: Array, a_zero_point: Array | None = None, b_zero_point: Array | None = None) -> Array:
    """Return the matrix product of 8-bit integers, each less its zero point, int32."""
    return _wrapped(np.asarray(_shifted_rows(a, a_zero_point) @ _shifted_columns(b, b_zero_point)))


def q_linear_mat_mul(
    a: Array,
    a_scale: Array,
    a_zero_point: Array,
    b: Array,
    b_scale: Array,
    b_zero_point: Array,
    y_scale: Array,
    y_zero_point: Array,
) -> Array:
    """Return the matrix product of two quantised arrays, quantised anew; a's scales may go by row, b's by column."""
    sums = np.asarray(_shifted_rows(a, a_zero_point) @ _shifted_columns(b, b_zero_point))
    rows = (a_scale[:, None] if a_scale.ndim == 1 and a_scale.size > 1 else a_scale).astype(np.float64)
    factor = rows * b_scale.astype(np.float64) / y_scale.astype(np.float64)
    return saturated(np.rint(sums * factor) + y_zero_point.astype(np.float64), y_zero_point.dtype)


def _windows_of_integers(
    x: Array,
    w: Array,
    x_zero_point: Array | None,
    w_zero_point: Array | None,
    bias: Array | None,
    geometry: dict[str, Any],
) -> Array:
    """Return the exact sums of a convolution, float64; the padding is the zero point, so it adds nothing."""
    image, weights = x.astype(np.float64), w.astype(np.float64)
    if x_zero_point is not None:
        image = image - x_zero_point.reshape(()).astype(np.float64)
    if w_zero_point is not None:
        weights = weights - _by_output(w_zero_point, w.ndim)
    return conv(image, weights, None if bias is None else bias.astype(np.float64), **geometry)


def _by_output(values: Array, rank: int) -> Array:
    """Return one number, or one an output channel, so that it broadcasts against weights (outputs, ...)."""
    return values.reshape(-1, *[1] * (rank - 1)).astype(np.float64)


def conv_integer(
    x: Array,
    w: Array,
    x_zero_point: Array | None = None,
    w_zero_point: Array | None = None,
    *,
    auto_pad: str = "NOTSET",
    dilations: Sequence[int] | None = None,
    group: int = 1,
    kernel_shape: Sequence[int] | None = None,
    pads: Sequence[int] | None = None,
    strides: Sequence[int] | None = None,
) -> Array:
    """Return the convolution of 8-bit integers, each less its zero point, int32. x: (batch, channels, spatial axes)."""
    geometry = _geometry(auto_pad, dilations, group, kernel_shape, pads, strides)
    return _wrapped(_windows_of_integers(x, w, x_zero_point, w_zero_point, None, geometry))


def _geometry(
    auto_pad: str,
    dilations: Sequence[int] | None,
    group: int,
    kernel_shape: Sequence[int] | None,
    pads: Sequence[int] | None,
    strides: Sequence[int] | None,
) -> dict[str, Any]:
    return {
        "auto_pad": auto_pad,
        "dilations": dilations,
        "group": group,
        "kernel_shape": kernel_shape,
        "pads": pads,
        "strides": strides,
    }


def q_linear_conv(
    x: Array,
    x_scale: Array,
    x_zero_point: Array,
    w: Array,
    w_scale: Array,
    w_zero_point: Array,
    y_scale: Array,
    y_zero_point: Array,
    bias: Array | None = None,
    *,
    auto_pad: str = "NOTSET",
    dilations: Sequence[int] | None = None,
    group: int = 1,
    kernel_shape: Sequence[int] | None = None,
    pads: Sequence[int] | None = None,
    strides: Sequence[int] | None = None,
) -> Array:
    """Return the convolution of quantised arrays, quantised anew; w's scales may go by output channel.

    x: (batch, channels, spatial axes). bias: int32 in steps of x_scale * w_scale.
    """
    geometry = _geometry(auto_pad, dilations, group, kernel_shape, pads, strides)
    sums = _windows_of_integers(x, w, x_zero_point, w_zero_point, bias, geometry)
    factor = x_scale.astype(np.float64) * _by_output(w_scale, w.ndim - 1) / y_scale.astype(np.float64)
    return saturated(np.rint(sums * factor) + y_zero_point.astype(np.float64), y_zero_point.dtype)


ENTRY = {
    "ConvInteger": conv_integer,
    "DequantizeLinear": dequantize_linear,
    "DynamicQuantizeLinear": dynamic_quantize_linear,
    "MatMulInteger": mat_mul_integer,
    "QLinearConv": q_linear_conv,
    "QLinearMatMul": q_linear_mat_mul,
    "QuantizeLinear": quantize_linear,
}
