"""FastRNN: a residual connection with two learned numbers (Kusupati et al., NeurIPS 2018)."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from edgewright import lowering_cells
from edgewright.lowering_cells import Given, Stored
from edgewright.nn.cells import Cell, Vector
from edgewright.nn.cells._activations import tanh
from edgewright.nn.cells._by_hand import Biases, ByHand, Forward, Here, Nonlinearity, Numbers, Tensors, Through


def step(
    from_input: torch.Tensor,
    from_state: torch.Tensor,
    states: Tensors,
    vectors: Mapping[str, torch.Tensor],
    activations: str,
) -> Tensors:
    """Return h' = beta h + alpha c."""
    candidate = tanh(from_input + from_state + vectors["bias"], activations)
    return (vectors["beta"] * states[0] + vectors["alpha"] * candidate,)


def forward(biases: Biases, numbers: Numbers, nonlinearity: Nonlinearity, spare: torch.Tensor) -> Forward:
    """Return a step: c in place of the total."""
    alpha, beta = numbers["alpha"], numbers["beta"]
    minus_one = -spare.new_ones(())

    def step(here: Here) -> None:
        candidate = nonlinearity.sigmoid(here.totals)
        torch.add(minus_one, candidate, alpha=2, out=candidate)
        torch.mul(here.before[0], beta, out=here.after[0]).add_(candidate, alpha=alpha)

    return step


def through(here: Here, numbers: Numbers, nonlinearity: Nonlinearity, out: Tensors, spare: Tensors) -> Through:
    """Return what gradients are multiplied with."""
    alpha = here.totals.new_full((), numbers["alpha"])
    nonlinearity.through_tanh(alpha.expand_as(here.totals), here.totals, out[0])
    return Through(keep=alpha.new_full((), numbers["beta"]).expand_as(here.totals))


def sums(here: Here, spare: Tensors, d_after: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return the gradients of alpha and beta."""
    of_alpha = torch.mul(d_after, here.totals, out=spare[0]).sum()
    return {"alpha": of_alpha, "beta": torch.mul(d_after, here.before[0], out=spare[0]).sum()}


def lower(given: Given) -> tuple[str, ...]:
    """Append the cell."""
    total = given.total(given.vectors["bias"])
    return (lowering_cells.fastrnn(given, total, float(given.vectors["alpha"]), float(given.vectors["beta"])),)


ENTRY = Cell(
    doc="c = tanh(W x + U h + bias); h' = beta h + alpha c. Kusupati et al., NeurIPS 2018.",
    gates=1,
    states=("state",),
    vectors={"bias": Vector(1.0), "alpha": Vector(-3.0, 0, squashed=True), "beta": Vector(3.0, 0, squashed=True)},
    step=step,
    by_hand=ByHand(("bias",), forward, through, inner=(0,), spare=1, sums=sums),
    lower=lower,
    stored=lambda activations: Stored(wide=1, lines=2),
)
