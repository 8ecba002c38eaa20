"""ProtoNN: a few learned prototypes in a learned projection (Gupta et al., ICML 2017)."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from edgewright.lowering import Builder
from edgewright.nn._axes import SMALLEST_SPREAD, principal_axes
from edgewright.nn._clusters import Floats, centres, squared_distances
from edgewright.nn._learner import Inputs, Learner, normal

KMEANS_ROWS = 4000
MEDIAN_ROWS = 2000
FIRST_LABEL_WEIGHT = 6.0  # one-hot labels times this: scores are useful logits from the first batch
FIRST_GAMMA = 2.5  # divided by the median distance between a row and a prototype
SMALLEST_RATE = 0.02  # of a label in the log-odds that start the biases


class ProtoNN(Learner):
    """Scores are prototype labels weighted by closeness: s = Z exp(-gamma^2 |W x + bias - B_j|^2) + label_bias.

    x: [n, features]; W: [projection, features]; B: [prototypes, projection]; Z: [classes, prototypes]. gamma is learned as
    its logarithm. label_bias is learned where the argument of this name says so (1 or 0), for labels that most rows lack.
    """

    matrices = ("W", "B", "Z")
    shared_scale = frozenset({"B"})  # distances add up over the columns of all prototypes
    always_dense = frozenset({"B"})

    def __init__(
        self,
        features: int,
        classes: int,
        projection: int,
        prototypes: int,
        generator: torch.Generator | None,
        label_bias: int = 0,
    ) -> None:
        super().__init__()
        self.W = normal(generator, projection, features, deviation=1 / math.sqrt(features))
        self.bias = nn.Parameter(torch.zeros(projection), requires_grad=False)  # B can move instead
        self.B = normal(generator, prototypes, projection, deviation=1.0)
        self.Z = normal(generator, classes, prototypes, deviation=0.1)
        self.label_bias = nn.Parameter(torch.zeros(classes), requires_grad=bool(label_bias))
        self.log_gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x: torch.Tensor, hard: bool = False) -> torch.Tensor:
        """Return the scores [n, classes]; `hard` makes no difference."""
        z = x @ self.weight("W").t() + self.bias
        prototypes = self.weight("B")
        square = (z * z).sum(1, keepdim=True) - 2 * z @ prototypes.t() + (prototypes * prototypes).sum(1)
        closeness = torch.exp(-torch.exp(2 * self.log_gamma) * square.clamp(min=0))
        return closeness @ self.weight("Z").t() + self.label_bias

    def add_to(self, builder: Builder, x: str, inputs: Inputs) -> str:
        """Append projection, distances, closeness and labels; gamma goes into the table of the exponential."""
        z = self.first_product(builder, "W", x, self.array("bias"), inputs)
        distance = builder.node("squared_distance", "distance", x=z, prototypes=builder.constant("B", self.array("B")))
        factor = -float(np.exp(2 * self.array("log_gamma")))
        closeness = builder.node("exp", "closeness", x=distance, attributes={"factor": factor})
        return self.product(builder, "Z", closeness, self.array("label_bias"))

    @torch.no_grad()
    def start_from(self, x: torch.Tensor, y: torch.Tensor, generator: torch.Generator) -> None:
        """Start W from the principal components, B and Z from k-means, gamma from the median distance.

        y: class indices [n], or float [n, labels], 1 where a row has a label. Classes have clusters of their own and one-hot
        labels; where a row may have several, all rows are clustered, labels start as shares of their cluster's rows, and
        biases as log-odds.
        """
        random = np.random.default_rng(int(torch.randint(2**31 - 1, (), generator=generator)))
        order = random.permutation(len(x))
        rows, targets = x.numpy()[order], y.numpy()[order]
        axes = principal_axes(rows, len(self.W))
        self.W[: len(axes)] = torch.tensor(axes)
        z = (rows @ self.W.numpy().T).astype(np.float64)
        self.Z.zero_()
        if targets.ndim == 1:
            self._start_classes(z, targets, random)
        else:
            self._start_labels(z[:KMEANS_ROWS], targets[:KMEANS_ROWS], random)
        distance = torch.cdist(torch.tensor(z[:MEDIAN_ROWS], dtype=torch.float32), self.B).median()
        self.log_gamma.copy_(torch.log(FIRST_GAMMA / distance.clamp(min=SMALLEST_SPREAD)))

    def _start_classes(self, z: Floats, classes: npt.NDArray[np.int64], random: np.random.Generator) -> None:
        first = 0
        for label, count in enumerate(shares(len(self.B), len(self.Z))):
            own = z[classes == label][:KMEANS_ROWS]
            if count and len(own):
                self.B[first : first + count] = torch.tensor(centres(own, count, random))
                self.Z[label, first : first + count] = FIRST_LABEL_WEIGHT
            first += count

    def _start_labels(self, z: Floats, has: npt.NDArray[np.float32], random: np.random.Generator) -> None:
        found = centres(z, len(self.B), random)
        members = np.eye(len(found))[squared_distances(z, found).argmin(1)]
        rates = (members.T @ has) / np.maximum(members.sum(0), 1)[:, None]
        common = np.clip(has.mean(0), SMALLEST_RATE, 1 - SMALLEST_RATE)
        self.B.copy_(torch.tensor(found))
        self.Z.copy_(torch.tensor(FIRST_LABEL_WEIGHT * (rates - common).T))
        self.label_bias.copy_(torch.tensor(np.log(common / (1 - common))))


def shares(prototypes: int, classes: int) -> list[int]:
    """Return how many prototypes each class gets: equal shares, the remainder to the first classes."""
    share, remainder = divmod(prototypes, classes)
    return [share + (label < remainder) for label in range(classes)]


ENTRY = ProtoNN
