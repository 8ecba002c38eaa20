"""8-bit weights on power-of-two scales: the grid on which our own models are trained and compiled."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from edgewright.compress import Method

LARGEST = 127  # -128 is left out, so that weights negate
SMALLEST_EXPONENT = -30


@dataclass(frozen=True)
class Int8:
    """shared: one scale for the whole matrix, otherwise one for each row (each output)."""

    shared: bool = False


def scale(weight: torch.Tensor, settings: Int8) -> torch.Tensor:
    """Return 2^ceil(log2(max|w| / 127)): [rows, 1], or [1, 1] where it is shared.

    The scale of a rounded matrix is the scale that rounded it, so that rounding again, or reading off its integers, changes nothing.
    """
    dims = (0, 1) if settings.shared else (1,)
    mantissa, exponent = torch.frexp(weight.detach().abs().amax(dims, keepdim=True) / LARGEST)
    exponent = torch.where(mantissa == 0.5, exponent - 1, exponent)
    smallest = torch.where(mantissa == 0, torch.full_like(exponent, SMALLEST_EXPONENT), exponent).clamp(
        min=SMALLEST_EXPONENT
    )
    return torch.ldexp(torch.ones_like(mantissa), smallest)


def apply(weight: torch.Tensor, settings: Int8) -> torch.Tensor:
    """Return a matrix [rows, columns] rounded (half up) to integers in [-127, 127] times its scale. No gradient passes."""
    step = scale(weight, settings)
    return torch.floor(weight.detach() / step + 0.5).clamp(-LARGEST, LARGEST) * step


def straight_through(weight: torch.Tensor, settings: Int8) -> torch.Tensor:
    """Return the rounded matrix with the gradient of the unrounded one."""
    return apply(weight, settings) + (weight - weight.detach())


ENTRY = Method(doc="Round weights to 8 bits, one power-of-two scale a row.", settings=Int8, apply=apply)
