"""Rows of their own lengths, and sequences from their end to their beginning."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from edgewright.errors import BadInput


@dataclass(frozen=True)
class Order:
    """In which order the steps of each row are read, and which of them are there.

    lengths: int64 [n], each from 1 to the number of steps, or None where every row has all of them. reverse: each row's own steps are
    read from the last to the first.
    """

    lengths: torch.Tensor | None
    reverse: bool

    def read(self, x: torch.Tensor) -> torch.Tensor:
        """Return x [n, steps, features] in the order of reading; what lies behind the end of a row is 0, whatever it was."""
        if self.lengths is None:
            return x.flip(1) if self.reverse else x
        return self._turned(x).masked_fill(self._behind(x), 0)

    def written(self, states: torch.Tensor) -> torch.Tensor:
        """Return all states [n, steps, hidden] in the order of the input, 0 behind the end of a row."""
        return self.read(states)

    def last(self, states: torch.Tensor) -> torch.Tensor:
        """Return of all states, in the order of reading, the one at the end of each row."""
        if self.lengths is None:
            return states[:, -1]
        return states[torch.arange(len(states), device=states.device), self.lengths - 1]

    def _turned(self, x: torch.Tensor) -> torch.Tensor:
        if not self.reverse:
            return x
        assert self.lengths is not None
        places = (self.lengths[:, None] - 1 - torch.arange(x.shape[1], device=x.device)).clamp(min=0)
        return x.gather(1, places[:, :, None].expand_as(x))

    def _behind(self, x: torch.Tensor) -> torch.Tensor:
        assert self.lengths is not None
        return (torch.arange(x.shape[1], device=x.device) >= self.lengths[:, None])[:, :, None]


def order(x: torch.Tensor, lengths: torch.Tensor | None, reverse: bool) -> Order:
    """Return the order of reading x [n, steps, features]. Raises BadInput for lengths that x does not have."""
    if lengths is None:
        return Order(None, reverse)
    rows, steps = x.shape[:2]
    whole = not (lengths.is_floating_point() or lengths.is_complex() or lengths.dtype == torch.bool)
    if lengths.shape != (rows,) or not whole:
        raise BadInput(f"lengths are {rows} whole numbers, one a row; given was {list(lengths.shape)} {lengths.dtype}.")
    lengths = lengths.to(x.device, torch.int64)
    wrong = torch.nonzero((lengths < 1) | (lengths > steps)).flatten()
    if len(wrong):
        row = int(wrong[0])
        raise BadInput(
            f"Row {row} has the length {int(lengths[row])}; lengths are from 1 to the {steps} steps of x. Leave such rows out."
        )
    return Order(lengths, reverse)
