"""FastGRNN: one gated cell whose gate and candidate share their matrices (Kusupati et al., NeurIPS 2018)."""

from __future__ import annotations

import torch
from torch import nn

from edgewright.nn._learner import Learner, normal


class FastGRNN(Learner):
    """A recurrent cell over the steps of a sequence, and a linear layer on its last state.

    x: [n, steps, features]. p = W x_t + U h; z = sigmoid(p + gate_bias); c = tanh(p + candidate_bias);
    h' = z * h + (sigmoid(zeta) (1 - z) + sigmoid(nu)) * c; scores = output h + output_bias.
    W: [hidden, features]; U: [hidden, hidden]; output: [classes, hidden].
    """

    matrices = ("W", "U", "output")

    def __init__(self, features: int, classes: int, hidden: int, generator: torch.Generator | None) -> None:
        super().__init__()
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
        products = (x @ self.weight("W").t()).unbind(1)
        recurrent = self.weight("U").t()
        zeta, nu = torch.sigmoid(self.zeta), torch.sigmoid(self.nu)
        state = torch.zeros_like(products[0])
        for step, product in enumerate(products):
            total = product + state @ recurrent if step else product
            gate = torch.sigmoid(total + self.gate_bias)
            candidate = torch.tanh(total + self.candidate_bias)
            state = gate * state + (zeta * (1 - gate) + nu) * candidate
        return state @ self.weight("output").t() + self.output_bias


ENTRY = FastGRNN
