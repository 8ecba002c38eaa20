"""Instances: the windows of a row, and what their scores say of the row (Dennis et al., NeurIPS 2018)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from edgewright.errors import BadInput
from edgewright.nn._learner import Criterion

LEFT_OUT = -1  # the label of an instance that counts for nothing
POLICIES = ("top-k", "prune-ends")
EXITS = ("none", "window", "bag")
POOLINGS = ("run", "sum")
PRUNED_AT_ONCE = 3  # instances of a row that prune-ends takes away each time
PROBABILITIES = (0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)  # that are tried for the early exit
NEVER = 1.0  # the probability at which nothing exits
NO_LEAD = 1e6  # the lead at which no row is left; finite, so that it can be stored
LEADS = (
    0.1,
    0.15,
    0.2,
    0.25,
    0.3,
    0.4,
    0.5,
    0.6,
    0.7,
    0.8,
    0.9,
    1.2,
    1.6,
    2.0,
    2.5,
    3.0,
    4.0,
)  # tried, up to `consecutive`
LEADS_OF_SUM = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 8.0)  # tried where scores are added up
FEW_ROWS = 50  # so few rows cannot show that a low threshold costs nothing; then only what is from here on is tried:
SURE_PROBABILITY, SURE_LEAD_OF_SUM = 0.8, 2.5
LEVELS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9)
EVEN = 0.5  # the level until one is chosen

Accuracy = Callable[[float], float]


@dataclass(frozen=True)
class Instances:
    """How a row becomes instances and these answer for it. Raises BadInput.

    window, stride: of an instance, in steps; what is left at the end is dropped. consecutive: instances next to each other that together
    hold a signature. background: the class of which every row has some, None where no class is.
    """

    classes: int
    window: int
    stride: int
    consecutive: int = 1
    background: int | None = None

    def __post_init__(self) -> None:
        for name in ("window", "stride", "consecutive"):
            if not getattr(self, name) >= 1:
                raise BadInput(f"{name} is {getattr(self, name)!r}; allowed: a whole number from 1 on.")
        if self.background is not None and not 0 <= self.background < self.classes:
            raise BadInput(
                f"background is {self.background!r}; allowed: a class index up to {self.classes - 1}, or None."
            )

    def count(self, steps: int) -> int:
        """Return the number of instances of a row. Raises BadInput where it has too few for a signature."""
        found = (steps - self.window) // self.stride + 1
        if steps < self.window or found < self.consecutive:
            least = self.window + (self.consecutive - 1) * self.stride
            raise BadInput(
                f"A row has {steps} steps, and {self.consecutive} windows of {self.window} steps, {self.stride} apart, need {least}. "
                f"Give a smaller window, stride or consecutive, or longer rows."
            )
        return found

    def cut(self, x: torch.Tensor) -> torch.Tensor:
        """Return the instances [n, count, window, features] of rows [n, steps, features]."""
        self.count(x.shape[1])
        return x.unfold(1, self.window, self.stride).transpose(2, 3)

    def weighed(self, shares: torch.Tensor, level: float) -> torch.Tensor:
        """Return the probabilities [..., classes] of instances as they are added up: the background's is `level` in each.

        So a row is of the background unless another class has more than that of the probability in some run of instances.
        """
        if self.background is None:
            return shares
        scale, offset = (torch.tensor(numbers, dtype=shares.dtype) for numbers in self.line(level))
        return shares * scale + offset

    def line(self, level: float) -> tuple[list[float], list[float]]:
        """Return the scale and the offset of each class by which probabilities are weighed."""
        own = [float(number == self.background) for number in range(self.classes)]
        return [1.0 - entry for entry in own], [entry * level for entry in own]

    def runs(self, weighed: torch.Tensor) -> torch.Tensor:
        """Return the sums [n, runs, classes] over each so many consecutive instances [n, count, classes]."""
        return weighed.unfold(1, self.consecutive, 1).sum(-1)

    def window_margin(self, probability: float) -> float:
        """Return the distance of the best score of an instance from the second at which its softmax is surely that large."""
        return math.log(max(self.classes - 1, 1) * probability / (1 - probability))

    def leads(self, sums: torch.Tensor) -> torch.Tensor:
        """Return by how much the best of sums [..., classes] is above the second, 0 for the background: later instances may deny it."""
        if self.background is None:
            return margin(sums)
        return margin(torch.cat([sums, sums[..., self.background, None]], -1))

    def refined(self, shares: torch.Tensor, y: torch.Tensor, labels: torch.Tensor, policy: str) -> torch.Tensor:
        """Return labels [n, count] made anew from the probabilities [n, count, classes] of instances.

        y: [n], the class of each row. "top-k": the run with the largest sum for y keeps it. "prune-ends": of what has it now, up to three
        instances are taken away at the ends, the less probable end first, while y is not the most probable class there and a
        run remains. All others are background, or left out where there is none. Raises BadInput for another policy.
        """
        own = shares.gather(2, y[:, None, None].expand(-1, shares.shape[1], 1))[..., 0]
        if policy == "top-k":
            first = own.unfold(1, self.consecutive, 1).sum(-1).argmax(1)[:, None]
            place = torch.arange(own.shape[1])
            kept = (place >= first) & (place < first + self.consecutive)
        elif policy == "prune-ends":
            kept = self._pruned(own, shares.argmax(2) != y[:, None], labels == y[:, None])
        else:
            raise BadInput(f"policy is {policy!r}; allowed: {' and '.join(POLICIES)}.")
        outside = LEFT_OUT if self.background is None else self.background
        made = torch.where(kept, y[:, None], outside)
        return made if self.background is None else torch.where(y[:, None] == self.background, y[:, None], made)

    def _pruned(self, own: torch.Tensor, denied: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
        rows, last = torch.arange(len(own)), own.shape[1] - 1
        for _ in range(PRUNED_AT_ONCE):
            left, right = kept.int().argmax(1), last - kept.flip(1).int().argmax(1)
            sure = torch.stack([torch.where(denied[rows, end], 1 - own[rows, end], -1.0) for end in (left, right)])
            end = torch.where(sure[0] >= sure[1], left, right)
            taken = (sure.amax(0) >= 0) & (kept.sum(1) > self.consecutive)
            kept = kept.clone()
            kept[rows[taken], end[taken]] = False
        return kept


def loss_of(scores: torch.Tensor, labels: torch.Tensor, criterion: Criterion, every_step: bool) -> torch.Tensor:
    """Return the loss of windows with labels [n, count] or [n, 1] for all, over their scores [n, count, classes].

    every_step: the scores are [n, count, window, classes], and the last step is worth as much as all together: where a row is not left
    early that one decides, and what early steps cannot know yet should not cost it.
    """
    labels = labels.expand(scores.shape[:2])
    if not every_step:
        return criterion(scores, labels)
    return (criterion(scores, labels) + criterion(scores[:, :, -1], labels)) / 2


@dataclass(frozen=True)
class Left:
    """What rows came to where they were left early. scores: [n, classes]; steps: int64 [n], executed."""

    scores: torch.Tensor
    steps: torch.Tensor


def first_sure(margins: torch.Tensor, threshold: float) -> torch.Tensor:
    """Return the first place [n, ...] along the last axis where a margin is at least the threshold, else the last."""
    sure = margins >= threshold
    return torch.where(sure.any(-1), sure.int().argmax(-1), margins.shape[-1] - 1)


def margin(scores: torch.Tensor) -> torch.Tensor:
    """Return the largest less the second largest entry of the last axis."""
    best = scores.topk(2, -1).values
    return best[..., 0] - best[..., 1]


def settle_level(instances: Instances, level: torch.Tensor, accuracy: Callable[[], float]) -> None:
    """Choose the level of the background, if there is one, in place: the middle of those with the best accuracy.

    accuracy(): of validation rows with the level as it is, where nothing is left early.
    """
    if instances.background is None:
        return
    found = {}
    for tried in LEVELS:
        level.fill_(tried)
        found[tried] = accuracy()
    best = [tried for tried in LEVELS if found[tried] == max(found.values())]
    level.fill_(best[len(best) // 2])


def least(ladder: Sequence[float], accuracy: Accuracy, otherwise: float) -> float:
    """Return the least threshold of an ascending ladder from which on no larger one makes more mistakes than `otherwise` does.

    accuracy(threshold): of validation rows left early at it. otherwise: the threshold at which nothing is, returned where none will do.
    """
    needed, chosen = accuracy(otherwise), otherwise
    for threshold in reversed(ladder):
        if accuracy(threshold) < needed:
            break
        chosen = threshold
    return chosen


def probabilities(rows: int) -> tuple[float, ...]:
    """Return the probabilities that are worth trying on so many validation rows, ascending."""
    return _from(PROBABILITIES, SURE_PROBABILITY, rows)


def leads(pooling: str, instances: Instances, level: float, rows: int) -> tuple[float, ...]:
    """Return the leads that are worth trying on so many validation rows, ascending; level: of the background."""
    if pooling == "sum":
        return _from(LEADS_OF_SUM, SURE_LEAD_OF_SUM, rows)
    second = 1 - SURE_PROBABILITY if instances.background is None else max(level, 1 - SURE_PROBABILITY)
    return tuple(tried for tried in _from(LEADS, SURE_PROBABILITY - second, rows) if tried <= instances.consecutive)


def _from(ladder: tuple[float, ...], sure: float, rows: int) -> tuple[float, ...]:
    return ladder if rows >= FEW_ROWS else tuple(tried for tried in ladder if tried >= sure)
