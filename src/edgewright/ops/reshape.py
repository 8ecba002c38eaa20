"""Another shape for the same entries."""

from __future__ import annotations

import math

from edgewright.errors import BadGraph
from edgewright.ir.graph import Attributes
from edgewright.ir.types import Array
from edgewright.ops import Op, Quantised, Request, Types, Values
from edgewright.ops._layout import check_same_integers


def shape(types: Types, attributes: Attributes) -> tuple[int, ...]:
    """Return the attribute `shape`."""
    check_same_integers(types["x"], types)
    wanted = tuple(int(size) for size in attributes["shape"])
    if math.prod(wanted) != types["x"].size:
        raise BadGraph(f"x has {types['x'].size} entries, and shape {wanted} has {math.prod(wanted)}")
    return wanted


def reshaped(v: Values, attributes: Attributes) -> Array:
    """Return x with the new shape behind its batch axis."""
    return v["x"].reshape(v["x"].shape[0], *attributes["shape"])


def quantise(request: Request) -> Quantised:
    """The integers stay."""
    x = request.types["x"]
    return Quantised(type(x)(request.output.shape, x.dtype, x.scale, x.zero_point, limits=x.limits))


ENTRY = Op(
    doc="The entries of x in row-major order, in another `shape`. Costs nothing: both are the same memory.",
    inputs=("x",),
    shape=shape,
    float=reshaped,
    integer=lambda v, t, a: reshaped(v, a),
    quantise=quantise,
    alias="x",
)
