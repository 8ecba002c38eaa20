"""Operators on sequences, which are lists of arrays, and on optionals, which are a value or None."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgewright.errors import BadModelFile
from edgewright.numpy_backend.shapes import Integers, axis_of, integers

Array = npt.NDArray[Any]


def _position(operator: str, position: Array, length: int) -> int:
    place = int(np.asarray(position).reshape(-1)[0])
    if not -length <= place < length:
        raise BadModelFile(f"{operator}: position {place} in a sequence of {length}.")
    return place % length


def sequence_at(sequence: Sequence[Array], position: Array) -> Array:
    """Return the array at a position; negative ones count from the end."""
    return sequence[_position("SequenceAt", position, len(sequence))]


def sequence_construct(*inputs: Array) -> list[Array]:
    """Return a sequence of the inputs."""
    return list(inputs)


def sequence_empty(*, dtype: int = 1) -> list[Array]:
    """Return a sequence of nothing."""
    return []


def sequence_erase(sequence: Sequence[Array], position: Array | None = None) -> list[Array]:
    """Return the sequence without the array at a position, the last where none is given."""
    place = _position("SequenceErase", np.array(-1) if position is None else position, len(sequence))
    return [*sequence[:place], *sequence[place + 1 :]]


def sequence_insert(sequence: Sequence[Array], tensor: Array, position: Array | None = None) -> list[Array]:
    """Return the sequence with an array put before a position, at the end where none is given."""
    length = len(sequence)
    place = length if position is None else int(np.asarray(position).reshape(-1)[0])
    if not -length <= place <= length:
        raise BadModelFile(f"SequenceInsert: position {place} in a sequence of {length}.")
    place += length * (place < 0)
    return [*sequence[:place], tensor, *sequence[place:]]


def sequence_length(sequence: Sequence[Array]) -> Array:
    """Return the number of arrays, an int64 scalar."""
    return np.array(len(sequence), np.int64)


def concat_from_sequence(sequence: Sequence[Array], *, axis: int, new_axis: int = 0) -> Array:
    """Return the arrays joined along an axis, a new one if new_axis is 1."""
    if not sequence:
        raise BadModelFile("ConcatFromSequence: an empty sequence has no shape; put an array into it first.")
    place = axis_of("ConcatFromSequence", axis, sequence[0].ndim + bool(new_axis))
    return np.stack(sequence, place) if new_axis else np.concatenate(sequence, place)


def split_to_sequence(
    data: Array,
    split: Integers | None = None,
    *,
    axis: int = 0,
    keepdims: int = 1,
) -> list[Array]:
    """Return the parts of data along an axis: of one size (the last may be smaller), of given sizes, or of size 1.

    keepdims: only without split; 0 takes the axis of size 1 away.
    """
    place = axis_of("SplitToSequence", axis, data.ndim)
    size = data.shape[place]
    if split is None or np.ndim(split) == 0:
        part = 1 if split is None else integers(split)[0]
        if part < 1:
            raise BadModelFile(f"SplitToSequence: parts of {part}; they must be of 1 or more.")
        ends = list(range(part, size, part))
    else:
        sizes = integers(split)
        if sum(sizes) != size or min(sizes, default=0) < 0:
            raise BadModelFile(f"SplitToSequence: parts of {sizes} do not make up the {size} elements of axis {place}.")
        ends = [int(end) for end in np.cumsum(sizes[:-1])]
    parts = np.split(data, ends, place) if size or split is not None else []
    return parts if keepdims or split is not None else [np.squeeze(part, place) for part in parts]


def optional(value: Any = None, *, type: Any = None) -> Any:
    """Return an optional that holds a value, or nothing where there is none."""
    return value


def optional_get_element(value: Any = None) -> Any:
    """Return what an optional holds. Raises BadModelFile where it holds nothing."""
    if value is None:
        raise BadModelFile("OptionalGetElement: the optional is empty; ask OptionalHasElement first.")
    return value


def optional_has_element(value: Any = None) -> Array:
    """Return whether an optional holds something, a boolean scalar."""
    return np.array(value is not None)


ENTRY = {
    "ConcatFromSequence": concat_from_sequence,
    "Optional": optional,
    "OptionalGetElement": optional_get_element,
    "OptionalHasElement": optional_has_element,
    "SequenceAt": sequence_at,
    "SequenceConstruct": sequence_construct,
    "SequenceEmpty": sequence_empty,
    "SequenceErase": sequence_erase,
    "SequenceInsert": sequence_insert,
    "SequenceLength": sequence_length,
    "SplitToSequence": split_to_sequence,
}
