"""Two values one behind the other; several are nested."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgewright.errors import BadGraph
from edgewright.ir.graph import Attributes
from edgewright.ir.types import Array, Type
from edgewright.ops import INTEGERS, Case, Kernel, Op, Quantised, Request, Types, Values
from edgewright.ops._layout import around_axis, axis_of
from edgewright.ops.arithmetic import Ratio, entry_ratios, requantise, requantise_cost
from edgewright.ops.forms import as_multiplier, form_of
from edgewright.ops.quantisation import coarse_enough, largest_real


def shape(types: Types, attributes: Attributes) -> tuple[int, ...]:
    """Return the shape of a, longer by b along the axis."""
    a, b = types["a"], types["b"]
    axis = axis_of(a.shape, attributes)
    if len(a.shape) != len(b.shape) or any(
        p != q for k, (p, q) in enumerate(zip(a.shape, b.shape, strict=True)) if k != axis
    ):
        raise BadGraph(f"a is {a.shape} and b is {b.shape}: they may differ along axis {axis} only")
    if a.axis is not None or b.axis is not None:
        raise BadGraph("a and b need one scale each")
    return (*a.shape[:axis], a.shape[axis] + b.shape[axis], *a.shape[axis + 1 :])


def joined(v: Values, attributes: Attributes) -> Array:
    """Return b behind a; both [n, *shape]."""
    return np.concatenate([v["a"], v["b"]], axis=attributes["axis"] + 1)


def integer(v: Values, t: Types, attributes: Attributes) -> Array:
    """Return both, each requantised to the output."""
    parts = {
        port: requantise(v[port] - t[port].zero_point, (factor,), t["y"])
        for port, factor in zip(("a", "b"), factors(t), strict=True)
    }
    return joined(parts, attributes)


def factors(t: Types) -> tuple[Ratio, ...]:
    """Return the factors from steps of a and of b to steps of the output."""
    return entry_ratios(np.array([float(t["a"].scales), float(t["b"].scales)]) / float(t["y"].scales))


def quantise(request: Request) -> Quantised:
    """The output as calibration saw it; where both are integers of one scale within proven limits (counts), those integers."""
    a, b = request.types["a"], request.types["b"]
    if a.dtype == b.dtype == "int16" and float(a.scales) == float(b.scales) and a.limits and b.limits:
        limits = (min(a.limits[0], b.limits[0]), max(a.limits[1], b.limits[1]))
        return Quantised(replace(a, shape=request.output.shape, limits=limits))
    return Quantised(coarse_enough(request.output, max(map(largest_real, request.types.values()))))


def accumulator(v: Values, t: Types, attributes: Attributes) -> tuple[int, int]:
    """Return the extremes of what is requantised, with what that adds."""
    costs = [
        requantise_cost(t[port].range[0] - t[port].zero_point, t[port].range[1] - t[port].zero_point, (factor,), t["y"])
        for port, factor in zip(("a", "b"), factors(t), strict=True)
    ]
    return min(low for low, _ in costs), max(high for _, high in costs)


def arguments(v: Values, t: Types, attributes: Attributes) -> dict[str, int | Array]:
    """Return the number of blocks, the length of those of a and of b, and both requantisations."""
    found: dict[str, int | Array] = {"blocks": around_axis(t["a"].shape, attributes["axis"])[0]}
    only_shifts = all(factor.multiplier is None for factor in factors(t))
    for port, factor in zip(("a", "b"), factors(t), strict=True):
        _, along, behind = around_axis(t[port].shape, attributes["axis"])
        multiplier, shift = (0, factor.shift) if only_shifts else as_multiplier(factor)
        found |= {f"{port}_count": along * behind, f"{port}_zero_point": t[port].zero_point}
        found |= {f"{port}_multiplier": multiplier, f"{port}_shift": shift}
    return {**found, "zero_point": t["y"].zero_point, "lowest": t["y"].range[0], "highest": t["y"].range[1]}


def overlap(t: Types, attributes: Attributes) -> dict[str, int]:
    """Before an entry of a or b is read, as many entries of the other were written as blocks of it come before."""
    blocks, along, behind = around_axis(t["a"].shape, attributes["axis"])
    return {"a": t["b"].size // blocks * (blocks - 1), "b": along * behind * blocks}


def cases(generator: np.random.Generator) -> list[Case]:
    """Every triple of dtypes, powers of two and others, the first axis and the last, zero points."""
    found = []
    for a_dtype in INTEGERS:
        for b_dtype in INTEGERS:
            for y_dtype in INTEGERS:
                a, b = Type((3,), a_dtype, 2.0**-4), Type((2,), b_dtype, 2.0**-8)
                found.append(Case({"a": a, "b": b, "y": Type((5,), y_dtype, 2.0**-6)}, attributes={"axis": 0}))
                b = Type((2,), b_dtype, 0.003)
                found.append(Case({"a": a, "b": b, "y": Type((5,), y_dtype, 2.0**-4)}, attributes={"axis": 0}))
    a, b = Type((2, 3), "int8", 0.1, -128), Type((2, 1), "int8", 0.1, 40)
    y = Type((2, 4), "int8", 0.1, -128, limits=(-127, 100))
    found.append(Case({"a": a, "b": b, "y": y}, attributes={"axis": 1}))
    coarse = Type((2, 4), "int8", 3.0, 5)  # both factors are small
    found.append(Case({"a": a, "b": b, "y": coarse}, attributes={"axis": 1}))
    nothing = Type((2, 1), "int16", 2.0**-40)  # beside y all of it is 0
    found.append(Case({"a": a, "b": nothing, "y": replace(coarse, scale=1.0)}, attributes={"axis": 1}))
    found.append(Case({"a": nothing, "b": nothing, "y": Type((2, 2), "int16", 1.0)}, attributes={"axis": 1}))
    b, y = Type((1, 3), "int16", 2.0**-9), Type((3, 3), "int16", 2.0**-9)
    return [*found, Case({"a": a, "b": b, "y": y}, attributes={"axis": 0})]


CALL = ("a", "b", "y", "blocks", "a_count", "b_count", "a_zero_point", "b_zero_point")
END = ("zero_point", "lowest", "highest")

ENTRY = Op(
    doc="b behind a along `axis` (counted without the batch axis).",
    inputs=("a", "b"),
    shape=shape,
    float=joined,
    integer=integer,
    quantise=quantise,
    accumulator=accumulator,
    arguments=arguments,
    kernels=(
        Kernel(
            "concatenate_A_B_Y_shift",
            (*CALL, "a_shift", "b_shift", *END),
            {"a": INTEGERS, "b": INTEGERS, "y": INTEGERS},
            lambda values, types, attributes: form_of(factors(types)) in ("right_rows", "shift_rows"),
            overlap=overlap,
        ),
        Kernel(
            "concatenate_A_B_Y_scale",
            (*CALL, "a_multiplier", "a_shift", "b_multiplier", "b_shift", *END),
            {"a": INTEGERS, "b": INTEGERS, "y": INTEGERS},
            overlap=overlap,
        ),
    ),
    cases=cases,
)
