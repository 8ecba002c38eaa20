"""What the training schedule and the lowering need to know of a module."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from edgewright.compress import int8
from edgewright.errors import BadInput
from edgewright.lowering import Builder

Floats = npt.NDArray[np.float64]
Criterion = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]  # scores and targets -> a number to minimise


@dataclass(frozen=True)
class Inputs:
    """What stands between raw features and a module: it was trained on (x - mean) / scale.

    mean, scale: [features]. folds: whether this goes into the module's first matrix, which is exact where every scale is the same power
    of two; otherwise an affine step before it.
    """

    mean: Floats
    scale: Floats
    folds: bool

    def standardised(self, builder: Builder, x: str) -> str:
        """Append the affine step and return its value."""
        scale = builder.constant("standardise.scale", 1 / self.scale)
        offset = builder.constant("standardise.offset", -self.mean / self.scale)
        return builder.node("affine", "standardised", x=x, scale=scale, offset=offset)


class Learner(nn.Module):
    """Base of the modules: a switch between float and 8-bit matrices, and places for the schedule to call.

    matrices: the parameters [rows, columns] held in 8 bits, by their dotted names; the first one's columns are the input features.
    shared_scale: those with one scale for the whole matrix. always_dense: those whose operator stores all entries. rounded: whether
    the forward pass sees the matrices in 8 bits. every_step: whether the loss is over every step of a recurrence.
    """

    matrices: ClassVar[tuple[str, ...]] = ()
    shared_scale: ClassVar[frozenset[str]] = frozenset()
    always_dense: ClassVar[frozenset[str]] = frozenset()

    def __init__(self) -> None:
        super().__init__()
        self.rounded = False
        self.every_step = False

    @abstractmethod
    def forward(self, x: torch.Tensor, hard: bool = False) -> torch.Tensor:
        """Return the scores [n, classes]; `hard` computes what the device does instead of what is trained."""

    @abstractmethod
    def add_to(self, builder: Builder, x: str, inputs: Inputs) -> str:
        """Append the module to a float graph that holds the raw input x, and return the value of its scores."""

    def array(self, name: str) -> Floats:
        """Return a parameter as float64."""
        return array(self, name)

    def product(self, builder: Builder, name: str, x: str, bias: Floats | None = None) -> str:
        """Append a matrix of this module times x, and a bias."""
        weight = self.array(name)
        return dense(builder, name, weight, np.zeros(len(weight)) if bias is None else bias, x)

    def first_product(self, builder: Builder, name: str, x: str, bias: Floats, inputs: Inputs) -> str:
        """Append a matrix of this module times the standardised input, and a bias."""
        weight = self.array(name)
        if inputs.folds:
            folded = weight / inputs.scale
            return dense(builder, name, folded, bias - folded @ inputs.mean, x)
        return dense(builder, name, weight, bias, inputs.standardised(builder, x))

    def weight(self, name: str) -> torch.Tensor:
        """Return a matrix as the forward pass sees it."""
        value = self.get_parameter(name)
        return int8.straight_through(value, self._int8(name)) if self.rounded else value

    @torch.no_grad()
    def round_matrices(self) -> None:
        """Put every matrix on its 8-bit grid for good."""
        for name in self.matrices:
            value = self.get_parameter(name)
            value.copy_(int8.apply(value, self._int8(name)))
        self.rounded = False

    def _int8(self, name: str) -> int8.Int8:
        return int8.Int8(shared=name in self.shared_scale)

    def start_from(self, x: torch.Tensor, y: torch.Tensor, generator: torch.Generator) -> None:
        """Initialise from the training data, once, before training; the default keeps the random start."""

    @torch.no_grad()
    def leave_out(self, features: torch.Tensor) -> None:
        """Zero the weights of some features, given as a bool mask [features]."""
        self.get_parameter(self.matrices[0]).mul_(~features)

    def begin_step(self, phase_progress: float) -> None:
        """Prepare for a batch, with the part of the present phase that is done, 0 to 1."""

    def labels(self, y: torch.Tensor) -> torch.Tensor:
        """Return what is learned of rows with the targets y [n, ...] until labels are made anew; the targets unless said otherwise."""
        return y

    def relabelled(self, x: torch.Tensor, y: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Return labels [n, ...] made anew from what the learner says of standardised rows now. Raises BadInput.

        y: the targets as given; labels: as they were until now.
        """
        raise BadInput(f"{type(self).__name__} has no labels to make anew. Leave relabel out of the phases.")

    def loss(self, x: torch.Tensor, y: torch.Tensor, labels: torch.Tensor, criterion: Criterion) -> torch.Tensor:
        """Return what training minimises on a batch of standardised rows, their targets and their labels."""
        return criterion(self(x), labels)

    def settle(self, x: torch.Tensor, y: torch.Tensor) -> None:
        """Choose what is left to choose when training is over, on standardised validation rows (training rows where none are)."""


def normal(generator: torch.Generator | None, *shape: int, deviation: float) -> nn.Parameter:
    """Return a parameter drawn from a normal distribution with mean 0.

    generator: None only on the device "meta", where nothing is drawn.
    """
    return nn.Parameter(torch.randn(*shape, generator=generator) * deviation)


def array(module: nn.Module, name: str) -> Floats:
    """Return a parameter, by its dotted name, as float64."""
    return module.get_parameter(name).detach().cpu().numpy().astype(np.float64)


def dense(builder: Builder, name: str, weight: Floats, bias: Floats, x: str) -> str:
    """Append weight x + bias; the value is called `name`."""
    return builder.node(
        "dense", name, x=x, w=builder.constant(f"{name}.w", weight), bias=builder.constant(f"{name}.bias", bias)
    )
