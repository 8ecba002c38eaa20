"""UGRNN: one gate between the state and its candidate (Collins, Sohl-Dickstein and Sussillo, ICLR 2017)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from edgewright import lowering_cells
from edgewright.lowering_cells import Given, Stored
from edgewright.nn.cells import Cell, Vector
from edgewright.nn.cells._activations import sigmoid, tanh
from edgewright.nn.cells._by_hand import Biases, ByHand, Forward, Here, Nonlinearity, Numbers, Tensors, Through


def step(
    from_input: torch.Tensor,
    from_state: torch.Tensor,
    states: Tensors,
    vectors: Mapping[str, torch.Tensor],
    activations: str,
) -> Tensors:
    """Return h' = z h + (1 - z) c."""
    for_gate, for_candidate = (from_input + from_state).chunk(2, -1)
    gate = sigmoid(for_gate + vectors["gate_bias"], activations)
    candidate = tanh(for_candidate + vectors["candidate_bias"], activations)
    return (gate * states[0] + (1 - gate) * candidate,)


def forward(biases: Biases, numbers: Numbers, nonlinearity: Nonlinearity, spare: torch.Tensor) -> Forward:
    """Return a step: z and c in place of the totals."""
    minus_one = -spare.new_ones(())

    def step(here: Here) -> None:
        nonlinearity.sigmoid(here.totals)
        gate, candidate = here.slots
        torch.add(minus_one, candidate, alpha=2, out=candidate)
        torch.sub(here.before[0], candidate, out=spare)
        torch.addcmul(candidate, gate, spare, out=here.after[0])

    return step


def through(here: Here, numbers: Numbers, nonlinearity: Nonlinearity, out: Tensors, spare: Tensors) -> Through:
    """Return what gradients are multiplied with."""
    gate, candidate = here.slots
    of_gate, of_candidate = out
    torch.sub(here.before[0], candidate, out=of_gate)
    nonlinearity.through_sigmoid(of_gate, gate, of_gate)
    torch.sub(gate.new_ones(()), gate, out=of_candidate)
    nonlinearity.through_tanh(of_candidate, candidate, of_candidate)
    return Through(keep=gate)


def lower(given: Given) -> tuple[str, ...]:
    """Append the cell."""
    total = given.total(np.concatenate([given.vectors["gate_bias"], given.vectors["candidate_bias"]]))
    gate, candidate = given.gates(total, ("gate", "candidate"))
    return (lowering_cells.mixed(given.body, gate, given.states[0], candidate),)


ENTRY = Cell(
    doc="Rows of W and U: z, c. z = sigmoid(W x + U h + gate_bias); c = tanh(W x + U h + candidate_bias); h' = z h + (1 - z) c. "
    "Collins, Sohl-Dickstein and Sussillo, ICLR 2017.",
    gates=2,
    states=("state",),
    vectors={"gate_bias": Vector(1.0), "candidate_bias": Vector(0.0)},
    step=step,
    by_hand=ByHand(("gate_bias", "candidate_bias"), forward, through, inner=(1,)),
    lower=lower,
    stored=lambda activations: Stored(wide=2),
)
