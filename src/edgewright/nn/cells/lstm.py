"""LSTM, with a forget gate, as torch.nn.LSTM has it (Hochreiter and Schmidhuber, 1997; Gers et al., 2000)."""

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
    """Return h' = o tanh(m') and m' = f m + i c."""
    for_input, for_forget, for_candidate, for_output = (from_input + from_state).chunk(4, -1)
    entry = sigmoid(for_input + vectors["input_bias"], activations)
    forget = sigmoid(for_forget + vectors["forget_bias"], activations)
    candidate = tanh(for_candidate + vectors["candidate_bias"], activations)
    output = sigmoid(for_output + vectors["output_bias"], activations)
    memory = forget * states[1] + entry * candidate
    return output * tanh(memory, activations), memory


def forward(biases: Biases, numbers: Numbers, nonlinearity: Nonlinearity, spare: torch.Tensor) -> Forward:
    """Return a step: i, f, c, o in place of the totals, tanh(m') beside them."""
    minus_one = -spare.new_ones(())

    def step(here: Here) -> None:
        nonlinearity.sigmoid(here.totals)
        entry, forget, candidate, output = here.slots
        (shown,) = here.beside
        state, memory = here.after
        torch.add(minus_one, candidate, alpha=2, out=candidate)
        torch.mul(forget, here.before[1], out=memory).addcmul_(entry, candidate)
        nonlinearity.sigmoid(torch.mul(memory, nonlinearity.inner, out=shown))
        torch.add(minus_one, shown, alpha=2, out=shown)
        torch.mul(output, shown, out=state)

    return step


def through(here: Here, numbers: Numbers, nonlinearity: Nonlinearity, out: Tensors, spare: Tensors) -> Through:
    """Return what gradients are multiplied with."""
    entry, forget, candidate, output = here.slots
    of_entry, of_forget, of_candidate, of_output = out
    (shown,) = here.beside
    nonlinearity.through_sigmoid(candidate, entry, of_entry)
    nonlinearity.through_sigmoid(here.before[1], forget, of_forget)
    nonlinearity.through_tanh(entry, candidate, of_candidate)
    nonlinearity.through_sigmoid(shown, output, of_output)
    nonlinearity.through_tanh(output, shown, spare[0])
    return Through(keep=forget, into_memory=spare[0])


def lower(given: Given) -> tuple[str, ...]:
    """Append the cell."""
    order = ("input", "forget", "candidate", "output")
    return lowering_cells.lstm(
        given, given.total(np.concatenate([given.vectors[f"{name}_bias"] for name in order])), order
    )


ENTRY = Cell(
    doc="Rows of W and U: i, f, c, o, as in torch.nn.LSTM. i, f, o = sigmoid(W x + U h + input_bias, forget_bias, output_bias); "
    "c = tanh(W x + U h + candidate_bias); m' = f m + i c; h' = o tanh(m'). "
    "Hochreiter and Schmidhuber, Neural Computation 1997; Gers et al., 2000.",
    gates=4,
    states=("state", "memory"),
    vectors={
        "input_bias": Vector(0.0),
        "forget_bias": Vector(1.0),
        "candidate_bias": Vector(0.0),
        "output_bias": Vector(0.0),
    },
    step=step,
    by_hand=ByHand(
        ("input_bias", "forget_bias", "candidate_bias", "output_bias"), forward, through, inner=(2,), beside=1, spare=1
    ),
    lower=lower,
    stored=lambda activations: Stored(wide=4),
)
