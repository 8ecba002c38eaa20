"""Which tree fits a budget: depth, projection and density of Bonsai, for classes and for real targets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from edgewright.errors import BadInput
from edgewright.estimators._size import (
    SHIFT_BYTES,
    WIDE,
    WIDE_BIAS_BYTES,
    Budget,
    Plan,
    at_least_one,
    density_for,
    matrix_bytes_at_most,
    sparse_only,
)

LARGEST_PROJECTION = 64
LARGEST_DEPTH = 6
AUTOMATIC_DEPTHS = (3, 2, 1)
ENOUGH = {1: 12, 2: 16, 3: 48}  # dimensions of the projection, if there are so many features, that come before a depth
DENSITIES = (0.2, 0.15)  # of a wide projection: the first with which the tree has enough dimensions


@dataclass(frozen=True)
class Wanted:
    """Parameters of an estimator; None for what is chosen. Raises BadInput."""

    depth: int | None
    projection: int | None
    density: float | None

    def __post_init__(self) -> None:
        at_least_one(projection=self.projection)
        if self.depth is not None and not 0 <= self.depth <= LARGEST_DEPTH:
            raise BadInput(f"depth is {self.depth!r}; allowed: 0 to {LARGEST_DEPTH}, or None.")


def vector_bytes(outputs: int, settings: Mapping[str, int]) -> int:
    """Return the bias of the projection, and shifts of the predictors where there is no tree: they are plain products then."""
    plain = 2 * SHIFT_BYTES * outputs if settings["depth"] == 0 else 0
    return WIDE_BIAS_BYTES * settings["projection"] + plain


def plans(features: int, outputs: int, depth: int, density: float, projection: int | None = None) -> Iterator[Plan]:
    """Yield trees of a depth and density with 1, 2, ... dimensions, or those that are given, at most as many as features."""
    inner = 2**depth - 1
    rows = (2 * inner + 1) * outputs
    most = min(features, LARGEST_PROJECTION)
    for dimensions in range(1, most + 1) if projection is None else (projection,):
        settings = {"projection": dimensions, "depth": depth}
        size = matrix_bytes_at_most(dimensions, features, density) + vector_bytes(outputs, settings)
        size += 2 * matrix_bytes_at_most(rows, dimensions, shared=True) + matrix_bytes_at_most(inner, dimensions)
        yield Plan(settings, sparse_only({"Z": density}), size)


def choose(features: int, outputs: int, wanted: Wanted, budget: Budget) -> Plan:
    """Return the plan for a budget: the deepest tree that leaves enough dimensions, and of that the most that fit. Raises BadInput.

    Dimensions come before depth: 12 before the first branch, 16 before depth 2 and 48 before depth 3, or as many as there are
    features. From 64 features on, a fifth of the projection's entries stay, or 15 % where a deeper tree fits only so. Chosen on
    distorted validation digits: at 6.3 KB, 28 dimensions and depth 2 are 0.4 to 0.8 points above 16 and depth 3.
    """
    wide = wanted.density is None and features >= WIDE
    densities = DENSITIES if wide else (density_for(wanted.density, features),)
    for depth in AUTOMATIC_DEPTHS if wanted.depth is None else (wanted.depth,):
        enough = wanted.projection or min(features, ENOUGH.get(depth, 1))
        for density in densities:
            found = [
                plan
                for plan in plans(features, outputs, depth, density, wanted.projection)
                if plan.settings["projection"] >= enough and budget.has_room_for(plan)
            ]
            if found:
                return found[-1]
    return budget.largest(plans(features, outputs, wanted.depth or 0, densities[0], wanted.projection))
