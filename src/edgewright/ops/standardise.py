"""Features of a common size in fixed steps: a straight line each, which becomes an `affine`."""

from __future__ import annotations

from dataclasses import replace

from edgewright.ops import Op, Quantised, Request, affine

STEP = 2.0**-12  # of the output, which covers 8 deviations to both sides


def quantise(request: Request) -> Quantised:
    """An `affine`; its output has steps of 2^-12 whatever calibration saw."""
    y = replace(request.output, dtype="int16", scale=STEP, zero_point=0, axis=None, limits=None)
    return replace(affine.quantise(replace(request, output=y)), op="affine")


ENTRY = Op(
    doc="x * scale + offset a feature, as `affine`, in int16 at 2^-12: what is about 1 in size, and cut at 8.",
    inputs=("x", "scale", "offset"),
    parameters=("scale", "offset"),
    shape=affine.shape,
    float=lambda v, a: v["x"] * v["scale"] + v["offset"],
    quantise=quantise,
)
