"""The rectifier."""

import math

from edgewright.ops.rescale import cutting_operator

ENTRY = cutting_operator("y = max(x, 0).", lambda attributes: (0.0, math.inf))
