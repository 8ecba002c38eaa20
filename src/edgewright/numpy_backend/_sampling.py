"""Looking up an image between its elements."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from functools import reduce

import numpy as np

from edgewright.numpy_backend._windows import Array, Index


def at(x: Array, indices: Sequence[Array], *, clamp: bool = False) -> Array:
    """Return (channels, points) of x (channels, spatial axes) at whole indices, one array of points for each axis.

    Outside x: 0, or the nearest element with clamp.
    """
    inside = [np.clip(index, 0, size - 1) for index, size in zip(indices, x.shape[1:], strict=True)]
    everywhere: Index = (slice(None), *inside)
    values: Array = x[everywhere]
    if clamp:
        return values
    hit = np.logical_and.reduce([index == kept for index, kept in zip(indices, inside, strict=True)])
    return np.where(hit, values, np.zeros((), x.dtype))


def linear(x: Array, positions: Array, *, clamp: bool = False) -> Array:
    """Return (channels, points) of x (channels, spatial axes) at positions (spatial axes, points), by linear interpolation.

    Outside x: 0, or the nearest element with clamp.
    """
    return reduce(np.add, shares(x, *between(positions), clamp=clamp))


def between(positions: Array) -> tuple[Array, Array]:
    """Return the last whole index not behind each position, and the linear weights (2, positions) of it and of the next."""
    first = np.floor(positions)
    return first.astype(np.int64), np.stack([1 - (positions - first), positions - first])


def shares(x: Array, first: Array, weights: Array, *, clamp: bool = False) -> Iterator[Array]:
    """Yield what each element of x around a point gives to it, (channels, points): the sum of all is the interpolated value.

    first: (spatial axes, points), the first element on each axis; weights: (elements along an axis, spatial axes, points).
    """
    for corner in itertools.product(range(len(weights)), repeat=len(first)):
        weight = np.prod([weights[step, axis] for axis, step in enumerate(corner)], axis=0)
        values = at(x, [first[axis] + step for axis, step in enumerate(corner)], clamp=clamp)
        yield values * weight.astype(x.dtype, copy=False)


def cubic_weights(distance: Array, a: float) -> Array:
    """Return the weight of an element at a distance, by the cubic kernel with coefficient a (doi 10.1109/TASSP.1981.1163711)."""
    d = np.abs(distance)
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((d - 5) * d + 8) * d * a - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))
