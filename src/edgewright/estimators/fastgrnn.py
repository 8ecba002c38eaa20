"""FastGRNN as a scikit-learn classifier of sequences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils import Tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array, check_consistent_length, column_or_1d

from edgewright.errors import BadData, BadInput
from edgewright.estimators._base import Classifier, Floats
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
from edgewright.nn.fastgrnn import FastGRNN, stored_shapes
from edgewright.training import Phase

HIDDEN_STEP, LARGEST_HIDDEN = 4, 128
VIEW_BITS = {"int16": 16, "int8": 8}


class FastGRNNClassifier(Classifier):
    """A gated recurrent cell for sequences of one length, X [n, steps, features] (Kusupati et al., NeurIPS 2018).

    size_kb: KB of weights (1,024 bytes) that must not be passed, None for no limit. hidden: size of the state; None for the
    most that fits, a multiple of 4. density: share of the entries of W and U, or of each of their factors, that stay. rank_w,
    rank_u: None for whole matrices; with a rank W, or U, is the product of two thin ones, of so many rows and columns, which take
    fewer bytes where the rank is below rows x columns / (rows + columns). state_view: as what the product of U reads the state,
    which has 16 bits on the device: "int16", or "int8", which takes fewer cycles where U is whole.
    standardise: "common" (one scale, free on the device), "feature" (one each), or "auto". epochs, batch_rows, learning_rate,
    label_smoothing, input_noise, patience: see `training.Schedule`; augmentation, copies, image_shape, teacher, phases: see
    `fit`. validation_share: of the training sequences, to choose the epoch. random_state: seed.

    Fitted: classes_, n_features_in_ (of a step), n_steps_in_, module_ (the torch module), standardiser_, settings_, history_.
    """

    learner = FastGRNN

    def __init__(
        self,
        *,
        size_kb: float | None = 4.0,
        hidden: int | None = None,
        density: float = 1.0,
        rank_w: int | None = None,
        rank_u: int | None = None,
        state_view: str = "int16",
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
        self.hidden = hidden
        self.density = density
        self.rank_w = rank_w
        self.rank_u = rank_u
        self.state_view = state_view
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
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        return tags

    def _plan(self, features: int, classes: int, budget: Budget) -> Plan:
        at_least_one(hidden=self.hidden)
        if self.state_view not in VIEW_BITS:
            raise BadInput(f"state_view is {self.state_view!r}; allowed: {' and '.join(VIEW_BITS)}.")
        largest = self.hidden or LARGEST_HIDDEN
        stored_shapes("W", largest, features, self.rank_w)
        stored_shapes("U", largest, largest, self.rank_u)
        return budget.largest(self._plans(features, classes))

    def _vector_bytes(self, classes: int, settings: Mapping[str, int]) -> int:
        """Return the biases of gate, candidate and output; W and U have none, and the rates are arguments in the code."""
        return 2 * BIAS_BYTES * settings["hidden"] + WIDE_BIAS_BYTES * classes

    def _plans(self, features: int, classes: int) -> Iterator[Plan]:
        density = density_for(self.density, features)
        given = {"rank_w": self.rank_w, "rank_u": self.rank_u}
        ranks = {name: int(rank) for name, rank in given.items() if rank is not None}
        found = range(HIDDEN_STEP, LARGEST_HIDDEN + 1, HIDDEN_STEP) if self.hidden is None else (self.hidden,)
        for hidden in found:
            if hidden < max(ranks.values(), default=0):
                continue
            shapes = stored_shapes("W", hidden, features, self.rank_w) | stored_shapes("U", hidden, hidden, self.rank_u)
            size = sum(matrix_bytes_at_most(*shape, density) for shape in shapes.values())
            settings = {"hidden": hidden, "view_bits": VIEW_BITS[self.state_view]} | ranks
            size += matrix_bytes_at_most(classes, hidden) + self._vector_bytes(classes, settings)
            yield Plan(settings, sparse_only(dict.fromkeys(shapes, density)), size)

    def _row_shape(self) -> tuple[int, ...]:
        return (self.n_steps_in_, self.n_features_in_)

    def _checked(self, X: Any, y: Any = None, *, reset: bool) -> tuple[Floats, npt.NDArray[Any] | None]:
        """Return X as float32 [n, steps, features] and y, checked; `reset` remembers the shape, otherwise it must be that."""
        name = type(self).__name__
        try:
            with np.errstate(over="ignore"):  # what is too large for float32 is reported as infinite
                x = check_array(X, dtype=np.float32, ensure_2d=False, allow_nd=True, estimator=self, input_name="X")
            labels = None
            if y is not None:
                labels = column_or_1d(y, warn=True)
                check_consistent_length(x, labels)
                check_classification_targets(labels)
        except ValueError as error:
            raise BadData(str(error)) from error
        if x.ndim != 3 or 0 in x.shape:
            raise BadData(
                f"{name} reads sequences: X must be [n, steps, features], and this one has the shape {x.shape}. Reshape it, "
                f"for example X.reshape(len(X), steps, features), or choose an estimator for tables."
            )
        if reset:
            _, self.n_steps_in_, self.n_features_in_ = x.shape
        elif x.shape[1:] != (self.n_steps_in_, self.n_features_in_):
            raise BadData(
                f"X has sequences of {x.shape[1]} steps of {x.shape[2]} features, but {name} was fitted on "
                f"{self.n_steps_in_} steps of {self.n_features_in_} features."
            )
        return x, labels


ENTRY = FastGRNNClassifier
