"""k-means, the same on every machine and for any number of threads."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def centres(rows: Floats, count: int, random: np.random.Generator, iterations: int = 30) -> Floats:
    """Return the centres [count, columns] of clusters of rows [n, columns], n > 0: k-means++, then Lloyd.

    Where there are fewer than `count` different rows, each of them is a centre, some more than once.
    """
    different = np.unique(rows, axis=0)
    if len(different) <= count:
        return np.resize(different, (count, rows.shape[1]))
    found = rows[random.integers(len(rows))][None]
    nearest = squared_distances(rows, found)[:, 0]
    while len(found) < count:
        found = np.vstack([found, rows[random.choice(len(rows), p=nearest / nearest.sum())]])
        nearest = np.minimum(nearest, squared_distances(rows, found[-1:])[:, 0])
    for _ in range(iterations):
        members = squared_distances(rows, found).argmin(1)
        sizes = np.bincount(members, minlength=count)
        sums = np.zeros_like(found)
        np.add.at(sums, members, rows)
        moved = np.where(sizes[:, None] > 0, sums / np.maximum(sizes, 1)[:, None], found)
        if np.array_equal(moved, found):
            break
        found = moved
    return found


def squared_distances(rows: Floats, others: Floats) -> Floats:
    """Return [n, m]: the squared distance of each row to each of the others."""
    distances: Floats = ((rows[:, None, :] - others) ** 2).sum(2)
    return distances
