"""Bonsai: a shallow tree in a learned projection (Kumar, Goyal, Varma, ICML 2017)."""

from __future__ import annotations

import math

import torch
from torch import nn

from edgewright.lowering import Builder
from edgewright.nn._learner import Inputs, Learner, normal

FIRST_SHARPNESS = 0.1  # divided by the mean of |theta z|
DOUBLINGS = 10  # of the sharpness, in each phase
MAX_SHARPNESS = 1000.0
SMALLEST_BRANCH = 1e-3


class Bonsai(Learner):
    """A balanced tree whose every node on the path adds a score.

    x: [n, features]. z = Z x + bias; node k adds (W_k z) * tanh(V_k z). The path goes from node k to 2k + 1 where
    theta_k z > 0, otherwise to 2k + 2. In training a node is reached by degrees, which sharpen within each phase.
    Z: [projection, features]; W, V: [nodes * classes, projection], rows k * classes to (k + 1) * classes belong to node k;
    theta: [inner nodes, projection].
    """

    matrices = ("Z", "W", "V", "theta")
    always_dense = frozenset({"W", "V", "theta"})

    def __init__(
        self, features: int, classes: int, projection: int, depth: int, generator: torch.Generator | None
    ) -> None:
        super().__init__()
        self.classes = classes
        self.depth = depth
        self.nodes = 2 ** (depth + 1) - 1
        self.inner = 2**depth - 1
        self.sharpness = 1.0
        self.mean_branch = 1.0
        self.Z = normal(generator, projection, features, deviation=1 / math.sqrt(features))
        self.bias = nn.Parameter(torch.zeros(projection))
        self.W = normal(generator, self.nodes * classes, projection, deviation=0.3)
        self.V = normal(generator, self.nodes * classes, projection, deviation=0.3)
        self.theta = normal(generator, self.inner, projection, deviation=0.3)

    def forward(self, x: torch.Tensor, hard: bool = False) -> torch.Tensor:
        """Return the scores [n, classes]; `hard` follows one path."""
        z = x @ self.weight("Z").t() + self.bias
        scores = (z @ self.weight("W").t()) * torch.tanh(z @ self.weight("V").t())
        if self.inner == 0:
            return scores
        branch = z @ self.weight("theta").t()
        reach = self._hard_reach(branch) if hard else self._soft_reach(branch)
        return (scores.view(-1, self.nodes, self.classes) * reach[:, :, None]).sum(1)

    def add_to(self, builder: Builder, x: str, inputs: Inputs) -> str:
        """Append the tree: only the nodes on the path are computed."""
        z = self.first_product(builder, "Z", x, self.array("bias"), inputs)
        if self.inner == 0:
            score, gate = (self.product(builder, name, z) for name in ("W", "V"))
            return builder.node("multiply", "scores", a=score, b=builder.node("tanh", "gate", x=gate))
        path = builder.node("tree_path", "path", x=z, w=builder.constant("theta", self.array("theta")))
        score, gate = (
            builder.node(
                "gather_dense",
                name,
                x=z,
                index=path,
                w=builder.constant(f"{name}.w", self.array(name)),
                attributes={"rows": self.classes},
            )
            for name in ("W", "V")
        )
        gated = builder.node("multiply", "gated", a=score, b=builder.node("tanh", "gate", x=gate))
        return builder.node("reduce_sum", "scores", x=gated, attributes={"axis": 0})

    def _soft_reach(self, branch: torch.Tensor) -> torch.Tensor:
        """Return [n, nodes]: by how much each row reaches each node, for branches theta z [n, inner]."""
        self.mean_branch = float(branch.detach().abs().mean())
        return self._reach((1 + torch.tanh(self.sharpness * branch)) / 2)

    def _hard_reach(self, branch: torch.Tensor) -> torch.Tensor:
        return self._reach((branch > 0).to(branch.dtype))

    def _reach(self, first_child: torch.Tensor) -> torch.Tensor:
        """Return [n, nodes] from the share [n, inner] that each inner node passes to its first child."""
        columns = [torch.ones_like(first_child[:, 0])]
        for node in range(self.inner):
            share = first_child[:, node]
            columns += [columns[node] * share, columns[node] * (1 - share)]
        return torch.stack(columns, 1)

    def begin_step(self, phase_progress: float) -> None:
        """Sharpen the branches: ten doublings in a phase, starting again with the next."""
        first = FIRST_SHARPNESS / max(self.mean_branch, SMALLEST_BRANCH)
        self.sharpness = min(MAX_SHARPNESS, first * 2 ** (DOUBLINGS * phase_progress))


ENTRY = Bonsai
