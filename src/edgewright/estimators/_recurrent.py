"""The classifiers of sequences by one cell: one class of parameters, plans and sizes for all cells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import torch

from edgewright.errors import BadInput
from edgewright.estimators._sequences import SequenceClassifier
from edgewright.estimators._size import (
    AFFINE_BYTES,
    BIAS_BYTES,
    WIDE_BIAS_BYTES,
    Budget,
    Plan,
    at_least_one,
    density_for,
    matrix_bytes_at_most,
    sparse_only,
)
from edgewright.nn import cells
from edgewright.nn._layer import check_choices, stored_shapes
from edgewright.nn._learner import Learner
from edgewright.nn.recurrent import Recurrent
from edgewright.training import Phase

HIDDEN_STEP, LARGEST_HIDDEN = 4, 128
VIEW_BITS = {"int16": 16, "int8": 8}


class RecurrentClassifier(SequenceClassifier):
    """Layers of a recurrent cell, and a linear layer on the last state; X [n, steps, features], or raw samples with `features`.

    size_kb: KB of weights (1,024 bytes) that must not be passed, None for no limit. hidden: size of each state; None for the
    most that fits, a multiple of 4. layers: how many, each over the states of the one before. bidirectional: whether each also reads
    from the last step to the first. density: share of the entries of W and U, or of each of their factors, that stay. rank_w,
    rank_u: None for whole matrices; with a rank W, or U, is the product of two thin ones, of so many rows and columns, which take
    fewer bytes where the rank is below rows x columns / (rows + columns). activations: "smooth" (tanh and sigmoid) or "hard" (straight
    lines). state_view: as what the product of U reads the state, which has 16 bits on the device: "int16", or "int8", which takes
    fewer cycles where U is whole. features: a featuriser of `edgewright.features` between raw samples and the cell, None where X holds
    sequences. standardise: "common" (one scale, free on the device), "feature" (one each), or "auto". epochs, batch_rows,
    learning_rate, label_smoothing, input_noise, patience: see `training.Schedule`; augmentation, copies, image_shape, teacher, phases:
    see `fit`. validation_share: of the training sequences, to choose the epoch. random_state: seed.

    Fitted: classes_, n_features_in_ (of a step), n_steps_in_, raw_shape_ (of a row of X), featuriser_, module_ (the torch module),
    standardiser_, settings_, history_.
    """

    learner = Recurrent
    cell: ClassVar[str]

    def __init__(
        self,
        *,
        size_kb: float | None = 4.0,
        hidden: int | None = None,
        layers: int = 1,
        bidirectional: bool = False,
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
        self.hidden = hidden
        self.layers = layers
        self.bidirectional = bidirectional
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

    def _make_module(
        self, features: int, classes: int, generator: torch.Generator | None, settings: Mapping[str, Any]
    ) -> Learner:
        return Recurrent(features, classes, generator=generator, cell=self.cell, **settings)

    def _plan(self, features: int, classes: int, budget: Budget) -> Plan:
        at_least_one(hidden=self.hidden, layers=self.layers)
        if self.state_view not in VIEW_BITS:
            raise BadInput(f"state_view is {self.state_view!r}; allowed: {' and '.join(VIEW_BITS)}.")
        if not isinstance(self.bidirectional, bool):
            raise BadInput(f"bidirectional is {self.bidirectional!r}; allowed: True and False.")
        check_choices(self.activations, VIEW_BITS[self.state_view])
        self._shapes(features, self.hidden or LARGEST_HIDDEN)
        return budget.largest(self._plans(features, classes))

    def _vector_bytes(self, classes: int, settings: Mapping[str, Any]) -> int:
        """Return what cells keep beside their matrices, and the biases of the output; the rates of FastGRNN are arguments in the code."""
        stored = cells.get(self.cell).stored(settings["activations"])
        layer = (WIDE_BIAS_BYTES * stored.wide + BIAS_BYTES * stored.narrow) * settings["hidden"]
        count = settings["layers"] * (1 + settings["bidirectional"])
        return count * (layer + AFFINE_BYTES * stored.lines) + WIDE_BIAS_BYTES * classes

    def _shapes(self, features: int, hidden: int) -> dict[str, tuple[int, int]]:
        """Return the shapes of all matrices of the layers by their dotted names. Raises BadInput for ranks above them."""
        directions = ("layers", "reversed")[: 1 + self.bidirectional]
        rows = cells.get(self.cell).gates * hidden
        shapes: dict[str, tuple[int, int]] = {}
        for place in range(self.layers):
            columns = len(directions) * hidden if place else features
            stored = stored_shapes("W", rows, columns, self.rank_w) | stored_shapes("U", rows, hidden, self.rank_u)
            shapes |= {f"{direction}.{place}.{name}": stored[name] for direction in directions for name in stored}
        return shapes

    def _plans(self, features: int, classes: int) -> Iterator[Plan]:
        density, gates = density_for(self.density, features), cells.get(self.cell).gates
        given = {"rank_w": self.rank_w, "rank_u": self.rank_u}
        ranks = {name: int(rank) for name, rank in given.items() if rank is not None}
        fixed = {
            "layers": self.layers,
            "bidirectional": self.bidirectional,
            "activations": self.activations,
            "view_bits": VIEW_BITS[self.state_view],
        }
        found = range(HIDDEN_STEP, LARGEST_HIDDEN + 1, HIDDEN_STEP) if self.hidden is None else (self.hidden,)
        for hidden in found:
            if ranks.get("rank_w", 0) > gates * hidden or ranks.get("rank_u", 0) > hidden:
                continue
            shapes = self._shapes(features, hidden)
            settings = {"hidden": hidden, **fixed, **ranks}
            size = sum(matrix_bytes_at_most(*shape, density) for shape in shapes.values())
            size += matrix_bytes_at_most(classes, hidden * (1 + self.bidirectional))
            size += self._vector_bytes(classes, settings)
            yield Plan(settings, sparse_only(dict.fromkeys(shapes, density)), size)
