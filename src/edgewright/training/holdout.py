"""The validation rows, taken from the training data."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgewright.errors import BadInput


def held_out_rows(classes: npt.NDArray[np.intp], share: float, random: np.random.RandomState) -> npt.NDArray[np.bool_]:
    """Return a bool mask [n] of the validation rows: the same share, rounded down, of each class.

    classes: [n], class indices. Where a class is too small to give a row, none is held out at all. Raises BadInput.
    """
    if not 0 <= share < 1:
        raise BadInput(f"validation_share is {share!r}; allowed: a share from 0 to below 1.")
    held_out = np.zeros(len(classes), np.bool_)
    for label in np.unique(classes):
        rows = np.flatnonzero(classes == label)
        taken = int(share * len(rows))
        if not taken:
            return np.zeros(len(classes), np.bool_)
        held_out[random.permutation(rows)[:taken]] = True
    return held_out
