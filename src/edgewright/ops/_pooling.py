"""What average and maximum pooling share: which entries of an image [height, width, channels] a window holds."""

from __future__ import annotations

import math

import numpy as np

from edgewright.errors import BadGraph
from edgewright.ir.graph import Attributes
from edgewright.ir.types import INTEGER_RANGES, Array
from edgewright.ir.verify import LARGEST_VALUE
from edgewright.ops import Types
from edgewright.ops._windows import LARGEST_GEOMETRY, Windows, entries_between, windows_of

MOST_ENTRIES = INTEGER_RANGES["uint16"][1]  # kernels count them in 16 bits


def pooling_windows(attributes: Attributes) -> Windows:
    """Return the windows of the attributes `size`, `strides` and `padding`. Raises BadGraph."""
    size = tuple(int(edge) for edge in attributes["size"])
    if len(size) != 2 or not all(1 <= edge <= LARGEST_GEOMETRY for edge in size):
        raise BadGraph(f"size is {list(size)}; it must be 2 numbers in 1..{LARGEST_GEOMETRY}")
    return windows_of(attributes, size)


def pooled_shape(types: Types, attributes: Attributes) -> tuple[int, ...]:
    """Return (down, across, channels). Raises BadGraph where a window would hold nothing of the image."""
    x, windows = types["x"], pooling_windows(attributes)
    if len(x.shape) != 3:
        raise BadGraph(f"x is {x.shape}; it must be [height, width, channels]")
    if x.axis is not None:
        raise BadGraph("x needs one scale for all its entries; put an affine operator before it")
    if windows.dilations != (1, 1):
        raise BadGraph(f"dilations are {list(windows.dilations)}; pooling takes windows without gaps")
    if math.prod(windows.size) > MOST_ENTRIES:
        raise BadGraph(f"size is {list(windows.size)}; a window holds {MOST_ENTRIES} entries at most")
    down, across = windows.counts(x.shape)
    if down * across * x.shape[2] > LARGEST_VALUE:
        raise BadGraph(f"y would be {down}x{across}x{x.shape[2]}; {LARGEST_VALUE} entries are allowed")
    if any((along < 1).any() for along in entries_along(windows, x.shape)):
        raise BadGraph(
            f"padding {list(windows.padding)} leaves windows of {list(windows.size)} that hold nothing of an image of "
            f"{x.shape[0]}x{x.shape[1]}; pad by less than a window"
        )
    return down, across, x.shape[2]


def entries(windows: Windows, image: tuple[int, ...]) -> Array:
    """Return how many entries of the image each window holds: [down, across], int64."""
    rows, columns = entries_along(windows, image)
    return np.asarray(rows[:, None] * columns)


def entries_along(windows: Windows, image: tuple[int, ...]) -> list[Array]:
    """Return how many rows, and how many columns, of the image the windows down and across hold; 0 or less for none."""
    along = []
    for axis, count in enumerate(windows.counts(image)):
        first = np.arange(count, dtype=np.int64) * windows.strides[axis] - windows.padding[axis]
        along.append(np.minimum(first + windows.size[axis], image[axis]) - np.maximum(first, 0))
    return along


def overlap(t: Types, attributes: Attributes) -> dict[str, int]:
    """Entries of y follow those of x that no later window needs."""
    return {"x": entries_between(pooling_windows(attributes), t["x"].shape, t["x"].shape[2])}
