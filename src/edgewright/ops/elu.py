"""The exponential linear unit (Clevert et al., ICLR 2016), with the factor of SELU."""

from __future__ import annotations

import numpy as np

from edgewright.ir.graph import Attributes
from edgewright.ir.types import Array
from edgewright.ops import Op, Request
from edgewright.ops.tables import Function, quantise_by_table, same_shape


def real(x: Array, attributes: Attributes) -> Array:
    """Return the unit, computed without overflow."""
    below = float(attributes["alpha"]) * np.expm1(np.minimum(x, 0.0))
    return np.asarray(float(attributes.get("scale", 1.0)) * np.where(x < 0.0, below, x))


def function(request: Request) -> Function:
    """Return the function with the attributes of a node."""
    return lambda x: real(x, request.attributes)


ENTRY = Op(
    doc="y = `scale` * x where it is positive, else `scale` * `alpha` * (exp(x) - 1).",
    inputs=("x",),
    shape=same_shape,
    float=lambda v, a: real(v["x"], a),
    quantise=quantise_by_table(function),
)
