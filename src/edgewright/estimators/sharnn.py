"""ShaRNN as a scikit-learn classifier of sequences."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from edgewright.errors import BadInput
from edgewright.estimators import _tiers
from edgewright.estimators._sequences import SequenceClassifier
from edgewright.estimators._size import WIDE_BIAS_BYTES, Budget, Plan, at_least_one, density_for, sparse_only
from edgewright.estimators._tiers import Cells
from edgewright.nn.sharnn import ShaRNN
from edgewright.training import Phase


class ShaRNNClassifier(SequenceClassifier):
    """Two shallow recurrences, one over each brick of a sequence, one over what they came to (Dennis et al., NeurIPS 2019).

    X [n, steps, features], or raw samples with `features`. brick: steps of a brick, None for the square root of the steps, rounded; what
    is left at the end of a row is dropped. hidden: size of the first state, None for the most that fits, a multiple of 4; hidden_upper: of
    the second, None for half as much. cell: a name of `nn.cells`, for both. size_kb, density, rank_w, rank_u, activations, state_view,
    features, standardise, epochs, batch_rows, learning_rate, label_smoothing, input_noise, validation_share, patience, augmentation,
    copies, image_shape, teacher, phases, random_state: as of `GRUClassifier`; ranks are of both layers.

    Fitted: as of `GRUClassifier`.
    """

    learner = ShaRNN

    def __init__(
        self,
        *,
        size_kb: float | None = 4.0,
        cell: str = "fastgrnn",
        hidden: int | None = None,
        hidden_upper: int | None = None,
        brick: int | None = None,
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
        self.cell = cell
        self.hidden = hidden
        self.hidden_upper = hidden_upper
        self.brick = brick
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
        self.image_shape = image_shape
        self.teacher = teacher
        self.phases = phases
        self.random_state = random_state

    def _plan(self, features: int, classes: int, budget: Budget) -> Plan:
        at_least_one(hidden=self.hidden, hidden_upper=self.hidden_upper, brick=self.brick)
        steps = self.n_steps_in_
        brick = round(math.sqrt(steps)) if self.brick is None else self.brick
        if brick > steps:
            raise BadInput(f"brick is {brick}, and a sequence has {steps} steps; allowed: 1 to {steps}, or None.")
        return budget.largest(self._plans(features, classes, brick))

    def _plans(self, features: int, classes: int, brick: int) -> Iterator[Plan]:
        cells, density = self._cells(), density_for(self.density, features)
        for hidden in _tiers.sizes(self.hidden):
            upper = max(hidden // 2, 1) if self.hidden_upper is None else self.hidden_upper
            if self.hidden is None and not (cells.fits(hidden) and cells.fits(upper)):
                continue
            shapes = cells.shapes("lower", features, hidden) | cells.shapes("upper", hidden, upper)
            settings = {"hidden": hidden, "hidden_upper": upper, "brick": brick, **cells.settings()}
            size = _tiers.bytes_at_most(shapes, density, {"output": (classes, upper)})
            size += self._vector_bytes(classes, settings)
            yield Plan(settings, sparse_only(dict.fromkeys(shapes, density)), size)

    def _cells(self) -> Cells:
        return Cells(self.cell, self.rank_w, self.rank_u, self.activations, self.state_view)

    def _vector_bytes(self, classes: int, settings: Mapping[str, Any]) -> int:
        """Return what the cells keep beside their matrices, and the biases of the output."""
        layers = sum(self._cells().vector_bytes(settings[name]) for name in ("hidden", "hidden_upper"))
        return layers + WIDE_BIAS_BYTES * classes


ENTRY = ShaRNNClassifier
