"""Cutting to given bounds."""

from edgewright.ops.rescale import cutting_operator

ENTRY = cutting_operator(
    "y = x cut to `low`..`high`, real numbers.",
    lambda attributes: (float(attributes["low"]), float(attributes["high"])),
)
