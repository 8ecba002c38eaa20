"""Exponential function, with a factor that costs nothing: it goes into the table."""

from __future__ import annotations

import numpy as np

from edgewright.ops import Op, Request
from edgewright.ops.tables import Function, quantise_by_table, same_shape


def scaled(request: Request) -> Function:
    """Return exp(factor * x)."""
    factor = float(request.attributes.get("factor", 1.0))
    return lambda x: np.exp(factor * x)


ENTRY = Op(
    doc="y = exp(`factor` * x), the factor 1 unless given.",
    inputs=("x",),
    shape=same_shape,
    float=lambda v, a: np.exp(a.get("factor", 1.0) * v["x"]),
    quantise=quantise_by_table(scaled),
)
