"""The line x gated by three straight lines (Howard et al., ICCV 2019)."""

from __future__ import annotations

import numpy as np

from edgewright.ops.tables import table_operator

ENTRY = table_operator("y = x * clip(x / 6 + 1/2, 0, 1).", lambda x: x * np.clip(x / 6.0 + 0.5, 0.0, 1.0))
