"""MSC-RNN as a scikit-learn classifier of sequences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from sklearn.utils.validation import check_is_fitted

from edgewright.estimators import _tiers
from edgewright.estimators._sequences import SequenceClassifier
from edgewright.estimators._size import (
    AFFINE_BYTES,
    BIAS_BYTES,
    WIDE_BIAS_BYTES,
    Budget,
    Plan,
    at_least_one,
    density_for,
    sparse_only,
)
from edgewright.estimators._tiers import Cells
from edgewright.nn._instances import Instances
from edgewright.nn.msc import MSCRNN
from edgewright.training import Phase, threads

BEGIN = 0.5  # of the first phase, as long as this are the others in which a tier learns alone
TOGETHER, FIXED = 4.0, 2.0  # most is learned together: alone, the lower tier keeps nothing that tells targets apart


class MSCClassifier(SequenceClassifier):
    """A cascade: a small recurrence that finds what is not clutter, a second one that names it (Roy et al., BuildSys 2019).

    X [n, steps, features], or raw samples with `features`; y holds the classes. clutter: the class of which most of a stream is, such as
    noise; None for the first of the sorted classes. The upper tier runs only where the lower one finds no clutter. hidden: size of the
    lower state; None for the most that fits, a multiple of 4; hidden_upper: of the upper one, None for as much. window, stride,
    consecutive, policy, rounds: of the lower tier, as of `EMIClassifier`. exits: "none" or "window" (each window is left once it is sure);
    module_.confidence is the probability that counts as sure, chosen on the validation sequences so that none more is mistaken.
    cell: a name of `nn.cells`, for both. size_kb, density, rank_w, rank_u, activations, state_view, features, standardise, epochs,
    batch_rows, learning_rate, label_smoothing, input_noise, validation_share, patience, augmentation, copies, random_state: as of
    `GRUClassifier`. phases: None for the lower tier alone (windows, rounds, every step), the upper alone, both, both fixed.

    Fitted: as of `GRUClassifier`; history_ says how many labels each round changed.
    """

    learner = MSCRNN
    image_shape = None
    teacher = None

    def __init__(
        self,
        *,
        size_kb: float | None = 4.0,
        cell: str = "fastgrnn",
        clutter: Any = None,
        hidden: int | None = None,
        hidden_upper: int | None = None,
        window: int | None = None,
        stride: int | None = None,
        consecutive: int = 2,
        policy: str = "top-k",
        rounds: int = 3,
        exits: str = "window",
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
        self.clutter = clutter
        self.hidden = hidden
        self.hidden_upper = hidden_upper
        self.window = window
        self.stride = stride
        self.consecutive = consecutive
        self.policy = policy
        self.rounds = rounds
        self.exits = exits
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
        lower = ("lower",)
        return (
            Phase("lower", trains=lower),
            *_tiers.rounds_of(self.rounds, trains=lower),
            Phase("lower, every step", share=BEGIN, trains=lower, every_step=True),
            Phase("upper", share=BEGIN, trains=("upper",), restart=True),
            Phase("both", share=TOGETHER, trim="choose", every_step=True, restart=True),
            Phase("fixed", share=FIXED, trim="keep", rounding="weights", every_step=True),
        )

    def _plan(self, features: int, classes: int, budget: Budget) -> Plan:
        at_least_one(hidden=self.hidden, hidden_upper=self.hidden_upper, window=self.window, stride=self.stride)
        window, stride = _tiers.window_of(self.n_steps_in_, self.window, self.stride)
        Instances(classes, window, stride, self.consecutive).count(self.n_steps_in_)
        settings = {
            "window": window,
            "stride": stride,
            "consecutive": self.consecutive,
            "clutter": 0 if self.clutter is None else _tiers.class_index(self, "clutter", self.clutter),
            "policy": self.policy,
            "exits": self.exits,
            **self._cells().settings(),
        }
        return budget.largest(self._plans(features, classes, settings))

    def _plans(self, features: int, classes: int, settings: Mapping[str, Any]) -> Iterator[Plan]:
        cells, density = self._cells(), density_for(self.density, features)
        for hidden in _tiers.sizes(self.hidden):
            upper = hidden if self.hidden_upper is None else self.hidden_upper
            if self.hidden is None and not (cells.fits(hidden) and cells.fits(upper)):
                continue
            shapes = cells.shapes("lower.layer", features, hidden) | cells.shapes("upper.layer", hidden, upper)
            outputs = {"lower.output": (2, hidden), "upper.output": (classes, upper)}
            found = {"hidden": hidden, "hidden_upper": upper, **settings}
            size = _tiers.bytes_at_most(shapes, density, outputs) + self._vector_bytes(classes, found)
            yield Plan(found, sparse_only(dict.fromkeys(shapes, density)), size)

    def _cells(self) -> Cells:
        return Cells(self.cell, self.rank_w, self.rank_u, self.activations, self.state_view)

    def _vector_bytes(self, classes: int, settings: Mapping[str, Any]) -> int:
        """Return what the cells keep beside their matrices, the biases of both outputs, the scores of clutter, and its weight."""
        layers = sum(self._cells().vector_bytes(settings[name]) for name in ("hidden", "hidden_upper"))
        return layers + WIDE_BIAS_BYTES * (classes + 2) + BIAS_BYTES * classes + 2 * AFFINE_BYTES

    def steps_executed(self, X: Any) -> npt.NDArray[np.int64]:
        """Return how many steps of both recurrences each sequence takes, [n]; those of the integers: `runtime.steps.executed_steps`."""
        check_is_fitted(self)
        x, _ = self._checked(X, reset=False)
        with threads(1):
            steps = cast("MSCRNN", self.module_).steps_executed(torch.tensor(self.standardiser_(x)))
        return cast("npt.NDArray[np.int64]", steps.numpy())


ENTRY = MSCClassifier
