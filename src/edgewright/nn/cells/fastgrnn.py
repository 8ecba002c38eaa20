"""FastGRNN: a gate and a candidate that share their matrices (Kusupati et al., NeurIPS 2018)."""

from __future__ import annotations

from collections.abc import Mapping

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
    """Return h' = z h + (zeta (1 - z) + nu) c."""
    total = from_input + from_state
    gate = sigmoid(total + vectors["gate_bias"], activations)
    candidate = tanh(total + vectors["candidate_bias"], activations)
    return (gate * states[0] + (vectors["zeta"] * (1 - gate) + vectors["nu"]) * candidate,)


def forward(biases: Biases, numbers: Numbers, nonlinearity: Nonlinearity, spare: torch.Tensor) -> Forward:
    """Return a step: z in place of the total, c beside it."""
    zeta, nu = numbers["zeta"], numbers["nu"]
    # The gate's bias went in with W x, so that only the difference is added here.
    shift = nonlinearity.inner * (biases["candidate_bias"] - biases["gate_bias"])
    minus_one = -spare.new_ones(())

    def step(here: Here) -> None:
        gate, candidate = here.totals, here.beside[0]
        torch.add(shift, gate, alpha=nonlinearity.inner, out=candidate)
        nonlinearity.sigmoid(candidate)
        torch.add(minus_one, candidate, alpha=2, out=candidate)
        nonlinearity.sigmoid(gate)
        torch.add(here.before[0], candidate, alpha=-zeta, out=spare)
        torch.mul(candidate, zeta + nu, out=here.after[0]).addcmul_(gate, spare)

    return step


def through(here: Here, numbers: Numbers, nonlinearity: Nonlinearity, out: Tensors, spare: Tensors) -> Through:
    """Return what gradients are multiplied with; through the gate, through the candidate and 1 - z stay in `spare`."""
    gate, candidate = here.totals, here.beside[0]
    through_gate, through_candidate, rest = spare
    torch.sub(gate.new_ones(()), gate, out=rest)
    torch.add(here.before[0], candidate, alpha=-numbers["zeta"], out=through_gate)
    nonlinearity.through_sigmoid(through_gate, gate, through_gate)
    torch.mul(rest, numbers["zeta"], out=through_candidate).add_(numbers["nu"])
    nonlinearity.through_tanh(through_candidate, candidate, through_candidate)
    torch.add(through_gate, through_candidate, out=out[0])
    return Through(keep=gate)


def sums(here: Here, spare: Tensors, d_after: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return the gradients of the biases, zeta and nu."""
    through_gate, through_candidate, rest = spare
    of_gate = through_gate.mul_(d_after).sum((0, 1))
    of_mix = torch.mul(d_after, here.beside[0], out=through_gate)
    return {
        "gate_bias": of_gate,
        "candidate_bias": through_candidate.mul_(d_after).sum((0, 1)),
        "nu": of_mix.sum(),
        "zeta": of_mix.mul_(rest).sum(),
    }


def lower(given: Given) -> tuple[str, ...]:
    """Append the cell: smooth by the fused operator, hard composed."""
    vectors = given.vectors
    rates = float(vectors["zeta"]), float(vectors["nu"])
    return (lowering_cells.fastgrnn(given, vectors["gate_bias"], vectors["candidate_bias"], rates),)


ENTRY = Cell(
    doc="p = W x + U h; z = sigmoid(p + gate_bias); c = tanh(p + candidate_bias); h' = z h + (zeta (1 - z) + nu) c. "
    "Kusupati et al., NeurIPS 2018.",
    gates=1,
    states=("state",),
    vectors={
        "gate_bias": Vector(1.0),
        "candidate_bias": Vector(0.0),
        "zeta": Vector(1.0, 0, squashed=True),
        "nu": Vector(-4.0, 0, squashed=True),
    },
    step=step,
    by_hand=ByHand(("gate_bias",), forward, through, beside=1, spare=3, sums=sums),
    lower=lower,
    stored=lambda activations: Stored(narrow=2) if activations == "smooth" else Stored(wide=2, lines=1),
)
