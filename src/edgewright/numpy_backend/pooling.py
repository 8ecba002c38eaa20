"""Pools over windows, over whole channels and over regions of interest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce

import numpy as np

from edgewright.errors import BadModelFile
from edgewright.numpy_backend._sampling import between, shares
from edgewright.numpy_backend._windows import Array, Windows, padded, pads_of, per_axis, taps, view, widened, windows


def max_pool(
    x: Array,
    *,
    kernel_shape: Sequence[int],
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
    dilations: Sequence[int] | None = None,
    pads: Sequence[int] | None = None,
    storage_order: int = 0,
    strides: Sequence[int] | None = None,
    outputs: int = 1,
) -> Array | tuple[Array, Array]:
    """Return the largest of each window of x (batch, channels, spatial axes) and, where asked, where in x it lies (int64).

    storage_order: 0 counts the spatial axes row by row, 1 column by column.
    """
    place = windows(x.shape[2:], kernel_shape, strides, dilations, pads, auto_pad, ceil_mode)
    whole = padded(x, place, _lowest(x))
    if outputs < 2:
        return reduce(np.maximum, (whole[index] for _, index in taps(place))).copy()
    elements = math.prod(place.kernel)
    columns = view(whole, place).reshape(*x.shape[:2], elements, *place.counts)
    best = columns.argmax(axis=2)
    chosen = np.unravel_index(best, place.kernel)
    step, steps = 1, [0] * len(place.kernel)
    for axis in range(len(steps)) if storage_order else reversed(range(len(steps))):
        steps[axis] = step
        step *= x.shape[2 + axis]
    channels = np.arange(x.shape[0] * x.shape[1]).reshape(*x.shape[:2], *(1,) * len(place.kernel))
    where = channels * step + np.zeros_like(best)
    for axis, element in enumerate(chosen):
        start = np.arange(place.counts[axis]) * place.strides[axis] - place.begin[axis]
        shape = (-1, *(1,) * (len(place.kernel) - axis - 1))
        where += (start.reshape(shape) + element * place.dilations[axis]) * steps[axis]
    return np.take_along_axis(columns, best[:, :, np.newaxis], axis=2)[:, :, 0], where


def _lowest(x: Array) -> float | int:
    return int(np.iinfo(x.dtype).min) if x.dtype.kind in "iu" else -math.inf


def _sums(x: Array, place: Windows) -> Array:
    whole = padded(x, place)
    total = np.zeros((*x.shape[:2], *place.counts), x.dtype)
    for _, index in taps(place):
        total += whole[index]
    return total


def average_pool(
    x: Array,
    *,
    kernel_shape: Sequence[int],
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
    count_include_pad: int = 0,
    dilations: Sequence[int] | None = None,
    pads: Sequence[int] | None = None,
    strides: Sequence[int] | None = None,
) -> Array:
    """Return the mean of each window of x; what a last window has beyond the padding never counts."""
    place = windows(x.shape[2:], kernel_shape, strides, dilations, pads, auto_pad, ceil_mode)
    members = np.ones((), np.int64)
    for axis, size in enumerate(x.shape[2:]):
        position = (
            np.arange(place.counts[axis])[:, np.newaxis] * place.strides[axis]
            - place.begin[axis]
            + np.arange(place.kernel[axis]) * place.dilations[axis]
        )
        low, high = (-place.begin[axis], size + place.end[axis]) if count_include_pad else (0, size)
        members = np.multiply.outer(members, ((position >= low) & (position < high)).sum(axis=1))
    total = _sums(widened(x), place)
    total /= np.maximum(members, 1).astype(total.dtype)
    return total.astype(x.dtype, copy=False)


def lp_pool(
    x: Array,
    *,
    kernel_shape: Sequence[int],
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
    dilations: Sequence[int] | None = None,
    p: int = 2,
    pads: Sequence[int] | None = None,
    strides: Sequence[int] | None = None,
) -> Array:
    """Return the norm of order p of each window of x."""
    place = windows(x.shape[2:], kernel_shape, strides, dilations, pads, auto_pad, ceil_mode)
    return (_sums(np.abs(widened(x)) ** p, place) ** (1 / p)).astype(x.dtype, copy=False)


def _spatial(x: Array) -> tuple[int, ...]:
    return tuple(range(2, x.ndim))


def global_average_pool(x: Array) -> Array:
    """Return the mean of each channel."""
    return widened(x).mean(axis=_spatial(x), keepdims=True).astype(x.dtype, copy=False)


def global_max_pool(x: Array) -> Array:
    """Return the largest of each channel."""
    return x.max(axis=_spatial(x), keepdims=True)


def global_lp_pool(x: Array, *, p: int = 2) -> Array:
    """Return the norm of order p of each channel."""
    powers = (np.abs(widened(x)) ** p).sum(axis=_spatial(x), keepdims=True)
    return (powers ** (1 / p)).astype(x.dtype, copy=False)


def max_unpool(
    x: Array,
    indices: Array,
    output_shape: Array | None = None,
    *,
    kernel_shape: Sequence[int],
    pads: Sequence[int] | None = None,
    strides: Sequence[int] | None = None,
) -> Array:
    """Return zeros with the elements of x back where `indices`, the second output of MaxPool, says that they came from.

    Indices count the elements of the smallest input that such a pool can have; a larger output_shape adds zeros behind them.
    """
    rank = x.ndim - 2
    steps, (begin, end) = per_axis("strides", strides, rank, 1), pads_of(pads, rank)
    natural = [
        (n - 1) * s - b - e + k for n, s, b, e, k in zip(x.shape[2:], steps, begin, end, kernel_shape, strict=True)
    ]
    flat = np.zeros(math.prod((*x.shape[:2], *natural)), x.dtype)
    if indices.size and not 0 <= indices.min() <= indices.max() < flat.size:
        raise BadModelFile(
            f"MaxUnpool has indices from {indices.min()} to {indices.max()} for an output of {flat.size} elements."
        )
    flat[indices.reshape(-1)] = x.reshape(-1)
    result = flat.reshape(*x.shape[:2], *natural)
    if output_shape is None:
        return result
    sizes = [int(size) for size in output_shape[-rank:]]
    if any(size < n for size, n in zip(sizes, natural, strict=True)):
        raise BadModelFile(f"MaxUnpool makes {tuple(natural)}, which is more than the output_shape {tuple(sizes)}.")
    larger = np.zeros((*x.shape[:2], *sizes), x.dtype)
    larger[tuple(map(slice, result.shape))] = result
    return larger


def max_roi_pool(x: Array, rois: Array, *, pooled_shape: Sequence[int], spatial_scale: float = 1.0) -> Array:
    """Return (regions, channels, pooled_shape): the largest of each cell of each region (batch, x1, y1, x2, y2) of x; 0 for an empty one.

    A region holds both its corners, rounded to whole elements; its cells share borders (arXiv 1504.08083).
    """
    height, width = (int(size) for size in pooled_shape)
    result = np.zeros((len(rois), x.shape[1], height, width), x.dtype)
    for region, (batch, *corners) in enumerate(widened(rois)):
        left, top, right, bottom = (math.floor(float(corner) * spatial_scale + 0.5) for corner in corners)
        rows = _cells(top, bottom, height, x.shape[2])
        columns = _cells(left, right, width, x.shape[3])
        for row, (first, last) in enumerate(rows):
            for column, (start, stop) in enumerate(columns):
                if first < last and start < stop:
                    result[region, :, row, column] = x[int(batch), :, first:last, start:stop].max(axis=(1, 2))
    return result


def _cells(first: int, last: int, count: int, size: int) -> list[tuple[int, int]]:
    """Return where each of `count` cells begins and ends, inside an axis of `size` elements."""
    span = max(last - first + 1, 1)
    edges = ((first + span * cell // count, first - (-span * (cell + 1) // count)) for cell in range(count))
    return [(min(max(low, 0), size), min(max(high, 0), size)) for low, high in edges]


def roi_align(
    x: Array,
    rois: Array,
    batch_indices: Array,
    *,
    coordinate_transformation_mode: str | None = None,
    mode: str = "avg",
    output_height: int = 1,
    output_width: int = 1,
    sampling_ratio: int = 0,
    spatial_scale: float = 1.0,
    opset: int = 16,
) -> Array:
    """Return (regions, channels, output_height, output_width): means or maxima of points sampled in the regions (x1, y1, x2, y2) of x.

    sampling_ratio: points along an axis of a cell, 0 for as many as the region has elements there (arXiv 1703.06870).
    """
    if mode not in ("avg", "max"):
        raise BadModelFile(f"RoiAlign has the mode {mode!r}; it must be 'avg' or 'max'.")
    half_pixel = (
        coordinate_transformation_mode or ("half_pixel" if opset >= 16 else "output_half_pixel")
    ) == "half_pixel"
    source = widened(x)
    result = np.empty((len(rois), x.shape[1], output_height, output_width), source.dtype)
    for region, corners in enumerate(widened(rois)):
        left, top, right, bottom = (float(corner) * spatial_scale - 0.5 * half_pixel for corner in corners)
        spans = [bottom - top, right - left]
        if not half_pixel:
            spans = [max(span, 1.0) for span in spans]
        counts = [
            sampling_ratio if sampling_ratio > 0 else max(math.ceil(span / cells), 1)
            for span, cells in zip(spans, (output_height, output_width), strict=True)
        ]
        y = top + spans[0] / output_height * (np.arange(output_height * counts[0]) + 0.5) / counts[0]
        x_ = left + spans[1] / output_width * (np.arange(output_width * counts[1]) + 0.5) / counts[1]
        points = np.stack(np.meshgrid(y, x_, indexing="ij"))
        sizes = np.array(x.shape[2:]).reshape(2, 1, 1)
        inside = ((points >= -1) & (points <= sizes)).all(axis=0)
        image = source[int(batch_indices[region])]
        # The maximum is that of the weighted elements around the points, not of their sums: so do the operator's own test cases.
        parts = shares(image, *between(np.clip(points, 0, sizes - 1)), clamp=True)
        samples = np.where(inside, reduce(np.add if mode == "avg" else np.maximum, parts), 0)
        cells = samples.reshape(-1, output_height, counts[0], output_width, counts[1])
        result[region] = cells.mean(axis=(2, 4)) if mode == "avg" else cells.max(axis=(2, 4))
    return result.astype(x.dtype, copy=False)


ENTRY = {
    "AveragePool": average_pool,
    "GlobalAveragePool": global_average_pool,
    "GlobalLpPool": global_lp_pool,
    "GlobalMaxPool": global_max_pool,
    "LpPool": lp_pool,
    "MaxPool": max_pool,
    "MaxRoiPool": max_roi_pool,
    "MaxUnpool": max_unpool,
    "RoiAlign": roi_align,
}
