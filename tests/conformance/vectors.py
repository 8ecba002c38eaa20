"""Integers that reach the corners of what a value may hold, and typical ones between."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import numpy as np

from edgewright.ir.types import Array, Type

MOST_ROWS = 12  # of a matrix, that vectors are made from
MOST_CORNERS = 4096


def edge_vectors(
    types: Sequence[Type], generator: np.random.Generator, random: int = 200, matrices: Iterable[Array] = ()
) -> list[Array]:
    """Vectors for all inputs of a node or a graph, every one within the range of its type: one array [n, *shape] a type.

    Each input takes its lowest and highest integer, 0 and what is beside it, its zero point, both alternating patterns, and single
    entries at an extreme. The inputs take every combination of lowest, zero point and highest. For each row of each of the
    `matrices` that fits an input come the two vectors that make its product extreme. `random` random vectors follow, half of
    them within a few steps of the zero point, where equals are frequent.
    """
    matrices = list(matrices)
    lists = [[*_patterns(type), *_extremes(type, matrices)] for type in types]
    longest = max(map(len, lists))
    rows = [[entries[number % len(entries)] for entries in lists] for number in range(longest)]
    corners = itertools.product(*([_full(type, value) for value in _corner_values(type)] for type in types))
    rows += [list(corner) for corner in itertools.islice(corners, MOST_CORNERS)]
    rows += [[_random(type, generator, near=number % 2 == 1) for type in types] for number in range(random)]
    return [
        np.stack(values).reshape(-1, *type.shape) for type, values in zip(types, zip(*rows, strict=True), strict=True)
    ]


def _full(type: Type, value: int) -> Array:
    return np.full(type.size, np.clip(value, *type.range), np.int64)


def _corner_values(type: Type) -> tuple[int, ...]:
    return (*type.range, type.zero_point)


def _patterns(type: Type) -> list[Array]:
    low, high = type.range
    values = [low, high, 0, 1, -1, low + 1, high - 1, type.zero_point, type.zero_point - 1, type.zero_point + 1]
    found = [_full(type, value) for value in values]
    odd = np.arange(type.size) % 2 == 1
    found += [np.where(odd, low, high), np.where(odd, high, low)]
    for entry in range(min(type.size, MOST_ROWS)):
        for value in (low, high):
            single = _full(type, type.zero_point)
            single[entry] = value
            found.append(single)
    return found


def _extremes(type: Type, matrices: Sequence[Array]) -> list[Array]:
    """The vectors that make the product with a row of a matrix the largest and the smallest."""
    low, high = type.range
    rows = [
        row for matrix in matrices if matrix.ndim == 2 and matrix.shape[1] == type.size for row in matrix[:MOST_ROWS]
    ]
    return [np.where(row.astype(np.int64) * sign > 0, high, low) for row in rows for sign in (1, -1)]


def _random(type: Type, generator: np.random.Generator, *, near: bool) -> Array:
    low, high = type.range
    if near:
        centre = int(np.clip(type.zero_point, low, high))
        low, high = max(low, centre - 3), min(high, centre + 3)
    return generator.integers(low, high + 1, type.size)
