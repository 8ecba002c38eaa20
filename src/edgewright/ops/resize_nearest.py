"""Images in another size, each pixel that of the nearest place above and to the left."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgewright.errors import BadGraph
from edgewright.ir.graph import Attributes
from edgewright.ir.types import Array, Type
from edgewright.ops import INTEGERS, Case, Kernel, Op, Quantised, Types, Values
from edgewright.ops._layout import check_same_integers

LARGEST_EDGE = 2**15 - 1


def new_size(types: Types, attributes: Attributes) -> tuple[int, int]:
    """Return the attribute `size` (down, across). Raises BadGraph where it is no size or x is no image."""
    x, size = types["x"], tuple(int(entry) for entry in attributes["size"])
    if len(x.shape) != 3 or len(size) != 2 or not all(1 <= edge <= LARGEST_EDGE for edge in (*size, *x.shape)):
        raise BadGraph(
            f"x is {x.shape} and size {size}; x must be [height, width, channels] and size two numbers in 1..{LARGEST_EDGE}"
        )
    if x.axis is not None:
        raise BadGraph("x needs one scale for all its entries; put an affine operator before it")
    return size[0], size[1]


def shape(types: Types, attributes: Attributes) -> tuple[int, ...]:
    """Return (down, across, channels)."""
    down, across = new_size(types, attributes)
    check_same_integers(types["x"], types)
    return (down, across, types["x"].shape[2])


def resized(v: Values, attributes: Attributes) -> Array:
    """Return x [n, height, width, channels] in the new size."""
    x, (down, across) = v["x"], (int(entry) for entry in attributes["size"])
    rows, columns = (np.arange(new) * old // new for new, old in zip((down, across), x.shape[1:3], strict=True))
    return np.ascontiguousarray(x[:, rows][:, :, columns])


def arguments(v: Values, t: Types, attributes: Attributes) -> dict[str, int | Array]:
    """Return the sizes of x and the new ones."""
    names = ("height", "width", "channels", "down", "across")
    return dict(zip(names, (*t["x"].shape, *new_size(t, attributes)), strict=True))


def cases(generator: np.random.Generator) -> list[Case]:
    """Larger and smaller, by whole factors and others, from and to one pixel."""
    found = []
    for dtype in INTEGERS:
        for image, size in (
            ((2, 3, 2), (4, 6)),
            ((3, 2, 1), (7, 5)),
            ((5, 4, 3), (2, 3)),
            ((1, 1, 4), (2, 3)),
            ((4, 3, 1), (1, 1)),
        ):
            x = Type(image, dtype, 0.3, 5 if dtype == "int8" else 0)
            attributes = {"size": size}
            found.append(Case({"x": x, "y": replace(x, shape=shape({"x": x}, attributes))}, attributes=attributes))
    return found


ENTRY = Op(
    doc="The image x [height, width, channels] in another `size` (down, across): pixel i is pixel floor(i * old / new).",
    inputs=("x",),
    shape=shape,
    float=resized,
    integer=lambda v, t, a: resized(v, a),
    quantise=lambda request: Quantised(replace(request.types["x"], shape=request.output.shape)),
    arguments=arguments,
    kernels=(
        Kernel(
            "resize_nearest_X",
            ("x", "y", "height", "width", "channels", "down", "across"),
            {"x": INTEGERS, "y": INTEGERS},
            lambda values, types, attributes: types["x"].dtype == types["y"].dtype,
        ),
    ),
    cases=cases,
)
