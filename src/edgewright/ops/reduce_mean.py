"""Means along one axis."""

from __future__ import annotations

from dataclasses import replace

from edgewright.ops import Op, Quantised, Request, reduce_sum


def quantise(request: Request) -> Quantised:
    """A `reduce_sum` whose factor divides by the number of entries."""
    along = request.types["x"].shape[request.attributes["axis"]]
    return replace(reduce_sum.quantise(request), op="reduce_sum", attributes={"divisor": along})


ENTRY = Op(
    doc="The mean of x along `axis` (counted without the batch axis).",
    inputs=("x",),
    shape=reduce_sum.shape,
    float=lambda v, a: v["x"].mean(axis=a["axis"] + 1),
    quantise=quantise,
)
