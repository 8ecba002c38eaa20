"""The error function."""

from __future__ import annotations

import math

import numpy as np

from edgewright.ir.types import Array
from edgewright.ops.tables import table_operator

_erf = np.frompyfunc(math.erf, 1, 1)


def erf(x: Array) -> Array:
    """Return the error function, entry by entry, as float64."""
    return np.asarray(_erf(x), np.float64)


ENTRY = table_operator("y = erf(x).", erf)
