"""The logistic function by three straight lines, as FastGRNN uses it on devices (Kusupati et al., NeurIPS 2018)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgewright.ir.types import quantise_array
from edgewright.ops import Op, Quantised, Request, affine
from edgewright.ops.rescale import shape

HALF = np.array([0.5])


def quantise(request: Request) -> Quantised:
    """An `affine` with one slope and one offset for all, cut to 0..1."""
    line = affine.quantise(replace(request, parameters={"scale": HALF, "offset": HALF}))
    low, high = (int(quantise_array(bound, line.output)) for bound in (0.0, 1.0))
    return replace(line, op="affine", attributes={"lowest": low, "highest": high})


ENTRY = Op(
    doc="y = (x + 1) / 2 cut to 0..1.",
    inputs=("x",),
    shape=shape,
    float=lambda v, a: np.clip((v["x"] + 1.0) / 2.0, 0.0, 1.0),
    quantise=quantise,
)
