"""Bytes of weights as the generated C holds them, known before training, and the largest setting that fits."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgewright.compress import hard_threshold
from edgewright.compress.hard_threshold import HardThreshold
from edgewright.errors import BadInput
from edgewright.estimators._standardise import Standardiser
from edgewright.nn import Learner
from edgewright.ops.sparse_dense import LARGEST_GAP, bitmap_bytes, gaps_bytes, least_bytes, stored_bytes

WIDE_BIAS_BYTES = 4  # a bias at the scale of a product, which may need 32 bits
BIAS_BYTES = 2
SHIFT_BYTES = 1
AFFINE_BYTES = 7  # a feature standardised by itself: multiplier, offset and shift
KB = 1024
WIDE = 64


@dataclass(frozen=True)
class Plan:
    """One setting of a model.

    settings: arguments of the module. densities: matrix name -> share of its entries that stay. size_bytes: what its weights
    take at most.
    """

    settings: dict[str, Any]
    densities: dict[str, float]
    size_bytes: int


def at_least_one(**settings: int | None) -> None:
    """Raise BadInput for a setting that is neither None nor a number from 1 on."""
    for name, value in settings.items():
        if value is not None and not value >= 1:
            raise BadInput(f"{name} is {value!r}; allowed: a whole number from 1 on, or None for the most that fits.")


def density_for(density: float | None, columns: int) -> float:
    """Return the density of a matrix; None is 0.3 for matrices wide enough to be worth thinning, otherwise 1."""
    if density is not None:
        return HardThreshold(density).density
    return HardThreshold().density if columns >= WIDE else 1.0


def sparse_only(densities: dict[str, float]) -> dict[str, float]:
    """Return the densities below 1."""
    return {name: density for name, density in densities.items() if density < 1}


@dataclass(frozen=True)
class Budget:
    """The KB that a model of a name may take, None for no limit, and the bytes that are taken already."""

    name: str
    size_kb: float | None
    taken: int = 0

    def __post_init__(self) -> None:
        if self.size_kb is not None and not self.size_kb > 0:
            raise BadInput(
                f"size_kb is {self.size_kb!r}; allowed: a number of KB (1,024 bytes) above 0, or None for no limit."
            )

    def has_room_for(self, plan: Plan) -> bool:
        """Whether a plan fits."""
        return self.size_kb is None or plan.size_bytes + self.taken <= self.size_kb * KB

    def largest(self, plans: Iterable[Plan]) -> Plan:
        """Return the last that fits of plans in ascending order. Raises BadInput, which says how large the smallest is."""
        chosen = smallest = None
        for plan in plans:
            smallest = smallest or plan
            if not self.has_room_for(plan):
                break
            chosen = plan
        if chosen is not None:
            return chosen
        least = smallest.size_bytes + self.taken if smallest else 0
        raise BadInput(
            f"No {self.name} fits size_kb={self.size_kb}: with these settings the smallest takes {least:,} bytes "
            f"(size_kb={math.ceil(least / KB * 100) / 100:g}). Give a larger size_kb, fewer features or fewer classes."
        )


def matrix_bytes_at_most(rows: int, columns: int, density: float = 1.0, *, shared: bool = False) -> int:
    """Return the most bytes that an int8 matrix takes of whose entries a share stays; `shared`: one scale, and so no shift a row."""
    kept = hard_threshold.kept(rows * columns, HardThreshold(density))
    bridges = rows * ((columns - 1) // LARGEST_GAP)
    entries = min(kept + bridges, rows * columns)
    sparse = min(gaps_bytes(rows, entries, min(columns, entries)), bitmap_bytes(rows, columns, kept))
    return least_bytes(rows * columns, sparse) + (0 if shared else rows * SHIFT_BYTES)


def matrix_bytes(matrix: npt.NDArray[np.float32], always_dense: bool = False, shared: bool = False) -> int:
    """Return the bytes of an int8 matrix [rows, columns], its zeros left out where that saves a quarter.

    shared: one scale for the whole matrix; otherwise a shift a row is counted too.
    """
    shifts = 0 if shared else len(matrix) * SHIFT_BYTES
    return (matrix.size if always_dense else least_bytes(matrix.size, stored_bytes(matrix))) + shifts


def matrices_bytes(learner: Learner) -> int:
    """Return the bytes of all matrices of a trained module."""
    return sum(
        matrix_bytes(
            learner.get_parameter(name).detach().numpy(), name in learner.always_dense, name in learner.shared_scale
        )
        for name in learner.matrices
    )


def standardiser_bytes(standardiser: Standardiser) -> int:
    """Return the bytes of a step that standardises each feature by itself; a common scale costs none."""
    return AFFINE_BYTES * len(standardiser.mean) if standardiser.kind == "feature" else 0
