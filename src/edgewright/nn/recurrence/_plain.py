"""Any cell step by step, as it is defined, differentiated by torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch

from edgewright.nn.cells import Cell


def run(
    cell: Cell,
    x: torch.Tensor,
    W: torch.Tensor,
    U: torch.Tensor,
    vectors: Mapping[str, torch.Tensor],
    every_step: bool,
    activations: str,
    view: Callable[[torch.Tensor], torch.Tensor] | None,
) -> torch.Tensor:
    """Return the last state [n, hidden], or with `every_step` all of them [steps, n, hidden], of x [steps, n, features].

    view: what the product U h sees of h, itself differentiable.
    """
    states = tuple(x.new_zeros(x.shape[1], U.shape[1]) for _ in cell.states)
    shown = []
    for from_input in (x @ W.t()).unbind(0):
        seen = states[0] if view is None else view(states[0])
        states = cell.step(from_input, seen @ U.t(), states, vectors, activations)
        shown.append(states[0])
    if not every_step:
        return states[0]
    return torch.stack(shown) if shown else x.new_empty(0, *states[0].shape)
