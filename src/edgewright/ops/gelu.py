"""The Gaussian error linear unit (Hendrycks and Gimpel, 2016)."""

from __future__ import annotations

import numpy as np

from edgewright.ir.graph import Attributes
from edgewright.ir.types import Array
from edgewright.ops import Op, Request
from edgewright.ops.erf import erf
from edgewright.ops.tables import Function, quantise_by_table, same_shape


def real(x: Array, attributes: Attributes) -> Array:
    """Return the unit by the error function, or by its approximation."""
    if attributes.get("approximate", False):
        return np.asarray(0.5 * x * (1.0 + np.tanh(np.sqrt(2.0 / np.pi) * (x + 0.044715 * x**3))))
    return np.asarray(0.5 * x * (1.0 + erf(x / np.sqrt(2.0))))


def function(request: Request) -> Function:
    """Return the function with the attributes of a node."""
    return lambda x: real(x, request.attributes)


ENTRY = Op(
    doc="y = x * (1 + erf(x / sqrt(2))) / 2, or by tanh where `approximate`.",
    inputs=("x",),
    shape=same_shape,
    float=lambda v, a: real(v["x"], a),
    quantise=quantise_by_table(function),
)
