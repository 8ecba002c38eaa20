"""Reading an indicator matrix, and what a teacher says of several labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy import sparse
from sklearn.exceptions import NotFittedError
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted, column_or_1d

from edgewright.errors import BadData, BadInput

SMALLEST_PROBABILITY = 1e-6

Floats = npt.NDArray[np.float32]


def labels_or_indicator(y: Any) -> npt.NDArray[Any]:
    """Return labels [n], or an indicator matrix [n, labels] of 0 and 1, dense. Raises BadData, ValueError for other targets."""
    dense = y.toarray() if sparse.issparse(y) else np.asarray(y)
    check_classification_targets(dense)
    kind = type_of_target(dense)
    if kind == "multilabel-indicator":
        return dense
    if kind == "multiclass-multioutput":
        raise BadData(
            f"y is {list(dense.shape)} with values other than 0 and 1; several labels a row are an indicator matrix "
            f"[n, labels], one class a row is [n]. Turn label lists into one with sklearn.preprocessing.MultiLabelBinarizer."
        )
    labels: npt.NDArray[Any] = column_or_1d(dense, warn=True)
    return labels


def teacher_logits(teacher: Any, x: Floats, labels: int) -> torch.Tensor:
    """Return log-odds [n, labels], float32, that a fitted classifier of several labels gives raw rows. Raises BadInput."""
    name = type(teacher).__name__
    if isinstance(teacher, type) or not hasattr(teacher, "predict_proba"):
        raise BadInput(f"{name} cannot teach several labels: a teacher is a fitted classifier with predict_proba.")
    try:
        check_is_fitted(teacher)
        given = teacher.predict_proba(x)
    except NotFittedError as error:
        raise BadInput(f"The teacher {name} is not fitted. Fit it first, on the same labels.") from error
    # Forests and neighbours give a matrix [n, 2] for each label; where training rows never had, or always had it, [n, 1]
    shares = (
        np.stack([_share(one, teacher, at) for at, one in enumerate(given)], 1) if isinstance(given, list) else given
    )
    shares = np.clip(np.asarray(shares, np.float64), SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    if shares.shape != (len(x), labels) or not np.isfinite(shares).all():
        raise BadInput(f"The teacher {name} knows {list(shares.shape[1:])} labels, and the data have {labels}.")
    return torch.tensor(np.log(shares / (1 - shares)), dtype=torch.float32)


def _share(one: Any, teacher: Any, label: int) -> npt.NDArray[np.float64]:
    columns = np.asarray(one, np.float64)
    known = np.asarray(teacher.classes_[label]).tolist()
    return columns[:, known.index(1)] if 1 in known else np.zeros(len(columns))
