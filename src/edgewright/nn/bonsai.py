"""Bonsai: a shallow tree in a learned projection (Kumar, Goyal, Varma, ICML 2017)."""

from __future__ import annotations

import math

import torch
from torch import nn

from edgewright.lowering import Builder
from edgewright.nn._axes import PCA_ROWS, SMALLEST_SPREAD, principal_axes
from edgewright.nn._learner import Inputs, Learner, normal

FIRST_SHARPNESS = 0.1  # divided by the mean of |theta z|
DOUBLINGS = 10  # of the sharpness, in each phase
MAX_SHARPNESS = 1000.0
SMALLEST_BRANCH = 1e-3
PREDICTOR_DEVIATION = 0.15  # larger ones begin with confident nonsense, which costs a tree of 15 nodes up to two points
BRANCH_DEVIATION = 0.3


class Bonsai(Learner):
    """A balanced tree whose every node on the path adds a score.

    x: [n, features]. z = Z x + bias; node k adds (W_k z) * tanh(V_k z). The path goes from node k to 2k + 1 where
    theta_k z > 0, otherwise to 2k + 2. Training follows the same path as the device; the gradient is that of a tree whose
    nodes are reached by degrees, which sharpen within each phase (straight-through, Bengio et al., 2013): a tree that is
    trained by degrees alone loses up to a point, and the more the deeper it is, where it must choose.
    Z: [projection, features]; W, V: [nodes * classes, projection], rows k * classes to (k + 1) * classes belong to node k;
    theta: [inner nodes, projection].
    """

    matrices = ("Z", "W", "V", "theta")
    shared_scale = frozenset({"W", "V"})  # no shift for each of their many rows
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
        self.W = normal(generator, self.nodes * classes, projection, deviation=PREDICTOR_DEVIATION)
        self.V = normal(generator, self.nodes * classes, projection, deviation=PREDICTOR_DEVIATION)
        self.theta = normal(generator, self.inner, projection, deviation=BRANCH_DEVIATION)

    def forward(self, x: torch.Tensor, hard: bool = False) -> torch.Tensor:
        """Return the scores [n, classes] of one path; its gradient is that of the soft tree, unless `hard`."""
        z = x @ self.weight("Z").t() + self.bias
        scores = (z @ self.weight("W").t()) * torch.tanh(z @ self.weight("V").t())
        if self.inner == 0:
            return scores
        branch = z @ self.weight("theta").t()
        first_child = (branch > 0).to(branch.dtype)
        if not hard:
            self.mean_branch = float(branch.detach().abs().mean())
            soft = torch.tanh(self.sharpness * branch) / 2
            first_child = first_child + (soft - soft.detach())
        return (scores.view(-1, self.nodes, self.classes) * self._reach(first_child)[:, :, None]).sum(1)

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

    def _reach(self, first_child: torch.Tensor) -> torch.Tensor:
        """Return [n, nodes], 1 for nodes on the path, from 1 or 0 [n, inner]: whether an inner node's path goes to its first child."""
        level = torch.ones_like(first_child[:, :1])
        levels, first = [level], 0
        for depth in range(self.depth):
            share = first_child[:, first : first + 2**depth]
            level = torch.stack([level * share, level * (1 - share)], 2).flatten(1)
            levels.append(level)
            first += 2**depth
        return torch.cat(levels, 1)

    @torch.no_grad()
    def start_from(self, x: torch.Tensor, y: torch.Tensor, generator: torch.Generator) -> None:
        """Start Z from the principal components, scaled so that z has the deviation 1."""
        rows = x[torch.randperm(len(x), generator=generator)[:PCA_ROWS]]
        axes = torch.tensor(principal_axes(rows.numpy(), len(self.Z)), dtype=torch.float32)
        self.Z[: len(axes)] = axes
        self.Z.div_((rows @ self.Z.t()).std(correction=0).clamp(min=SMALLEST_SPREAD))

    def begin_step(self, phase_progress: float) -> None:
        """Sharpen the branches that the gradient sees: ten doublings in a phase, starting again with the next."""
        first = FIRST_SHARPNESS / max(self.mean_branch, SMALLEST_BRANCH)
        self.sharpness = min(MAX_SHARPNESS, first * 2 ** (DOUBLINGS * phase_progress))


ENTRY = Bonsai
