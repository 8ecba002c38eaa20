"""Squared Euclidean distances to prototypes: the heart of ProtoNN."""

from __future__ import annotations

import numpy as np

from edgewright.errors import BadGraph
from edgewright.ir.graph import Attributes
from edgewright.ir.types import Array, Type, power_of_two
from edgewright.ops import INTEGERS, Case, Kernel, Op, Quantised, Request, Types, Values
from edgewright.ops.arithmetic import Integers, Ratio, ratios, requantise, requantise_cost, rshift_round
from edgewright.ops.forms import form_of, requantise_arguments
from edgewright.ops.quantisation import WEIGHT_LIMIT, scale_covering

WIDE_LIMIT = 2**15 - 1
LARGEST_SUM = 2**30  # half of 32 bits is left for the rounding term


def shape(types: Types, attributes: Attributes) -> tuple[int, ...]:
    """Return (prototypes,)."""
    count, columns = types["prototypes"].shape
    if types["x"].shape != (columns,):
        raise BadGraph(f"prototypes are {count}x{columns}, so x must be {columns}")
    return (count,)


def distances(v: Values, attributes: Attributes) -> Array:
    """Return the squared distances of x [n, columns] to each prototype: [n, prototypes]."""
    difference = v["x"][:, None, :] - v["prototypes"]
    result: Array = np.einsum("npc,npc->np", difference, difference)
    return result


def alignment(prototypes: Integers, x: Type, prototype: Type) -> tuple[int, int]:
    """Return (x_shift, prototype_shift): how far x goes right and the prototypes left to meet at one scale.

    The scale is the finest at which the sum of squares is proven to fit. Raises BadGraph where that of the prototypes is no power of two
    times that of x, or finer.
    """
    apart = None if x.axis is not None else power_of_two(float(prototype.scales) / float(x.scales))
    if apart is None or apart < 0:
        raise BadGraph(
            f"the prototypes are {prototype} and x is {x}: their scale must be that of x, or 2, 4, 8, ... times it"
        )
    for x_shift in range(apart + 1):
        if _largest_sum(prototypes, x, x_shift, apart - x_shift) < LARGEST_SUM:
            return x_shift, apart - x_shift
    raise BadGraph(
        "the sum of squares does not fit 32 bits at the scale of the prototypes; use a coarser scale for them"
    )


def _largest_sum(prototypes: Integers, x: Type, x_shift: int, prototype_shift: int) -> int:
    low, high = (int(rshift_round(np.int64(bound - x.zero_point), x_shift)) for bound in x.range)
    placed = prototypes << prototype_shift
    farthest = np.maximum(np.abs(low - placed), np.abs(high - placed))
    return int((farthest * farthest).sum(axis=-1).max())


def integer(v: Values, t: Types, attributes: Attributes) -> Array:
    """Return requantise(sum of (x >> x_shift - (prototype << prototype_shift))^2)."""
    x_shift, prototype_shift = alignment(v["prototypes"], t["x"], t["prototypes"])
    aligned = {
        "x": rshift_round(v["x"] - t["x"].zero_point, x_shift),
        "prototypes": v["prototypes"] << prototype_shift,
    }
    return requantise(distances(aligned, attributes), _factors(t, prototype_shift), t["y"])


def _factors(t: Types, prototype_shift: int) -> tuple[Ratio, ...]:
    scale = float(t["prototypes"].scales) / 2**prototype_shift
    return ratios(np.array([scale * scale / float(t["y"].scales)]))


