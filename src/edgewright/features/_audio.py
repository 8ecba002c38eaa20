"""What featurisers of sound share: the rate, and recordings that are silent or clipped."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt

from edgewright.errors import BadData, PoorRecordings
from edgewright.ir.types import INTEGER_RANGES, Array

CLIPPED_SHARE = 1e-3  # of the samples of a row, from which on it counts as clipped
MOST_LISTED = 5


def check_rate(rate: int, hertz: float | None) -> None:
    """Raise BadData where recordings have another rate."""
    if hertz is not None and hertz != rate:
        raise BadData(
            f"The recordings have {hertz:g} samples a second, and the featuriser is for {rate:g}: resample them, or set "
            f"sample_rate={hertz:g} and train anew."
        )


def warn_of_poor(recordings: Array) -> None:
    """Warn (PoorRecordings) of rows [n, ...] that never change, and of those with many samples at the end of the range."""
    rows = np.asarray(recordings).reshape(len(recordings), -1)
    low, high = INTEGER_RANGES["int16"]
    silent = np.flatnonzero(rows.min(axis=1) == rows.max(axis=1))
    at_the_end = (rows <= low) | (rows >= high)
    shares = at_the_end.mean(axis=1)
    shares[silent] = 0
    clipped = np.flatnonzero(shares >= CLIPPED_SHARE)
    said = []
    if len(silent):
        said.append(f"{len(silent):,} of {len(rows):,} rows are silent ({_listed(silent)})")
    if len(clipped):
        said.append(
            f"{len(clipped):,} of {len(rows):,} rows are clipped ({_listed(clipped)}), {shares[clipped].mean():.2%} of their samples"
        )
    if said:
        warnings.warn(f"{'; '.join(said)}. Leave them out, or record them anew.", PoorRecordings, stacklevel=4)


def _listed(rows: npt.NDArray[np.int64]) -> str:
    more = ", ..." if len(rows) > MOST_LISTED else ""
    return f"rows {', '.join(map(str, rows[:MOST_LISTED]))}{more}" if len(rows) > 1 else f"row {rows[0]}"
