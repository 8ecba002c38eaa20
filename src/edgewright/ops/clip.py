"""Cutting to given bounds."""

from edgewright.ir.graph import Attributes
from edgewright.ops.rescale import cutting_operator


def bounds(attributes: Attributes) -> tuple[float, float]:
    """Return the real numbers that x is cut to."""
    return float(attributes["low"]), float(attributes["high"])


ENTRY = cutting_operator("y = x cut to `low`..`high`, real numbers.", bounds)
