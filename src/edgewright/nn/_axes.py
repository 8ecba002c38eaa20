"""Principal components: where the projections of the learners start."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

PCA_ROWS = 6000
SMALLEST_SPREAD = 1e-3


def principal_axes(rows: npt.NDArray[np.floating], count: int) -> npt.NDArray[np.float64]:
    """Return up to `count` principal axes [axes, columns] of rows [n, columns], n > 0, the first of which stand for all.

    Each is divided by the square root of the deviation along it: large components stay larger than small ones, by less.
    """
    values = rows[:PCA_ROWS].astype(np.float64)
    values -= values.mean(0)
    _, _, directions = np.linalg.svd(values, full_matrices=False)
    directions = directions[:count]
    spread = np.maximum((values @ directions.T).std(0), SMALLEST_SPREAD)
    axes: npt.NDArray[np.float64] = directions / np.sqrt(spread)[:, None]
    return axes
