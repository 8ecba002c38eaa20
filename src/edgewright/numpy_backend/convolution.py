"""Convolutions over any number of spatial axes, and their relatives."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from edgewright.errors import BadModelFile
from edgewright.numpy_backend._sampling import linear
from edgewright.numpy_backend._windows import (
    Array,
    Windows,
    padded,
    pads_of,
    per_axis,
    scattered,
    taps,
    view,
    widened,
    windows,
)


def convolve(x: Array, w: Array, place: Windows, group: int = 1) -> Array:
    """Return (batch, outputs, window axes) of x (batch, channels, spatial axes) with w (outputs, channels / group, kernel axes).

    The two have one dtype, which is that of the sums. Raises BadModelFile where their channels do not agree.
    """
    batch, channels = x.shape[:2]
    outputs = w.shape[0]
    if group < 1 or channels != w.shape[1] * group or outputs % group:
        raise BadModelFile(
            f"A convolution of {group} groups has {channels} input channels and weights of shape {w.shape}: "
            f"it needs {group} x {w.shape[1]} input channels and a multiple of {group} outputs."
        )
    x = padded(x, place)
    result = np.empty((batch, group, outputs // group, math.prod(place.counts)), np.result_type(x, w))
    product = _row_by_row if _rows_pay(w, place, group) else _at_once
    for image, out in zip(x, result, strict=True):
        # One image at a time: the columns of a whole batch would not stay in the cache.
        product(image, w.reshape(group, outputs // group, -1, *place.kernel), place, out)
    return result.reshape(batch, outputs, *place.counts)


def _at_once(x: Array, w: Array, place: Windows, out: Array) -> None:
    """Write the product of w (group, outputs, channels, kernel axes) with all windows of a padded image, in one multiplication."""
    group, outputs = w.shape[:2]
    flat = w.reshape(group, outputs, -1)
    np.matmul(flat, _unfolded(x, place).reshape(group, flat.shape[2], -1), out=out)


def _rows_pay(w: Array, place: Windows, group: int) -> bool:
    """Return whether the windows move by one along the first axis, and unfolding less outweighs adding and reordering more."""
    if len(place.kernel) < 2 or place.strides[0] != 1 or place.kernel[0] == 1:
        return False
    outputs, saved = len(w) // group, w.shape[1] * math.prod(place.kernel[1:])
    return outputs <= min(saved, math.prod(place.counts))


def _row_by_row(x: Array, w: Array, place: Windows, out: Array) -> None:
    """The same, in one multiplication a row of the kernel, of which one row is unfolded only.

    The windows of its other rows lie in the same columns, shifted by whole rows.
    """
    group, outputs = w.shape[:2]
    across, rows = math.prod(place.counts[1:]), x.shape[1]
    one = replace(place, kernel=(1, *place.kernel[1:]), counts=(rows, *place.counts[1:]))
    columns = _unfolded(x, one).reshape(group, -1, rows * across)
    kernel_rows = np.moveaxis(w, 3, 0).reshape(place.kernel[0], group, outputs, -1)
    for row, flat in enumerate(kernel_rows):
        begin = row * place.dilations[0] * across
        part = columns[:, :, begin : begin + out.shape[2]]
        if row == 0:
            np.matmul(flat, part, out=out)
        else:
            out += flat @ part


def _unfolded(x: Array, place: Windows) -> Array:
    """Return (channels, kernel axes, window axes) of a padded image (channels, spatial axes): its windows."""
    elements = math.prod(place.kernel)
    if elements == 1 or elements > math.prod(place.counts):
        return view(x[np.newaxis], place)[0]
    # A copy for each element of the kernel moves whole rows, where a copy of the view would move them by the width of the kernel.
    columns = np.empty((len(x), *place.kernel, *place.counts), x.dtype)
    for tap, index in taps(place):
        columns[(slice(None), *tap)] = x[index]
    return columns


def _with_bias(y: Array, bias: Array | None) -> Array:
    if bias is not None:
        y += bias.astype(y.dtype, copy=False).reshape(-1, *(1,) * (y.ndim - 2))
    return y


def conv(
    x: Array,
    w: Array,
    bias: Array | None = None,
    *,
    auto_pad: str = "NOTSET",
    dilations: Sequence[int] | None = None,
    group: int = 1,
    kernel_shape: Sequence[int] | None = None,
    pads: Sequence[int] | None = None,
    strides: Sequence[int] | None = None,
) -> Array:
    """Return the convolution of x (batch, channels, spatial axes). Raises BadModelFile where the shapes do not agree."""
    _check_kernel(w, kernel_shape)
    place = windows(x.shape[2:], w.shape[2:], strides, dilations, pads, auto_pad)
    return _with_bias(convolve(widened(x), widened(w), place, group), bias).astype(x.dtype, copy=False)


def _check_kernel(w: Array, kernel_shape: Sequence[int] | None) -> None:
    if kernel_shape and tuple(kernel_shape) != w.shape[2:]:
        raise BadModelFile(
            f"kernel_shape is {tuple(kernel_shape)}, but the weights have {w.shape[2:]}; the two must be the same."
        )


def conv_transpose(
    x: Array,
    w: Array,
    bias: Array | None = None,
    *,
    auto_pad: str = "NOTSET",
    dilations: Sequence[int] | None = None,
    group: int = 1,
    kernel_shape: Sequence[int] | None = None,
    output_padding: Sequence[int] | None = None,
    output_shape: Sequence[int] | None = None,
    pads: Sequence[int] | None = None,
    strides: Sequence[int] | None = None,
) -> Array:
    """Return the transposed convolution of x with w (channels, outputs / group, kernel axes).

    Raises BadModelFile where the shapes do not agree.
    """
    _check_kernel(w, kernel_shape)
    batch, channels = x.shape[:2]
    counts, rank = x.shape[2:], x.ndim - 2
    if channels != w.shape[0] or channels % group:
        raise BadModelFile(
            f"A transposed convolution of {group} groups has {channels} channels, but weights of shape {w.shape}."
        )
    strides, dilations = per_axis("strides", strides, rank, 1), per_axis("dilations", dilations, rank, 1)
    place = Windows(w.shape[2:], strides, dilations, (0,) * rank, (0,) * rank, counts)
    extra = per_axis("output_padding", output_padding, rank, 0)
    spans = [
        s * (n - 1) + more + (k - 1) * d + 1
        for s, n, more, k, d in zip(strides, counts, extra, w.shape[2:], dilations, strict=True)
    ]
    if output_shape is None and auto_pad in ("SAME_UPPER", "SAME_LOWER"):
        output_shape = [n * s for n, s in zip(counts, strides, strict=True)]
    if output_shape is None:
        begin, end = pads_of(None if auto_pad == "VALID" else pads, rank)
        sizes = [span - b - e for span, b, e in zip(spans, begin, end, strict=True)]
    else:
        sizes = list(per_axis("output_shape", output_shape[-rank:], rank, 0))
        totals = [max(span - size, 0) for span, size in zip(spans, sizes, strict=True)]
        begin = tuple(total // 2 if auto_pad == "SAME_UPPER" else total - total // 2 for total in totals)
        end = tuple(total - b for total, b in zip(totals, begin, strict=True))
    if min(sizes, default=1) < 1:
        raise BadModelFile(
            f"A transposed convolution of {counts} with pads {begin} and {end} leaves nothing: {tuple(sizes)}."
        )
    flat = widened(w).reshape(group, channels // group, -1).swapaxes(1, 2)
    columns = flat @ widened(x).reshape(batch, group, channels // group, -1)
    columns = columns.reshape(batch, group * w.shape[1], *place.kernel, *counts)
    return _with_bias(scattered(columns, replace(place, begin=begin, end=end), sizes), bias).astype(x.dtype, copy=False)


def deform_conv(
    x: Array,
    w: Array,
    offset: Array,
    bias: Array | None = None,
    mask: Array | None = None,
    *,
    dilations: Sequence[int] | None = None,
    group: int = 1,
    kernel_shape: Sequence[int] | None = None,
    offset_group: int = 1,
    pads: Sequence[int] | None = None,
    strides: Sequence[int] | None = None,
) -> Array:
    """Return the deformable convolution of x: each element of the kernel looks where `offset` moves it (arXiv 1703.06211, 1811.11168).

    offset: (batch, offset_group x kernel elements x spatial axes, window axes); mask: the same without the axes.
    """
    _check_kernel(w, kernel_shape)
    batch, channels = x.shape[:2]
    rank = x.ndim - 2
    place = windows(x.shape[2:], w.shape[2:], strides, dilations, pads)
    elements = math.prod(place.kernel)
    base = np.stack(
        [
            (np.arange(k) * d - b).reshape(_only(axis, k, 2 * rank))
            + (np.arange(n) * s).reshape(_only(rank + axis, n, 2 * rank))
            + np.zeros((*place.kernel, *place.counts))
            for axis, (k, d, b, n, s) in enumerate(
                zip(place.kernel, place.dilations, place.begin, place.counts, place.strides, strict=True)
            )
        ]
    ).reshape(rank, elements, *place.counts)
    moved = widened(offset).reshape(batch, offset_group, elements, rank, *place.counts)
    scale = None if mask is None else widened(mask).reshape(batch, offset_group, 1, elements, *place.counts)
    columns = np.empty((batch, offset_group, channels // offset_group, elements, *place.counts), widened(x).dtype)
    for image in range(batch):
        for part, source in enumerate(widened(x)[image].reshape(offset_group, -1, *x.shape[2:])):
            columns[image, part] = linear(source, base + moved[image, part].swapaxes(0, 1))
    if scale is not None:
        columns *= scale
    flat = widened(w).reshape(group, w.shape[0] // group, -1)
    y = (flat @ columns.reshape(batch, group, flat.shape[2], -1)).reshape(batch, w.shape[0], *place.counts)
    return _with_bias(y, bias).astype(x.dtype, copy=False)


def _only(axis: int, size: int, rank: int) -> tuple[int, ...]:
    """Return a shape that is 1 but for one axis."""
    return (*(1,) * axis, size, *(1,) * (rank - axis - 1))


def causal_conv_with_state(
    x: Array, weight: Array, bias: Array | None = None, past_state: Array | None = None, *, activation: str = "none"
) -> tuple[Array, Array]:
    """Return the depthwise convolution of x (batch, channels, length) with what came before it, and its last k - 1 positions.

    weight: (channels, 1, k); past_state: (batch, channels, k - 1), zeros where left out.
    """
    if activation not in ("none", "silu", "swish"):
        raise BadModelFile(f"activation is {activation!r}; it must be none, silu or swish.")
    keep = weight.shape[2] - 1
    past = np.zeros((*x.shape[:2], keep), x.dtype) if past_state is None else past_state
    whole = np.concatenate([past.astype(x.dtype, copy=False), x], axis=2)
    place = windows(whole.shape[2:], weight.shape[2:])
    y = _with_bias(convolve(widened(whole), widened(weight), place, x.shape[1]), bias)
    if activation != "none":
        y *= 0.5 + 0.5 * np.tanh(0.5 * y)
    return y.astype(x.dtype, copy=False), whole[:, :, whole.shape[2] - keep :]


def col2im(
    x: Array,
    image_shape: Array,
    block_shape: Array,
    *,
    dilations: Sequence[int] | None = None,
    pads: Sequence[int] | None = None,
    strides: Sequence[int] | None = None,
) -> Array:
    """Return images (batch, channels, image_shape): the sums of blocks x (batch, channels x block elements, blocks)."""
    sizes = [int(size) for size in image_shape]
    place = windows(sizes, [int(size) for size in block_shape], strides, dilations, pads)
    columns = widened(x).reshape(len(x), -1, *place.kernel, *place.counts)
    return scattered(columns, place, sizes).astype(x.dtype, copy=False)


ENTRY = {
    "CausalConvWithState": causal_conv_with_state,
    "Col2Im": col2im,
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "DeformConv": deform_conv,
}
