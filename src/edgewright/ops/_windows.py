"""Windows over images: the geometry that convolution and pooling share. Images are [height, width, channels]."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from edgewright.errors import BadGraph
from edgewright.ir.graph import Attributes
from edgewright.ir.types import Array

LARGEST_GEOMETRY = 2**15 - 1  # of an edge, a stride, a padding: kernels keep them in 16 bits


@dataclass(frozen=True)
class Windows:
    """Where windows of `size` lie on an image, each pair as (down, across).

    padding: entries beside the image at the top, left, bottom and right.
    """

    size: tuple[int, int]
    strides: tuple[int, int]
    dilations: tuple[int, int]
    padding: tuple[int, int, int, int]

    def counts(self, image: tuple[int, ...]) -> tuple[int, int]:
        """Return how many windows there are. Raises BadGraph where not even one fits."""
        top, left, bottom, right = self.padding
        whole = (image[0] + top + bottom, image[1] + left + right)
        spans = [dilation * (size - 1) + 1 for size, dilation in zip(self.size, self.dilations, strict=True)]
        if spans[0] > whole[0] or spans[1] > whole[1]:
            raise BadGraph(f"a window of {spans[0]}x{spans[1]} does not fit an image of {whole[0]}x{whole[1]}")
        down, across = (
            (edge - span) // stride + 1 for edge, span, stride in zip(whole, spans, self.strides, strict=True)
        )
        return down, across

    def cut(self, images: Array, fill: float | int) -> Array:
        """Return the windows [n, down, across, *size, channels] of images [n, height, width, channels]."""
        top, left, bottom, right = self.padding
        padded = np.pad(images, ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=fill)
        down, across = self.counts(images.shape[1:3])
        batch, y, x, channel = padded.strides
        return np.lib.stride_tricks.as_strided(
            padded,
            (len(images), down, across, *self.size, images.shape[3]),
            (
                batch,
                y * self.strides[0],
                x * self.strides[1],
                y * self.dilations[0],
                x * self.dilations[1],
                channel,
            ),
            writeable=False,
        )


def windows_of(attributes: Attributes, size: tuple[int, ...]) -> Windows:
    """Return the windows that the attributes `strides`, `dilations` and `padding` describe. Raises BadGraph."""
    strides = _integers(attributes, "strides", (1, 1), 1)
    dilations = _integers(attributes, "dilations", (1, 1), 1)
    padding = _integers(attributes, "padding", (0, 0, 0, 0), 0)
    return Windows(
        (size[0], size[1]), (strides[0], strides[1]), (dilations[0], dilations[1]),
        (padding[0], padding[1], padding[2], padding[3]),
    )  # fmt: skip


def _integers(attributes: Attributes, name: str, default: tuple[int, ...], lowest: int) -> tuple[int, ...]:
    values = tuple(int(value) for value in attributes.get(name, default))
    if len(values) != len(default) or not all(lowest <= value <= LARGEST_GEOMETRY for value in values):
        raise BadGraph(f"{name} is {list(values)}; it must be {len(default)} numbers in {lowest}..{LARGEST_GEOMETRY}")
    return values


def geometry(windows: Windows, image: tuple[int, ...]) -> Array:
    """Return what `ew_windows` of windows.h reads: the image, the windows and how they lie on it."""
    down, across = windows.counts(image)
    return np.array(
        [*image, down, across, *windows.size, *windows.strides, *windows.dilations, *windows.padding[:2]], np.uint16
    )


def entries_between(windows: Windows, image: tuple[int, ...], channels: int, together: int = 1) -> int:
    """Return how many entries y [down, across, channels] must begin before x, so that no window is overwritten unread.

    For kernels that have read an entry of a window, `together` windows at a time, before they write where it may lie: all of them
    before the first output, or channel by channel where each output needs its own channel only.
    """
    down, across = (
        np.clip(np.arange(count, dtype=np.int64) * stride - padding, 0, edge)
        for count, stride, padding, edge in zip(
            windows.counts(image), windows.strides, windows.padding[:2], image[:2], strict=True
        )
    )
    made = len(down) * len(across) * channels  # a window beside the image needs nothing of it
    inside = (down[:, None] < image[0]) & (across < image[1])
    first = np.where(inside, (down[:, None] * image[1] + across) * image[2], made).ravel()
    turns = np.arange(0, len(first), together)
    return max(0, int((turns * channels - np.minimum.reduceat(first, turns)).max()))


def gathered_entries(windows: Windows, channels: int) -> int:
    """Return the entries of one window."""
    return math.prod(windows.size) * channels
