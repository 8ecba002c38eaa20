"""EMI-RNN: windows of a long row, the tell-tale ones found while learning, left as soon as it is sure (Dennis et al., NeurIPS 2018)."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from edgewright.errors import BadInput
from edgewright.ir.types import Type
from edgewright.lowering import Builder
from edgewright.nn._instances import (
    EVEN,
    EXITS,
    NEVER,
    POLICIES,
    Instances,
    Left,
    first_sure,
    loss_of,
    margin,
    settle,
)
from edgewright.nn._layer import Layer
from edgewright.nn._learner import Criterion, Inputs, Learner, normal

ROWS = 200  # at a time where every step of every window is kept


class EMIRNN(Learner):
    """One recurrent layer over each window of a row, and a linear layer on its last state.

    x: [n, steps, features]. The scores [n, classes] of a row are the largest sums, over each `consecutive` windows next to each other, of
    the softmax of the windows' scores; the `background` class, if there is one, counts for `level` in each window. In training every
    window is a case of its own: its label is the row's until `relabel` makes labels anew by the policy "top-k" or
    "prune-ends"; with `every_step` the loss is over all its steps.
    exits: where a row is left early, "none", "window" (each window) or "bag" (also the row, at the first run of windows that is sure);
    `confidence` is the probability from which on it is sure; `settle` chooses it, and the level. cell, hidden, rank_w, rank_u, activations,
    view_bits: as of `Layer`. Raises BadInput, UnknownName.
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
        window: int,
        stride: int,
        consecutive: int = 1,
        background: int | None = None,
        policy: str = "top-k",
        exits: str = "bag",
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
        self.policy, self.exits = policy, exits
        self.instances = Instances(classes, window, stride, consecutive, background)
        self.layer = Layer(
            cell,
            features,
            hidden,
            generator,
            rank_w=rank_w,
            rank_u=rank_u,
            activations=activations,
            view_bits=view_bits,
        )
        self.output = normal(generator, classes, hidden, deviation=0.2)
        self.output_bias = nn.Parameter(torch.zeros(classes))
        self.register_buffer("confidence", torch.tensor(NEVER))
        self.register_buffer("level", torch.tensor(EVEN))

    @property
    def matrices(self) -> tuple[str, ...]:  # type: ignore[override]  # here they depend on the ranks
        """The parameters held in 8 bits: those of the layer, then the output's."""
        return (*(f"layer.{name}" for name in self.layer.matrices), "output")

    def window_scores(self, x: torch.Tensor, every_step: bool = False) -> torch.Tensor:
        """Return the scores [n, count, classes] of the windows of rows, or [n, count, window, classes] after each step."""
        cut = self.instances.cut(x)
        states: torch.Tensor = self.layer(cut.flatten(0, 1), every_step=every_step, rounded=self.rounded)
        scores = states @ self.weight("output").t() + self.output_bias
        return scores.reshape(*cut.shape[:2], *scores.shape[1:])

    def forward(self, x: torch.Tensor, hard: bool = False) -> torch.Tensor:
        """Return the scores [n, classes] of rows; `hard` leaves them early."""
        if hard and self._leaves():
            return self.leave(x).scores
        shares = torch.softmax(self.window_scores(x), -1)
        return self.instances.runs(self.instances.weighed(shares, float(self.level))).amax(1)

    def labels(self, y: torch.Tensor) -> torch.Tensor:
        """Return the class of the row for every window; a single column, which stands for all of them."""
        return y[:, None]

    def relabelled(self, x: torch.Tensor, y: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Return the labels [n, count] of the windows made anew by the policy; -1 for those that are left out."""
        shares = torch.cat([torch.softmax(self.window_scores(rows), -1) for rows in torch.split(x, ROWS)])
        return self.instances.refined(shares, y, labels.expand(shares.shape[:2]), self.policy)

    def loss(self, x: torch.Tensor, y: torch.Tensor, labels: torch.Tensor, criterion: Criterion) -> torch.Tensor:
        """Return what is minimised over the windows, or over each of their steps."""
        return loss_of(self.window_scores(x, self.every_step), labels, criterion, self.every_step)

    @torch.no_grad()
    def leave(self, x: torch.Tensor) -> Left:
        """Return scores and executed steps of rows that are left early."""
        parts = [
            self._left(self.window_scores(rows, every_step=True), float(self.confidence))
            for rows in torch.split(x, ROWS)
        ]
        return Left(torch.cat([part.scores for part in parts]), torch.cat([part.steps for part in parts]))

    @torch.no_grad()
    def settle(self, x: torch.Tensor, y: torch.Tensor) -> None:
        """Choose the level of the background, and the least confidence from which on no row more is mistaken than without an early exit."""
        scores = torch.cat([self.window_scores(rows, every_step=True) for rows in torch.split(x, ROWS)])

        def accuracy(probability: float) -> float:
            return float((self._left(scores, probability).scores.argmax(1) == y).double().mean())

        settle(self.instances, self.level, self.confidence, accuracy, self.exits != "none")

    def _leaves(self) -> bool:
        return self.exits != "none" and float(self.confidence) < NEVER

    def _left(self, scores: torch.Tensor, probability: float) -> Left:
        """Return what the scores [n, count, window, classes] after each step come to where rows are left at a probability."""
        instances = self.instances
        leaves = probability < NEVER
        window = scores.shape[2]
        last = torch.full(scores.shape[:2], window - 1)
        if leaves:
            last = first_sure(margin(scores), instances.window_margin(probability))
        at_last = scores.gather(2, last[..., None, None].expand(-1, -1, 1, scores.shape[-1]))[:, :, 0]
        weighed = instances.weighed(torch.softmax(at_last, -1), float(self.level))
        steps = (last + 1).cumsum(1)
        if not leaves or self.exits == "window":
            return Left(instances.runs(weighed).amax(1), steps[:, -1])
        started = torch.nn.functional.pad(weighed, (0, 0, instances.consecutive - 1, 0))
        runs = instances.runs(started)
        end = first_sure(margin(runs), instances.run_margin(probability, float(self.level)))[:, None]
        best = runs.cummax(1).values.gather(1, end[..., None].expand(-1, -1, runs.shape[-1]))
        return Left(best[:, 0], steps.gather(1, end)[:, 0])

    def steps_executed(self, x: torch.Tensor) -> torch.Tensor:
        """Return how many steps of the recurrence standardised rows take, int64 [n]."""
        if self._leaves():
            return self.leave(x).steps
        return torch.full((len(x),), self.instances.count(x.shape[1]) * self.instances.window)

    def add_to(self, builder: Builder, x: str, inputs: Inputs) -> str:
        """Append the windows, the recurrence over each of them, and the best run.

        A map over the windows; where the row is left early, a loop over them that carries the best sums and the last windows' shares.
        """
        steps, _ = builder.type(x).shape
        self.instances.count(steps)
        size = {"size": self.instances.window, "stride": self.instances.stride}
        cut = builder.node("windows", "windows", x=x, attributes=size)
        if self.exits == "bag" and self._leaves():
            return self._add_loop(builder, cut, inputs)
        body = Builder("window")
        shares = self._add_window(body, body.input("window", Type(builder.type(cut).shape[1:])), inputs)
        stacked = {"body": body.finish(shares), "output": "stacked", "reverse": False}
        every = builder.node("scan", "instances", x=cut, attributes=stacked)
        if self.instances.consecutive > 1:
            size = {"size": self.instances.consecutive, "stride": 1}
            runs = builder.node("windows", "runs", x=every, attributes=size)
            every = builder.node("reduce_sum", "sums", x=runs, attributes={"axis": 1})
        return builder.node("reduce_max", "best", x=every, attributes={"axis": 0})

    def _add_window(self, body: Builder, window: str, inputs: Inputs) -> str:
        """Append the recurrence over one window and return its shares, weighed."""
        if self._leaves():
            scores = self.layer.add_scan(body, window, inputs=inputs, head=self._add_exit, name="scores")
        else:
            last = self.layer.add_scan(body, window, inputs=inputs)
            scores = self.product(body, "output", last, self.array("output_bias"))
        shares = body.node("softmax", "shares", x=scores)
        if self.instances.background is None:
            return shares
        scale, offset = (
            body.constant("weighed", np.array(values)) for values in self.instances.line(float(self.level))
        )
        return body.node("affine", "shares.weighed", x=shares, scale=scale, offset=offset)

    def _add_exit(self, body: Builder, state: str) -> tuple[str, str]:
        """Append the scores after a step, and whether they are sure."""
        scores = self.product(body, "output", state, self.array("output_bias"))
        threshold = self.instances.window_margin(float(self.confidence))
        return scores, body.node("is_confident", "sure", x=scores, attributes={"threshold": threshold})

    def _add_loop(self, builder: Builder, cut: str, inputs: Inputs) -> str:
        """Append the loop over windows that ends with the first run that is sure."""
        instances = self.instances
        consecutive, classes = instances.consecutive, instances.classes
        body = Builder("window")
        window = body.input("window", Type(builder.type(cut).shape[1:]))
        best = body.state("best", Type((classes,)))
        sums = shares = self._add_window(body, window, inputs)
        if consecutive > 1:
            before = body.state("before", Type((consecutive - 1, classes)))
            row = body.node("reshape", "row", x=shares, attributes={"shape": (1, classes)})
            run = body.node("concatenate", "run", a=before, b=row, attributes={"axis": 0})
            after = body.node("slice", "after", x=run, attributes={"axis": 0, "start": 1, "length": consecutive - 1})
            body.carry(before, body.node("rescale", "before.next", x=after, attributes={"dtype": "int16"}))
            sums = body.node("reduce_sum", "sums", x=run, attributes={"axis": 0})
        rows = [
            body.node("reshape", f"{name}.row", x=value, attributes={"shape": (1, classes)})
            for name, value in (("best", best), ("sums", sums))
        ]
        both = body.node("concatenate", "both", a=rows[0], b=rows[1], attributes={"axis": 0})
        larger = body.node("reduce_max", "larger", x=both, attributes={"axis": 0})
        following = body.node("rescale", "best.next", x=larger, attributes={"dtype": "int16"})
        body.carry(best, following)
        threshold = instances.run_margin(float(self.confidence), float(self.level))
        until = body.node("is_confident", "sure", x=sums, attributes={"threshold": threshold})
        loop = {"body": body.finish(following), "output": "last", "reverse": False, "until": until}
        return builder.node("scan", "bag", x=cut, attributes=loop)


ENTRY = EMIRNN
