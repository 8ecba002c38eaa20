"""What training minimises and what its history tells, for each kind of target."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn import functional

from edgewright.errors import BadInput, list_problems

Loss = Callable[[torch.Tensor, torch.Tensor, torch.Tensor | None], torch.Tensor]
Metrics = Callable[[torch.Tensor, torch.Tensor], dict[str, float]]


@dataclass(frozen=True)
class Objective:
    """An aim of training.

    settings: its name and numbers, for records. loss(scores [n, outputs], targets, teacher [n, outputs] or None): a number to
    minimise. metrics(scores, targets): what the history tells of the validation rows; "validation_loss" chooses the epoch.
    """

    settings: dict[str, str | float]
    loss: Loss
    metrics: Metrics


def classification(label_smoothing: float = 0.0, teacher_share: float = 0.9, temperature: float = 2.0) -> Objective:
    """Return the objective of one class a row; targets: int64 [n], class indices. Raises BadInput.

    Where rows have windows, or steps, with scores of their own, [n, ..., classes], targets are [n] or go as far into these axes
    as they differ, and -1 leaves a place out of the loss; a teacher speaks of whole rows only.
    Cross entropy; with a teacher's scores (log-probabilities, up to a constant a row) only 1 - teacher_share of it, and for the
    rest the divergence from the teacher, both softened by the temperature (Hinton et al., 2015). Metrics: validation_loss,
    validation_accuracy.
    """
    settings = _settings("classification", label_smoothing, teacher_share, temperature)

    def loss(scores: torch.Tensor, targets: torch.Tensor, teacher: torch.Tensor | None) -> torch.Tensor:
        hard = cross_entropy(scores, targets, label_smoothing)
        if teacher is None:
            return hard
        if scores.shape != teacher.shape:
            raise BadInput(
                f"The teacher's scores are {list(teacher.shape)} and the learner's {list(scores.shape)}: it is trained on parts "
                f"of a row, of which a teacher says nothing. Leave the teacher out."
            )
        ours = functional.log_softmax(scores / temperature, 1)
        theirs = functional.softmax(teacher / temperature, 1)
        soft = functional.kl_div(ours, theirs, reduction="batchmean") * temperature**2
        return (1 - teacher_share) * hard + teacher_share * soft

    def metrics(scores: torch.Tensor, targets: torch.Tensor) -> dict[str, float]:
        right = (scores.argmax(1) == targets).float().mean()
        return {
            "validation_loss": float(functional.cross_entropy(scores, targets)),
            "validation_accuracy": float(right),
        }

    return Objective(settings, loss, metrics)


def cross_entropy(scores: torch.Tensor, targets: torch.Tensor, label_smoothing: float = 0.0) -> torch.Tensor:
    """Return the mean cross entropy of scores [n, ..., classes] whose target, int64 [n, ...], is not -1; 0 where all are."""
    inner = scores.shape[targets.dim() : -1]
    spread = targets.reshape(*targets.shape, *(1 for _ in inner)).expand(scores.shape[:-1])
    if not bool((targets >= 0).any()):
        return scores.sum() * 0.0
    flat = scores.reshape(-1, scores.shape[-1])
    return functional.cross_entropy(flat, spread.reshape(-1), ignore_index=-1, label_smoothing=label_smoothing)


def regression(teacher_share: float = 0.9) -> Objective:
    """Return the objective of real targets, float32 [n, outputs], standardised, as a teacher's are. Raises BadInput.

    Squared error; with a teacher, the error against it has teacher_share of the loss. Metrics: validation_loss (squared error)
    and validation_r2: 1 less the squared error over the variance, the mean over outputs that vary; 0 where none does.
    """
    settings = _settings("regression", 0.0, teacher_share, 1.0)

    def loss(scores: torch.Tensor, targets: torch.Tensor, teacher: torch.Tensor | None) -> torch.Tensor:
        hard = functional.mse_loss(scores, targets)
        if teacher is None:
            return hard
        return (1 - teacher_share) * hard + teacher_share * functional.mse_loss(scores, teacher)

    def metrics(scores: torch.Tensor, targets: torch.Tensor) -> dict[str, float]:
        errors = ((scores - targets) ** 2).mean(0)
        variances = targets.var(0, correction=0)
        varies = variances > 0
        r2 = (1 - errors[varies] / variances[varies]).mean() if varies.any() else torch.zeros(())
        return {"validation_loss": float(errors.mean()), "validation_r2": float(r2)}

    return Objective(settings, loss, metrics)


def several_labels(label_smoothing: float = 0.0, teacher_share: float = 0.9, temperature: float = 2.0) -> Objective:
    """Return the objective of any number of labels a row; targets: float32 [n, labels], 0 or 1. Raises BadInput.

    Binary cross entropy of each score, a logit; with a teacher's logits, teacher_share of it is against these, both softened by
    the temperature. Metrics: validation_loss, validation_precision_at_1 (how often the highest score is of a true label) and
    validation_f1 (micro; scores above 0 are labels).
    """
    settings = _settings("several labels", label_smoothing, teacher_share, temperature)

    def loss(scores: torch.Tensor, targets: torch.Tensor, teacher: torch.Tensor | None) -> torch.Tensor:
        smooth = targets * (1 - label_smoothing) + label_smoothing / 2
        hard = functional.binary_cross_entropy_with_logits(scores, smooth)
        if teacher is None:
            return hard
        theirs = torch.sigmoid(teacher / temperature)
        soft = functional.binary_cross_entropy_with_logits(scores / temperature, theirs) * temperature**2
        return (1 - teacher_share) * hard + teacher_share * soft

    def metrics(scores: torch.Tensor, targets: torch.Tensor) -> dict[str, float]:
        best = targets.gather(1, scores.argmax(1, keepdim=True)).mean()
        said = (scores > 0).to(targets.dtype)
        both = (said * targets).sum()
        return {
            "validation_loss": float(functional.binary_cross_entropy_with_logits(scores, targets)),
            "validation_precision_at_1": float(best),
            "validation_f1": float(2 * both / (said.sum() + targets.sum()).clamp(min=1)),
        }

    return Objective(settings, loss, metrics)


def _settings(name: str, label_smoothing: float, teacher_share: float, temperature: float) -> dict[str, str | float]:
    rules = {
        "label_smoothing": (label_smoothing, 0 <= label_smoothing < 1, "a share from 0 to below 1"),
        "teacher_share": (teacher_share, 0 <= teacher_share <= 1, "a share from 0 to 1"),
        "temperature": (temperature, 0 < temperature < math.inf, "above 0"),
    }
    wrong = [f"{name} is {value!r}; allowed: {rule}." for name, (value, right, rule) in rules.items() if not right]
    if wrong:
        raise BadInput(list_problems("This objective cannot be used:", wrong))
    return {
        "objective": name,
        "label_smoothing": label_smoothing,
        "teacher_share": teacher_share,
        "temperature": temperature,
    }
