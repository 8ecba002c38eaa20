"""What a fitted model says of rows, as scores that a learner can imitate."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted
from torch import nn

from edgewright.errors import BadInput
from edgewright.training.cnn import CNNClassifier

SMALLEST_PROBABILITY = 1e-6  # a tree may say 0, whose logarithm nothing can imitate
ROWS = 1000


def teacher_scores(teacher: Any, x: npt.NDArray[np.float32], classes: npt.NDArray[Any]) -> torch.Tensor:
    """Return float32 [n, classes], log-probabilities up to a constant a row, of raw rows x [n, ...], columns in the order of `classes`.

    teacher: a fitted classifier of scikit-learn's kind (`predict_proba`, or else `decision_function`), which sees flat rows unless it
    takes sequences, or a torch module that gives such scores for rows as they are, its columns in the order of `classes` unless it
    names its own in `classes_`. Raises BadInput for a teacher that is not fitted, of other classes, or for other rows.
    """
    name = type(teacher).__name__
    known = np.asarray(getattr(teacher, "classes_", classes))
    if sorted(known.tolist(), key=str) != sorted(classes.tolist(), key=str):
        raise BadInput(
            f"The teacher {name} knows the classes {_listed(known)}, and the data have {_listed(classes)}. Fit it on the same "
            f"classes."
        )
    try:
        given = _module_scores(teacher, x) if isinstance(teacher, nn.Module) else _classifier_scores(teacher, x)
    except NotFittedError as error:
        raise BadInput(
            f"The teacher {name} is not fitted. Fit it first; where the estimator is cloned, as in a search, wrap the fitted "
            f"teacher in sklearn.frozen.FrozenEstimator."
        ) from error
    if given.shape != (len(x), len(classes)) or not torch.isfinite(given).all():
        raise BadInput(
            f"The teacher {name} gave {list(given.shape)} scores, and one finite score a row and class is needed, "
            f"[{len(x)}, {len(classes)}], its columns in the order {_listed(classes)}."
        )
    places = {label: place for place, label in enumerate(known.tolist())}
    return given[:, [places[label] for label in classes.tolist()]]


def _classifier_scores(teacher: Any, x: npt.NDArray[np.float32]) -> torch.Tensor:
    if isinstance(teacher, type) or not (hasattr(teacher, "predict_proba") or hasattr(teacher, "decision_function")):
        raise BadInput(
            f"{type(teacher).__name__} cannot teach: a teacher is a fitted classifier with predict_proba or "
            f'decision_function, a torch module, or "cnn" for the built-in one for images.'
        )
    check_is_fitted(teacher)
    if isinstance(teacher, CNNClassifier):
        return torch.tensor(teacher.scores(x))
    rows = x if hasattr(teacher, "n_steps_in_") else x.reshape(len(x), -1)
    needed, found = getattr(teacher, "n_features_in_", None), rows.shape[-1]
    if needed is not None and needed != found:
        raise BadInput(
            f"The teacher {type(teacher).__name__} was fitted on {needed} features, and these rows have {found}. Fit it on the "
            f"same rows."
        )
    if hasattr(teacher, "predict_proba"):
        shares = np.asarray(teacher.predict_proba(rows), np.float64)
        return torch.tensor(np.log(np.maximum(shares, SMALLEST_PROBABILITY)), dtype=torch.float32)
    scores = np.asarray(teacher.decision_function(rows), np.float32)
    return torch.tensor(scores if scores.ndim == 2 else np.stack([-scores / 2, scores / 2], 1))


@torch.no_grad()
def _module_scores(teacher: nn.Module, x: npt.NDArray[np.float32]) -> torch.Tensor:
    training = teacher.training
    teacher.eval()
    try:
        return torch.cat([teacher(part).to(torch.float32) for part in torch.split(torch.tensor(x), ROWS)])
    except (RuntimeError, ValueError, TypeError, AttributeError) as error:
        raise BadInput(
            f"The teacher {type(teacher).__name__} cannot score rows of shape {list(x.shape[1:])}: {error}"
        ) from error
    finally:
        teacher.train(training)


def _listed(classes: npt.NDArray[Any]) -> str:
    return ", ".join(map(str, classes.tolist()))
