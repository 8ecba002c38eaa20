"""How often the values of each channel lie in each of some equal bins."""

from __future__ import annotations

import math

import numpy as np

from edgewright.errors import BadGraph
from edgewright.ir.graph import Attributes
from edgewright.ir.types import INTEGER_RANGES, Array, Type
from edgewright.ops import INTEGERS, Case, Kernel, Op, Quantised, Request, Types, Values
from edgewright.ops.arithmetic import Integers
from edgewright.ops.quantisation import counted

MOST = INTEGER_RANGES["int16"][1]
LARGEST_SPAN = 2**17  # of the integers from the lowest edge to the highest; twice what 16 bits hold


def shape(types: Types, attributes: Attributes) -> tuple[int, ...]:
    """Return (channels, bins)."""
    x, bins = types["x"], attributes["bins"]
    if len(x.shape) != 2 or not 1 <= x.shape[0] <= MOST or x.axis == 0:
        raise BadGraph(f"x is {x}; it must be [steps, channels] with 1 to {MOST} steps, one scale or one a channel")
    channels = x.shape[1]
    edges = (attributes["low"], attributes["high"])
    if any(len(edge) != channels for edge in edges):
        raise BadGraph(
            f"low and high have {len(edges[0])} and {len(edges[1])} entries; {channels} are needed, one a channel"
        )
    if not all(math.isfinite(low) and math.isfinite(high) and low < high for low, high in zip(*edges, strict=True)):
        raise BadGraph(f"low is {edges[0]} and high {edges[1]}; each low must be below its high")
    if not isinstance(bins, int) or not 1 <= bins <= MOST:
        raise BadGraph(f"bins is {bins!r}; it must be a whole number in 1..{MOST}")
    if not x.is_float:
        _check_edges(types, attributes)
    counted(types, x.shape[0])
    return (channels, bins)


def _check_edges(types: Types, attributes: Attributes) -> None:
    low, span = edges(types, attributes)
    if (span < 1).any() or (np.abs(low) >= LARGEST_SPAN).any() or (span > LARGEST_SPAN).any():
        raise BadGraph(
            f"low {attributes['low']} to high {attributes['high']} are {span.tolist()} steps of x; 1 to {LARGEST_SPAN} are taken"
        )
    if int(span.max()) * attributes["bins"] >= 2**32:
        raise BadGraph(f"{attributes['bins']} bins of {int(span.max())} steps of x together do not fit 32 bits")


def edges(t: Types, attributes: Attributes) -> tuple[Integers, Integers]:
    """Return the lowest edge of each channel in integers of x, rounded half up, and how far the highest lies above it."""
    x = t["x"]
    low, high = (
        np.floor(np.asarray(attributes[edge], np.float64) / np.ravel(x.scales) + 0.5).astype(np.int64) + x.zero_point
        for edge in ("low", "high")
    )
    return low, high - low


def count(bin: Array, bins: int) -> Array:
    """Return how many steps have each bin, bins beyond both ends counted as the first and the last: [n, channels, bins]."""
    places = np.clip(bin, 0, bins - 1)[..., None] == np.arange(bins)
    return np.asarray(places.sum(axis=1))


def float_meaning(v: Values, attributes: Attributes) -> Array:
    """Return the counts of floor((x - low) * bins / (high - low)); x: [n, steps, channels]."""
    low, high = (np.asarray(attributes[edge], np.float64) for edge in ("low", "high"))
    bins = attributes["bins"]
    return count(np.floor((v["x"].astype(np.float64) - low) * bins / (high - low)), bins).astype(v["x"].dtype)


def integer(v: Values, t: Types, attributes: Attributes) -> Array:
    """Return the counts of (x - low) * bins // (high - low), all in steps of x."""
    low, span = edges(t, attributes)
    return count((v["x"] - low) * attributes["bins"] // span, attributes["bins"]).astype(np.int64)


def quantise(request: Request) -> Quantised:
    """Counts at scale 1, as many as there are steps at the most."""
    return Quantised(Type(request.output.shape, "int16", 1.0, limits=(0, request.types["x"].shape[0])))


def arguments(v: Values, t: Types, attributes: Attributes) -> dict[str, int | Array]:
    """Return the sizes."""
    steps, channels = t["x"].shape
    return {"steps": steps, "channels": channels, "bins": attributes["bins"]}


def layout(v: Values, t: Types, attributes: Attributes) -> dict[str, int | Array]:
    """Return the edges of each channel."""
    low, span = edges(t, attributes)
    return {"lowest": low.astype(np.int32), "span": span.astype(np.int32)}


def shift_layout(v: Values, t: Types, attributes: Attributes) -> dict[str, int | Array]:
    """Return the lowest edge of each channel, and the exponent of its span."""
    low, span = edges(t, attributes)
    return {"lowest": low.astype(np.int32), "exponent": np.log2(span).astype(np.uint8)}


def by_shift(v: Values, t: Types, attributes: Attributes) -> bool:
    """Whether all spans are powers of two."""
    span = edges(t, attributes)[1]
    return bool((span & (span - 1) == 0).all())


def cases(generator: np.random.Generator) -> list[Case]:
    """Spans that are powers of two and others, within and beyond the range of x, one bin and one channel, scales a channel."""
    found = []
    for x, bins, low, high in (
        (Type((9, 2), "int16", 1.0), 20, (-16384, -512), (16384, 512)),
        (Type((9, 2), "int16", 1.0), 7, (-16384, -512), (16000, 500)),
        (Type((30, 1), "int8", 0.5, 3), 4, (-32.0,), (32.0,)),
        (Type((30, 1), "int8", 0.5, 3), 5, (-200.0,), (200.0,)),
        (Type((5, 3), "int16", (1.0, 0.5, 0.1), axis=1), 3, (0, -64, -5), (64, 64, 5)),
        (Type((5, 2), "int8", 1.0), 1, (-1, 0), (0, 1)),
        (Type((40, 1), "int8", 1.0, limits=(-3, 4)), 3, (-2,), (3,)),
        (Type((3, 1), "int16", 1.0), 300, (-65536,), (65535,)),
    ):
        attributes = {"bins": bins, "low": list(low), "high": list(high)}
        y = Type((x.shape[1], bins), "int16", 1.0, limits=(0, x.shape[0]))
        found.append(Case({"x": x, "y": y}, attributes=attributes))
    return found


PORTS = {"x": INTEGERS, "y": ("int16",)}
SIZES = ("steps", "channels", "bins")

ENTRY = Op(
    doc="How many steps of each channel of x [steps, channels] lie in each of `bins` equal bins from `low` to `high`, one of each a "
    "channel; the first and the last bin also count what lies beyond.",
    inputs=("x",),
    shape=shape,
    float=float_meaning,
    integer=integer,
    quantise=quantise,
    arguments=arguments,
    kernels=(
        Kernel("histogram_shift_X", ("x", "y", "lowest", "exponent", *SIZES), PORTS, by_shift, layout=shift_layout),
        Kernel("histogram_X", ("x", "y", "lowest", "span", *SIZES), PORTS, layout=layout),
    ),
    cases=cases,
    scale_a_feature=True,
)
