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
    NO_LEAD,
    POLICIES,
    POOLINGS,
    Instances,
    Left,
    first_sure,
    leads,
    least,
    loss_of,
    margin,
    probabilities,
    settle_level,
)
from edgewright.nn._layer import Layer
from edgewright.nn._learner import Criterion, Inputs, Learner, normal

ROWS = 200  # at a time where every step of every window is kept


class EMIRNN(Learner):
    """One recurrent layer over each window of a row, and a linear layer on its last state.

    x: [n, steps, features]. pooling: how the windows speak for a row, scores [n, classes]. "run": the largest sums, over each
    `consecutive` windows next to each other, of the softmax of their scores, for rows of which only a part tells the class; the
    `background` class, if there is one, counts for `level` in each window. "sum": the sum of the scores of all windows, which are
    log-probabilities up to a constant, for rows that are of their class throughout: every window adds evidence (Wald, Annals of
    Mathematical Statistics 1945). In training every window is a case of its own: its label is the row's until `relabel` makes
    labels anew by the policy "top-k" or "prune-ends"; with `every_step` the loss is over all its steps.
    exits: where a row is left early, "none", "window" (each window) or "bag" (also the row). `confidence` is the probability from
    which on a window is left; `lead` by how much the best sum, over the last `consecutive` windows or all so far, must be above
    the second for the row to be left, which may be after the first window; it never is for the background. `settle` takes both
    as given here, or chooses them; until then nothing is left early. cell, hidden, rank_w, rank_u, activations, view_bits: as of
    `Layer`. Raises BadInput, UnknownName.
    """

    confidence: torch.Tensor
    lead: torch.Tensor
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
        pooling: str = "run",
        policy: str = "top-k",
        exits: str = "bag",
        confidence: float | None = None,
        lead: float | None = None,
        cell: str = "fastgrnn",
        rank_w: int | None = None,
        rank_u: int | None = None,
        activations: str = "smooth",
        view_bits: int = 16,
    ) -> None:
        super().__init__()
        choices = (("pooling", pooling, POOLINGS), ("policy", policy, POLICIES), ("exits", exits, EXITS))
        for name, given, allowed in choices:
            if given not in allowed:
                raise BadInput(f"{name} is {given!r}; allowed: {', '.join(allowed)}.")
        if pooling == "sum" and background is not None:
            raise BadInput(
                'pooling="sum" adds up what all windows say, and background says that most say nothing. Give one of them.'
            )
        _check_thresholds(exits, confidence, lead)
        self.pooling, self.policy, self.exits = pooling, policy, exits
        self.given = {"confidence": confidence, "lead": lead}
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
        self.register_buffer("lead", torch.tensor(NO_LEAD))
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
        if hard and (self._leaves_windows() or self._leaves_rows()):
            return self.leave(x).scores
        scores = self.window_scores(x)
        return scores.sum(1) if self.pooling == "sum" else self._best(scores)

    def _weighed(self, scores: torch.Tensor) -> torch.Tensor:
        """Return what the scores [n, count, classes] of windows add to runs."""
        return self.instances.weighed(torch.softmax(scores, -1), float(self.level))

    def _best(self, scores: torch.Tensor) -> torch.Tensor:
        """Return the largest sums [n, classes] of a run, of the scores [n, count, classes] of windows."""
        return self.instances.runs(self._weighed(scores)).amax(1)

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
            self._left(self.window_scores(rows, every_step=True), *self._thresholds()) for rows in torch.split(x, ROWS)
        ]
        return Left(torch.cat([part.scores for part in parts]), torch.cat([part.steps for part in parts]))

    @torch.no_grad()
    def settle(self, x: torch.Tensor, y: torch.Tensor) -> None:
        """Choose the level of the background, then, unless given, the lead of the row and the confidence of a window.

        Each is the least from which on no row more is mistaken than without it; with few rows only high ones are tried.
        """
        scores = torch.cat([self.window_scores(rows, every_step=True) for rows in torch.split(x, ROWS)])

        def accuracy(confidence: float, lead: float) -> float:
            return float((self._left(scores, confidence, lead).scores.argmax(1) == y).double().mean())

        settle_level(self.instances, self.level, lambda: accuracy(NEVER, NO_LEAD))
        lead, confidence = self.given["lead"], self.given["confidence"]
        if self.exits == "bag":
            ladder = leads(self.pooling, self.instances, float(self.level), len(x))
            self.lead.fill_(least(ladder, lambda tried: accuracy(NEVER, tried), NO_LEAD) if lead is None else lead)
        if self.exits != "none":
            ladder, chosen = probabilities(len(x)), float(self.lead)
            if confidence is None:
                confidence = least(ladder, lambda tried: accuracy(tried, chosen), NEVER)
            self.confidence.fill_(confidence)

    def _thresholds(self) -> tuple[float, float]:
        """Return the confidence and the lead, or what is never reached where nothing is left early."""
        confidence = NEVER if self.exits == "none" else float(self.confidence)
        return confidence, float(self.lead) if self.exits == "bag" else NO_LEAD

    def _leaves_windows(self) -> bool:
        return self._thresholds()[0] < NEVER

    def _leaves_rows(self) -> bool:
        return self._thresholds()[1] < NO_LEAD

    def _left(self, scores: torch.Tensor, confidence: float, lead: float) -> Left:
        """Return what the scores [n, count, window, classes] after each step come to where windows and rows are left."""
        instances = self.instances
        last = torch.full(scores.shape[:2], scores.shape[2] - 1)
        if confidence < NEVER:
            last = first_sure(margin(scores), instances.window_margin(confidence))
        at_last = scores.gather(2, last[..., None, None].expand(-1, -1, 1, scores.shape[-1]))[:, :, 0]
        steps = (last + 1).cumsum(1)
        if self.pooling == "sum":
            sums = at_last.cumsum(1)
            end = first_sure(margin(sums), lead)[:, None]
            return Left(_at(sums, end), steps.gather(1, end)[:, 0])
        if not lead < NO_LEAD:
            return Left(self._best(at_last), steps[:, -1])
        started = torch.nn.functional.pad(self._weighed(at_last), (0, 0, instances.consecutive - 1, 0))
        runs = instances.runs(started)
        end = first_sure(instances.leads(runs), lead)[:, None]
        return Left(_at(runs.cummax(1).values, end), steps.gather(1, end)[:, 0])

    def steps_executed(self, x: torch.Tensor) -> torch.Tensor:
        """Return how many steps of the recurrence standardised rows take, int64 [n]."""
        return self.leave(x).steps

    def add_to(self, builder: Builder, x: str, inputs: Inputs) -> str:
        """Append the windows, the recurrence over each of them, and the best run.

        A map over the windows; where the row is left early, a loop over them that carries the best sums and the last windows' shares.
        """
        steps, _ = builder.type(x).shape
        self.instances.count(steps)
        size = {"size": self.instances.window, "stride": self.instances.stride}
        cut = builder.node("windows", "windows", x=x, attributes=size)
        if self._leaves_rows():
            return self._add_loop(builder, cut, inputs)
        body = Builder("window")
        shares = self._add_window(body, body.input("window", Type(builder.type(cut).shape[1:])), inputs)
        stacked = {"body": body.finish(shares), "output": "stacked", "reverse": False}
        every = builder.node("scan", "instances", x=cut, attributes=stacked)
        if self.pooling == "sum":
            return builder.node("reduce_sum", "sums", x=every, attributes={"axis": 0})
        if self.instances.consecutive > 1:
            size = {"size": self.instances.consecutive, "stride": 1}
            runs = builder.node("windows", "runs", x=every, attributes=size)
            every = builder.node("reduce_sum", "sums", x=runs, attributes={"axis": 1})
        return builder.node("reduce_max", "best", x=every, attributes={"axis": 0})

    def _add_window(self, body: Builder, window: str, inputs: Inputs) -> str:
        """Append the recurrence over one window and return what it adds: its scores, or its shares, weighed."""
        if self._leaves_windows():
            scores = self.layer.add_scan(body, window, inputs=inputs, head=self._add_exit, name="scores")
        else:
            last = self.layer.add_scan(body, window, inputs=inputs)
            scores = self.product(body, "output", last, self.array("output_bias"))
        if self.pooling == "sum":
            return scores
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
        body = Builder("window")
        window = body.input("window", Type(builder.type(cut).shape[1:]))
        kept = body.state("kept", Type((instances.classes,)))
        added = self._add_window(body, window, inputs)
        if self.pooling == "sum":
            sums = following = body.node("add", "sums", a=kept, b=added)
        else:
            sums = self._add_run(body, added)
            rows = [
                body.node("reshape", f"{name}.row", x=value, attributes={"shape": (1, instances.classes)})
                for name, value in (("kept", kept), ("sums", sums))
            ]
            both = body.node("concatenate", "both", a=rows[0], b=rows[1], attributes={"axis": 0})
            following = body.node("reduce_max", "larger", x=both, attributes={"axis": 0})
        following = body.node("rescale", "kept.next", x=following, attributes={"dtype": "int16"})
        body.carry(kept, following)
        if instances.background is not None:  # twice there, it never leads
            again = {"axis": 0, "start": instances.background, "length": 1}
            background = body.node("slice", "background", x=sums, attributes=again)
            sums = body.node("concatenate", "contest", a=sums, b=background, attributes={"axis": 0})
        until = body.node("is_confident", "sure", x=sums, attributes={"threshold": float(self.lead)})
        loop = {"body": body.finish(following), "output": "last", "reverse": False, "until": until}
        return builder.node("scan", "bag", x=cut, attributes=loop)

    def _add_run(self, body: Builder, shares: str) -> str:
        """Append the sum of a window's shares and those of the windows before that make a run with it."""
        consecutive, classes = self.instances.consecutive, self.instances.classes
        if consecutive == 1:
            return shares
        before = body.state("before", Type((consecutive - 1, classes)))
        row = body.node("reshape", "row", x=shares, attributes={"shape": (1, classes)})
        run = body.node("concatenate", "run", a=before, b=row, attributes={"axis": 0})
        after = body.node("slice", "after", x=run, attributes={"axis": 0, "start": 1, "length": consecutive - 1})
        body.carry(before, body.node("rescale", "before.next", x=after, attributes={"dtype": "int16"}))
        return body.node("reduce_sum", "sums", x=run, attributes={"axis": 0})


def _at(values: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Return the values [n, classes] at places [n, 1] of [n, count, classes]."""
    return values.gather(1, places[..., None].expand(-1, -1, values.shape[-1]))[:, 0]


def _check_thresholds(exits: str, confidence: float | None, lead: float | None) -> None:
    """Raise BadInput for thresholds that cannot be, or that nothing reads."""
    if confidence is not None and not 0 < confidence < 1:
        raise BadInput(
            f"confidence is {confidence!r}; allowed: a probability between 0 and 1, or None to have it chosen."
        )
    if lead is not None and not lead > 0:
        raise BadInput(f"lead is {lead!r}; allowed: a number above 0, or None to have it chosen.")
    unread = [
        name
        for name, given, readers in (("confidence", confidence, EXITS[1:]), ("lead", lead, EXITS[2:]))
        if given is not None and exits not in readers
    ]
    if unread:
        raise BadInput(
            f'{" and ".join(unread)} would change nothing, as exits is {exits!r}. Leave it out, or give exits="bag".'
        )


ENTRY = EMIRNN
