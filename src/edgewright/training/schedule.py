"""The one schedule: phases that say what is trimmed and what is rounded, under one learning rate (Kumar et al., ICML 2017)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from edgewright.errors import BadInput, list_problems

TRIMS = ("none", "choose", "keep")
ROUNDINGS = ("none", "weights", "twin")


def raise_where_wrong(given: object, rules: Mapping[str, tuple[object, str]], heading: str) -> None:
    """Raise BadInput that lists the fields which break their rules; rules: name -> (whether it holds, what is allowed)."""
    wrong = [
        f"{name} is {getattr(given, name)!r}; allowed: {rule}." for name, (right, rule) in rules.items() if not right
    ]
    if wrong:
        raise BadInput(list_problems(heading, wrong))


@dataclass(frozen=True)
class Phase:
    """A part of training. Raises BadInput.

    name: for the history. share: of the batches, in proportion to the other phases. trim: what happens to matrices with a
    density: "none", "choose" the largest entries again and again, or "keep" those chosen last. rounding: what the forward pass
    sees, "none" for real weights, "weights" for 8-bit matrices, "twin" for what the device computes, activations and tables
    included (the gradient is that of 8-bit matrices; some twenty times slower). restart: whether the learning rate begins anew,
    with a warm-up. rate: a factor of the learning rate. relabel: whether the learner makes the labels of the training rows anew
    at the start of the phase, from what it says of them then. every_step: whether the loss is over every step of a recurrence
    instead of the last. trains: the parts of the learner that learn, by the names of its child modules; none named for all.
    """

    name: str
    share: float = 1.0
    trim: str = "none"
    rounding: str = "none"
    restart: bool = False
    rate: float = 1.0
    relabel: bool = False
    every_step: bool = False
    trains: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        rules = {
            "share": (0 < self.share < math.inf, "above 0"),
            "trim": (self.trim in TRIMS, " or ".join(TRIMS)),
            "rounding": (self.rounding in ROUNDINGS, " or ".join(ROUNDINGS)),
            "rate": (0 < self.rate < math.inf, "above 0"),
        }
        raise_where_wrong(self, rules, f"The phase {self.name!r} cannot be used:")


DEFAULT_PHASES = (
    Phase("dense"),
    Phase("thresholding", trim="choose"),
    Phase("fixed", trim="keep", rounding="weights"),
)


@dataclass(frozen=True)
class Schedule:
    """How to train. Raises BadInput.

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
    input_noise: float = 0.4
    patience: int | None = None
    phases: tuple[Phase, ...] = DEFAULT_PHASES

    def __post_init__(self) -> None:
        rules = {
            "phases": (self.phases and all(isinstance(phase, Phase) for phase in self.phases), "one Phase or more"),
            "epochs": (self.epochs >= len(self.phases), f"at least {len(self.phases)}, one for each phase"),
            "batch_rows": (self.batch_rows >= 1, "at least 1"),
            "learning_rate": (0 < self.learning_rate < math.inf, "above 0"),
            "warm_up": (0 <= self.warm_up < 1, "a share from 0 to below 1"),
            "last_rate": (0 < self.last_rate <= 1, "a share above 0, at most 1"),
            "trim_every": (self.trim_every >= 1, "at least 1"),
            "input_noise": (0 <= self.input_noise < math.inf, "0 or more"),
            "patience": (self.patience is None or self.patience >= 1, "at least 1, or None"),
        }
        raise_where_wrong(self, rules, "This schedule cannot be used:")

    def rate(self, done: float) -> float:
        """Return the learning rate after a part `done`, 0 to 1, of the batches from one start of it to the next."""
        cosine = self.last_rate + (1 - self.last_rate) * 0.5 * (1 + math.cos(math.pi * done))
        rise = min(1.0, done / self.warm_up) if self.warm_up else 1.0
        return self.learning_rate * rise * cosine

    def starts(self, batches: int) -> list[int]:
        """Return the first batch of each phase, and last the number of all batches."""
        shares = [Fraction(phase.share) for phase in self.phases]
        starts = [math.ceil(sum(shares[:phase]) * batches / sum(shares)) for phase in range(len(shares) + 1)]
        return [min(start, batches - len(shares) + phase) for phase, start in enumerate(starts)]  # none is left out