def quantise(request: Request) -> Quantised:
    """Prototypes with one scale, no finer than that of x, and coarse enough for a proven sum.

    They have 16 bits where the attribute `wide` is set, else 8.
    """
    x, values = request.types["x"], request.parameters["prototypes"].astype(np.float64)
    dtype, limit = ("int16", WIDE_LIMIT) if request.attributes.get("wide") else ("int8", WEIGHT_LIMIT)
    if x.axis is not None:
        raise BadGraph("distances need one scale for the whole input; put an affine operator before them")
    step = float(x.scales)
    scale = step * max(scale_covering(float(np.abs(values).max(initial=0)) / step, limit), 1.0)
    while True:
        integers = np.clip(np.floor(values / scale + 0.5), -limit, limit).astype(dtype)
        type = Type(values.shape, dtype, scale, limits=(-limit, limit))
        if fitting_shift(integers.astype(np.int64), x, round(math.log2(scale / step))) is not None:
            break
        scale *= 2
    highest = float(_largest_sum(integers.astype(np.int64), x, *alignment(integers.astype(np.int64), x, type)))
    return Quantised(request.output, {"prototypes": (integers, type)})


def accumulator(v: Values, t: Types, attributes: Attributes) -> tuple[int, int]:
    """Return the extremes of the sum of squares, with the rounding term."""
    x_shift, prototype_shift = alignment(v["prototypes"], t["x"], t["prototypes"])
    largest = _largest_sum(v["prototypes"], t["x"], x_shift, prototype_shift)
    return requantise_cost(0, largest, _factors(t, prototype_shift), t["y"])


def arguments(v: Values, t: Types, attributes: Attributes) -> dict[str, int | Array]:
    """Return the sizes, the alignment and the requantisation."""
    count, columns = t["prototypes"].shape
    x_shift, prototype_shift = alignment(v["prototypes"], t["x"], t["prototypes"])
    return {
        "count": count,
        "columns": columns,
        "x_zero_point": t["x"].zero_point,
        "x_shift": x_shift,
        "prototype_factor": 1 << prototype_shift,
        **requantise_arguments(_factors(t, prototype_shift), t["y"]),
    }


def is_shift(values: Values, types: Types, attributes: Attributes) -> bool:
    """Whether the output's scale is a power of two, as those of the inputs are."""
    return form_of(_factors(types, 0)) == "shift"


def cases(generator: np.random.Generator) -> list[Case]:
    """Equal and distant scales, zero points, narrow ranges."""
    found = []
    for x, prototype_scale, y in (
        (Type((6,), "int8", 2.0**-5), 2.0**-5, Type((4,), "int16", 2.0**-6)),
        (Type((6,), "int16", 2.0**-12), 2.0**-5, Type((4,), "int16", 2.0**-9)),
        (Type((6,), "int16", 2.0**-12), 2.0**-4, Type((4,), "int8", 2.0**1, limits=(0, 100))),
        (Type((6,), "int8", 2.0**-6, zero_point=-20), 2.0**-5, Type((4,), "int16", 2.0**-4, zero_point=0)),
        (Type((6,), "int16", 2.0**-9, limits=(-300, 500)), 2.0**-8, Type((4,), "int16", 2.0**-3)),
    ):
        for dtype, limit in (("int8", WEIGHT_LIMIT), ("int16", 1000)):
            prototypes = generator.integers(-limit, limit + 1, (4, 6)).astype(dtype)
            prototypes[0], prototypes[1] = limit, -limit
            types = {"x": x, "prototypes": Type((4, 6), dtype, prototype_scale, limits=(-limit, limit)), "y": y}
            found.append(Case(types, {"prototypes": prototypes}))
    return found


ENTRY = Op(
    doc="Squared Euclidean distance of x to each row of `prototypes` [count, columns].",
    inputs=("x", "prototypes"),
    parameters=("prototypes",),
    shape=shape,
    float=distances,
    integer=integer,
    quantise=quantise,
    accumulator=accumulator,
    arguments=arguments,
    kernels=(
        Kernel(
            "squared_distance_X_PROTOTYPES_Y",
            (
                "x",
                "y",
                "prototypes",
                "count",
                "columns",
                "x_zero_point",
                "x_shift",
                "prototype_factor",
                "shift",
                "zero_point",
                "lowest",
                "highest",
            ),
            {"x": INTEGERS, "prototypes": INTEGERS, "y": INTEGERS},
            is_shift,
        ),
    ),
    cases=cases,
)
