"""What the estimators share: checking the input, splitting, standardising, training, predicting."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from edgewright.errors import BadData, BadInput
from edgewright.estimators import _size, _standardise
from edgewright.estimators._size import Budget, Plan
from edgewright.estimators._standardise import Standardiser
from edgewright.ir.graph import Graph
from edgewright.ir.types import Type
from edgewright.lowering import Builder, lower
from edgewright.nn._learner import Inputs, Learner
from edgewright.training import (
    DEFAULT_PHASES,
    Objective,
    Phase,
    Progress,
    Schedule,
    augmentations,
    examples,
    held_out_rows,
    objectives,
    score,
    threads,
    train,
)
from edgewright.training.cnn import CNNClassifier
from edgewright.training.teachers import teacher_scores

Floats = npt.NDArray[np.float32]
BUILT_IN = "cnn"  # the teacher for images
COPIES_SEED = (
    0  # copies, as their teacher, are the same for every random_state, so that a teacher need score them only once
)


class Estimator(BaseEstimator):  # type: ignore[misc]
    """Base of the estimators over a learner.

    A subclass names its module, lists its parameters in __init__ (scikit-learn reads them there) and makes its plans; what y means
    is said by `_targets`, `_objective` and `_taught`.
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
    augmentation: str | None
    copies: int
    image_shape: tuple[int, int] | None
    teacher: Any
    phases: tuple[Phase, ...] | None
    random_state: Any

    @abstractmethod
    def _plan(self, features: int, classes: int, budget: Budget) -> Plan:
        """Return the largest setting that fits the budget. Raises BadInput."""

    @abstractmethod
    def _vector_bytes(self, classes: int, settings: Mapping[str, Any]) -> int:
        """Return the most bytes that biases and scalars take in the generated C."""

    def _usual_phases(self) -> tuple[Phase, ...]:
        """Return the phases of training where none are given. Raises BadInput."""
        return DEFAULT_PHASES

    def _make_module(
        self, features: int, classes: int, generator: torch.Generator | None, settings: Mapping[str, Any]
    ) -> Learner:
        """Return the module of a plan's settings; generator: None only on the device "meta"."""
        module: Learner = self.learner(features=features, classes=classes, generator=generator, **settings)
        return module

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

    @abstractmethod
    def _targets(self, y: npt.NDArray[Any]) -> tuple[torch.Tensor, npt.NDArray[np.intp]]:
        """Return targets of the objective for checked y [n], and the stratum [n] of each row, of which the same share is held out.

        Remembers what predictions need, such as classes_. Raises BadData.
        """

    @abstractmethod
    def _outputs(self) -> int:
        """Return how many scores the module gives."""

    @abstractmethod
    def _labels(self) -> tuple[str, ...]:
        """Return the names of the scores, for the graph; none where they are no classes."""

    @abstractmethod
    def _objective(self) -> Objective:
        """Return what training minimises. Raises BadInput."""

    @abstractmethod
    def _taught(self, teacher: Any, x: Floats) -> torch.Tensor:
        """Return what a fitted teacher says of raw rows, as the objective takes it, float32 [n, outputs]. Raises BadInput."""

    def fit(self, X: Any, y: Any, *, progress: Progress | None = None, checkpoint: str | Path | None = None) -> Any:
        """Train on X and the targets y. Returns self.

        progress: a listener. checkpoint: a file that holds everything after each epoch; where it is there already, training goes on
        from it to the same model, given the same data, parameters and a number for `random_state`.

        The parameters augmentation, copies: distorted copies of the training rows ("affine" for images of `image_shape`
        (height, width), "warp" for sequences, "noise" for tables); held-out rows are then judged distorted too, harder.
        teacher: a fitted classifier or torch module whose scores are imitated on every copy, or "cnn" for the built-in one,
        trained first on the training rows, for images. phases: those of `training.Schedule`, None for the usual three.

        Raises BadData for data that cannot be used, BadInput for parameters. Where training does not end well, by an error or by
        Ctrl-C, the estimator is left as it was. Where a loss is not finite, the last good epoch stays, with a warning TrainingStopped.
        """
        before = dict(self.__dict__)
        try:
            self._fit(X, y, progress, None if checkpoint is None else Path(checkpoint))
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise
        return self

    def _fit(self, X: Any, y: Any, progress: Progress | None, checkpoint: Path | None) -> None:
        if y is None:
            raise BadData(f"{type(self).__name__} requires y to be passed, but the target y is None.")
        x, y = self._checked(X, y, reset=True)
        self._check_image_shape(x)
        targets, strata = self._targets(y)
        settings = Schedule(
            epochs=self.epochs,
            batch_rows=self.batch_rows,
            learning_rate=self.learning_rate,
            input_noise=self.input_noise,
            patience=self.patience,
            phases=self._usual_phases() if self.phases is None else tuple(self.phases),
        )
        objective = self._objective()
        random = check_random_state(self.random_state)
        generator = torch.Generator().manual_seed(int(random.randint(2**31 - 1)))
        held_out = held_out_rows(strata, self.validation_share, random)
        standardiser = _standardise.fit(x[~held_out], self.standardise)
        budget = Budget(type(self).__name__, self.size_kb, _size.standardiser_bytes(standardiser))
        plan = self._plan(x.shape[-1], self._outputs(), budget)
        trained_on, validation = self._examples(x, targets, held_out, standardiser, progress)
        learner = self._make_module(x.shape[-1], self._outputs(), generator, plan.settings)
        self.history_ = train(
            learner,
            trained_on,
            settings,
            objective=objective,
            generator=generator,
            densities=plan.densities,
            validation=validation,
            lower=lambda module: self._graph(module, standardiser),
            checkpoint=checkpoint,
            progress=progress,
        )
        self.settings_ = plan.settings
        self.standardiser_ = standardiser
        self.module_ = learner.eval().requires_grad_(False)

    def _examples(
        self,
        x: Floats,
        targets: torch.Tensor,
        held_out: npt.NDArray[np.bool_],
        standardiser: Standardiser,
        progress: Progress | None,
    ) -> tuple[examples.Examples, tuple[torch.Tensor, torch.Tensor] | None]:
        """Return what is trained on, copies and teacher included, and the validation rows, standardised."""
        augmentation = None if self.augmentation is None else augmentations.get(self.augmentation)
        chance = torch.Generator().manual_seed(COPIES_SEED)
        rows = torch.tensor(x)
        mean, scale = torch.tensor(standardiser.mean), torch.tensor(standardiser.scale)
        trained_on = examples.with_copies(
            rows[~held_out],
            targets[~held_out],
            augmentation,
            chance,
            copies=self.copies,
            shape=self.image_shape,
            teach=self._teach(x[~held_out], targets[~held_out], progress),
        )
        validation = None
        if held_out.any():
            kept, wanted = rows[held_out], targets[held_out]
            if augmentation is not None:
                kept, wanted = examples.for_judging(kept, wanted, augmentation, chance, self.image_shape)
            validation = ((kept - mean) / scale, wanted)
        return replace(trained_on, mean=mean, scale=scale), validation

    def _teach(
        self, x: Floats, targets: torch.Tensor, progress: Progress | None
    ) -> Callable[[torch.Tensor], torch.Tensor] | None:
        """Return what asks the teacher about raw rows, None without one; the built-in one is trained on the training rows now."""
        if self.teacher is None:
            return None
        if not isinstance(self.teacher, str):
            return lambda rows: self._taught(self.teacher, rows.numpy())
        if self.teacher != BUILT_IN:
            raise BadInput(
                f'teacher is {self.teacher!r}; allowed: a fitted classifier, a torch module, "{BUILT_IN}" or None.'
            )
        if self.image_shape is None or targets.is_floating_point():
            raise BadInput(
                f'The teacher "{BUILT_IN}" sorts images into classes: give image_shape=(height, width) of a row, or another '
                f"teacher."
            )
        built_in = CNNClassifier().fit(x, targets.numpy(), self.image_shape, progress=progress)
        return lambda rows: torch.tensor(built_in.scores(rows.numpy()))

    def _check_image_shape(self, x: Floats) -> None:
        shape = self.image_shape
        if shape is None:
            return
        sides = tuple(shape) if isinstance(shape, tuple | list) else ()
        if (
            len(sides) != 2
            or not all(isinstance(side, int) and side > 0 for side in sides)
            or sides[0] * sides[1] != x[0].size
        ):
            raise BadInput(
                f"image_shape is {self.image_shape!r}; allowed: (height, width) whose product is the {x[0].size} values of a row, "
                f"or None for what is no image."
            )

    def size_bytes(self) -> int:
        """Return the bytes of the weights in the generated C, at most: a bias that may need 32 bits counts so.

        Code, function tables and memory for activations are not in it.
        """
        check_is_fitted(self)
        vectors = self._vector_bytes(self._outputs(), self.settings_)
        return _size.matrices_bytes(self.module_) + vectors + _size.standardiser_bytes(self.standardiser_)

    def _lowered(self) -> Graph:
        """Return the float graph of the fitted model, from raw features to scores."""
        check_is_fitted(self)
        return self._graph(self.module_, self.standardiser_, whole=True)

    def _graph(self, module: Learner, standardiser: Standardiser, *, whole: bool = False) -> Graph:
        """Return the float graph of a module, from raw features to its scores, or the `whole` model's to its answers."""
        builder = Builder(type(self).__name__)
        x = self._add_input(builder, whole=whole)
        mean, scale = (array.astype(np.float64) for array in (standardiser.mean, standardiser.scale))
        scores = module.add_to(builder, x, Inputs(mean, scale, standardiser.kind == "common"))
        return builder.finish(self._answer(builder, scores) if whole else scores, labels=self._labels())

    def _add_input(self, builder: Builder, *, whole: bool) -> str:
        """Append the input, and for the `whole` model what stands before the features that training sees; return their value."""
        return builder.input("x", Type(self._row_shape()))

    def _answer(self, builder: Builder, scores: str) -> str:
        """Append what turns the module's scores into what the model answers, and return the value; here they are the answer."""
        return scores

    def _row_shape(self) -> tuple[int, ...]:
        """Return the shape of one row as training sees it."""
        return (self.n_features_in_,)

    def _scores(self, X: Any) -> Floats:
        check_is_fitted(self)
        x, _ = self._checked(X, reset=False)
        with threads(1):
            scores: Floats = score(self.module_, torch.tensor(self.standardiser_(x))).numpy()
        return scores


class Classifier(ClassifierMixin, Estimator):  # type: ignore[misc]
    """Base of the estimators of one class a row; y: labels [n], numbers or text."""

    def _targets(self, y: npt.NDArray[Any]) -> tuple[torch.Tensor, npt.NDArray[np.intp]]:
        self.classes_, indices = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise BadData(f"y holds one class only, {self.classes_[0]!s}; a classifier needs at least two classes.")
        return torch.tensor(indices), indices

    def _outputs(self) -> int:
        return len(self.classes_)

    def _labels(self) -> tuple[str, ...]:
        return tuple(str(label) for label in self.classes_)

    def _objective(self) -> Objective:
        return objectives.classification(self.label_smoothing)

    def _taught(self, teacher: Any, x: Floats) -> torch.Tensor:
        return teacher_scores(teacher, x, self.classes_)

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


@lower.register
def _(model: Estimator) -> Graph:
    return model._lowered()
