"""FastGRNN: one gated cell whose gate and candidate share their matrices (Kusupati et al., NeurIPS 2018)."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from edgewright.compress import low_rank
from edgewright.compress.low_rank import LowRank
from edgewright.ir.graph import Graph
from edgewright.ir.types import Type
from edgewright.lowering import Builder
from edgewright.nn import recurrence
from edgewright.nn._learner import Floats, Inputs, Learner, dense, normal


class FastGRNN(Learner):
    """A recurrent cell over the steps of a sequence, and a linear layer on its last state.

    x: [n, steps, features]. p = W x_t + U h; z = sigmoid(p + gate_bias); c = tanh(p + candidate_bias);
    h' = z * h + (sigmoid(zeta) (1 - z) + sigmoid(nu)) * c; scores = output h + output_bias.
    W: [hidden, features]; U: [hidden, hidden]; output: [classes, hidden]. view_bits: 16, or 8 where the product U h is to read h
    rounded to 8 bits on the device; h itself keeps 16, so that small changes are not lost. rank_w, rank_u: None for a whole matrix;
    with a rank W = W1 W2, or U = U1 U2, and the factors are what is learned, rounded and stored. Raises BadInput for a rank above
    the smaller side of its matrix.
    """

    def __init__(
        self,
        features: int,
        classes: int,
        hidden: int,
        generator: torch.Generator | None,
        view_bits: int = 16,
        rank_w: int | None = None,
        rank_u: int | None = None,
    ) -> None:
        super().__init__()
        self.view_bits = view_bits
        self.factors = {
            "W": self._start("W", normal(generator, hidden, features, deviation=0.2), rank_w),
            "U": self._start("U", normal(generator, hidden, hidden, deviation=0.1), rank_u),
        }
        self.gate_bias = nn.Parameter(torch.ones(hidden))
        self.candidate_bias = nn.Parameter(torch.zeros(hidden))
        self.zeta = nn.Parameter(torch.tensor(1.0))
        self.nu = nn.Parameter(torch.tensor(-4.0))
        self.output = normal(generator, classes, hidden, deviation=0.2)
        self.output_bias = nn.Parameter(torch.zeros(classes))

    @property
    def matrices(self) -> tuple[str, ...]:  # type: ignore[override]  # here they depend on the ranks
        """The parameters held in 8 bits: first those that make up W, the first of which reads the features."""
        return (*self.factors["W"], *self.factors["U"], "output")

    def _start(self, name: str, weight: nn.Parameter, rank: int | None) -> tuple[str, ...]:
        """Register W or U as drawn, or the factors that come nearest to it, and return the names in the order of use."""
        rows, columns = weight.shape
        names = tuple(stored_shapes(name, rows, columns, rank))
        values = (weight.detach(),) if rank is None else low_rank.factors(weight, LowRank(rank))[::-1]
        for part, value in zip(names, values, strict=True):
            self.register_parameter(part, nn.Parameter(value))
        return names

    def _whole(self, name: str) -> torch.Tensor:
        """Return W or U as the forward pass sees it: one matrix, as the recurrence takes it."""
        first, *rest = (self.weight(part) for part in self.factors[name])
        return rest[0] @ first if rest else first

    def forward(self, x: torch.Tensor, hard: bool = False) -> torch.Tensor:
        """Return the scores [n, classes]; `hard` makes no difference."""
        zeta, nu = torch.sigmoid(self.zeta), torch.sigmoid(self.nu)
        state = recurrence.fastgrnn(
            x, self._whole("W"), self._whole("U"), self.gate_bias, self.candidate_bias, zeta, nu
        )
        return state @ self.weight("output").t() + self.output_bias

    def add_to(self, builder: Builder, x: str, inputs: Inputs) -> str:
        """Append a scan of the cell over the steps, and the linear layer on its last state."""
        steps, features = builder.type(x).shape
        body = self._step(steps, features, inputs)
        last = builder.node("scan", "last", x=x, attributes={"body": body, "output": "last", "reverse": False})
        return self.product(builder, "output", last, self.array("output_bias"))

    def _step(self, steps: int, features: int, inputs: Inputs) -> Graph:
        """Return one of so many steps as a graph: features in, the next state out.

        The cell adds the biases, and what the mean of the inputs comes to where it folds: so neither product has one.
        """
        body = Builder("cell")
        step = body.input("step", Type((features,)))
        gate_bias = self.array("gate_bias")
        state = body.state("state", Type((len(gate_bias),)))
        from_step, from_mean = self._from_step(body, step, inputs)
        from_state = state
        if self.view_bits == 8:
            from_state = body.node("rescale", "view", x=state, attributes={"dtype": "int8"})
        for name in self.factors["U"]:
            from_state = self.product(body, name, from_state)
        zeta, nu = (1 / (1 + np.exp(-self.array(name))) for name in ("zeta", "nu"))
        following = body.node(
            "fastgrnn_cell",
            "next",
            attributes={"steps": steps},
            a=from_step,
            b=from_state,
            h=state,
            gate_bias=body.constant("gate.bias", gate_bias - from_mean),
            bias=body.constant("candidate.bias", self.array("candidate_bias") - gate_bias),
            rates=body.constant("rates", np.array([zeta, nu])),
        )
        body.carry(state, following)
        return body.finish(following)

    def _from_step(self, body: Builder, step: str, inputs: Inputs) -> tuple[str, Floats]:
        """Append W x, without a bias, and return it and what the mean of the inputs comes to in it where that folds, else 0."""
        first, *rest = self.factors["W"]
        weight = self.array(first)
        none = np.zeros(len(weight))
        if inputs.folds:
            folded = weight / inputs.scale
            value, from_mean = dense(body, first, folded, none, step), folded @ inputs.mean
        else:
            value, from_mean = self.first_product(body, first, step, none, inputs), none
        for name in rest:
            value, from_mean = self.product(body, name, value), self.array(name) @ from_mean
        return value, from_mean


def stored_shapes(name: str, rows: int, columns: int, rank: int | None) -> dict[str, tuple[int, int]]:
    """Return the names and shapes of what a matrix, "W" or "U", is stored as: itself, or its factors in the order of use.

    Raises BadInput for a rank above the smaller side.
    """
    if rank is None:
        return {name: (rows, columns)}
    low_rank.check(f"rank_{name.lower()}", rank, rows, columns)
    return {f"{name}2": (rank, columns), f"{name}1": (rows, rank)}


ENTRY = FastGRNN
