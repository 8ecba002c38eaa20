"""FastGRNN: one gated cell whose gate and candidate share their matrices (Kusupati et al., NeurIPS 2018)."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from edgewright.ir.graph import Graph
from edgewright.ir.types import Type
from edgewright.lowering import Builder
from edgewright.nn import recurrence
from edgewright.nn._learner import Inputs, Learner, dense, normal


class FastGRNN(Learner):
    """A recurrent cell over the steps of a sequence, and a linear layer on its last state.

    x: [n, steps, features]. p = W x_t + U h; z = sigmoid(p + gate_bias); c = tanh(p + candidate_bias);
    h' = z * h + (sigmoid(zeta) (1 - z) + sigmoid(nu)) * c; scores = output h + output_bias.
    W: [hidden, features]; U: [hidden, hidden]; output: [classes, hidden]. view_bits: 16, or 8 where the product U h is to read h
    rounded to 8 bits on the device; h itself keeps 16, so that small changes are not lost.
    """

    matrices = ("W", "U", "output")

    def __init__(
        self, features: int, classes: int, hidden: int, generator: torch.Generator | None, view_bits: int = 16
    ) -> None:
        super().__init__()
        self.view_bits = view_bits
        self.W = normal(generator, hidden, features, deviation=0.2)
        self.U = normal(generator, hidden, hidden, deviation=0.1)
        self.gate_bias = nn.Parameter(torch.ones(hidden))
        self.candidate_bias = nn.Parameter(torch.zeros(hidden))
        self.zeta = nn.Parameter(torch.tensor(1.0))
        self.nu = nn.Parameter(torch.tensor(-4.0))
        self.output = normal(generator, classes, hidden, deviation=0.2)
        self.output_bias = nn.Parameter(torch.zeros(classes))

    def forward(self, x: torch.Tensor, hard: bool = False) -> torch.Tensor:
        """Return the scores [n, classes]; `hard` makes no difference."""
        zeta, nu = torch.sigmoid(self.zeta), torch.sigmoid(self.nu)
        state = recurrence.fastgrnn(
            x, self.weight("W"), self.weight("U"), self.gate_bias, self.candidate_bias, zeta, nu
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
        state = body.state("state", Type((len(self.array("U")),)))
        gate_bias, from_mean = self.array("gate_bias"), np.zeros(len(self.array("W")))
        if inputs.folds:
            folded = self.array("W") / inputs.scale
            from_step, from_mean = dense(body, "W", folded, from_mean, step), folded @ inputs.mean
        else:
            from_step = self.first_product(body, "W", step, from_mean, inputs)
        seen = state
        if self.view_bits == 8:
            seen = body.node("rescale", "view", x=state, attributes={"dtype": "int8"})
        zeta, nu = (1 / (1 + np.exp(-self.array(name))) for name in ("zeta", "nu"))
        following = body.node(
            "fastgrnn_cell",
            "next",
            attributes={"steps": steps},
            a=from_step,
            b=self.product(body, "U", seen),
            h=state,
            gate_bias=body.constant("gate.bias", gate_bias - from_mean),
            bias=body.constant("candidate.bias", self.array("candidate_bias") - gate_bias),
            rates=body.constant("rates", np.array([zeta, nu])),
        )
        body.carry(state, following)
        return body.finish(following)


ENTRY = FastGRNN
