"""The longest stretch of a channel that stays above, or below, a threshold."""

from __future__ import annotations

import math

import numpy as np

from edgewright.errors import BadGraph
from edgewright.ir.graph import Attributes
from edgewright.ir.types import INTEGER_RANGES, Array, Type
from edgewright.ops import INTEGERS, Case, Kernel, Op, Quantised, Request, Types, Values
from edgewright.ops.quantisation import counted

MOST = INTEGER_RANGES["int16"][1]
SIDES = ("above", "below")
NOWHERE = -1  # the step of a run that is not there


def shape(types: Types, attributes: Attributes) -> tuple[int, ...]:
    """Return (2,): the step at which the run begins, and its length."""
    x, channel, least = types["x"], attributes["channel"], attributes["least"]
    if len(x.shape) != 2 or not 1 <= x.shape[0] <= MOST or x.axis == 0:
        raise BadGraph(f"x is {x}; it must be [steps, channels] with 1 to {MOST} steps, one scale or one a channel")
    if not isinstance(channel, int) or not 0 <= channel < x.shape[1]:
        raise BadGraph(f"channel is {channel!r}; x has the channels 0..{x.shape[1] - 1}")
    if attributes["side"] not in SIDES:
        raise BadGraph(f"side is {attributes['side']!r}; it must be one of {', '.join(SIDES)}")
    if not isinstance(least, int) or not 1 <= least <= MOST:
        raise BadGraph(f"least is {least!r}; it must be a whole number in 1..{MOST}")
    if not math.isfinite(attributes["threshold"]):
        raise BadGraph(f"threshold is {attributes['threshold']}; it must be a finite number")
    counted(types, x.shape[0], NOWHERE)
    return (2,)


def longest(within: Array, least: int) -> Array:
    """Return where the longest run of what is true begins, the first of equals, and its length: [n, 2]; within: [n, steps].

    Runs shorter than `least` do not count; where there is none, it begins at -1 and has the length 0.
    """
    rows, steps = within.shape
    run = np.zeros(rows, np.int64)
    best, start = run.copy(), run + NOWHERE
    for step in range(steps):
        run = np.where(within[:, step], run + 1, 0)
        longer = (run > best) & (run >= least)
        best, start = np.where(longer, run, best), np.where(longer, step + 1 - run, start)
    return np.stack([start, best], axis=1)


def float_meaning(v: Values, attributes: Attributes) -> Array:
    """Return the longest run of a channel above or below the real threshold; x: [n, steps, channels]."""
    x, threshold = v["x"][..., attributes["channel"]], attributes["threshold"]
    within = x > threshold if attributes["side"] == "above" else x < threshold
    return longest(within, attributes["least"]).astype(v["x"].dtype)


def integer(v: Values, t: Types, attributes: Attributes) -> Array:
    """Return the same, the threshold in steps of x."""
    x, limit = v["x"][..., attributes["channel"]], limit_of(t, attributes)
    return longest(x > limit if attributes["side"] == "above" else x < limit, attributes["least"])


def limit_of(t: Types, attributes: Attributes) -> int:
    """Return the integer that x must exceed (be below), so that its real value exceeds (is below) the threshold."""
    x = t["x"]
    scale = float(np.broadcast_to(x.scales, x.shape)[0, attributes["channel"]])
    low, high = INTEGER_RANGES[x.dtype]
    steps = attributes["threshold"] / scale + x.zero_point
    steps = min(max(steps, low - 1), high + 1)  # what lies beyond is above all, or below all
    return math.floor(steps) if attributes["side"] == "above" else math.ceil(steps)


def quantise(request: Request) -> Quantised:
    """Whole numbers at scale 1, from -1 to the number of steps."""
    return Quantised(Type((2,), "int16", 1.0, limits=(NOWHERE, request.types["x"].shape[0])))


def arguments(v: Values, t: Types, attributes: Attributes) -> dict[str, int | Array]:
    """Return the sizes, the channel, the threshold in steps of x and the least length."""
    steps, channels = t["x"].shape
    return {
        "steps": steps,
        "channels": channels,
        "channel": attributes["channel"],
        "limit": limit_of(t, attributes),
        "least": attributes["least"],
    }


def cases(generator: np.random.Generator) -> list[Case]:
    """Both sides, thresholds within the range of x, between its steps and beyond it, short runs, scales a channel."""
    found = []
    for side in SIDES:
        for x, channel, threshold, least in (
            (Type((40, 2), "int16", 1.0, limits=(-2, 2)), 1, 0.5, 3),
            (Type((40, 1), "int8", 0.25, 5, limits=(3, 7)), 0, 0.0, 1),
            (Type((30, 3), "int16", (1.0, 0.1, 0.5), axis=1), 1, 17.3, 2),
            (Type((6, 1), "int8", 1.0), 0, -1000.0, 4),
            (Type((6, 1), "int16", 1.0), 0, 1e9, 1),
            (Type((1, 1), "int8", 1.0), 0, 0.0, 1),
            (Type((5, 1), "int16", 1.0), 0, 0.0, 6),
        ):
            y = Type((2,), "int16", 1.0, limits=(NOWHERE, x.shape[0]))
            attributes = {"channel": channel, "threshold": threshold, "side": side, "least": least}
            found.append(Case({"x": x, "y": y}, attributes=attributes))
    return found


PORTS = {"x": INTEGERS, "y": ("int16",)}
CALL = ("x", "y", "steps", "channels", "channel", "limit", "least")

ENTRY = Op(
    doc="Where the longest run of a `channel` of x [steps, channels] begins that is on one `side` of a `threshold` (above or below it, not "
    "at it), and how long it is: the first of equals; -1 and 0 where none is of `least` steps or more.",
    inputs=("x",),
    shape=shape,
    float=float_meaning,
    integer=integer,
    quantise=quantise,
    arguments=arguments,
    kernels=(
        Kernel("longest_run_above_X", CALL, PORTS, lambda v, t, a: bool(a["side"] == "above")),
        Kernel("longest_run_below_X", CALL, PORTS, lambda v, t, a: bool(a["side"] == "below")),
    ),
    cases=cases,
    scale_a_feature=True,
)
