"""MSC-RNN: a small recurrence that tells clutter from targets, and a second one that names the targets (Roy et al., BuildSys 2019)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from edgewright.errors import BadInput
from edgewright.ir.types import Type
from edgewright.lowering import Builder
from edgewright.nn._instances import (
    EVEN,
    NEVER,
    POLICIES,
    Instances,
    first_sure,
    least,
    loss_of,
    margin,
    probabilities,
    settle_level,
)
from edgewright.nn._layer import Layer
from edgewright.nn._learner import Criterion, Inputs, Learner, normal

CLUTTER, TARGET = 0, 1  # the scores of the lower tier
CLUTTER_SCORE = (
    4.0  # what the cascade says of clutter, beside 0 for the others; alike in size to scores that are learned
)
EXITS = ("none", "window")
ROWS = 200  # at a time where every step of every window is kept


class Tier(nn.Module):
    """A recurrent layer and a linear layer on its states; output: [classes, hidden]."""

    def __init__(self, layer: Layer, classes: int, generator: torch.Generator | None) -> None:
        super().__init__()
        self.layer = layer
        self.output = normal(generator, classes, layer.hidden, deviation=0.2)
        self.output_bias = nn.Parameter(torch.zeros(classes))

    @property
    def learns(self) -> bool:
        """Whether any of its parameters does."""
        return any(weight.requires_grad for weight in self.parameters())


class Cascade(NamedTuple):
    """What a cascade made of rows. scores: [n, classes]; steps: int64 [n], executed in both tiers; targets: bool [n]."""

    scores: torch.Tensor
    steps: torch.Tensor
    targets: torch.Tensor


class MSCRNN(Learner):
    """A cascade of two tiers of recurrent layers; the upper one runs only where the lower one finds a target.

    x: [n, steps, features]. Lower tier: an EMI-RNN of two scores over the windows of a row, `clutter` (a class index) or target; a row is a
    target where some run of `consecutive` windows has more than `level` of its probability on it. Upper tier: a layer over the windows'
    last states, and the scores of all classes, clutter among them, so that it can put right what the lower one let through.
    Rows that are no targets score as clutter. Parts for `Phase.trains`: "lower" and "upper"; each learns from a loss of its own,
    together where both learn. Windows begin with the label of their row until `relabel` makes labels anew by the policy, with
    clutter as background; with `every_step` the lower loss is over all steps, and the upper one over what it says after each window.
    exits: whether windows are left early, "none" or "window"; `confidence` is the probability from which on; `settle` chooses it, and the
    level. hidden, hidden_upper: of the
    tiers; cell, rank_w, rank_u, activations, view_bits: as of `Layer`, for both. Raises BadInput, UnknownName.
    """

    confidence: torch.Tensor
    level: torch.Tensor

    def __init__(
        self,
        features: int,
        classes: int,
        hidden: int,
        generator: torch.Generator | None,
        *,
        hidden_upper: int,
        window: int,
        stride: int,
        clutter: int,
        consecutive: int = 1,
        policy: str = "top-k",
        exits: str = "window",
        cell: str = "fastgrnn",
        rank_w: int | None = None,
        rank_u: int | None = None,
        activations: str = "smooth",
        view_bits: int = 16,
    ) -> None:
        super().__init__()
        for name, given, allowed in (("policy", policy, POLICIES), ("exits", exits, EXITS)):
            if given not in allowed:
                raise BadInput(f"{name} is {given!r}; allowed: {', '.join(allowed)}.")
        if not 0 <= clutter < classes:
            raise BadInput(f"clutter is {clutter!r}; allowed: a class index up to {classes - 1}.")
        self.policy, self.exits, self.clutter, self.classes = policy, exits, clutter, classes
        self.instances = Instances(2, window, stride, consecutive, background=CLUTTER)
        lower, upper = (
            Layer(
                cell,
                wide,
                size,
                generator,
                rank_w=rank_w,
                rank_u=rank_u,
                activations=activations,
                view_bits=view_bits,
            )
            for wide, size in ((features, hidden), (hidden, hidden_upper))
        )
        self.lower, self.upper = Tier(lower, 2, generator), Tier(upper, classes, generator)
        self.register_buffer("confidence", torch.tensor(NEVER))
        self.register_buffer("level", torch.tensor(EVEN))

    @property
    def matrices(self) -> tuple[str, ...]:  # type: ignore[override]  # here they depend on the ranks
        """The parameters held in 8 bits: layer and output of the lower tier, then of the upper."""
        tiers = {"lower": self.lower, "upper": self.upper}
        return tuple(
            f"{tier}.{name}"
            for tier, module in tiers.items()
            for name in (*(f"layer.{matrix}" for matrix in module.layer.matrices), "output")
        )

    def _scores(self, tier: str, states: torch.Tensor) -> torch.Tensor:
        return states @ self.weight(f"{tier}.output").t() + self.get_parameter(f"{tier}.output_bias")

    def _states(self, x: torch.Tensor, every_step: bool) -> torch.Tensor:
        """Return the lower states of the windows, [n, count, hidden], or [n, count, window, hidden] after each step."""
        cut = self.instances.cut(x)
        states: torch.Tensor = self.lower.layer(cut.flatten(0, 1), every_step=every_step, rounded=self.rounded)
        return states.reshape(*cut.shape[:2], *states.shape[1:])

    def _upper(self, states: torch.Tensor, every_step: bool = False) -> torch.Tensor:
        """Return the upper scores [n, classes] of the windows' last states, or [n, count, classes] after each window."""
        return self._scores("upper", self.upper.layer(states, every_step=every_step, rounded=self.rounded))

    def _cascade(self, states: torch.Tensor, steps: torch.Tensor) -> Cascade:
        """Return what both tiers make of the windows' last states, [n, count, hidden], after so many steps, int64 [n]."""
        weighed = self.instances.weighed(torch.softmax(self._scores("lower", states), -1), float(self.level))
        best = self.instances.runs(weighed).amax(1)
        targets = best[:, TARGET] >= best[:, CLUTTER]
        scores = torch.where(targets[:, None], self._upper(states), torch.tensor(self._clutter_scores()))
        return Cascade(scores, steps + targets * states.shape[1], targets)

    def _clutter_scores(self) -> list[float]:
        return [CLUTTER_SCORE * (number == self.clutter) for number in range(self.classes)]

    def forward(self, x: torch.Tensor, hard: bool = False) -> torch.Tensor:
        """Return the scores [n, classes] of the cascade; `hard` leaves windows early."""
        if hard and self._leaves():
            return self.cascade(x).scores
        states = self._states(x, every_step=False)
        return self._cascade(states, torch.full((len(x),), states.shape[1] * self.instances.window)).scores

    @torch.no_grad()
    def cascade(self, x: torch.Tensor) -> Cascade:
        """Return scores, executed steps and whether they are targets of rows, as the device computes them."""
        return self._left(x, float(self.confidence))

    def _left(self, x: torch.Tensor, probability: float) -> Cascade:
        """Return the cascade of rows whose windows are left at a probability."""
        parts = []
        for rows in torch.split(x, ROWS):
            states = self._states(rows, every_step=True)
            last = torch.full(states.shape[:2], states.shape[2] - 1)
            if probability < NEVER:
                last = first_sure(margin(self._scores("lower", states)), self.instances.window_margin(probability))
            at_last = states.gather(2, last[..., None, None].expand(-1, -1, 1, states.shape[-1]))[:, :, 0]
            parts.append(self._cascade(at_last, (last + 1).sum(1)))
        return Cascade(*(torch.cat(part) for part in zip(*parts, strict=True)))

    def _leaves(self) -> bool:
        return self.exits != "none" and float(self.confidence) < NEVER

    def steps_executed(self, x: torch.Tensor) -> torch.Tensor:
        """Return how many steps of both recurrences standardised rows take, int64 [n]."""
        return self.cascade(x).steps

    def labels(self, y: torch.Tensor) -> torch.Tensor:
        """Return clutter or target for every window, as the row is; a single column, which stands for all of them."""
        return self._is_target(y)[:, None]

    def relabelled(self, x: torch.Tensor, y: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Return clutter or target, [n, count], for the windows, made anew by the policy."""
        states = torch.cat([self._states(rows, every_step=False) for rows in torch.split(x, ROWS)])
        shares = torch.softmax(self._scores("lower", states), -1)
        return self.instances.refined(shares, self._is_target(y), labels.expand(shares.shape[:2]), self.policy)

    def _is_target(self, y: torch.Tensor) -> torch.Tensor:
        return torch.where(y == self.clutter, CLUTTER, TARGET)

    def loss(self, x: torch.Tensor, y: torch.Tensor, labels: torch.Tensor, criterion: Criterion) -> torch.Tensor:
        """Return the sum of the losses of the tiers that learn."""
        total = torch.zeros(())
        within = self.every_step and self.lower.learns
        states = self._states(x, within)
        if self.lower.learns:
            total = total + loss_of(self._scores("lower", states), labels, criterion, within)
        if self.upper.learns:
            scores = self._upper(states[:, :, -1] if within else states, self.every_step)
            total = total + loss_of(scores[:, None], y[:, None], criterion, self.every_step)
        return total

    @torch.no_grad()
    def settle(self, x: torch.Tensor, y: torch.Tensor) -> None:
        """Choose the level of clutter, and the least confidence from which on no row more is mistaken than without an early exit."""

        def accuracy(probability: float) -> float:
            return float((self._left(x, probability).scores.argmax(1) == y).double().mean())

        settle_level(self.instances, self.level, lambda: accuracy(NEVER))
        if self.exits != "none":
            above = [tried for tried in probabilities(len(x)) if tried > float(self.level)]
            self.confidence.fill_(least(above, accuracy, NEVER))

    def add_to(self, builder: Builder, x: str, inputs: Inputs) -> str:
        """Append a map of the lower layer over the windows, the lower scores, and the upper tier in a branch."""
        self.instances.count(builder.type(x).shape[0])
        size = {"size": self.instances.window, "stride": self.instances.stride}
        cut = builder.node("windows", "windows", x=x, attributes=size)
        body = Builder("window")
        window = body.input("window", Type(builder.type(cut).shape[1:]))
        head = self._add_exit if self._leaves() else None
        last = self.lower.layer.add_scan(body, window, inputs=inputs, head=head, name="last")
        states = builder.node("scan", "states", x=cut, attributes=_map(body, last))
        target = self._add_target(builder, states)
        branch = Builder("upper")
        read = branch.input("states", builder.type(states))
        named = self.upper.layer.add_scan(branch, read)
        scores = self.product(branch, "upper.output", named, self.array("upper.output_bias"))
        otherwise = builder.constant("clutter", np.array(self._clutter_scores()))
        return builder.node(
            "when",
            "cascade",
            condition=target,
            x=states,
            otherwise=otherwise,
            attributes={"body": branch.finish(scores)},
        )

    def _add_exit(self, body: Builder, state: str) -> tuple[str, str]:
        """Append the lower scores after a step, and whether they are sure; the state goes on."""
        scores = self.product(body, "lower.output", state, self.array("lower.output_bias"))
        threshold = self.instances.window_margin(float(self.confidence))
        return state, body.node("is_confident", "sure", x=scores, attributes={"threshold": threshold})

    def _add_target(self, builder: Builder, states: str) -> str:
        """Append the lower scores of the windows' states, the best run, and whether it is a target: bool of shape (1,)."""
        body = Builder("instance")
        state = body.input("instance", Type(builder.type(states).shape[1:]))
        scores = self.product(body, "lower.output", state, self.array("lower.output_bias"))
        shares = body.node("softmax", "shares", x=scores)
        scale, offset = (
            body.constant("weighed", np.array(values)) for values in self.instances.line(float(self.level))
        )
        weighed = body.node("affine", "shares.weighed", x=shares, scale=scale, offset=offset)
        every = builder.node("scan", "instances", x=states, attributes=_map(body, weighed))
        if self.instances.consecutive > 1:
            size = {"size": self.instances.consecutive, "stride": 1}
            runs = builder.node("windows", "runs", x=every, attributes=size)
            every = builder.node("reduce_sum", "sums", x=runs, attributes={"axis": 1})
        best = builder.node("reduce_max", "best", x=every, attributes={"axis": 0})
        return builder.node("is_confident", "target", x=best, attributes={"threshold": 0.0, "entry": TARGET})


def _map(body: Builder, value: str) -> dict[str, object]:
    """Return the attributes of a scan that gives a value of the body for each entry."""
    return {"body": body.finish(value), "output": "stacked", "reverse": False}


ENTRY = MSCRNN
