"""ProtoNN as a scikit-learn classifier, of one class or several labels a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import expit
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from edgewright.errors import BadData
from edgewright.estimators._base import Classifier, Floats
from edgewright.estimators._protonn_plans import Wanted, choose, vector_bytes
from edgewright.estimators._several_labels import labels_or_indicator, teacher_logits
from edgewright.estimators._size import Budget, Plan
from edgewright.nn.protonn import ProtoNN
from edgewright.training import Objective, Phase, objectives


class ProtoNNClassifier(Classifier):
    """A few learned prototypes in a learned projection (Gupta et al., ICML 2017).

    y: labels [n], or an indicator matrix [n, labels] where a row may have several; the C then gives a score a label, above 0 where
    it is likelier than not.

    size_kb: KB of weights (1,024 bytes) that must not be passed, None for no limit. prototypes: of all classes together;
    projection: its dimensions; density: share of the projection's entries that stay; each None for what `_protonn_plans.choose`
    finds best for the size. standardise: "common" (one scale, free on the device), "feature" (one each), or "auto". epochs,
    batch_rows, learning_rate, label_smoothing, input_noise, patience: see `training.Schedule`; augmentation, copies,
    image_shape, teacher, phases: see `fit`. validation_share: of the training rows, to choose the epoch. random_state: seed.

    Fitted: classes_, n_features_in_, module_ (the torch module), standardiser_, settings_, history_,
    several_labels_.
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
        augmentation: str | None = None,
        copies: int = 10,
        image_shape: tuple[int, int] | None = None,
        teacher: Any = None,
        phases: tuple[Phase, ...] | None = None,
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
        self.augmentation = augmentation
        self.copies = copies
        self.image_shape = image_shape
        self.teacher = teacher
        self.phases = phases
        self.random_state = random_state

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def _checked(self, X: Any, y: Any = None, *, reset: bool) -> tuple[Floats, npt.NDArray[Any] | None]:
        if y is None:
            return super()._checked(X, reset=reset)
        try:
            with np.errstate(over="ignore"):  # what is too large for float32 is reported as infinite
                x, given = validate_data(self, X, y, reset=reset, dtype=np.float32, multi_output=True)
            return x, labels_or_indicator(given)
        except ValueError as error:
            raise BadData(str(error)) from error

    def _targets(self, y: npt.NDArray[Any]) -> tuple[torch.Tensor, npt.NDArray[np.intp]]:
        self.several_labels_ = y.ndim == 2
        if not self.several_labels_:
            return super()._targets(y)
        self.classes_ = np.arange(y.shape[1])
        return torch.tensor(y.astype(np.float32)), np.zeros(len(y), np.intp)

    def _labels(self) -> tuple[str, ...]:
        return () if self.several_labels_ else super()._labels()

    def _objective(self) -> Objective:
        return objectives.several_labels(self.label_smoothing) if self.several_labels_ else super()._objective()

    def _taught(self, teacher: Any, x: Floats) -> torch.Tensor:
        return teacher_logits(teacher, x, self._outputs()) if self.several_labels_ else super()._taught(teacher, x)

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the predicted labels [n], or where rows have several labels 1 for each that is likelier than not [n, labels]."""
        check_is_fitted(self)
        return (self._scores(X) > 0).astype(np.int64) if self.several_labels_ else super().predict(X)

    def decision_function(self, X: Any) -> Floats:
        """Return the scores [n, classes] or [n, labels]; for one of two classes the second less the first, [n]."""
        check_is_fitted(self)
        return self._scores(X) if self.several_labels_ else super().decision_function(X)

    def predict_proba(self, X: Any) -> Floats:
        """Return the softmax of the scores [n, classes], or the sigmoid of each [n, labels]."""
        check_is_fitted(self)
        if not self.several_labels_:
            return super().predict_proba(X)
        shares: Floats = expit(self._scores(X))
        return shares

    def _plan(self, features: int, classes: int, budget: Budget) -> Plan:
        wanted = Wanted(self.prototypes, self.projection, self.density, self.several_labels_)
        return choose(features, classes, wanted, budget)

    def _vector_bytes(self, classes: int, settings: Mapping[str, int]) -> int:
        return vector_bytes(classes, settings)


ENTRY = ProtoNNClassifier
