"""The rectifier that lets a part of what is negative through."""

from __future__ import annotations

import numpy as np

from edgewright.ir.graph import Attributes
from edgewright.ir.types import Array
from edgewright.ops import Op, Request
from edgewright.ops.tables import Function, quantise_by_table, same_shape


def real(x: Array, attributes: Attributes) -> Array:
    """Return x, or slope * x below 0."""
    return np.where(x < 0.0, float(attributes["slope"]) * x, x)


def function(request: Request) -> Function:
    """Return the function with the attributes of a node."""
    return lambda x: real(x, request.attributes)


ENTRY = Op(
    doc="y = x where it is positive, else `slope` * x.",
    inputs=("x",),
    shape=same_shape,
    float=lambda v, a: real(v["x"], a),
    quantise=quantise_by_table(function),
)
