"""The two nonlinearities of every cell, smooth or hard."""

from __future__ import annotations

import torch
from torch.nn.functional import hardtanh


def sigmoid(x: torch.Tensor, activations: str) -> torch.Tensor:
    """Return the gate of x, between 0 and 1: hard is (x + 1) / 2, cut, with no gradient where it is 0 or 1."""
    return hardtanh((x + 1) / 2, 0.0, 1.0) if activations == "hard" else torch.sigmoid(x)


def tanh(x: torch.Tensor, activations: str) -> torch.Tensor:
    """Return the candidate of x, between -1 and 1: hard is x, cut, with no gradient where it is -1 or 1."""
    return hardtanh(x) if activations == "hard" else torch.tanh(x)
