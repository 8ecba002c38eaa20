"""What a recurrence by hand keeps of every step for its backward pass, in one buffer."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from edgewright.nn.cells import Cell
from edgewright.nn.recurrence._buffers import Buffer


@dataclass(frozen=True)
class Kept:
    """Of all steps: totals [steps, n, slots * width], beside [arrays, steps, n, width], states [states, steps + 1, n, width].

    The first state is that before the first step. Where nothing is kept, each step of `beside` and `states` is the same memory.
    """

    buffer: Buffer
    totals: torch.Tensor
    beside: torch.Tensor
    states: torch.Tensor


def take(cell: Cell, like: torch.Tensor, steps: int, rows: int, width: int, keep: bool) -> Kept:
    """Return memory for so many steps, the first states 0."""
    carried, slots, beside = len(cell.states), len(cell.by_hand.slots), cell.by_hand.beside
    lasting = (steps, steps + 1) if keep else (1, 1)
    places = [slots * steps, beside * lasting[0], carried * lasting[1]]
    buffer = Buffer(like, sum(places), rows, width)
    totals, others, states = torch.split(buffer.tensor, places)
    kept = Kept(
        buffer,
        totals.view(steps, rows, slots * width),
        others.view(beside, lasting[0], rows, width).expand(beside, steps, rows, width),
        states.view(carried, lasting[1], rows, width).expand(carried, steps + 1, rows, width),
    )
    kept.states[:, 0].zero_()
    return kept
