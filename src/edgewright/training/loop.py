"""Training a learner by a schedule."""

from __future__ import annotations

import math
import warnings
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch

from edgewright.compress import hard_threshold
from edgewright.compress.hard_threshold import HardThreshold
from edgewright.errors import BadData, BadInput, TrainingStopped
from edgewright.nn import Learner
from edgewright.training import checkpoints
from edgewright.training.checkpoints import State
from edgewright.training.examples import Examples
from edgewright.training.objectives import Objective
from edgewright.training.progress import Progress
from edgewright.training.schedule import Schedule
from edgewright.training.threads import threads
from edgewright.training.twin import Lower, Twin, calibration_rows

EVALUATION_ROWS = 2000
ROWS_NAMED = 5

History = list[dict[str, Any]]
Rows = tuple[torch.Tensor, torch.Tensor]
NONE: Mapping[str, float] = MappingProxyType({})


def train(
    learner: Learner,
    examples: Examples,
    schedule: Schedule,
    *,
    objective: Objective,
    generator: torch.Generator,
    densities: Mapping[str, float] = NONE,
    validation: Rows | None = None,
    lower: Lower | None = None,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
) -> History:
    """Train a learner in place and return the history, a record for each epoch.

    densities: matrix name -> share of its entries that stay; matrices that are not named stay dense. validation: (x, y),
    standardised; of the epochs of the last phase the one with the lowest loss on it is kept, without it the last. The learner ends
    with matrices that are exactly 8 bits times a power of two. All chance comes from `generator`. lower: gives the float graph of
    the learner, from raw features to its scores; needed for phases that round as the twin does. Where a phase makes the labels of
    the training rows anew, the record of the epoch in which it begins says how many changed: "labels_changed".

    checkpoint: a file that holds everything after each epoch; where it is there already, training goes on from it and ends with
    the same model as without an interruption. Raises BadInput where the file belongs to another training.

    Where a loss or a weight is not finite, training stops with the warning TrainingStopped, which names epoch, batch and rows, and
    the learner is that of the last good epoch, thresholded and rounded; in the first epoch there is none: raises BadData where
    the rows are to blame, else BadInput. KeyboardInterrupt passes through.
    """
    listener = progress or Progress()
    listener.begin(schedule.epochs)
    try:
        with threads(1):  # such small products only wait for a second one, for long on a busy machine
            run = Run(learner, examples, schedule, objective, densities, generator, validation, lower)
            return _train(run, checkpoint, listener)
    finally:
        listener.end()


def _train(run: Run, checkpoint: Path | None, listener: Progress) -> History:
    purpose, found = {}, None
    if checkpoint is not None:
        purpose = checkpoints.purpose(
            run.learner,
            run.examples,
            run.schedule,
            run.objective.settings,
            run.densities,
            run.validation,
            run.generator,
        )
        found = checkpoints.load(checkpoint, purpose)
    if found is None or checkpoint is None:
        run.begin()
    else:
        with checkpoints.sound(checkpoint):
            run.restore(found)
    for record in run.history:
        listener.epoch(record)
    good = found
    while not run.is_done():
        try:
            run.epoch()
        except Fault as fault:
            if good is None:
                raise fault.error(str(fault)) from None
            run.restore(good)
            kept = f"The model is that of epoch {len(run.history) - 1}."
            warnings.warn(TrainingStopped(f"{fault} {kept}"), stacklevel=4)
            break
        good = run.state()
        if checkpoint is not None:
            checkpoints.save(checkpoint, purpose, good)
        listener.epoch(run.history[-1])
    run.finish()
    return run.history


class Fault(Exception):
    """A loss or a weight that is not finite; error: what to raise where no model is left."""

    def __init__(self, message: str, error: type[BadInput]) -> None:
        super().__init__(message)
        self.error = error


def _not_finite(parts: list[torch.Tensor]) -> torch.Tensor:
    """Return the places of the rows in which any of the parts [n, ...] is not finite."""
    good = torch.stack([part.reshape(len(part), -1).isfinite().all(1) for part in parts]).all(0)
    return torch.nonzero(~good)[:, 0]


