"""Recurrent cells: one file a cell, with its definition in torch and its graph.

A cell sees W x + U h of all its gates at once, so that one product of each serves every cell; what is left is pointwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

import torch

from edgewright import catalog
from edgewright.lowering_cells import Given, Stored
from edgewright.nn.cells._by_hand import ByHand, Tensors

ACTIVATIONS = ("smooth", "hard")

Step = Callable[[torch.Tensor, torch.Tensor, Tensors, Mapping[str, torch.Tensor], str], Tensors]
Lower = Callable[[Given], tuple[str, ...]]


@dataclass(frozen=True)
class Vector:
    """A bias or a number of a cell.

    start: the value that training begins with. rows: its entries as a multiple of hidden; 0 is one number. squashed: the parameter
    is any real number, and the cell is given its sigmoid.
    """

    start: float
    rows: int = 1
    squashed: bool = False


@dataclass(frozen=True)
class Cell:
    """A recurrent cell.

    gates: W is [gates * hidden, features], U is [gates * hidden, hidden]. states: what is carried from step to step, each [hidden],
    starting at 0; the first is shown, and U multiplies it. vectors: its biases and numbers by name.
    step(from_input, from_state, states, vectors, activations): the definition, differentiable: from W x [n, gates * hidden], U h
    [n, gates * hidden], the states [n, hidden] and the vectors (those squashed between 0 and 1 already) to the following states.
    activations: "smooth" (tanh and sigmoid) or "hard" (x cut to -1..1, and (x + 1) / 2 cut to 0..1).
    by_hand: its pointwise part, forward and backward, for the fast recurrences.
    lower(given): the same as graph nodes: appends one step and returns the names of the following states.
    stored(activations): what that step keeps in the generated C beside its matrices.
    """

    doc: str
    gates: int
    states: tuple[str, ...]
    vectors: Mapping[str, Vector]
    step: Step
    by_hand: ByHand
    lower: Lower
    stored: Callable[[str], Stored]


def get(name: str) -> Cell:
    """Return a cell by name. Raises UnknownName."""
    return cast("Cell", catalog.get("edgewright.nn.cells", name))


def names() -> tuple[str, ...]:
    """Return the names of all cells."""
    return tuple(catalog.spelled(name) for name in catalog.names("edgewright.nn.cells"))
