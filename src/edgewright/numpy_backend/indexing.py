"""Operators that pick elements by index or put them there, and those that find indices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from edgewright.errors import BadModelFile, UnsupportedModel
from edgewright.numpy_backend.shapes import Integers, axis_of, integers

Array = npt.NDArray[Any]
REDUCTIONS = {"add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum}


def _within(operator: str, indices: Array, size: int) -> Array:
    """Return indices from [-size, size - 1] counted from the front. Raises BadModelFile for any other."""
    given = np.asarray(indices).astype(np.int64)
    wrong = given[(given < -size) | (given >= size)]
    if wrong.size:
        raise BadModelFile(f"{operator}: index {wrong[0]} of {size} elements; allowed: {-size} to {size - 1}.")
    return np.where(given < 0, given + size, given)


def gather(data: Array, indices: Array, *, axis: int = 0) -> Array:
    """Return the slices of data at indices along an axis; the axes of indices take the place of that axis."""
    place = axis_of("Gather", axis, data.ndim)
    return np.take(data, _within("Gather", indices, data.shape[place]), place)


def _places(operator: str, data: Array, indices: Array, axis: int) -> tuple[Array, ...]:
    """Return what indexes data element by element: indices along one axis, their own positions along the others."""
    place = axis_of(operator, axis, data.ndim)
    if indices.ndim != data.ndim:
        raise BadModelFile(f"{operator}: indices of rank {indices.ndim} for data of rank {data.ndim}; they must agree.")
    grid = list(np.ogrid[tuple(slice(size) for size in indices.shape)])
    grid[place] = _within(operator, indices, data.shape[place])
    return tuple(grid)


def gather_elements(data: Array, indices: Array, *, axis: int = 0) -> Array:
    """Return for each index the element of data at the same position but for the axis, where the index says."""
    return data[_places("GatherElements", data, indices, axis)]


def gather_nd(data: Array, indices: Array, *, batch_dims: int = 0) -> Array:
    """Return the elements or slices of data at tuples of indices, the last axis, batch by batch."""
    depth = indices.shape[-1]
    if depth > data.ndim - batch_dims or data.shape[:batch_dims] != indices.shape[:batch_dims]:
        raise BadModelFile(f"GatherND: indices {indices.shape} do not fit data {data.shape}, batch_dims {batch_dims}.")
    lengths = data.shape[batch_dims : batch_dims + depth]
    picks = tuple(_within("GatherND", indices[..., number], length) for number, length in enumerate(lengths))
    batches = np.ogrid[tuple(slice(size) for size in indices.shape[:batch_dims])] if batch_dims else ()
    inner = indices.ndim - 1 - batch_dims
    return data[(*(batch.reshape(*batch.shape, *[1] * inner) for batch in batches), *picks)]


def _put(operator: str, data: Array, places: tuple[Array, ...], updates: Array, reduction: str) -> Array:
    result = data.copy()
    if reduction == "none":
        result[places] = updates
    elif reduction in REDUCTIONS:
        REDUCTIONS[reduction].at(result, places, updates)
    else:
        raise UnsupportedModel(f"{operator}: reduction {reduction!r}; allowed: none, {', '.join(REDUCTIONS)}.")
    return result


def scatter_elements(data: Array, indices: Array, updates: Array, *, axis: int = 0, reduction: str = "none") -> Array:
    """Return data with updates put, or reduced, where indices say along an axis."""
    if indices.shape != updates.shape:
        raise BadModelFile(f"ScatterElements: indices {indices.shape} and updates {updates.shape} must be alike.")
    return _put("ScatterElements", data, _places("ScatterElements", data, indices, axis), updates, reduction)


def scatter_nd(data: Array, indices: Array, updates: Array, *, reduction: str = "none") -> Array:
    """Return data with updates put, or reduced, at tuples of indices, the last axis of indices."""
    depth = indices.shape[-1]
    if depth > data.ndim or updates.shape != indices.shape[:-1] + data.shape[depth:]:
        raise BadModelFile(f"ScatterND: indices {indices.shape}, updates {updates.shape} do not fit data {data.shape}.")
    picks = tuple(_within("ScatterND", indices[..., number], data.shape[number]) for number in range(depth))
    return _put("ScatterND", data, picks, updates, reduction)


def tensor_scatter(
    past_cache: Array, update: Array, write_indices: Array | None = None, *, axis: int = -2, mode: str = "linear"
) -> Array:
    """Return the cache with each sample's update written from its write index on. mode: linear, or circular to wrap."""
    place = axis_of("TensorScatter", axis, past_cache.ndim)
    if place == 0:
        raise BadModelFile("TensorScatter: axis 0 is the batch; the sequence must lie along another.")
    if mode not in ("linear", "circular"):
        raise UnsupportedModel(f"TensorScatter: mode {mode!r}; allowed: linear, circular.")
    length, limit = update.shape[place], past_cache.shape[place]
    starts = np.zeros(len(past_cache), np.int64) if write_indices is None else np.asarray(write_indices)
    steps = starts[:, None] + np.arange(length)
    if mode == "linear" and steps.size and (steps.max() >= limit or steps.min() < 0):
        raise BadModelFile(
            f"TensorScatter: a sequence of {length} from {int(starts.max())} passes the cache's {limit}."
        )
    result = past_cache.copy()
    np.moveaxis(result, place, 1)[np.arange(len(result))[:, None], steps % limit] = np.moveaxis(update, place, 1)
    return result


