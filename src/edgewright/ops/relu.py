"""The rectifier."""

import math

from edgewright.ir.graph import Attributes
from edgewright.ops.rescale import cutting_operator


def bounds(attributes: Attributes) -> tuple[float, float]:
    """Return the real numbers that x is cut to."""
    return 0.0, math.inf


ENTRY = cutting_operator("y = max(x, 0).", bounds)
