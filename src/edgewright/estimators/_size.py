"""Bytes of weights as the generated C holds them, known before training, and the largest setting that fits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgewright.compress import hard_threshold
from edgewright.compress.hard_threshold import HardThreshold
from edgewright.errors import BadInput
from edgewright.nn import Learner

BIAS_BYTES = 2
SHIFT_BYTES = 1
AFFINE_BYTES = 4  # a feature standardised by itself: factor and offset
LARGEST_GAP = 255
KB = 1024
WIDE = 64


@dataclass(frozen=True)
class Plan:
    """One setting of a model.

    settings: arguments of the module. densities: matrix name -> share of its entries that stay. size_bytes: what its weights
    take at most.
    """

    settings: dict[str, int]
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


def largest_that_fits(plans: Iterable[Plan], size_kb: float | None, name: str) -> Plan:
    """Return the last of the plans, which come in ascending order, that fits `size_kb`; the last of all where it is None.

    Raises BadInput, which says how large the smallest is.
    """
    if size_kb is not None and not size_kb > 0:
        raise BadInput(f"size_kb is {size_kb!r}; allowed: a number of KB (1,024 bytes) above 0, or None for no limit.")
    chosen = smallest = None
    for plan in plans:
        smallest = smallest or plan
        if size_kb is not None and plan.size_bytes > size_kb * KB:
            break
        chosen = plan
    if smallest is None:
        raise ValueError("there must be a plan")
    if chosen is None:
        raise BadInput(
            f"No {name} fits size_kb={size_kb}: with these settings the smallest takes {smallest.size_bytes:,} bytes "
            f"(size_kb={np.ceil(smallest.size_bytes / KB * 100) / 100:g}). Give a larger size_kb, fewer features or classes."
        )
    return chosen


def vector_bytes(*lengths: int) -> int:
    """Return the bytes of vectors (and scalars, of length 1) of 16 bits."""
    return BIAS_BYTES * sum(lengths)


def matrix_bytes_at_most(rows: int, columns: int, density: float = 1.0) -> int:
    """Return the most bytes that an int8 matrix takes of whose entries a share stays."""
    kept = hard_threshold.kept(rows * columns, HardThreshold(density))
    bridges = rows * ((columns - 1) // LARGEST_GAP)
    entries = min(kept + bridges, rows * columns)
    count_bytes = 1 if min(columns, entries) <= LARGEST_GAP else 2
    return min(rows * columns, 2 * entries + rows * count_bytes) + rows * SHIFT_BYTES


def matrix_bytes(matrix: npt.NDArray[np.float32]) -> int:
    """Return the bytes of an int8 matrix [rows, columns]: the smaller of dense and sparse, and a shift a row.

    Sparse: a value and a one-byte gap to the one before for each entry that is not zero, a gap above 255 bridged by a zero, and
    a count a row.
    """
    entries = np.zeros(len(matrix), np.int64)
    for row, values in enumerate(matrix):
        columns = np.flatnonzero(values)
        gaps = np.diff(columns, prepend=0)
        entries[row] = len(columns) + ((np.maximum(gaps, 1) - 1) // LARGEST_GAP).sum()
    count_bytes = 1 if entries.max(initial=0) <= LARGEST_GAP else 2
    sparse = 2 * int(entries.sum()) + len(matrix) * count_bytes
    return min(matrix.size, sparse) + len(matrix) * SHIFT_BYTES


def learner_bytes(learner: Learner) -> int:
    """Return the bytes of all weights of a trained module; its vectors and scalars are held in 16 bits."""
    total = 0
    for name, parameter in learner.named_parameters():
        if name in learner.matrices:
            total += matrix_bytes(parameter.detach().numpy())
        else:
            total += vector_bytes(parameter.numel())
    return total
