"""GRU, with the reset gate behind the product, as torch.nn.GRU has it (Cho et al., EMNLP 2014)."""

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
    reset_input, update_input, candidate_input = from_input.chunk(3, -1)
    reset_state, update_state, candidate_state = from_state.chunk(3, -1)
    reset = sigmoid(reset_input + reset_state + vectors["reset_bias"], activations)
    update = sigmoid(update_input + update_state + vectors["update_bias"], activations)
    within = reset * (candidate_state + vectors["hidden_bias"])
    candidate = tanh(candidate_input + vectors["candidate_bias"] + within, activations)
    return (update * states[0] + (1 - update) * candidate,)


def forward(biases: Biases, numbers: Numbers, nonlinearity: Nonlinearity, spare: torch.Tensor) -> Forward:
    """Return a step: in place of the totals c, r, z, and U h + hidden_bias of the candidate."""
    minus_one = -spare.new_ones(())
    hidden = spare.shape[1]

    def step(here: Here) -> None:
        candidate, reset, update, from_state = here.slots
        nonlinearity.sigmoid(here.totals[:, hidden : 3 * hidden])
        nonlinearity.sigmoid(candidate.addcmul_(reset, from_state, value=nonlinearity.inner))
        torch.add(minus_one, candidate, alpha=2, out=candidate)
        torch.sub(here.before[0], candidate, out=spare)
        torch.addcmul(candidate, update, spare, out=here.after[0])

    return step


def through(here: Here, numbers: Numbers, nonlinearity: Nonlinearity, out: Tensors, spare: Tensors) -> Through:
    """Return what gradients are multiplied with."""
    candidate, reset, update, from_state = here.slots
    of_candidate, of_reset, of_update, of_state = out
    torch.sub(here.before[0], candidate, out=of_update)
    nonlinearity.through_sigmoid(of_update, update, of_update)
    torch.sub(update.new_ones(()), update, out=of_candidate)
    nonlinearity.through_tanh(of_candidate, candidate, of_candidate)
    torch.mul(of_candidate, reset, out=of_state)
    torch.mul(of_candidate, from_state, out=of_reset)
    nonlinearity.through_sigmoid(of_reset, reset, of_reset)
    return Through(keep=update)


def lower(given: Given) -> tuple[str, ...]:
    """Append the cell."""
    vectors, hidden = given.vectors, len(given.vectors["hidden_bias"])
    bias = np.concatenate([vectors["reset_bias"], vectors["update_bias"], vectors["candidate_bias"]])
    from_input = given.from_input(bias)
    from_state = given.from_state(np.concatenate([np.zeros(2 * hidden), vectors["hidden_bias"]]))
    return (lowering_cells.gru(given, from_input, from_state, ("reset", "update", "candidate")),)


ENTRY = Cell(
    doc="Rows of W and U: r, z, c, as in torch.nn.GRU. r = sigmoid(W x + U h + reset_bias); z = sigmoid(W x + U h + update_bias); "
    "c = tanh(W x + candidate_bias + r (U h + hidden_bias)); h' = z h + (1 - z) c. Cho et al., EMNLP 2014.",
    gates=3,
    states=("state",),
    vectors={
        "reset_bias": Vector(0.0),
        "update_bias": Vector(1.0),
        "candidate_bias": Vector(0.0),
        "hidden_bias": Vector(0.0),
    },
    step=step,
    by_hand=ByHand(("candidate_bias", "reset_bias", "update_bias", "hidden_bias"), forward, through, inner=(0,)),
    lower=lower,
    stored=lambda activations: Stored(wide=6),
)
