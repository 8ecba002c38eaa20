"""Bonsai as a scikit-learn classifier."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgewright.estimators._base import Classifier
from edgewright.estimators._bonsai_plans import Wanted, choose, vector_bytes
from edgewright.estimators._size import Budget, Plan
from edgewright.nn.bonsai import Bonsai
from edgewright.training import Phase


class BonsaiClassifier(Classifier):
    """A shallow tree in a learned projection (Kumar, Goyal, Varma, ICML 2017).

    size_kb: KB of weights (1,024 bytes) that must not be passed, None for no limit. depth: of the tree, 0 to 6; projection: its
    dimensions, at most the number of features; density: share of the projection's entries that stay; each None for what
    `_bonsai_plans.choose` finds best for the size. standardise: "common" (one scale, free on the device), "feature" (one each), or
    "auto". epochs, batch_rows, learning_rate, label_smoothing, input_noise, patience: see `training.Schedule`; augmentation, copies,
    image_shape, teacher, phases: see `fit`. validation_share: of the training rows, to choose the epoch. random_state: seed.

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
        augmentation: str | None = None,
        copies: int = 10,
        image_shape: tuple[int, int] | None = None,
        teacher: Any = None,
        phases: tuple[Phase, ...] | None = None,
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
        self.augmentation = augmentation
        self.copies = copies
        self.image_shape = image_shape
        self.teacher = teacher
        self.phases = phases
        self.random_state = random_state

    def _plan(self, features: int, classes: int, budget: Budget) -> Plan:
        return choose(features, classes, Wanted(self.depth, self.projection, self.density), budget)

    def _vector_bytes(self, classes: int, settings: Mapping[str, int]) -> int:
        return vector_bytes(classes, settings)


ENTRY = BonsaiClassifier