def one_hot(indices: Array, depth: Array, values: Array, *, axis: int = -1) -> Array:
    """Return values[1] at the index and values[0] elsewhere along a new axis; indices outside ±depth mark nothing."""
    count = int(np.asarray(depth).reshape(-1)[0])
    place = axis_of("OneHot", axis, indices.ndim + 1)
    given = np.expand_dims(indices.astype(np.int64), place)
    classes = np.arange(count).reshape([count if other == place else 1 for other in range(indices.ndim + 1)])
    return np.where((given == classes) | (given == classes - count), values[1], values[0]).astype(values.dtype)


def compress(data: Array, condition: Array, *, axis: int | None = None) -> Array:
    """Return the slices along an axis, or the elements where none is named, for which the condition holds."""
    place = None if axis is None else axis_of("Compress", axis, data.ndim)
    if len(condition) > (data.size if place is None else data.shape[place]):
        raise BadModelFile(f"Compress: {len(condition)} conditions are more than there are slices in {data.shape}.")
    return np.compress(condition, data, place)


def non_zero(data: Array) -> Array:
    """Return the indices of elements that are not zero: a row an axis, int64."""
    if data.ndim == 0:
        return np.zeros((0, int(bool(data))), np.int64)
    return np.stack(np.nonzero(data)).astype(np.int64)


def unique(data: Array, *, axis: int | None = None, sorted: int = 1) -> tuple[Array, Array, Array, Array]:
    """Return unique elements or slices, where each is first, the places of all among them, and how often each is there."""
    rows = data.reshape(-1) if axis is None else np.moveaxis(data, axis_of("Unique", axis, data.ndim), 0)
    # Ranks stand for the elements: they compare as the elements do, and slices of them can be sorted for any type.
    ranks = np.unique(rows.reshape(-1), return_inverse=True)[1].reshape(len(rows), math.prod(rows.shape[1:]))
    _, first, inverse, counts = np.unique(ranks, True, True, True, axis=0)
    inverse = inverse.reshape(-1)
    if not sorted:
        order = np.argsort(first)
        first, counts, inverse = first[order], counts[order], np.argsort(order)[inverse]
    found = rows[first] if axis is None else np.moveaxis(rows[first], 0, axis)
    return found, first.astype(np.int64), inverse.astype(np.int64), counts.astype(np.int64)


def top_k(data: Array, k: Integers | int, *, axis: int = -1, largest: int = 1, sorted: int = 1) -> tuple[Array, Array]:
    """Return the k largest or smallest elements along an axis, in order, and their indices; the first of equals wins."""
    place = axis_of("TopK", axis, data.ndim)
    count = integers(np.asarray(k))[0]
    if not 0 <= count <= data.shape[place]:
        raise BadModelFile(f"TopK: {count} of {data.shape[place]} elements along axis {place}.")
    if largest:
        # A stable sort of the reversed array, read from its end, keeps the lower index first among equals.
        order = data.shape[place] - 1 - np.flip(np.argsort(np.flip(data, place), place, kind="stable"), place)
    else:
        order = np.argsort(data, place, kind="stable")
    indices = np.take(order, np.arange(count), place).astype(np.int64)
    return np.take_along_axis(data, indices, place), indices


def array_feature_extractor(data: Array, indices: Array) -> Array:
    """Return the elements of the last axis at indices; a vector counts as one row."""
    rows = data[None] if data.ndim == 1 else data
    return np.take(rows, _within("ArrayFeatureExtractor", indices.reshape(-1), rows.shape[-1]), -1)


ENTRY = {
    "ai.onnx.ml:ArrayFeatureExtractor": array_feature_extractor,
    "Compress": compress,
    "Gather": gather,
    "GatherElements": gather_elements,
    "GatherND": gather_nd,
    "NonZero": non_zero,
    "OneHot": one_hot,
    "Scatter": scatter_elements,
    "ScatterElements": scatter_elements,
    "ScatterND": scatter_nd,
    "TensorScatter": tensor_scatter,
    "TopK": top_k,
    "Unique": unique,
}
