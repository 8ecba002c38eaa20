"""Axes in another order."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from edgewright.errors import BadGraph
from edgewright.ir.graph import Attributes
from edgewright.ir.types import Array, Type
from edgewright.ops import INTEGERS, Case, Kernel, Op, Quantised, Types, Values
from edgewright.ops._layout import check_same_integers

MOST_AXES = 4  # that the kernel walks, once neighbours that stay together are one
LARGEST_ENTRIES = 2**16  # the kernel keeps sizes and steps in 16 bits


def shape(types: Types, attributes: Attributes) -> tuple[int, ...]:
    """Return the sizes of x in the order of `axes`."""
    x, axes = types["x"], tuple(int(axis) for axis in attributes["axes"])
    if sorted(axes) != list(range(len(x.shape))):
        raise BadGraph(f"axes is {list(axes)}; x is {x.shape}, so it must hold 0..{len(x.shape) - 1}, each once")
    if x.axis is not None:
        raise BadGraph("x needs one scale for all its entries; put an affine operator before it")
    if x.size >= LARGEST_ENTRIES or len(joined(x.shape, axes)[0]) > MOST_AXES:
        raise BadGraph(
            f"x is {x.shape} and axes {list(axes)}: fewer than {LARGEST_ENTRIES} entries and {MOST_AXES} axes that move are allowed"
        )
    check_same_integers(x, types)
    return tuple(x.shape[axis] for axis in axes)


def joined(sizes: tuple[int, ...], axes: tuple[int, ...]) -> tuple[list[int], list[int]]:
    """Return the sizes of y and the steps in x, neighbours that stay together joined and axes of one entry left out."""
    found_sizes: list[int] = []
    found_steps: list[int] = []
    for axis in axes:
        size, step = sizes[axis], math.prod(sizes[axis + 1 :])
        if size == 1:
            continue
        if found_steps and found_steps[-1] == size * step:
            found_sizes[-1], found_steps[-1] = found_sizes[-1] * size, step
        else:
            found_sizes.append(size)
            found_steps.append(step)
    return found_sizes, found_steps


def turned(v: Values, attributes: Attributes) -> Array:
    """Return x [n, *shape] with its axes in the new order."""
    return np.ascontiguousarray(np.transpose(v["x"], (0, *(int(axis) + 1 for axis in attributes["axes"]))))


def arguments(v: Values, t: Types, attributes: Attributes) -> dict[str, int | Array]:
    """Return four sizes and four steps."""
    sizes, steps = joined(t["x"].shape, tuple(int(axis) for axis in attributes["axes"]))
    missing = MOST_AXES - len(sizes)
    return {"geometry": np.array([*[1] * missing, *sizes, *[0] * missing, *steps], np.uint16)}


def cases(generator: np.random.Generator) -> list[Case]:
    """Matrices and images turned every way, neighbours that stay together, four axes, axes of one entry."""
    found = []
    for dtype in INTEGERS:
        for size, axes in (
            ((3, 4), (1, 0)),
            ((2, 3, 4), (2, 0, 1)),
            ((2, 3, 4), (1, 2, 0)),
            ((2, 3, 4), (2, 1, 0)),
            ((2, 3, 4), (0, 2, 1)),
            ((2, 3, 2, 3), (3, 1, 2, 0)),
            ((1, 5, 1), (1, 2, 0)),
        ):
            x = Type(size, dtype, 0.3, 5 if dtype == "int8" else 0)
            attributes = {"axes": axes}
            found.append(Case({"x": x, "y": replace(x, shape=shape({"x": x}, attributes))}, attributes=attributes))
    return found


ENTRY = Op(
    doc="x with its axes in the order `axes` (counted without the batch axis).",
    inputs=("x",),
    shape=shape,
    float=turned,
    integer=lambda v, t, a: turned(v, a),
    quantise=lambda request: Quantised(replace(request.types["x"], shape=request.output.shape)),
    arguments=arguments,
    kernels=(
        Kernel(
            "transpose_X",
            ("x", "y", "geometry"),
            {"x": INTEGERS, "y": INTEGERS},
            lambda values, types, attributes: types["x"].dtype == types["y"].dtype,
        ),
    ),
    cases=cases,
)
