"""Hard thresholding: only the largest entries of a matrix stay (Kumar et al., Bonsai, ICML 2017)."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from edgewright.compress import Method
from edgewright.errors import BadInput


@dataclass(frozen=True)
class HardThreshold:
    """density: the share of the entries that stay, above 0 and at most 1. Raises BadInput."""

    density: float = 0.3

    def __post_init__(self) -> None:
        if not 0 < self.density <= 1:
            raise BadInput(f"A density is a share above 0 and at most 1, not {self.density!r}.")


def kept(cells: int, settings: HardThreshold) -> int:
    """Return how many of `cells` entries stay: at least one."""
    return max(1, int(settings.density * cells))


def support(weight: torch.Tensor, settings: HardThreshold) -> torch.Tensor:
    """Return the bool mask, shaped like `weight`, of the entries that are largest in magnitude over the whole matrix."""
    mask = torch.zeros(weight.numel(), dtype=torch.bool)
    mask[weight.detach().abs().flatten().topk(kept(weight.numel(), settings)).indices] = True
    return mask.view(weight.shape)


def apply(weight: torch.Tensor, settings: HardThreshold) -> torch.Tensor:
    """Return the weight with all entries outside its support set to zero."""
    return torch.where(support(weight, settings), weight, torch.zeros(()))


ENTRY = Method(doc="Keep the largest entries of a matrix, zero the others.", settings=HardThreshold, apply=apply)
