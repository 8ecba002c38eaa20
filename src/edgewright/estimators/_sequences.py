"""What the classifiers of sequences share: checking X, a featuriser before the cell, the shape of a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils import Tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array, check_consistent_length, column_or_1d

from edgewright import features
from edgewright.errors import BadData, BadInput
from edgewright.estimators._base import Classifier, Floats
from edgewright.features import Featuriser
from edgewright.ir.types import Type
from edgewright.lowering import Builder


class SequenceClassifier(Classifier):
    """Base of the classifiers of sequences of one length.

    X: [n, steps, features]; or, where the parameter `features` holds a featuriser of `edgewright.features`, raw samples [n, samples]
    or [n, samples, channels], which the graph turns into such a sequence by the same integers as training saw.

    Fitted: n_steps_in_ and n_features_in_, of the sequence that the cell reads; raw_shape_, of a row of X; featuriser_, or None.
    """

    features: Any
    n_steps_in_: int
    n_features_in_: int
    raw_shape_: tuple[int, ...]
    featuriser_: Featuriser | None

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        return tags

    def _row_shape(self) -> tuple[int, ...]:
        return (self.n_steps_in_, self.n_features_in_)

    def _add_input(self, builder: Builder, *, whole: bool) -> str:
        if not whole or self.featuriser_ is None:
            return super()._add_input(builder, whole=whole)
        return self.featuriser_.add_to(builder, builder.input("x", Type(self.raw_shape_)))

    def _checked(self, X: Any, y: Any = None, *, reset: bool) -> tuple[Floats, npt.NDArray[Any] | None]:
        """Return sequences as float32 [n, steps, features] and y, checked; `reset` remembers shapes, otherwise they must be those."""
        _check_lengths(X)
        featuriser = self._asked() if reset else self.featuriser_
        try:
            with np.errstate(over="ignore"):  # what is too large for float32 is reported as infinite
                dtype = np.float32 if featuriser is None else "numeric"
                x = check_array(X, dtype=dtype, ensure_2d=False, allow_nd=True, estimator=self, input_name="X")
            labels = None
            if y is not None:
                labels = column_or_1d(y, warn=True)
                check_consistent_length(x, labels)
                check_classification_targets(labels)
        except ValueError as error:
            raise BadData(str(error)) from error
        self._check_shape(x, featuriser, reset=reset)
        if reset:
            self.raw_shape_, self.featuriser_ = tuple(x.shape[1:]), featuriser
        read = x if featuriser is None else features.transform(featuriser, x)
        if reset:
            _, self.n_steps_in_, self.n_features_in_ = read.shape
        return read, labels

    def _asked(self) -> Featuriser | None:
        """Return the featuriser of the parameters. Raises BadInput for anything else."""
        if self.features is None or (isinstance(self.features, Featuriser) and not isinstance(self.features, type)):
            return self.features
        raise BadInput(
            f"features is {self.features!r}; allowed: None where X holds sequences, or a featuriser of edgewright.features "
            f"({', '.join(features.names())}) for raw samples."
        )

    def _check_shape(self, x: npt.NDArray[Any], featuriser: Featuriser | None, *, reset: bool) -> None:
        """Raise BadData for what is no sequence, or another one than in the fit."""
        name, shape = type(self).__name__, x.shape
        if featuriser is None and (x.ndim != 3 or 0 in shape):
            raise BadData(
                f"{name} reads sequences: X must be [n, steps, features], and this one has the shape {shape}. Reshape it, "
                f"for example X.reshape(len(X), steps, features), or choose an estimator for tables."
            )
        if featuriser is not None and (x.ndim not in (2, 3) or 0 in shape):
            raise BadData(
                f"{name} reads raw samples, as features={featuriser!r} is given: X must be [n, samples] or [n, samples, channels], "
                f"and this one has the shape {shape}."
            )
        if reset or tuple(shape[1:]) == self.raw_shape_:
            return
        if featuriser is None:
            raise BadData(
                f"X has sequences of {shape[1]} steps of {shape[2]} features, but {name} was fitted on "
                f"{self.n_steps_in_} steps of {self.n_features_in_} features."
            )
        raise BadData(
            f"A row of X has the shape {list(shape[1:])}, but {name} was fitted on raw samples of the shape {list(self.raw_shape_)}. "
            f"Cut or pad the recordings to that many samples."
        )


def _check_lengths(X: Any) -> None:
    """Raise BadData for sequences of different lengths."""
    if not (isinstance(X, Sequence) or (isinstance(X, np.ndarray) and X.dtype == object and X.ndim == 1)):
        return
    lengths = [len(row) if hasattr(row, "__len__") and not isinstance(row, str) else None for row in X]
    known = [length for length in lengths if length is not None]
    if len(known) < len(lengths) or len(set(known)) < 2:
        return
    shortest, longest = min(known), max(known)
    raise BadData(
        f"X holds sequences of different lengths, from {shortest} steps (row {lengths.index(shortest)}) to {longest} (row "
        f"{lengths.index(longest)}), and the generated C reads one length. Cut all to {shortest} steps, [row[-{shortest}:] for row in "
        f"X], pad the short ones with zeros in front, or cut them into windows of one length."
    )
