"""The one schedule: dense, then thresholding, then fixed support with 8-bit weights (Kumar et al., ICML 2017)."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import torch
from torch.nn import functional

from edgewright.compress import hard_threshold
from edgewright.compress.hard_threshold import HardThreshold
from edgewright.errors import BadInput, list_problems
from edgewright.nn import Learner
from edgewright.training.progress import Progress

PHASES = ("dense", "thresholding", "fixed")
FIXED = len(PHASES) - 1
EVALUATION_ROWS = 2000

History = list[dict[str, Any]]
Rows = tuple[torch.Tensor, torch.Tensor]
NONE: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True)
class Schedule:
    """How to train. Each phase has a third of the batches. Raises BadInput.

    warm_up: share of the batches in which the learning rate rises; a cosine then takes it down to `last_rate` of its height.
    trim_every: batches between two choices of the support. input_noise: standard deviation of the normal noise added to the
    standardised features of each batch. patience: epochs of the last phase without a better validation loss after which
    training stops; None for never.
    """

    epochs: int = 200
    batch_rows: int = 100
    learning_rate: float = 0.01
    warm_up: float = 0.03
    last_rate: float = 0.01
    trim_every: int = 15
    label_smoothing: float = 0.1
    input_noise: float = 0.4
    patience: int | None = None

    def __post_init__(self) -> None:
        rules = {
            "epochs": (self.epochs >= len(PHASES), "at least 3, one for each phase"),
            "batch_rows": (self.batch_rows >= 1, "at least 1"),
            "learning_rate": (0 < self.learning_rate < math.inf, "above 0"),
            "warm_up": (0 <= self.warm_up < 1, "a share from 0 to below 1"),
            "last_rate": (0 < self.last_rate <= 1, "a share above 0, at most 1"),
            "trim_every": (self.trim_every >= 1, "at least 1"),
            "label_smoothing": (0 <= self.label_smoothing < 1, "a share from 0 to below 1"),
            "input_noise": (0 <= self.input_noise < math.inf, "0 or more"),
            "patience": (self.patience is None or self.patience >= 1, "at least 1, or None"),
        }
        wrong = [
            f"{name} is {getattr(self, name)!r}; allowed: {rule}." for name, (right, rule) in rules.items() if not right
        ]
        if wrong:
            raise BadInput(list_problems("This schedule cannot be used:", wrong))

    def rate(self, done: float) -> float:
        """Return the learning rate after a part `done`, 0 to 1, of all batches."""
        cosine = self.last_rate + (1 - self.last_rate) * 0.5 * (1 + math.cos(math.pi * done))
        rise = min(1.0, done / self.warm_up) if self.warm_up else 1.0
        return self.learning_rate * rise * cosine


def train(
    learner: Learner,
    x: torch.Tensor,
    y: torch.Tensor,
    schedule: Schedule,
    *,
    generator: torch.Generator,
    densities: Mapping[str, float] = NONE,
    validation: Rows | None = None,
    progress: Progress | None = None,
) -> History:
    """Train a learner in place and return the history, a record for each epoch.

    x: float32 [n, ...], standardised; y: int64 [n], class indices. densities: matrix name -> share of its entries that stay;
    matrices that are not named stay dense. validation: (x, y); of the epochs of the last phase the one with the lowest loss on
    it is kept, without it the last. The learner ends with matrices that are exactly 8 bits times a power of two.
    All chance comes from `generator`. Raises BadInput where the loss is not finite; KeyboardInterrupt passes through.
    """
    listener = progress or Progress()
    listener.begin(schedule.epochs)
    try:
        with one_thread():
            return _train(learner, x, y, schedule, generator, densities, validation, listener)
    finally:
        listener.end()


def _train(
    learner: Learner,
    x: torch.Tensor,
    y: torch.Tensor,
    schedule: Schedule,
    generator: torch.Generator,
    densities: Mapping[str, float],
    validation: Rows | None,
    listener: Progress,
) -> History:
    varies = (x != x[0]).flatten(0, -2).any(0)  # a constant feature would only add noise
    learner.start_from(x, y, generator)
    learner.leave_out(~varies)
    batches = -(-len(x) // schedule.batch_rows)
    run = _Run(learner, schedule, densities, generator, schedule.input_noise * varies, batches)
    history: History = []
    best = _Best()
    for epoch in range(schedule.epochs):
        record = {"epoch": epoch, **run.epoch(x, y)}
        if not math.isfinite(record["loss"]):
            raise BadInput(
                f"Training went astray: the loss is {record['loss']} in epoch {epoch}. Give a smaller learning_rate than "
                f"{schedule.learning_rate}, or look at the scale of the features."
            )
        if validation is not None:
            record |= evaluate(learner, *validation)
            if run.phase == FIXED:
                best.offer(learner, record["validation_loss"])
        history.append(record)
        listener.epoch(record)
        if schedule.patience is not None and best.waited >= schedule.patience:
            break
    best.restore(learner)
    learner.round_matrices()
    return history


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread in this block: such small products only wait for a second one, for long on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@torch.no_grad()
def evaluate(learner: Learner, x: torch.Tensor, y: torch.Tensor) -> dict[str, float]:
    """Return validation_loss (cross entropy) and validation_accuracy of what the device would compute."""
    scores = score(learner, x)
    right = (scores.argmax(1) == y).float().mean()
    return {"validation_loss": float(functional.cross_entropy(scores, y)), "validation_accuracy": float(right)}


@torch.no_grad()
def score(learner: Learner, x: torch.Tensor) -> torch.Tensor:
    """Return the scores [n, classes] that the device would compute, in bounded memory."""
    return torch.cat([learner(part, hard=True) for part in torch.split(x, EVALUATION_ROWS)])


@dataclass
class _Run:
    """The moving parts of one training."""

    learner: Learner
    schedule: Schedule
    densities: Mapping[str, float]
    generator: torch.Generator
    noise: torch.Tensor  # [features]
    batches: int  # in an epoch
    batch: int = 0
    phase: int = 0
    masks: dict[str, torch.Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.optimiser = torch.optim.Adam(self.learner.parameters())
        self.total = self.batches * self.schedule.epochs
        self.starts = [-(-phase * self.total // len(PHASES)) for phase in range(len(PHASES) + 1)]

    def epoch(self, x: torch.Tensor, y: torch.Tensor) -> dict[str, Any]:
        """Train on all rows once, in random order."""
        loss = 0.0
        for rows in torch.randperm(len(x), generator=self.generator).tensor_split(self.batches):
            loss += self.step(x[rows], y[rows]) / self.batches
        return {"phase": PHASES[self.phase], "rate": self.optimiser.param_groups[0]["lr"], "loss": loss}

    def step(self, x: torch.Tensor, y: torch.Tensor) -> float:
        """Train on one batch and return its loss."""
        while self.batch >= self.starts[self.phase + 1]:
            self.phase += 1
        self.learner.rounded = self.phase == FIXED
        start, end = self.starts[self.phase : self.phase + 2]
        self.learner.begin_step((self.batch - start) / (end - start))
        self.optimiser.param_groups[0]["lr"] = self.schedule.rate(self.batch / self.total)
        if self.schedule.input_noise:
            x = x + self.noise * torch.randn(x.shape, generator=self.generator)
        loss = functional.cross_entropy(self.learner(x), y, label_smoothing=self.schedule.label_smoothing)
        self.optimiser.zero_grad()
        torch.autograd.backward(loss)
        self.optimiser.step()
        if self.phase > 0:
            self.trim()
        self.batch += 1
        return float(loss.detach())

    @torch.no_grad()
    def trim(self) -> None:
        """Zero what is outside the support, in the weights and in the moments of the optimiser."""
        choose = self.phase < FIXED and self.batch % self.schedule.trim_every == 0
        for name, density in self.densities.items():
            weight: torch.Tensor = getattr(self.learner, name)
            if choose or name not in self.masks:
                self.masks[name] = hard_threshold.support(weight, HardThreshold(density))
            for tensor in (weight, self.optimiser.state[weight]["exp_avg"], self.optimiser.state[weight]["exp_avg_sq"]):
                tensor.mul_(self.masks[name])


@dataclass
class _Best:
    """The weights with the lowest validation loss so far."""

    loss: float = math.inf
    waited: int = 0
    weights: dict[str, torch.Tensor] | None = None

    def offer(self, learner: Learner, loss: float) -> None:
        """Keep the present weights if they are no worse."""
        self.waited += 1
        if loss <= self.loss:
            self.loss, self.waited = loss, 0
            self.weights = {name: value.detach().clone() for name, value in learner.state_dict().items()}

    def restore(self, learner: Learner) -> None:
        """Put the best weights back, if any were offered."""
        if self.weights is not None:
            learner.load_state_dict(self.weights)
