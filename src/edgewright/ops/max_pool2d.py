"""Maxima of windows over images [height, width, channels]."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgewright.ir.graph import Attributes
from edgewright.ir.types import Array, Type
from edgewright.ops import INTEGERS, Case, Kernel, Op, Quantised, Types, Values
from edgewright.ops._layout import check_same_integers
from edgewright.ops._pooling import overlap, pooled_shape, pooling_windows
from edgewright.ops._windows import geometry


def shape(types: Types, attributes: Attributes) -> tuple[int, ...]:
    """Return (down, across, channels)."""
    check_same_integers(types["x"], types)
    return pooled_shape(types, attributes)


def largest(v: Values, attributes: Attributes) -> Array:
    """Return the maxima; x: [n, height, width, channels]. Padding never wins."""
    x = v["x"]
    below = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    return np.asarray(pooling_windows(attributes).cut(x, below).max(axis=(3, 4)))


def arguments(v: Values, t: Types, attributes: Attributes) -> dict[str, int | Array]:
    """Return the geometry."""
    return {"geometry": geometry(pooling_windows(attributes), t["x"].shape)}


def cases(generator: np.random.Generator) -> list[Case]:
    """Strides, padding on each side, one entry, the whole image; zero points, ranges that are all below zero."""
    found = []
    for dtype in INTEGERS:
        for image, attributes in (
            ((5, 4, 3), {"size": (2, 2), "strides": (2, 2)}),
            ((5, 6, 2), {"size": (3, 2), "strides": (2, 3), "padding": (1, 0, 2, 1)}),
            ((4, 4, 1), {"size": (3, 3), "padding": (1, 1, 1, 1)}),
            ((3, 5, 4), {"size": (3, 5)}),
            ((1, 1, 1), {"size": (1, 1)}),
        ):
            for zero_point, limits in ((0, None), (-5, (-100, -50))):
                x = Type(image, dtype, 0.3, zero_point, limits=limits)
                found.append(Case({"x": x, "y": replace(x, shape=shape({"x": x}, attributes))}, attributes=attributes))
    return found


ENTRY = Op(
    doc="The largest entry of each window of x [height, width, channels]: `size`, `strides`, `padding` (top, left, bottom, right), "
    "which never wins.",
    inputs=("x",),
    shape=shape,
    float=largest,
    integer=lambda v, t, a: largest(v, a),
    quantise=lambda request: Quantised(replace(request.types["x"], shape=request.output.shape)),
    arguments=arguments,
    kernels=(
        Kernel(
            "max_pool2d_X",
            ("x", "y", "geometry"),
            {"x": INTEGERS, "y": INTEGERS},
            lambda values, types, attributes: types["x"].dtype == types["y"].dtype,
            overlap=overlap,
        ),
    ),
    cases=cases,
)
