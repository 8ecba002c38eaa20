"""Operators that move elements without computing: shapes, joining, splitting, padding, and arrays made from a shape."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx.helper import tensor_dtype_to_np_dtype

from edgewright.errors import BadModelFile, UnsupportedModel

Array = npt.NDArray[Any]
Integers = Sequence[int] | npt.NDArray[np.int64]  # an attribute in old versions, an input in new ones
PAD_MODES = ("constant", "reflect", "edge", "wrap")


def integers(values: Integers) -> list[int]:
    """Return the elements of an attribute or of an input as Python integers."""
    return [int(value) for value in np.asarray(values).reshape(-1)]


def axis_of(operator: str, axis: int, rank: int) -> int:
    """Return an axis counted from the front. Raises BadModelFile where it is outside [-rank, rank - 1]."""
    if not -rank <= axis < rank:
        raise BadModelFile(f"{operator}: axis {axis} of an array of rank {rank}; allowed: {-rank} to {rank - 1}.")
    return axis % rank


def reshape(data: Array, shape: Integers, *, allowzero: int = 0, consumed_inputs: Any = None) -> Array:
    """Return data in another shape: -1 stands for what is left, 0 for the size that is there unless allowzero."""
    wanted = integers(shape)
    if not allowzero:
        if any(size == 0 and place >= data.ndim for place, size in enumerate(wanted)):
            raise BadModelFile(f"Reshape: {wanted} keeps an axis that {data.shape} does not have.")
        wanted = [data.shape[place] if size == 0 else size for place, size in enumerate(wanted)]
    known = math.prod(size for size in wanted if size != -1)
    left = data.size // known if known else 0
    found = [left if size == -1 else size for size in wanted]
    if wanted.count(-1) > 1 or min(found, default=0) < 0 or math.prod(found) != data.size:
        raise BadModelFile(f"Reshape: {data.shape} cannot become {wanted}; the number of elements must stay the same.")
    return data.reshape(found)


def flatten(data: Array, *, axis: int = 1) -> Array:
    """Return data as a matrix: the axes before `axis` by those from it on."""
    place = axis if axis >= 0 else axis + data.ndim
    if not 0 <= place <= data.ndim:
        raise BadModelFile(f"Flatten: axis {axis} of an array of rank {data.ndim}.")
    return data.reshape(math.prod(data.shape[:place]), math.prod(data.shape[place:]))


def squeeze(data: Array, axes: Integers | None = None) -> Array:
    """Return data without the named axes of size 1, without all such axes where none is named."""
    if axes is None:
        return data.reshape([size for size in data.shape if size != 1])
    places = [axis_of("Squeeze", axis, data.ndim) for axis in integers(axes)]
    wrong = [place for place in places if data.shape[place] != 1]
    if wrong:
        raise BadModelFile(f"Squeeze: axis {wrong[0]} of {data.shape} is not of size 1.")
    return np.squeeze(data, tuple(places))


def unsqueeze(data: Array, axes: Integers) -> Array:
    """Return data with axes of size 1 put in; axes count in the result."""
    given = integers(axes)
    rank = data.ndim + len(given)
    places = [axis_of("Unsqueeze", axis, rank) for axis in given]
    if len(set(places)) != len(places):
        raise BadModelFile(f"Unsqueeze: axes {given} name one axis twice.")
    return np.expand_dims(data, tuple(places))


def transpose(data: Array, *, perm: Sequence[int] | None = None) -> Array:
    """Return data with its axes in another order, reversed where none is given."""
    if perm is not None and sorted(perm) != list(range(data.ndim)):
        raise BadModelFile(f"Transpose: perm {list(perm)} is no order of {data.ndim} axes.")
    return np.transpose(data, perm)


def expand(data: Array, shape: Integers) -> Array:
    """Return data repeated to the shape that it and `shape` broadcast to."""
    try:
        return np.broadcast_to(data, np.broadcast_shapes(data.shape, tuple(integers(shape)))).copy()
    except ValueError:
        raise BadModelFile(f"Expand: {data.shape} does not broadcast with {integers(shape)}.") from None


def tile(data: Array, repeats: Integers, axis: Integers | None = None) -> Array:
    """Return copies of data side by side: so many along each axis, or along one axis in the first version."""
    counts = integers(repeats)
    if axis is not None:
        place = axis_of("Tile", integers(axis)[0], data.ndim)
        counts = [counts[0] if place == other else 1 for other in range(data.ndim)]
    if len(counts) != data.ndim:
        raise BadModelFile(f"Tile: {len(counts)} repeats for an array of rank {data.ndim}; one an axis is needed.")
    return np.tile(data, counts)


def pad(
    data: Array,
    pads: Integers | None = None,
    constant_value: Array | None = None,
    axes: Integers | None = None,
    *,
    mode: str = "constant",
    value: float = 0.0,
    paddings: Integers | None = None,
) -> Array:
    """Return data with elements added at the ends of axes, or taken away where a pad is negative.

    pads: the beginnings of all axes, then their ends. paddings, value: their names in the oldest versions.
    """
    if mode not in PAD_MODES:
        raise UnsupportedModel(f"Pad: mode {mode!r}; allowed: {', '.join(PAD_MODES)}.")
    given = integers(pads if pads is not None else paddings if paddings is not None else [])
    places = [axis_of("Pad", axis, data.ndim) for axis in (range(data.ndim) if axes is None else integers(axes))]
    if len(given) != 2 * len(places):
        raise BadModelFile(
            f"Pad: {len(given)} pads for {len(places)} axes; a beginning and an end for each are needed."
        )
    sides = [(0, 0)] * data.ndim
    for place, before, after in zip(places, given[: len(places)], given[len(places) :], strict=True):
        sides[place] = (before, after)
    kept = data[
        tuple(
            slice(max(-before, 0), size - max(-after, 0))
            for (before, after), size in zip(sides, data.shape, strict=True)
        )
    ]
    widths = [(max(before, 0), max(after, 0)) for before, after in sides]
    if mode != "constant":
        if any(sum(width) and not size for width, size in zip(widths, kept.shape, strict=True)):
            raise BadModelFile(f"Pad: mode {mode!r} has nothing to repeat in {kept.shape}.")
        return np.pad(kept, widths, mode=mode)  # type: ignore[call-overload]
    shape = [size + before + after for size, (before, after) in zip(kept.shape, widths, strict=True)]
    result = np.full(shape, _filler(data, constant_value, value), data.dtype)
    result[tuple(slice(before, before + size) for size, (before, _) in zip(kept.shape, widths, strict=True))] = kept
    return result


def _filler(data: Array, constant_value: Array | None, value: float) -> Any:
    if constant_value is not None:
        return np.asarray(constant_value).reshape(-1)[0]
    return "" if data.dtype.kind in "OU" else np.asarray(value).astype(data.dtype)


def concat(*inputs: Array, axis: int = 1) -> Array:
    """Return the inputs joined along an axis."""
    place = axis_of("Concat", axis, inputs[0].ndim)
    shapes = {(*item.shape[:place], *item.shape[place + 1 :]) for item in inputs}
    if len(shapes) != 1 or len({item.ndim for item in inputs}) != 1:
        raise BadModelFile(f"Concat: {[item.shape for item in inputs]} differ in more than axis {place}.")
    return np.concatenate(inputs, place)


def split(
    data: Array, split: Integers | None = None, *, axis: int = 0, num_outputs: int | None = None, outputs: int
) -> tuple[Array, ...]:
    """Return the parts of data along an axis: of given sizes, else equal but for a last one that may be smaller."""
    place = axis_of("Split", axis, data.ndim)
    size = data.shape[place]
    if split is None:
        count = outputs if num_outputs is None else num_outputs
        part = -(-size // count)
        ends = [min(part * number, size) for number in range(1, count)]
        if num_outputs is None and size % count:
            raise BadModelFile(f"Split: {size} elements along axis {place} do not make {count} equal parts.")
    else:
        sizes = integers(split)
        if sum(sizes) != size or min(sizes, default=0) < 0:
            raise BadModelFile(f"Split: parts of {sizes} do not make up the {size} elements along axis {place}.")
        ends = [int(end) for end in np.cumsum(sizes[:-1])]
    return tuple(np.split(data, ends, place))


def slice_(
    data: Array,
    starts: Integers,
    ends: Integers,
    axes: Integers | None = None,
    steps: Integers | None = None,
) -> Array:
    """Return the elements from starts up to ends, by steps, along axes; ends beyond an array are cut to it."""
    places = range(data.ndim) if axes is None else integers(axes)
    first, last = integers(starts), integers(ends)
    strides = [1] * len(first) if steps is None else integers(steps)
    if not len(first) == len(last) == len(strides) or (axes is not None and len(places) != len(first)):
        raise BadModelFile(
            f"Slice: {len(first)} starts, {len(last)} ends, {len(places)} axes and {len(strides)} steps."
        )
    if 0 in strides:
        raise BadModelFile("Slice: a step of 0 goes nowhere; use a step of 1 or more, or of -1 or less.")
    picks = [slice(None)] * data.ndim
    for axis, start, end, step in zip(places, first, last, strides, strict=False):
        place = axis_of("Slice", axis, data.ndim)
        # A start before the front is the front, also where the steps go back; Python would find nothing there.
        picks[place] = slice(max(start, -data.shape[place]), end, step)
    return data[tuple(picks)]


def shape(data: Array, *, start: int = 0, end: int | None = None) -> Array:
    """Return the sizes of the axes from start up to end, int64."""
    return np.array(data.shape[start:end], np.int64)


def size(data: Array) -> Array:
    """Return the number of elements, an int64 scalar."""
    return np.array(data.size, np.int64)


def constant_of_shape(shape: Array, *, value: Array | None = None) -> Array:
    """Return an array of a shape full of one value, float32 zero where none is given."""
    filling = np.zeros(1, np.float32) if value is None else np.asarray(value)
    return np.full(integers(shape), filling.reshape(-1)[0], filling.dtype)


def eye_like(data: Array, *, dtype: int | None = None, k: int = 0) -> Array:
    """Return a matrix of the shape of data with ones on diagonal k. dtype: an ONNX element type, else that of data."""
    if data.ndim != 2:
        raise BadModelFile(f"EyeLike: an array of rank {data.ndim}; a matrix is needed.")
    return np.eye(data.shape[0], data.shape[1], k).astype(
        data.dtype if dtype is None else tensor_dtype_to_np_dtype(dtype)
    )


def range_(start: Array, limit: Array, delta: Array, *, stash_type: int = 1) -> Array:
    """Return start + i * delta for every i that stays before limit. stash_type: the precision for half floats."""
    dtype = np.asarray(start).dtype
    integral = dtype.kind in "iu"
    wide = np.dtype(object) if integral else dtype
    if dtype.itemsize < 4 and not integral:
        wide = tensor_dtype_to_np_dtype(stash_type)
    first, last, step = (np.asarray(value).reshape(-1)[0].astype(wide) for value in (start, limit, delta))
    if step == 0:
        raise BadModelFile("Range: a delta of 0 never reaches the limit; use another.")
    count = -((first - last) // step) if integral else math.ceil(float(last - first) / float(step))
    return (first + np.arange(max(int(count), 0)).astype(wide) * step).astype(dtype)


def trilu(data: Array, k: Array | None = None, *, upper: int = 1) -> Array:
    """Return the upper or lower triangles of matrices, from diagonal k, zero elsewhere."""
    diagonal = 0 if k is None else int(np.asarray(k).reshape(-1)[0])
    return np.triu(data, diagonal) if upper else np.tril(data, diagonal)


def reverse_sequence(data: Array, sequence_lens: Array, *, batch_axis: int = 1, time_axis: int = 0) -> Array:
    """Return data with the first sequence_lens[b] steps of each sequence b in reverse, the others in place."""
    if {batch_axis, time_axis} != {0, 1}:
        raise BadModelFile(f"ReverseSequence: axes {batch_axis} and {time_axis}; one must be 0 and the other 1.")
    length, batch = data.shape[time_axis], data.shape[batch_axis]
    if sequence_lens.shape != (batch,) or (batch and not 0 <= sequence_lens.min() <= sequence_lens.max() <= length):
        raise BadModelFile(
            f"ReverseSequence: lengths {sequence_lens.tolist()} for {batch} sequences of {length} steps."
        )
    steps = np.arange(length)[:, None]
    source = np.where(steps < sequence_lens, sequence_lens - 1 - steps, steps)
    each = np.arange(batch)
    return data[source, each] if time_axis == 0 else data[each[:, None], source.T]


def where(condition: Array, x: Array, y: Array) -> Array:
    """Return elements of x where the condition holds, else of y."""
    return np.where(condition, x, y)


ENTRY = {
    "Concat": concat,
    "ConstantOfShape": constant_of_shape,
    "Expand": expand,
    "EyeLike": eye_like,
    "Flatten": flatten,
    "Pad": pad,
    "Range": range_,
    "Reshape": reshape,
    "ReverseSequence": reverse_sequence,
    "Shape": shape,
    "Size": size,
    "Slice": slice_,
    "Split": split,
    "Squeeze": squeeze,
    "Tile": tile,
    "Transpose": transpose,
    "Trilu": trilu,
    "Unsqueeze": unsqueeze,
    "Where": where,
}
