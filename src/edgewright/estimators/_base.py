"""What the estimators share: checking the input, splitting, standardising, training, predicting."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from edgewright.errors import BadData
from edgewright.estimators import _size, _standardise
from edgewright.estimators._size import Budget, Plan
from edgewright.ir.graph import Graph
from edgewright.ir.types import Type
from edgewright.lowering import Builder, lower
from edgewright.nn._learner import Inputs
from edgewright.training import Progress, Schedule, held_out_rows, schedule

Floats = npt.NDArray[np.float32]


class Classifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Base of the estimators over a learner.

    A subclass names its module, lists its parameters in __init__ (scikit-learn reads them there) and makes its plans.
    """

    learner: ClassVar[type[Any]]

    size_kb: float | None
    standardise: str
    epochs: int
    batch_rows: int
    learning_rate: float
    label_smoothing: float
    input_noise: float
    validation_share: float
    patience: int | None
    random_state: Any

    @abstractmethod
    def _plan(self, features: int, classes: int, budget: Budget) -> Plan:
        """Return the largest setting that fits the budget. Raises BadInput."""

    @abstractmethod
    def _vector_bytes(self, classes: int, settings: Mapping[str, int]) -> int:
        """Return the most bytes that biases and scalars take in the generated C."""

    def _checked(self, X: Any, y: Any = None, *, reset: bool) -> tuple[Floats, npt.NDArray[Any] | None]:
        """Return X as float32 and y, checked; `reset` remembers the features, otherwise they must be those of the fit."""
        try:
            with np.errstate(over="ignore"):  # what is too large for float32 is reported as infinite
                if y is None:
                    return validate_data(self, X, reset=reset, dtype=np.float32), None
                x, labels = validate_data(self, X, y, reset=reset, dtype=np.float32)
            check_classification_targets(labels)
            return x, labels
        except ValueError as error:
            raise BadData(str(error)) from error

    def fit(self, X: Any, y: Any, *, progress: Progress | None = None) -> Any:
        """Train on X and the labels y [n], numbers or text. Returns self.

        progress: a listener. Raises BadData for data that cannot be used, BadInput for parameters. Where training does not end
        well, by an error or by Ctrl-C, the estimator is left as it was.
        """
        before = dict(self.__dict__)
        try:
            self._fit(X, y, progress)
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise
        return self

    def _fit(self, X: Any, y: Any, progress: Progress | None) -> None:
        if y is None:
            raise BadData(f"{type(self).__name__} requires y to be passed, but the target y is None.")
        x, y = self._checked(X, y, reset=True)
        classes, indices = np.unique(y, return_inverse=True)
        if len(classes) < 2:
            raise BadData(f"y holds one class only, {classes[0]!s}; a classifier needs at least two classes.")
        settings = Schedule(
            epochs=self.epochs,
            batch_rows=self.batch_rows,
            learning_rate=self.learning_rate,
            label_smoothing=self.label_smoothing,
            input_noise=self.input_noise,
            patience=self.patience,
        )
        random = check_random_state(self.random_state)
        generator = torch.Generator().manual_seed(int(random.randint(2**31 - 1)))
        held_out = held_out_rows(indices, self.validation_share, random)
        standardiser = _standardise.fit(x[~held_out], self.standardise)
        budget = Budget(type(self).__name__, self.size_kb, _size.standardiser_bytes(standardiser))
        plan = self._plan(x.shape[-1], len(classes), budget)
        inputs, targets = torch.tensor(standardiser(x)), torch.tensor(indices)
        learner = self.learner(features=x.shape[-1], classes=len(classes), generator=generator, **plan.settings)
        self.history_ = schedule.train(
            learner,
            inputs[~held_out],
            targets[~held_out],
            settings,
            generator=generator,
            densities=plan.densities,
            validation=(inputs[held_out], targets[held_out]) if held_out.any() else None,
            progress=progress,
        )
        self.classes_ = classes
        self.settings_ = plan.settings
        self.standardiser_ = standardiser
        self.module_ = learner.eval().requires_grad_(False)

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the predicted labels [n]."""
        best = self._scores(X).argmax(1)
        labels: npt.NDArray[Any] = self.classes_[best]
        return labels

    def decision_function(self, X: Any) -> Floats:
        """Return the scores [n, classes]; for two classes the second less the first, [n]."""
        scores = self._scores(X)
        return scores if scores.shape[1] > 2 else scores[:, 1] - scores[:, 0]

    def predict_proba(self, X: Any) -> Floats:
        """Return the softmax of the scores [n, classes]."""
        scores = self._scores(X)
        powers = np.exp(scores - scores.max(1, keepdims=True))
        shares: Floats = powers / powers.sum(1, keepdims=True)
        return shares

    def size_bytes(self) -> int:
        """Return the bytes of the weights in the generated C, at most: a bias that may need 32 bits counts so.

        Code, function tables and memory for activations are not in it.
        """
        check_is_fitted(self)
        vectors = self._vector_bytes(len(self.classes_), self.settings_)
        return _size.matrices_bytes(self.module_) + vectors + _size.standardiser_bytes(self.standardiser_)

    def _lowered(self) -> Graph:
        """Return the float graph of the fitted model, from raw features to scores."""
        check_is_fitted(self)
        builder = Builder(type(self).__name__)
        x = builder.input("x", Type(self._row_shape()))
        standard = self.standardiser_
        inputs = Inputs(standard.mean.astype(np.float64), standard.scale.astype(np.float64), standard.kind == "common")
        return builder.finish(
            self.module_.add_to(builder, x, inputs), labels=tuple(str(label) for label in self.classes_)
        )

    def _row_shape(self) -> tuple[int, ...]:
        """Return the shape of one row of X."""
        return (self.n_features_in_,)

    def _scores(self, X: Any) -> Floats:
        check_is_fitted(self)
        x, _ = self._checked(X, reset=False)
        with schedule.one_thread():
            scores: Floats = schedule.score(self.module_, torch.tensor(self.standardiser_(x))).numpy()
        return scores


@lower.register
def _(model: Classifier) -> Graph:
    return model._lowered()
