"""How operators walk over arrays: pairs of operands entry by entry, and one axis among several."""

from __future__ import annotations

import math

import numpy as np

from edgewright.errors import BadGraph
from edgewright.ir.graph import Attributes
from edgewright.ir.types import Array, Type
from edgewright.ops import Types, Values


def pair_shape(types: Types, attributes: Attributes) -> tuple[int, ...]:
    """Return the shape of an entry-by-entry result: that of both operands, or of the one that has several entries."""
    a, b = types["a"], types["b"]
    if a.shape != b.shape and 1 not in (a.size, b.size):
        raise BadGraph(f"a is {a.shape} and b is {b.shape}: they must be alike, or one of them a single entry")
    if a.axis is not None or b.axis is not None:
        raise BadGraph("a and b need one scale each")
    return b.shape if a.size < b.size else a.shape


def pair_values(v: Values) -> tuple[Array, Array]:
    """Return a and b [n, *shape] so that they broadcast, a single entry against all of the other."""
    a, b = v["a"], v["b"]
    a_size, b_size = math.prod(a.shape[1:]), math.prod(b.shape[1:])
    if a_size < b_size:
        return a.reshape(len(a), *[1] * (b.ndim - 1)), b
    return a, b if a.shape == b.shape else b.reshape(len(b), *[1] * (a.ndim - 1))


def pair_arguments(types: Types) -> dict[str, int | Array]:
    """Return the C arguments of a walk over pairs: count, a_step and b_step (0 for a single entry), the zero points."""
    a, b, y = types["a"], types["b"], types["y"]
    return {
        "count": y.size,
        "a_step": int(a.size == y.size),
        "b_step": int(b.size == y.size),
        "a_zero_point": a.zero_point,
        "b_zero_point": b.zero_point,
    }


def in_place(types: Types, attributes: Attributes) -> dict[str, int]:
    """Return how y may lie over x where each entry of y is written after its entries of x, and those behind, were read."""
    return {"x": 0}


def pair_overlap(types: Types, attributes: Attributes) -> dict[str, int]:
    """Return how y may lie over the operands of a walk over pairs; a single entry is read until the end."""
    entries = types["y"].size
    return {port: 0 if types[port].size == entries else entries - 1 for port in ("a", "b")}


def axis_of(shape: tuple[int, ...], attributes: Attributes) -> int:
    """Return the attribute `axis`, counted without the batch axis. Raises BadGraph where the shape has no such axis."""
    axis = int(attributes["axis"])
    if not 0 <= axis < len(shape):
        raise BadGraph(f"axis {axis} does not exist; x is {shape}, so it lies in 0..{len(shape) - 1}")
    return axis


def around_axis(shape: tuple[int, ...], axis: int) -> tuple[int, int, int]:
    """Return the entries before an axis, along it and behind it: what row-major order needs to walk along it."""
    return math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :])


def check_same_integers(x: Type, types: Types) -> None:
    """Raise BadGraph where the output of a node that only moves integers claims another meaning or a smaller range."""
    if "y" not in types:
        return
    y = types["y"]
    same = (y.dtype, y.zero_point) == (x.dtype, x.zero_point) and np.array_equal(y.scales, x.scales)
    if not same or (not x.is_float and not y.range[0] <= x.range[0] <= x.range[1] <= y.range[1]):
        raise BadGraph(f"the integers of x stay as they are, so its output cannot be {y} where x is {x}")
