"""Which ProtoNN fits a budget: prototypes, projection and density."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from edgewright.estimators._size import (
    WIDE,
    WIDE_BIAS_BYTES,
    Budget,
    Plan,
    at_least_one,
    density_for,
    matrix_bytes_at_most,
    sparse_only,
)

MOST_EACH = 20  # prototypes of a class
MOST_LABELS = 10  # rows with several labels: prototypes grow by as many as there are labels, by no more than this
LARGEST_PROJECTION = 64
FIRST_PROJECTION = 9  # dimensions, and one more for each prototype of a class
DENSITY = 0.2  # of a wide projection


@dataclass(frozen=True)
class Wanted:
    """Parameters of an estimator; None for what is chosen. Raises BadInput."""

    prototypes: int | None
    projection: int | None
    density: float | None
    several_labels: bool = False

    def __post_init__(self) -> None:
        at_least_one(prototypes=self.prototypes, projection=self.projection)


def vector_bytes(classes: int, settings: Mapping[str, int]) -> int:
    """Return the bias of the projection, and that of the labels; where a row has one label it is zero, and nothing is stored."""
    return WIDE_BIAS_BYTES * (settings["projection"] + (classes if "label_bias" in settings else 0))


def plans(features: int, classes: int, wanted: Wanted) -> Iterator[Plan]:
    """Yield plans in ascending order: prototypes and projection grow together unless one is given."""
    chosen = wanted.density is None and features >= WIDE
    density = DENSITY if chosen else density_for(wanted.density, features)
    for prototypes, projection in _pairs(features, classes, wanted):
        settings = {"prototypes": prototypes, "projection": projection}
        if wanted.several_labels:
            settings["label_bias"] = 1
        size = matrix_bytes_at_most(projection, features, density)
        size += matrix_bytes_at_most(prototypes, projection, shared=True)
        size += matrix_bytes_at_most(classes, prototypes) + vector_bytes(classes, settings)
        yield Plan(settings, sparse_only({"W": density}), size)


def choose(features: int, classes: int, wanted: Wanted, budget: Budget) -> Plan:
    """Return the largest plan that fits the budget. Raises BadInput.

    A class has 1, 2, ... 20 prototypes, in as many dimensions and nine more; from 64 features on, a fifth of the projection's entries
    stay. What is cut off where rows have several labels: ten prototypes, or as many as there are labels, count as one for each.
    """
    return budget.largest(plans(features, classes, wanted))


def _pairs(features: int, classes: int, wanted: Wanted) -> Iterator[tuple[int, int]]:
    most = min(features, LARGEST_PROJECTION)
    group = min(classes, MOST_LABELS) if wanted.several_labels else classes
    each = range(1, MOST_EACH + 1)
    if wanted.prototypes is not None:
        dimensions = range(1, most + 1) if wanted.projection is None else (wanted.projection,)
        yield from ((wanted.prototypes, projection) for projection in dimensions)
    elif wanted.projection is not None:
        yield from ((group * count, wanted.projection) for count in each)
    else:
        first = min(most, FIRST_PROJECTION + 1)
        yield from ((group, projection) for projection in range(1, first))
        yield from ((group * count, min(most, FIRST_PROJECTION + count)) for count in each)
