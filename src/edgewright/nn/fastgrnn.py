"""FastGRNN: one gated cell whose gate and candidate share their matrices (Kusupati et al., NeurIPS 2018)."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from edgewright.ir.graph import Graph
from edgewright.ir.types import Type
from edgewright.lowering import Builder
from edgewright.nn._learner import Inputs, Learner, normal


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

    def add_to(self, builder: Builder, x: str, inputs: Inputs) -> str:
        """Append a scan of the cell over the steps, and the linear layer on its last state."""
        cell = self._cell(builder.type(x).shape[1], inputs)
        last = builder.node("scan", "last", x=x, attributes={"body": cell, "output": "last", "reverse": False})
        return self.product(builder, "output", last, self.array("output_bias"))

    def _cell(self, features: int, inputs: Inputs) -> Graph:
        """Return the cell as a graph: one step in, the next state out. The gate's bias is added once, with the input's product."""
        cell = Builder("cell")
        step = cell.input("step", Type((features,)))
        hidden = len(self.array("U"))
        state = cell.state("state", Type((hidden,)))
        gate_bias = self.array("gate_bias")
        total = cell.node(
            "add",
            "total",
            a=self.first_product(cell, "W", step, gate_bias, inputs),
            b=self.product(cell, "U", state),
        )
        bias = cell.constant("candidate.bias", self.array("candidate_bias") - gate_bias)
        gate = cell.node("sigmoid", "gate", x=total)
        candidate = cell.node("tanh", "candidate", x=cell.node("add_bias", "shifted", x=total, bias=bias))
        zeta, nu = (1 / (1 + np.exp(-self.array(name).reshape(1))) for name in ("zeta", "nu"))
        update = cell.node(
            "affine", "update", x=gate, scale=cell.constant("zeta", -zeta), offset=cell.constant("nu", zeta + nu)
        )
        kept = cell.node("multiply", "kept", a=gate, b=state)
        new = cell.node("multiply", "new", a=update, b=candidate)
        cell.carry(state, cell.node("add", "next", a=kept, b=new))
        return cell.finish("next")


ENTRY = FastGRNN
