"""The hyperbolic tangent by three straight lines."""

from edgewright.ops.rescale import cutting_operator

ENTRY = cutting_operator("y = x cut to -1..1.", lambda attributes: (-1.0, 1.0))
