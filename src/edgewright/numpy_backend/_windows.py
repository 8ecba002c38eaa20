"""The windows that convolutions and pools slide over the spatial axes: their geometry, their views, their scattering."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from edgewright.errors import BadModelFile

Array = npt.NDArray[Any]
Index = tuple[Any, ...]


@dataclass(frozen=True)
class Windows:
    """Where the windows lie, one number for each spatial axis; `end` may be less or more than was asked for.

    begin, end: elements of padding; counts: windows.
    """

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    begin: tuple[int, ...]
    end: tuple[int, ...]
    counts: tuple[int, ...]


def widened(x: Array) -> Array:
    """Return x as float32 where its own floating-point type is narrower, as it is otherwise."""
    # The narrow types that NumPy does not know, bfloat16 and below, say that they are of kind V.
    return x.astype(np.float32) if x.dtype.kind == "V" or x.dtype == np.float16 else x


def per_axis(name: str, values: Sequence[int] | None, rank: int, default: int) -> tuple[int, ...]:
    """Return one number for each of `rank` axes. Raises BadModelFile for another count."""
    numbers = tuple(int(value) for value in values) if values is not None and len(values) else (default,) * rank
    if len(numbers) != rank:
        raise BadModelFile(
            f"The attribute {name!r} has {len(numbers)} numbers for {rank} spatial axes; it needs one for each."
        )
    return numbers


def pads_of(pads: Sequence[int] | None, rank: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the padding at the beginnings and at the ends of the axes. Raises BadModelFile for another count."""
    numbers = tuple(int(value) for value in pads) if pads is not None and len(pads) else (0,) * (2 * rank)
    if len(numbers) != 2 * rank:
        raise BadModelFile(
            f"The attribute 'pads' has {len(numbers)} numbers for {rank} spatial axes; it needs two for each."
        )
    return numbers[:rank], numbers[rank:]


def windows(
    sizes: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int] | None = None,
    dilations: Sequence[int] | None = None,
    pads: Sequence[int] | None = None,
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
) -> Windows:
    """Return the windows over spatial axes of these sizes, by ONNX's rules for pads, auto_pad and ceil_mode.

    With ceil_mode the last window may reach over the padding, but does not begin in it. Raises BadModelFile where no window fits.
    """
    return _windows(tuple(sizes), tuple(kernel), _fixed(strides), _fixed(dilations), _fixed(pads), auto_pad, ceil_mode)


def _fixed(values: Sequence[int] | None) -> tuple[int, ...] | None:
    return None if values is None else tuple(values)


