"""Resampling of any axes: nearest, linear and cubic, by any of ONNX's rules for where an output element looks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from edgewright.errors import BadModelFile
from edgewright.numpy_backend._sampling import cubic_weights
from edgewright.numpy_backend._windows import Array, Index, widened


@dataclass(frozen=True)
class Axis:
    """How one axis is resampled: from `size` elements to `count` by `scale`; start and end bound the region of interest, 0 to 1."""

    size: int
    count: int
    scale: float
    start: float
    end: float


def _half_pixel(index: Array, axis: Axis) -> Array:
    return (index + 0.5) / axis.scale - 0.5


def _half_pixel_symmetric(index: Array, axis: Axis) -> Array:
    offset = axis.size / 2 * (1 - axis.count / (axis.scale * axis.size))
    return offset + _half_pixel(index, axis)


def _pytorch_half_pixel(index: Array, axis: Axis) -> Array:
    return _half_pixel(index, axis) if axis.count > 1 else np.zeros_like(index)


def _align_corners(index: Array, axis: Axis) -> Array:
    width = axis.scale * axis.size  # what a scale asks for may be no whole number of elements
    return index * ((axis.size - 1) / (width - 1)) if width != 1 else np.zeros_like(index)


def _asymmetric(index: Array, axis: Axis) -> Array:
    return index / axis.scale


def _half_pixel_nearest(index: Array, axis: Axis) -> Array:
    return (index + 0.5) / axis.scale


def _crop_and_resize(index: Array, axis: Axis) -> Array:
    last = axis.size - 1
    if axis.count == 1:
        return np.full_like(index, 0.5 * (axis.start + axis.end) * last)
    return axis.start * last + index * ((axis.end - axis.start) * last / (axis.count - 1))


COORDINATES: dict[str, Callable[[Array, Axis], Array]] = {
    "align_corners": _align_corners,
    "asymmetric": _asymmetric,
    "half_pixel": _half_pixel,
    "half_pixel_symmetric": _half_pixel_symmetric,
    "pytorch_half_pixel": _pytorch_half_pixel,
    "tf_crop_and_resize": _crop_and_resize,
    "tf_half_pixel_for_nn": _half_pixel_nearest,
}
ROUNDINGS: dict[str, Callable[[Array], Array]] = {
    "ceil": np.ceil,
    "floor": np.floor,
    "round_prefer_ceil": lambda position: np.floor(position + 0.5),
    "round_prefer_floor": lambda position: np.ceil(position - 0.5),
}


def _axes(
    x: Array,
    chosen: Sequence[int],
    scales: Array | None,
    sizes: Array | None,
    policy: str,
    roi: Array | None,
) -> dict[int, Axis]:
    """Return how each chosen axis is resampled."""
    given = sizes if scales is None else scales
    if given is None or len(given) != len(chosen) or (scales is not None and sizes is not None):
        raise BadModelFile(
            f"Resize needs either scales or sizes, with {len(chosen)} numbers for the axes {list(chosen)}."
        )
    lengths = [x.shape[axis] for axis in chosen]
    starts = np.zeros(len(chosen)) if roi is None else roi[: len(chosen)]
    ends = np.ones(len(chosen)) if roi is None else roi[len(chosen) :]
    if scales is not None:
        factors = [float(scale) for scale in scales]
        spans = [float(end) - float(start) for start, end in zip(starts, ends, strict=True)]
        counts = [math.floor(n * span * f) for n, span, f in zip(lengths, spans, factors, strict=True)]
    else:
        counts = [int(size) for size in given]
        factors = [count / n for count, n in zip(counts, lengths, strict=True)]
        if policy != "stretch":
            if policy not in ("not_larger", "not_smaller"):
                raise BadModelFile(
                    f"keep_aspect_ratio_policy is {policy!r}; it must be stretch, not_larger or not_smaller."
                )
            factors = [(min if policy == "not_larger" else max)(factors)] * len(factors)
            counts = [math.floor(n * factors[0] + 0.5) for n in lengths]
    rows = zip(chosen, lengths, counts, factors, starts, ends, strict=True)
    return {axis: Axis(n, count, f, float(start), float(end)) for axis, n, count, f, start, end in rows}


def _weights(position: Array, axis: Axis, mode: str, a: float, stretch: float) -> tuple[Array, Array]:
    """Return the indices of the elements that each position sees, and their weights, each (elements, positions)."""
    reach = (1 if mode == "linear" else 2) * stretch
    first = np.floor(position - reach).astype(np.int64) + 1
    steps = np.arange(math.ceil(2 * reach) + (stretch > 1))[:, np.newaxis]
    indices = first + steps
    distance = (indices - position) / stretch
    weights = np.maximum(1 - np.abs(distance), 0) if mode == "linear" else cubic_weights(distance, a)
    return indices, weights / weights.sum(axis=0)


def _along(x: Array, axis: int, indices: Array, weights: Array) -> Array:
    """Return the weighted sums of the elements of one axis."""
    shape = (-1, *(1,) * (x.ndim - axis - 1))
    total = np.zeros((*x.shape[:axis], indices.shape[1], *x.shape[axis + 1 :]), x.dtype)
    for index, weight in zip(indices, weights.astype(x.dtype), strict=True):
        if weight.any():
            total += np.take(x, index, axis=axis) * weight.reshape(shape)
    return total


def _resample(
    x: Array,
    plan: dict[int, Axis],
    *,
    mode: str,
    coordinates: str,
    rounding: str,
    a: float,
    antialias: bool,
    exclude_outside: bool,
    extrapolation: float,
) -> Array:
    known = ("nearest", "linear", "cubic")
    for value, allowed in ((mode, known), (coordinates, tuple(COORDINATES)), (rounding, tuple(ROUNDINGS))):
        if value not in allowed:
            raise BadModelFile(f"Resize has {value!r}, which is none of {', '.join(allowed)}.")
    y = x if mode == "nearest" else widened(x)
    y = y if y.dtype.kind == "f" or mode == "nearest" else y.astype(np.float64)
    outside: list[tuple[int, Array]] = []
    for number, axis in plan.items():
        if axis.count == axis.size and axis.scale == 1 and coordinates != "tf_crop_and_resize":
            continue
        position = COORDINATES[coordinates](np.arange(axis.count, dtype=np.float64), axis)
        if mode == "nearest":
            nearest = np.clip(ROUNDINGS[rounding](position), 0, axis.size - 1).astype(np.int64)
            y = np.take(y, nearest, axis=number)
        else:
            stretch = max(1.0, 1 / axis.scale) if antialias else 1.0
            indices, weights = _weights(position, axis, mode, a, stretch)
            if exclude_outside:
                weights = np.where((indices >= 0) & (indices < axis.size), weights, 0)
                weights = weights / weights.sum(axis=0)
            y = _along(y, number, np.clip(indices, 0, axis.size - 1), weights)
        if coordinates == "tf_crop_and_resize":
            outside.append((number, (position < 0) | (position > axis.size - 1)))
    if x.dtype.kind in "iu" and mode != "nearest":
        y = np.clip(np.rint(y), np.iinfo(x.dtype).min, np.iinfo(x.dtype).max)
    y = y.astype(x.dtype)
    for number, mask in outside:
        index: Index = (*(slice(None),) * number, mask)
        y[index] = extrapolation
    return y


def resize(
    x: Array,
    roi: Array | None = None,
    scales: Array | None = None,
    sizes: Array | None = None,
    *,
    antialias: int = 0,
    axes: Sequence[int] | None = None,
    coordinate_transformation_mode: str | None = None,
    cubic_coeff_a: float = -0.75,
    exclude_outside: int = 0,
    extrapolation_value: float = 0.0,
    keep_aspect_ratio_policy: str = "stretch",
    mode: str = "nearest",
    nearest_mode: str | None = None,
    opset: int = 19,
) -> Array:
    """Return x resampled to sizes, or by scales. Version 10 knows scales alone, and looks at index / scale, rounded down.

    roi: starts and then ends, 0 to 1, for tf_crop_and_resize. Whole numbers are rounded to the nearest even after interpolation.
    """
    if opset < 11:
        roi, scales = None, roi if scales is None else scales
    coordinates = coordinate_transformation_mode or ("half_pixel" if opset >= 11 else "asymmetric")
    rounding = nearest_mode or ("round_prefer_floor" if opset >= 11 else "floor")
    chosen = [axis % x.ndim for axis in axes] if axes else list(range(x.ndim))
    crop = coordinates == "tf_crop_and_resize"
    if crop and (roi is None or len(roi) != 2 * len(chosen)):
        raise BadModelFile(f"Resize by tf_crop_and_resize needs a roi of {2 * len(chosen)} numbers: starts, then ends.")
    plan = _axes(
        x,
        chosen,
        scales if scales is not None and len(scales) else None,
        sizes if sizes is not None and len(sizes) else None,
        keep_aspect_ratio_policy,
        roi if crop else None,
    )
    return _resample(
        x,
        plan,
        mode=mode,
        coordinates=coordinates,
        rounding=rounding,
        a=cubic_coeff_a,
        antialias=bool(antialias),
        exclude_outside=bool(exclude_outside),
        extrapolation=extrapolation_value,
    )


def upsample(
    x: Array, given: Array | None = None, *, mode: str = "nearest", scales: Sequence[float] | None = None
) -> Array:
    """Return x resampled by scales, an input or, before version 9, an attribute; element i looks at i / scale."""
    factors = given if scales is None else np.asarray(scales, np.float32)
    return resize(
        x,
        None,
        factors,
        mode="linear" if mode in ("linear", "bilinear") else mode,
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )


ENTRY = {"Resize": resize, "Upsample": upsample}
