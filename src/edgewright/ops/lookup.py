"""A function of one number by table and straight lines: what tanh, sigmoid and exp become."""

from __future__ import annotations

import numpy as np

from edgewright.errors import BadGraph
from edgewright.ir.graph import Attributes
from edgewright.ir.types import INTEGER_RANGES, Array, Type
from edgewright.ops import INTEGERS, Case, Kernel, Op, Types, Values
from edgewright.ops._layout import in_place
from edgewright.ops.tables import interpolate, make_table


def shape(types: Types, attributes: Attributes) -> tuple[int, ...]:
    """Return the shape of x."""
    shift, lowest = attributes["shift"], attributes["lowest"]
    if types["table"].size < 2 or not isinstance(shift, int) or not 0 <= shift <= 14:
        raise BadGraph("a table has two entries or more, and its shift is an integer in 0..14")
    if (types["table"].size - 1) << shift > 2**16:
        raise BadGraph(f"a table of {types['table'].size} entries with shift {shift} is longer than 16 bits count")
    low, high = INTEGER_RANGES["int16"]
    if not isinstance(lowest, int) or not low <= lowest <= high:
        raise BadGraph(f"the table begins at {lowest!r}; that must be an integer in {low}..{high}")
    return types["x"].shape


def accumulator(v: Values, t: Types, attributes: Attributes) -> tuple[int, int]:
    """Return the extremes of the product of a slope and a fraction, with the rounding term.

    Raises BadGraph where the table leaves the range of the output, as nothing cuts it.
    """
    (low, high), (lowest, highest) = t["y"].range, (int(v["table"].min()), int(v["table"].max()))
    if not low <= lowest <= highest <= high:
        raise BadGraph(f"y says that it lies in {low}..{high}, and the table reaches {lowest}..{highest}")
    slopes = np.diff(v["table"])
    fraction = (1 << attributes["shift"]) - 1
    half = (1 << attributes["shift"]) >> 1
    return min(int(slopes.min()) * fraction, 0), max(int(slopes.max()) * fraction, 0) + half


def arguments(v: Values, t: Types, attributes: Attributes) -> dict[str, int | Array]:
    """Return the number of values, and where the table begins and ends."""
    shift = int(attributes["shift"])
    return {
        "count": t["x"].size,
        "lowest": int(attributes["lowest"]),
        "last": ((t["table"].size - 1) << shift) - 1,
        "shift": shift,
    }


def fits_bytes(v: Values, t: Types, attributes: Attributes) -> bool:
    """Return whether intervals, the steps of each, and slopes are few and small enough for products of bytes."""
    if t["table"].dtype != t["y"].dtype or t["table"].size - 1 > 256 or attributes["shift"] > 8:
        return False
    return int(np.abs(np.diff(v["table"].astype(np.int64))).max()) <= INTEGER_RANGES["int16"][1]


def cases(generator: np.random.Generator) -> list[Case]:
    """Functions that rise, fall and saturate, tables of one interval and of many, every pair of dtypes."""
    found = []
    for x_dtype, x_scale in (("int8", 2.0**-5), ("int16", 2.0**-12), ("int16", 2.0**-10)):
        for y_dtype, y_scale in (("int8", 2.0**-7), ("int16", 2.0**-15)):
            for function in (np.tanh, lambda x: np.exp(-np.abs(x)), lambda x: -x):
                x, y = Type((9,), x_dtype, x_scale), Type((9,), y_dtype, y_scale)
                table, lowest, shift = make_table(function, x, y)
                types = {"x": x, "table": Type(table.shape, y_dtype, y_scale), "y": y}
                found.append(Case(types, {"table": table}, {"lowest": lowest, "shift": shift}))
    x, y = Type((3,), "int16", 1.0), Type((3,), "int16", 1.0)
    steep = np.array([-32768, 32767, -32768], np.int16)
    for lowest, shift in ((-32768, 14), (32767, 0), (0, 3)):
        types = {"x": x, "table": Type((3,), "int16", 1.0), "y": y}
        found.append(Case(types, {"table": steep}, {"lowest": lowest, "shift": shift}))
    return found


ENTRY = Op(
    doc="y = table at x: entry i stands for `lowest` + i * 2^`shift`, straight lines between, flat beyond both ends.",
    inputs=("x", "table"),
    parameters=("table",),
    shape=shape,
    integer=lambda v, t, a: interpolate(v["x"], v["table"], a["lowest"], a["shift"]),
    accumulator=accumulator,
    arguments=arguments,
    kernels=(
        Kernel(
            "lookup_bytes_X_Y",
            ("x", "y", "table", "count", "lowest", "last", "shift"),
            {"x": INTEGERS, "y": INTEGERS},
            fits_bytes,
            needs="avr",
            overlap=in_place,
        ),
        Kernel(
            "lookup_X_Y",
            ("x", "y", "table", "count", "lowest", "last", "shift"),
            {"x": INTEGERS, "y": INTEGERS},
            lambda values, types, attributes: types["table"].dtype == types["y"].dtype,
            overlap=in_place,
        ),
    ),
    cases=cases,
)
