"""ProtoNN as a scikit-learn classifier."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from edgewright.estimators._base import Classifier
from edgewright.estimators._size import (
    BIAS_BYTES,
    WIDE_BIAS_BYTES,
    Budget,
    Plan,
    at_least_one,
    density_for,
    matrix_bytes_at_most,
    sparse_only,
)
from edgewright.nn.protonn import ProtoNN

MOST_EACH = 20  # prototypes of a class
LARGEST_PROJECTION = 64
FIRST_PROJECTION, PROJECTION_STEP = 6, 2  # dimensions for no prototype, and for each prototype of a class


class ProtoNNClassifier(Classifier):
    """A few learned prototypes in a learned projection (Gupta et al., ICML 2017).

    size_kb: KB of weights (1,024 bytes) that must not be passed, None for no limit. prototypes: of all classes together;
    projection: its dimensions; None for the most that fit, growing together. density: share of the projection's entries that
    stay; None for 0.3 from 64 features on, otherwise 1. standardise: "common" (one scale, free on the device), "feature" (one
    each), or "auto". epochs, batch_rows, learning_rate, label_smoothing, input_noise, patience: see `training.Schedule`.
    validation_share: of the training rows, to choose the epoch. random_state: seed.

    Fitted: classes_, n_features_in_, module_ (the torch module), standardiser_, settings_, history_.
    """

    learner = ProtoNN

    def __init__(
        self,
        *,
        size_kb: float | None = 4.0,
        prototypes: int | None = None,
        projection: int | None = None,
        density: float | None = None,
        standardise: str = "auto",
        epochs: int = 120,
        batch_rows: int = 100,
        learning_rate: float = 0.01,
        label_smoothing: float = 0.1,
        input_noise: float = 0.4,
        validation_share: float = 0.1,
        patience: int | None = None,
        random_state: Any = None,
    ) -> None:
        self.size_kb = size_kb
        self.prototypes = prototypes
        self.projection = projection
        self.density = density
        self.standardise = standardise
        self.epochs = epochs
        self.batch_rows = batch_rows
        self.learning_rate = learning_rate
        self.label_smoothing = label_smoothing
        self.input_noise = input_noise
        self.validation_share = validation_share
        self.patience = patience
        self.random_state = random_state

    def _plan(self, features: int, classes: int, budget: Budget) -> Plan:
        at_least_one(prototypes=self.prototypes, projection=self.projection)
        return budget.largest(self._plans(features, classes))

    def _vector_bytes(self, classes: int, settings: Mapping[str, int]) -> int:
        """Return the bias of the projection, and that of the labels, which is zero."""
        return WIDE_BIAS_BYTES * settings["projection"] + BIAS_BYTES * classes

    def _plans(self, features: int, classes: int) -> Iterator[Plan]:
        density = density_for(self.density, features)
        for prototypes, projection in self._pairs(features, classes):
            settings = {"prototypes": prototypes, "projection": projection}
            size = matrix_bytes_at_most(projection, features, density) + matrix_bytes_at_most(prototypes, projection)
            size += matrix_bytes_at_most(classes, prototypes) + self._vector_bytes(classes, settings)
            yield Plan(settings, sparse_only({"W": density}), size)

    def _pairs(self, features: int, classes: int) -> Iterator[tuple[int, int]]:
        """Yield prototypes and projection in ascending order."""
        most = min(features, LARGEST_PROJECTION)
        each = range(1, MOST_EACH + 1)
        if self.prototypes is not None and self.projection is not None:
            yield self.prototypes, self.projection
        elif self.prototypes is not None:
            yield from ((self.prototypes, projection) for projection in range(1, most + 1))
        elif self.projection is not None:
            yield from ((classes * count, self.projection) for count in each)
        else:
            first = min(most, FIRST_PROJECTION + PROJECTION_STEP)
            yield from ((classes, projection) for projection in range(1, first))
            yield from ((classes * count, min(most, FIRST_PROJECTION + PROJECTION_STEP * count)) for count in each)


ENTRY = ProtoNNClassifier
