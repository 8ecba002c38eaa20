"""Weights as the functions of rows.h read them."""

from __future__ import annotations

import numpy as np

from edgewright.ir.types import Array

TOGETHER = 4


def side_by_side(w: Array) -> dict[str, int | Array]:
    """Return w [rows, columns] with four rows side by side, entry by entry; rows left over follow one by one."""
    whole = len(w) // TOGETHER * TOGETHER
    groups = w[:whole].reshape(-1, TOGETHER, w.shape[1]).transpose(0, 2, 1)
    return {"rows_of_w": np.concatenate([groups.ravel(), w[whole:].ravel()]).astype(np.int8)}
