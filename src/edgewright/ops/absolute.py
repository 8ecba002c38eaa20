"""Magnitude."""

from __future__ import annotations

import numpy as np

from edgewright.ops.tables import table_operator

ENTRY = table_operator("y = |x|.", np.abs)
