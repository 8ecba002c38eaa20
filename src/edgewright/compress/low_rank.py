"""Low rank: a matrix becomes the product of two thin ones (Kusupati et al., FastGRNN, NeurIPS 2018)."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral

import torch

from edgewright.compress import Method
from edgewright.errors import BadInput


@dataclass(frozen=True)
class LowRank:
    """rank: columns of the left factor and rows of the right one, at least 1; at most the smaller side of the matrix."""

    rank: int = 4


def check(name: str, rank: object, rows: int, columns: int) -> None:
    """Raise BadInput, with the name of the setting, for what is no rank of a matrix [rows, columns]."""
    largest = min(rows, columns)
    if not isinstance(rank, Integral) or isinstance(rank, bool) or not 1 <= int(rank) <= largest:
        raise BadInput(
            f"{name} is {rank!r}; allowed: a whole number from 1 to {largest}, the smaller side of a matrix of {rows} rows and "
            f"{columns} columns."
        )


def factors(weight: torch.Tensor, settings: LowRank) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (left [rows, rank], right [rank, columns]) whose product is the nearest of that rank by squared error.

    The singular values are shared out evenly, so that both factors are of one size. weight: [rows, columns]. Raises BadInput.
    """
    rows, columns = weight.shape
    check("rank", settings.rank, rows, columns)
    left, values, right = torch.linalg.svd(weight.detach().double(), full_matrices=False)
    roots = values[: settings.rank].sqrt()
    shares = left[:, : settings.rank] * roots, roots[:, None] * right[: settings.rank]
    return shares[0].to(weight.dtype), shares[1].to(weight.dtype)


def apply(weight: torch.Tensor, settings: LowRank) -> torch.Tensor:
    """Return the nearest matrix of that rank; the weight itself where its rank, to rounding, is no higher. Raises BadInput."""
    left, right = factors(weight, settings)
    if int(torch.linalg.matrix_rank(weight.detach())) <= settings.rank:
        return weight.detach()
    return left @ right


ENTRY = Method(doc="Make a matrix the product of two thin ones.", settings=LowRank, apply=apply)