@torch.no_grad()
def evaluate(learner: Learner, objective: Objective, x: torch.Tensor, y: torch.Tensor) -> dict[str, float]:
    """Return the objective's metrics of what the device would compute for standardised rows."""
    return objective.metrics(score(learner, x), y)


@torch.no_grad()
def score(learner: Learner, x: torch.Tensor) -> torch.Tensor:
    """Return the scores [n, outputs] that the device would compute for standardised rows, in bounded memory."""
    return torch.cat([learner(part, hard=True) for part in torch.split(x, EVALUATION_ROWS)])


@dataclass
class Run:
    """The moving parts of one training."""

    learner: Learner
    examples: Examples
    schedule: Schedule
    objective: Objective
    densities: Mapping[str, float]
    generator: torch.Generator
    validation: Rows | None = None
    lower: Lower | None = None
    batch: int = 0
    phase: int = 0
    masks: dict[str, torch.Tensor] = field(default_factory=dict)
    history: History = field(default_factory=list)
    best_loss: float = math.inf
    best: dict[str, torch.Tensor] = field(
        default_factory=dict
    )  # the weights with the lowest validation loss in the last phase
    waited: int = 0  # epochs since then

    def __post_init__(self) -> None:
        self.optimiser = torch.optim.Adam(self.learner.parameters())
        self.batches = -(-self.examples.drawn // self.schedule.batch_rows)  # in an epoch
        self.starts = self.schedule.starts(self.batches * self.schedule.epochs)
        restarts = [start for start, phase in zip(self.starts, self.schedule.phases, strict=False) if phase.restart]
        self.rate_starts = sorted({0, *restarts, self.starts[-1]})
        x, _ = self.examples.originals()
        self.varies = (x != x[0]).flatten(0, -2).any(0)  # a constant feature would only add noise
        self.given_labels = self.labels = self.learner.labels(self.examples.y)
        self.labels_changed: int | None = None  # in this epoch; None where none were made anew
        self._check_parts()
        self.twin = self._twin(x)
        trims = {phase.trim for phase in self.schedule.phases} - {"none"}
        if self.densities and not trims:
            raise BadInput(
                f"The densities of {', '.join(self.densities)} ask for trimming, and no phase of the schedule trims. Give one a "
                f'trim="choose".'
            )

    def _twin(self, x: torch.Tensor) -> Twin | None:
        """Return the twin for standardised rows x, None where no phase asks for it. Raises BadInput."""
        if not any(phase.rounding == "twin" for phase in self.schedule.phases):
            return None
        if self.lower is None:
            raise BadInput('A phase with rounding="twin" needs `lower`, which gives the graph of the learner.')
        return Twin(self.lower, calibration_rows(self.examples.raw(x)))

    def _check_parts(self) -> None:
        """Raise BadInput where a phase trains a part that the learner does not have."""
        parts = [name for name, _ in self.learner.named_children()]
        wrong = [
            f"the phase {phase.name!r} trains {name!r}"
            for phase in self.schedule.phases
            for name in phase.trains
            if name not in parts
        ]
        if wrong:
            known = ", ".join(parts) or "none, as it is of one piece"
            raise BadInput(f"{type(self.learner).__name__} has other parts: {'; '.join(wrong)}. Its parts: {known}.")

    def begin(self) -> None:
        """Prepare the learner for the first epoch. Raises BadData for rows that are not finite."""
        x, y = self.examples.originals()
        blamed = _not_finite([x, y])
        if len(blamed):
            raise BadData(self._named(blamed))
        self.learner.start_from(x, y, self.generator)
        self.learner.leave_out(~self.varies)

    def is_done(self) -> bool:
        """Whether all epochs are done, or patience is at its end."""
        patience = self.schedule.patience
        return len(self.history) >= self.schedule.epochs or (patience is not None and self.waited >= patience)

    def epoch(self) -> None:
        """Train on as many rows as an epoch draws, in random order. Raises Fault."""
        order = torch.randperm(len(self.examples.x), generator=self.generator)[: self.examples.drawn]
        loss, self.labels_changed = 0.0, None
        for rows in order.tensor_split(self.batches):
            value = self.step(rows)
            if not math.isfinite(value):
                raise self._fault(rows, f"the loss is {value}")
            loss += value / self.batches
        if not all(bool(weight.isfinite().all()) for weight in self.learner.parameters()):
            raise self._fault(rows, "a weight is not finite")
        phase, rate = self.schedule.phases[self.phase], self.optimiser.param_groups[0]["lr"]
        record = {"epoch": len(self.history), "phase": phase.name, "rate": rate, "loss": loss}
        if self.labels_changed is not None:
            record["labels_changed"] = self.labels_changed
        if self.validation is not None:
            x, y = self.validation
            twin = self.twin if phase.rounding == "twin" else None
            scores = twin.scores(self.learner, self.examples.raw(x)) if twin else score(self.learner, x)
            record |= self.objective.metrics(scores, y)
            if self.phase == len(self.schedule.phases) - 1:
                self._offer(record["validation_loss"])
        self.history.append(record)

    def step(self, rows: torch.Tensor) -> float:
        """Train on the batch of these rows and return its loss."""
        self.phase = bisect_right(self.starts, self.batch, hi=len(self.starts) - 1) - 1
        start, end = self.starts[self.phase : self.phase + 2]
        phase = self.schedule.phases[self.phase]
        self.learner.rounded = phase.rounding != "none"
        self.learner.every_step = phase.every_step
        for name, weight in self.learner.named_parameters():
            weight.requires_grad_(not phase.trains or name.split(".")[0] in phase.trains)
        self.learner.begin_step((self.batch - start) / (end - start))
        self.optimiser.param_groups[0]["lr"] = self._rate() * phase.rate
        if phase.relabel and self.batch == start:
            self.relabel()
        x, y, teacher = self.examples.batch(rows)
        if self.schedule.input_noise:
            deviation = self.schedule.input_noise * self.varies
            x = x + deviation * torch.randn(x.shape, generator=self.generator)
        if self.twin is not None and phase.rounding == "twin":
            scores = self.twin.straight_through(self.learner, self.learner(x), self.examples.raw(x))
            loss = self.objective.loss(scores, y, teacher)
        else:
            loss = self.learner.loss(
                x, y, self.labels[rows], lambda scores, labels: self.objective.loss(scores, labels, teacher)
            )
        self.optimiser.zero_grad()
        torch.autograd.backward(loss)
        self.optimiser.step()
        if phase.trim != "none":
            self.trim(choose=phase.trim == "choose" and self.batch % self.schedule.trim_every == 0)
        self.batch += 1
        return float(loss.detach())

    @torch.no_grad()
    def relabel(self) -> None:
        """Let the learner make the labels of all training rows, copies included, anew."""
        made = [
            self.learner.relabelled(self.examples.standardised(rows), self.examples.y[rows], self.labels[rows])
            for rows in torch.split(torch.arange(len(self.examples.x)), EVALUATION_ROWS)
        ]
        labels = torch.cat(made)
        self.labels_changed = (self.labels_changed or 0) + int((labels != self.labels).sum())
        self.labels = labels

    def _rate(self) -> float:
        """Return the learning rate of this batch; it begins anew with a phase that restarts it."""
        place = bisect_right(self.rate_starts, self.batch) - 1
        start, end = self.rate_starts[place : place + 2]
        return self.schedule.rate((self.batch - start) / (end - start))

    @torch.no_grad()
    def trim(self, *, choose: bool) -> None:
        """Zero what is outside the support, in the weights and in the moments of the optimiser; `choose` it anew first."""
        for name, density in self.densities.items():
            weight = self.learner.get_parameter(name)
            if choose or name not in self.masks:
                self.masks[name] = hard_threshold.support(weight, HardThreshold(density))
            moments = self.optimiser.state[weight]
            for tensor in (weight, *(moments[key] for key in ("exp_avg", "exp_avg_sq") if key in moments)):
                tensor.mul_(self.masks[name])

    def finish(self) -> None:
        """Leave the learner with its best weights, within its densities, on the 8-bit grid."""
        if self.best:
            self.learner.load_state_dict(self.best)
        self.trim(choose=False)
        self.learner.round_matrices()
        self.learner.requires_grad_(True)
        with torch.no_grad():
            self.learner.settle(*(self.validation or self.examples.originals()))

    def _offer(self, loss: float) -> None:
        """Keep the present weights if they are no worse than the best of the last phase."""
        self.waited += 1
        if loss <= self.best_loss:
            self.best_loss, self.waited = loss, 0
            self.best = {name: value.detach().clone() for name, value in self.learner.state_dict().items()}

    def _fault(self, rows: torch.Tensor, what: str) -> Fault:
        """Return what stops training, with the rows that are to blame, if any."""
        epoch, batch = len(self.history), (self.batch - 1) % self.batches
        blamed = rows[_not_finite([part for part in self.examples.batch(rows) if part is not None])]
        message = f"Training stopped in epoch {epoch}, batch {batch}: {what}."
        if len(blamed):
            return Fault(f"{message} {self._named(blamed)}", BadData)
        rate = self.schedule.learning_rate
        return Fault(
            f"{message} Give a smaller learning_rate than {rate}, or look at the scale of the features.", BadInput
        )

    def _named(self, blamed: torch.Tensor) -> str:
        """Return what to say of rows that are not finite."""
        drawn = self.examples.drawn
        rows = sorted(blamed.tolist())
        named = [f"{row % drawn}" + (f" (copy {row // drawn})" if row >= drawn else "") for row in rows[:ROWS_NAMED]]
        more = f" and {len(rows) - ROWS_NAMED} more" if len(rows) > ROWS_NAMED else ""
        return f"NaN or infinity in the training rows {', '.join(named)}{more}; clean them, or what the teacher says of them."

    def state(self) -> State:
        """Return all that decides how training goes on; copies."""
        tensors = {"random": self.generator.get_state()}
        if self.labels is not self.given_labels:
            tensors["labels"] = self.labels.clone()
        for name, value in [*self.learner.named_parameters(), *self.learner.named_buffers()]:
            tensors[f"learner.{name}"] = value.detach().clone()
        for name, weight in self.learner.named_parameters():
            for key, value in self.optimiser.state.get(weight, {}).items():
                tensors[f"moments.{name}.{key}"] = value.clone()
        tensors |= {f"mask.{name}": mask.clone() for name, mask in self.masks.items()}
        tensors |= {f"best.{name}": value.clone() for name, value in self.best.items()}
        numbers = {
            "batch": self.batch,
            "phase": self.phase,
            "history": [dict(record) for record in self.history],
            "best_loss": self.best_loss,
            "waited": self.waited,
            "learner": checkpoints.attributes(self.learner),
        }
        return State(tensors, numbers)

    @torch.no_grad()
    def restore(self, state: State) -> None:
        """Go back, or on, to a state."""
        self.generator.set_state(state.tensors["random"])
        self.labels = state.tensors.get("labels", self.given_labels)
        for name, value in [*self.learner.named_parameters(), *self.learner.named_buffers()]:
            value.copy_(state.tensors[f"learner.{name}"])
        self.optimiser.state.clear()
        for name, weight in self.learner.named_parameters():
            moments = state.within(f"moments.{name}.")
            if moments:
                self.optimiser.state[weight] = moments
        self.masks, self.best = state.within("mask."), state.within("best.")
        numbers = state.numbers
        self.batch, self.phase = numbers["batch"], numbers["phase"]
        self.best_loss, self.waited = numbers["best_loss"], numbers["waited"]
        self.history = [dict(record) for record in numbers["history"]]
        for name, value in numbers["learner"].items():
            setattr(self.learner, name, value)
