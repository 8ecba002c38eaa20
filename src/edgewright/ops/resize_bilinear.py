"""Images in another size, straight lines between the pixels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import product

import numpy as np
import numpy.typing as npt

from edgewright.errors import BadGraph
from edgewright.ir.graph import Attributes
from edgewright.ir.types import Array, Type
from edgewright.ops import INTEGERS, Case, Kernel, Op, Quantised, Types, Values
from edgewright.ops._layout import check_same_integers
from edgewright.ops.arithmetic import rshift_round
from edgewright.ops.resize_nearest import new_size

COORDINATES = ("half_pixel", "align_corners", "asymmetric")
BITS = {"int8": 10, "int16": 7}  # of a share; two of them and the entry stay within 32

Floats = npt.NDArray[np.float64]


def shape(types: Types, attributes: Attributes) -> tuple[int, ...]:
    """Return (down, across, channels)."""
    down, across = new_size(types, attributes)
    if attributes["coordinates"] not in COORDINATES:
        raise BadGraph(f"coordinates is {attributes['coordinates']!r}; it must be one of {', '.join(COORDINATES)}")
    check_same_integers(types["x"], types)
    return (down, across, types["x"].shape[2])


def places(old: int, new: int, coordinates: str) -> tuple[npt.NDArray[np.int64], Floats]:
    """Return for each entry of a new axis the first of its two neighbours in the old one, and the share of the second."""
    steps = np.arange(new, dtype=np.float64)
    if coordinates == "align_corners":
        at = steps * ((old - 1) / max(new - 1, 1))
    else:
        at = (steps + 0.5) * (old / new) - 0.5 if coordinates == "half_pixel" else steps * (old / new)
    at = np.clip(at, 0.0, old - 1.0)
    first = np.floor(at)
    return first.astype(np.int64), at - first


def _axes(image: Iterable[int], attributes: Attributes) -> list[tuple[npt.NDArray[np.int64], Floats]]:
    coordinates = str(attributes["coordinates"])
    return [places(old, int(new), coordinates) for old, new in zip(image, attributes["size"], strict=True)]


def real(v: Values, attributes: Attributes) -> Array:
    """Return x [n, height, width, channels] in the new size."""
    x = v["x"]
    for axis, (first, share) in enumerate(_axes(x.shape[1:3], attributes), 1):
        second = np.minimum(first + 1, x.shape[axis] - 1)
        lined = share.reshape(-1, *[1] * (x.ndim - axis - 1))
        x = np.take(x, first, axis) * (1.0 - lined) + np.take(x, second, axis) * lined
    return x


def _in_steps(
    image: Iterable[int], dtype: str, attributes: Attributes
) -> list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Return first neighbours and shares in steps of 2^-BITS."""
    return [
        (first, np.floor(share * 2.0 ** BITS[dtype] + 0.5).astype(np.int64))
        for first, share in _axes(image, attributes)
    ]


def integer(v: Values, t: Types, attributes: Attributes) -> Array:
    """Return the lines across, then those down, rounded once."""
    x, bits = v["x"], BITS[t["x"].dtype]
    (top, lower), (left, righter) = _in_steps(x.shape[1:3], t["x"].dtype, attributes)
    right, bottom = np.minimum(left + 1, x.shape[2] - 1), np.minimum(top + 1, x.shape[1] - 1)
    righter, lower = righter[:, None], lower[:, None, None]
    across = x[:, :, left] * (2**bits - righter) + x[:, :, right] * righter
    return rshift_round(across[:, top] * (2**bits - lower) + across[:, bottom] * lower, 2 * bits)


def accumulator(v: Values, t: Types, attributes: Attributes) -> tuple[int, int]:
    """Return the extremes of the weighted sum, with the rounding term."""
    (low, high), bits = t["x"].range, 2 * BITS[t["x"].dtype]
    return min(low, 0) << bits, (max(high, 0) << bits) + 2 ** (bits - 1)


def arguments(v: Values, t: Types, attributes: Attributes) -> dict[str, int | Array]:
    """Return the sizes, and the places along both axes."""
    x = t["x"]
    pairs = [np.stack(axis, axis=1) for axis in _in_steps(x.shape[:2], x.dtype, attributes)]
    names = ("height", "width", "channels", "down", "across")
    sizes = dict(zip(names, (*x.shape, *new_size(t, attributes)), strict=True))
    return {"places": np.concatenate(pairs).ravel().astype(np.uint16), **sizes, "bits": BITS[x.dtype]}


def cases(generator: np.random.Generator) -> list[Case]:
    """Larger and smaller, by whole factors and others, from and to one pixel, all coordinates."""
    found = []
    sizes = (((2, 3, 2), (4, 6)), ((3, 2, 1), (7, 5)), ((5, 4, 3), (2, 3)), ((1, 1, 4), (2, 3)), ((4, 3, 1), (1, 1)))
    for dtype, coordinates, (image, size) in product(INTEGERS, COORDINATES, sizes):
        x = Type(image, dtype, 0.3, 5 if dtype == "int8" else 0)
        attributes = {"size": size, "coordinates": coordinates}
        found.append(Case({"x": x, "y": replace(x, shape=shape({"x": x}, attributes))}, attributes=attributes))
    return found


ENTRY = Op(
    doc="The image x [height, width, channels] in another `size` (down, across), linear between pixels; `coordinates`: half_pixel, "
    "align_corners or asymmetric.",
    inputs=("x",),
    shape=shape,
    float=real,
    integer=integer,
    quantise=lambda request: Quantised(replace(request.types["x"], shape=request.output.shape)),
    accumulator=accumulator,
    arguments=arguments,
    kernels=(
        Kernel(
            "resize_bilinear_X",
            ("x", "y", "places", "height", "width", "channels", "down", "across", "bits"),
            {"x": INTEGERS, "y": INTEGERS},
            lambda values, types, attributes: types["x"].dtype == types["y"].dtype,
        ),
    ),
    cases=cases,
)
