"""Square root."""

from __future__ import annotations

import numpy as np

from edgewright.ops.tables import table_operator

ENTRY = table_operator("y = the square root of x, 0 below 0.", lambda x: np.sqrt(np.maximum(x, 0.0)))