@lru_cache  # a network asks for the same few again and again
def _windows(
    sizes: tuple[int, ...],
    kernel: tuple[int, ...],
    strides: tuple[int, ...] | None,
    dilations: tuple[int, ...] | None,
    pads: tuple[int, ...] | None,
    auto_pad: str,
    ceil_mode: int,
) -> Windows:
    rank = len(sizes)
    kernel = per_axis("kernel_shape", kernel, rank, 1)
    strides, dilations = per_axis("strides", strides, rank, 1), per_axis("dilations", dilations, rank, 1)
    if min((*strides, *dilations, *kernel), default=1) < 1:
        raise BadModelFile(f"Kernel {kernel}, strides {strides} and dilations {dilations} must be 1 or more.")
    reaches = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    if auto_pad in ("SAME_UPPER", "SAME_LOWER"):
        counts = [-(-size // stride) for size, stride in zip(sizes, strides, strict=True)]
        totals = [
            max((count - 1) * stride + reach - size, 0)
            for count, stride, reach, size in zip(counts, strides, reaches, sizes, strict=True)
        ]
        begin = tuple((total + (auto_pad == "SAME_LOWER")) // 2 for total in totals)
        end = tuple(total - first for total, first in zip(totals, begin, strict=True))
        return Windows(kernel, strides, dilations, begin, end, tuple(counts))
    if auto_pad not in ("NOTSET", "VALID", ""):
        raise BadModelFile(f"auto_pad is {auto_pad!r}; it must be NOTSET, SAME_UPPER, SAME_LOWER or VALID.")
    begin, end = pads_of(None if auto_pad == "VALID" else pads, rank)
    spare = [size + b + e - reach for size, b, e, reach in zip(sizes, begin, end, reaches, strict=True)]
    if min(spare, default=0) < 0:
        raise BadModelFile(
            f"A kernel {kernel} with dilations {dilations} does not fit an input {tuple(sizes)} padded by {begin} and {end}."
        )
    counts = [extra // stride + 1 for extra, stride in zip(spare, strides, strict=True)]
    if ceil_mode and auto_pad != "VALID":
        for axis, (extra, stride) in enumerate(zip(spare, strides, strict=True)):
            last = -(-extra // stride)
            counts[axis] = last + (last * stride < sizes[axis] + begin[axis])
    return Windows(kernel, strides, dilations, begin, end, tuple(counts))


def padded(x: Array, place: Windows, fill: float | int = 0) -> Array:
    """Return x (batch, channels, spatial axes) with `fill` around it, as large as its windows need, or x itself."""
    needs = [
        (count - 1) * stride + (k - 1) * dilation + 1
        for count, stride, k, dilation in zip(place.counts, place.strides, place.kernel, place.dilations, strict=True)
    ]
    if not any(place.begin) and all(need <= size for need, size in zip(needs, x.shape[2:], strict=True)):
        return x
    inner = [max(need, size + b) for need, size, b in zip(needs, x.shape[2:], place.begin, strict=True)]
    result = np.full((*x.shape[:2], *inner), fill, x.dtype) if fill else np.zeros((*x.shape[:2], *inner), x.dtype)
    middle: Index = (..., *(slice(b, b + size) for b, size in zip(place.begin, x.shape[2:], strict=True)))
    result[middle] = x
    return result


def view(x: Array, place: Windows) -> Array:
    """Return (batch, channels, kernel axes, window axes) of a padded x, without a copy."""
    steps = x.strides[2:]
    return np.lib.stride_tricks.as_strided(
        x,
        (*x.shape[:2], *place.kernel, *place.counts),
        (
            *x.strides[:2],
            *(step * dilation for step, dilation in zip(steps, place.dilations, strict=True)),
            *(step * stride for step, stride in zip(steps, place.strides, strict=True)),
        ),
        writeable=False,
    )


def taps(place: Windows) -> Iterator[tuple[Index, Index]]:
    """Yield each element of the kernel with the index that picks, from a padded input, what all windows have there."""
    for tap in itertools.product(*map(range, place.kernel)):
        parts = (
            slice(element * dilation, element * dilation + (count - 1) * stride + 1, stride)
            for element, dilation, count, stride in zip(tap, place.dilations, place.counts, place.strides, strict=True)
        )
        yield tap, (..., *parts)


def scattered(columns: Array, place: Windows, sizes: Sequence[int]) -> Array:
    """Return (batch, channels, sizes): the sum of windows, the reverse of a view.

    columns: (batch, channels, kernel axes, window axes). sizes: the spatial axes without their padding; what falls on the padding
    is left out, and what no window covers is 0.
    """
    spans = [
        max(size + b + max(e, 0), (count - 1) * stride + (k - 1) * dilation + 1)
        for size, b, e, count, stride, k, dilation in zip(
            sizes, place.begin, place.end, place.counts, place.strides, place.kernel, place.dilations, strict=True
        )
    ]
    whole = np.zeros((*columns.shape[:2], *spans), columns.dtype)
    for tap, index in taps(place):
        element: Index = (slice(None), slice(None), *tap)
        whole[index] += columns[element]
    middle: Index = (..., *(slice(b, b + size) for b, size in zip(place.begin, sizes, strict=True)))
    return whole[middle]
