"""ProtoNN: a few learned prototypes in a learned projection (Gupta et al., ICML 2017)."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import nn

from edgewright.lowering import Builder
from edgewright.nn._clusters import centres
from edgewright.nn._learner import Inputs, Learner, normal

PCA_ROWS = 6000
KMEANS_ROWS = 4000
MEDIAN_ROWS = 2000
FIRST_LABEL_WEIGHT = 6.0  # one-hot labels times this: scores are useful logits from the first batch
FIRST_GAMMA = 2.5  # divided by the median distance between a row and a prototype
SMALLEST_SPREAD = 1e-3


class ProtoNN(Learner):
    """Scores are prototype labels weighted by closeness: s = Z exp(-gamma^2 |W x + bias - B_j|^2).

    x: [n, features]; W: [projection, features]; B: [prototypes, projection]; Z: [classes, prototypes]. gamma is learned as
    its logarithm.
    """

    matrices = ("W", "B", "Z")
    shared_scale = frozenset({"B"})  # distances add up over the columns of all prototypes
    always_dense = frozenset({"B"})

    def __init__(
        self, features: int, classes: int, projection: int, prototypes: int, generator: torch.Generator | None
    ) -> None:
        super().__init__()
        self.W = normal(generator, projection, features, deviation=1 / math.sqrt(features))
        self.bias = nn.Parameter(torch.zeros(projection), requires_grad=False)  # B can move instead
        self.B = normal(generator, prototypes, projection, deviation=1.0)
        self.Z = normal(generator, classes, prototypes, deviation=0.1)
        self.log_gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x: torch.Tensor, hard: bool = False) -> torch.Tensor:
        """Return the scores [n, classes]; `hard` makes no difference."""
        z = x @ self.weight("W").t() + self.bias
        prototypes = self.weight("B")
        square = (z * z).sum(1, keepdim=True) - 2 * z @ prototypes.t() + (prototypes * prototypes).sum(1)
        return torch.exp(-torch.exp(2 * self.log_gamma) * square.clamp(min=0)) @ self.weight("Z").t()

    def add_to(self, builder: Builder, x: str, inputs: Inputs) -> str:
        """Append projection, distances, closeness and labels; gamma goes into the table of the exponential."""
        z = self.first_product(builder, "W", x, self.array("bias"), inputs)
        distance = builder.node("squared_distance", "distance", x=z, prototypes=builder.constant("B", self.array("B")))
        factor = -float(np.exp(2 * self.array("log_gamma")))
        closeness = builder.node("exp", "closeness", x=distance, attributes={"factor": factor})
        return self.product(builder, "Z", closeness)

    @torch.no_grad()
    def start_from(self, x: torch.Tensor, y: torch.Tensor, generator: torch.Generator) -> None:
        """Start W from the principal components, B from k-means in each class, Z one-hot, gamma from the median distance."""
        random = np.random.default_rng(int(torch.randint(2**31 - 1, (), generator=generator)))
        order = random.permutation(len(x))
        values, classes = x.numpy().astype(np.float64)[order], y.numpy()[order]
        _, _, directions = np.linalg.svd(values[:PCA_ROWS] - values.mean(0), full_matrices=False)
        directions = directions[: len(self.W)]
        spread = np.maximum((values @ directions.T).std(0), SMALLEST_SPREAD)
        self.W[: len(directions)] = torch.tensor(directions / np.sqrt(spread)[:, None])

        z = values @ self.W.numpy().astype(np.float64).T
        self.Z.zero_()
        first = 0
        for label, count in enumerate(shares(len(self.B), len(self.Z))):
            own = z[classes == label][:KMEANS_ROWS]
            if count and len(own):
                self.B[first : first + count] = torch.tensor(centres(own, count, random))
                self.Z[label, first : first + count] = FIRST_LABEL_WEIGHT
            first += count
        distance = torch.cdist(torch.tensor(z[:MEDIAN_ROWS], dtype=torch.float32), self.B).median()
        self.log_gamma.copy_(torch.log(FIRST_GAMMA / distance.clamp(min=SMALLEST_SPREAD)))


def shares(prototypes: int, classes: int) -> list[int]:
    """Return how many prototypes each class gets: equal shares, the remainder to the first classes."""
    share, remainder = divmod(prototypes, classes)
    return [share + (label < remainder) for label in range(classes)]


ENTRY = ProtoNN
