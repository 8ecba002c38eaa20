"""The discrete cosine transform that makes cepstral coefficients of logarithms of band energies: in integers a `dense`."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from edgewright.errors import BadGraph
from edgewright.ir.graph import Attributes
from edgewright.ir.types import INTEGER_RANGES
from edgewright.ops import Op, Quantised, Request, Types, dense
from edgewright.ops.quantisation import largest_real, scale_covering


def shape(types: Types, attributes: Attributes) -> tuple[int, ...]:
    """Return (coefficients,)."""
    x, coefficients = types["x"], attributes["coefficients"]
    if len(x.shape) != 1 or not isinstance(coefficients, int) or not 1 <= coefficients <= x.shape[0]:
        raise BadGraph(f"x is {x.shape} and coefficients {coefficients!r}: 1 to as many as the vector x has entries")
    return (coefficients,)


def matrix(coefficients: int, entries: int) -> npt.NDArray[np.float64]:
    """Return the rows of the orthonormal DCT-II: [coefficients, entries]."""
    angles = np.pi / entries * np.outer(np.arange(coefficients), np.arange(entries) + 0.5)
    rows = np.cos(angles) * math.sqrt(2 / entries)
    rows[0] /= math.sqrt(2)
    return rows


def quantise(request: Request) -> Quantised:
    """A `dense`; its output is int16 in steps that cover every x, whatever calibration saw."""
    x = request.types["x"]
    rows = matrix(request.attributes["coefficients"], x.size)
    largest = largest_real(x) * float(np.abs(rows).sum(axis=1).max())
    scale = scale_covering(largest, INTEGER_RANGES["int16"][1])
    y = replace(request.output, dtype="int16", scale=scale, zero_point=0, limits=None)
    product = dense.quantise(replace(request, parameters={"w": rows, "bias": np.zeros(len(rows))}, output=y))
    return replace(product, op="dense")


ENTRY = Op(
    doc="The first `coefficients` entries of the orthonormal discrete cosine transform (DCT-II) of a vector.",
    inputs=("x",),
    shape=shape,
    float=lambda v, a: v["x"] @ matrix(a["coefficients"], v["x"].shape[-1]).T,
    quantise=quantise,
)
