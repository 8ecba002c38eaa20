"""Bonsai as a scikit-learn classifier."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from edgewright.errors import BadInput
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
from edgewright.nn.bonsai import Bonsai

LARGEST_PROJECTION = 64
LARGEST_DEPTH = 6
AUTOMATIC_DEPTHS = (2, 1)
ENOUGH = 16  # dimensions of the projection that are worth more than another level of the tree


class BonsaiClassifier(Classifier):
    """A shallow tree in a learned projection (Kumar, Goyal, Varma, ICML 2017).

    size_kb: KB of weights (1,024 bytes) that must not be passed, None for no limit. depth: of the tree, 0 to 6; None for 2, or
    less where that leaves fewer than 16 dimensions. projection: its dimensions; None for the most that fit, at most the number
    of features. density: share of the projection's entries that stay; None for 0.3 from 64 features on, otherwise 1.
    standardise: "common" (one scale, free on the device), "feature" (one each), or "auto". epochs, batch_rows, learning_rate,
    label_smoothing, input_noise, patience: see `training.Schedule`. validation_share: of the training rows, to choose the
    epoch. random_state: seed.

    Fitted: classes_, n_features_in_, module_ (the torch module), standardiser_, settings_, history_.
    """

    learner = Bonsai

    def __init__(
        self,
        *,
        size_kb: float | None = 4.0,
        depth: int | None = None,
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
        self.depth = depth
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
        at_least_one(projection=self.projection)
        if self.depth is not None and not 0 <= self.depth <= LARGEST_DEPTH:
            raise BadInput(f"depth is {self.depth!r}; allowed: 0 to {LARGEST_DEPTH}, or None.")
        if self.depth is None:
            for depth in AUTOMATIC_DEPTHS:
                fitting = [plan for plan in self._plans(features, classes, depth) if budget.has_room_for(plan)]
                if fitting and fitting[-1].settings["projection"] >= min(features, ENOUGH):
                    return fitting[-1]
        return budget.largest(self._plans(features, classes, self.depth or 0))

    def _vector_bytes(self, classes: int, settings: Mapping[str, int]) -> int:
        """Return the bias of the projection; without a tree the predictors are plain products, with biases that are zero."""
        return WIDE_BIAS_BYTES * settings["projection"] + (2 * BIAS_BYTES * classes if settings["depth"] == 0 else 0)

    def _plans(self, features: int, classes: int, depth: int) -> Iterator[Plan]:
        density = density_for(self.density, features)
        inner = 2**depth - 1
        rows = (2 * inner + 1) * classes
        most = min(features, LARGEST_PROJECTION)
        for projection in range(1, most + 1) if self.projection is None else (self.projection,):
            settings = {"projection": projection, "depth": depth}
            size = matrix_bytes_at_most(projection, features, density) + self._vector_bytes(classes, settings)
            size += 2 * matrix_bytes_at_most(rows, projection) + matrix_bytes_at_most(inner, projection)
            yield Plan(settings, sparse_only({"Z": density}), size)


ENTRY = BonsaiClassifier
