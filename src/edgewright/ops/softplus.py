"""The smooth rectifier."""

from __future__ import annotations

import numpy as np

from edgewright.ops.tables import table_operator

ENTRY = table_operator("y = log(1 + exp(x)).", lambda x: np.logaddexp(0.0, x))
