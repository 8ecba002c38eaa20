"""EMI-RNN as a scikit-learn classifier of sequences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from sklearn.utils.validation import check_is_fitted

from edgewright.estimators import _tiers
from edgewright.estimators._base import Floats
from edgewright.estimators._sequences import SequenceClassifier
from edgewright.estimators._size import (
    AFFINE_BYTES,
    WIDE_BIAS_BYTES,
    Budget,
    Plan,
    at_least_one,
    density_for,
    sparse_only,
)
from edgewright.estimators._tiers import Cells
from edgewright.nn._instances import Instances
from edgewright.nn.emi import EMIRNN
from edgewright.training import Phase, threads


class EMIClassifier(SequenceClassifier):
    """Windows of a long sequence, of which learning finds the telling ones, and that is left once sure (Dennis et al., NeurIPS 2018).

    X [n, steps, features], or raw samples with `features`. window, stride: of the windows, in steps; None for a third of the
    sequence, and of the window. pooling: "run" where only a part of a sequence tells its class: the best of all runs of
    `consecutive` windows speaks for it; "sum" where all of it does: the windows' scores are added up. background: the class of
    which every sequence has some, such as silence; None where there is no such class, and windows that do not tell are left out
    of the loss. policy: by which labels of windows are made anew, "top-k" (the best run keeps the class) or "prune-ends"; rounds:
    how often, 0 for never. exits: "none", "window" (each window is left once it is sure) or "bag" (the sequence too).
    confidence: the probability from which on a window is left. lead: by how much the best sum, of probabilities in a run or of
    scores, must be above the second for the sequence to be left. None to have them chosen on the validation sequences (the
    training ones without any) so that none more is mistaken; module_.confidence and module_.lead say which. cell: a name of
    `nn.cells`. hidden: size of the state; None for the most that fits, a multiple of 4. size_kb, density, rank_w, rank_u,
    activations, state_view, features, standardise, epochs, batch_rows, learning_rate, label_smoothing, input_noise,
    validation_share, patience, augmentation, copies, random_state: as of `GRUClassifier`. phases: None for windows, rounds, every
    step, fixed.

    Fitted: as of `GRUClassifier`; history_ says how many labels each round changed.
    """

    learner = EMIRNN
    image_shape = None
    teacher = None

    def __init__(
        self,
        *,
        size_kb: float | None = 4.0,
        cell: str = "fastgrnn",
        hidden: int | None = None,
        window: int | None = None,
        stride: int | None = None,
        consecutive: int = 2,
        background: Any = None,
        pooling: str = "run",
        policy: str = "top-k",
        rounds: int = 3,
        exits: str = "bag",
        confidence: float | None = None,
        lead: float | None = None,
        density: float = 1.0,
        rank_w: int | None = None,
        rank_u: int | None = None,
        activations: str = "smooth",
        state_view: str = "int16",
        features: Any = None,
        standardise: str = "auto",
        epochs: int = 120,
        batch_rows: int = 100,
        learning_rate: float = 0.01,
        label_smoothing: float = 0.0,
        input_noise: float = 0.4,
        validation_share: float = 0.1,
        patience: int | None = None,
        augmentation: str | None = None,
        copies: int = 10,
        phases: tuple[Phase, ...] | None = None,
        random_state: Any = None,
    ) -> None:
        self.size_kb = size_kb
        self.cell = cell
        self.hidden = hidden
        self.window = window
        self.stride = stride
        self.consecutive = consecutive
        self.background = background
        self.pooling = pooling
        self.policy = policy
        self.rounds = rounds
        self.exits = exits
        self.confidence = confidence
        self.lead = lead
        self.density = density
        self.rank_w = rank_w
        self.rank_u = rank_u
        self.activations = activations
        self.state_view = state_view
        self.features = features
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
        self.phases = phases
        self.random_state = random_state

    def _usual_phases(self) -> tuple[Phase, ...]:
        return (
            Phase("windows"),
            *_tiers.rounds_of(self.rounds, trim="choose"),
            Phase("every step", trim="choose", every_step=True),
            Phase("fixed", trim="keep", rounding="weights", every_step=True),
        )

    def _plan(self, features: int, classes: int, budget: Budget) -> Plan:
        at_least_one(hidden=self.hidden, window=self.window, stride=self.stride)
        window, stride = _tiers.window_of(self.n_steps_in_, self.window, self.stride)
        settings: dict[str, Any] = {"window": window, "stride": stride, "consecutive": self.consecutive}
        if self.background is not None:
            settings["background"] = _tiers.class_index(self, "background", self.background)
        Instances(classes, **settings).count(self.n_steps_in_)
        thresholds = {"confidence": self.confidence, "lead": self.lead}
        settings |= {name: float(given) for name, given in thresholds.items() if given is not None}
        settings |= {"pooling": self.pooling, "policy": self.policy, "exits": self.exits, **self._cells().settings()}
        return budget.largest(self._plans(features, classes, settings))

    def _plans(self, features: int, classes: int, settings: Mapping[str, Any]) -> Iterator[Plan]:
        cells, density = self._cells(), density_for(self.density, features)
        for hidden in _tiers.sizes(self.hidden):
            if self.hidden is None and not cells.fits(hidden):
                continue
            shapes = cells.shapes("layer", features, hidden)
            size = _tiers.bytes_at_most(shapes, density, {"output": (classes, hidden)})
            size += self._vector_bytes(classes, {"hidden": hidden})
            yield Plan({"hidden": hidden, **settings}, sparse_only(dict.fromkeys(shapes, density)), size)

    def _cells(self) -> Cells:
        return Cells(self.cell, self.rank_w, self.rank_u, self.activations, self.state_view)

    def _vector_bytes(self, classes: int, settings: Mapping[str, Any]) -> int:
        """Return what the cell keeps beside its matrices, the biases of the output, and the weight of the background."""
        weight = 0 if self.background is None else AFFINE_BYTES * classes
        return self._cells().vector_bytes(settings["hidden"]) + WIDE_BIAS_BYTES * classes + weight

    def predict_proba(self, X: Any) -> Floats:
        """Return the scores [n, classes] as shares of their total; where scores are added up, their softmax."""
        if self.pooling == "sum":
            return super().predict_proba(X)
        scores = self._scores(X)
        shares: Floats = scores / scores.sum(1, keepdims=True)
        return shares

    def steps_executed(self, X: Any) -> npt.NDArray[np.int64]:
        """Return how many steps of the recurrence each sequence takes, [n]; those of the integers: `runtime.steps.executed_steps`."""
        check_is_fitted(self)
        x, _ = self._checked(X, reset=False)
        with threads(1):
            steps = cast("EMIRNN", self.module_).steps_executed(torch.tensor(self.standardiser_(x)))
        return cast("npt.NDArray[np.int64]", steps.numpy())


ENTRY = EMIClassifier
