"""How a sum becomes an output. A kernel is written once; the word FORM in it stands for one of these ways."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edgewright.ir.types import Array, Type
from edgewright.ops.arithmetic import LARGEST_SHIFT, Ratio

HIGH_SHIFT = 33  # from here on the lower 32 bits of a product cannot change the rounded result
TWICE_SHIFT = 32  # from here on both roundings of a factor that rounds twice take place


@dataclass(frozen=True)
class Form:
    """One way in C.

    parameters: name -> declaration. expression: of the requantised sum, with {sum} and {row} to fill in.
    """

    parameters: Mapping[str, str]
    expression: str


_END = {"zero_point": "int32_t zero_point", "lowest": "int32_t lowest", "highest": "int32_t highest"}


def _shifting() -> dict[str, Form]:
    either = "ew_clip(ew_shift({{sum}}, {shift}) + zero_point, lowest, highest)"
    right = "ew_clip(ew_right({{sum}}, {shift}) + zero_point, lowest, highest)"
    return {
        "right": Form({"shift": "uint8_t shift", **_END}, right.format(shift="shift")),
        "right_rows": Form({"shift": "const uint8_t *shift", **_END}, right.format(shift="EW_READ_U8(&shift[{row}])")),
        "shift": Form({"shift": "int8_t shift", **_END}, either.format(shift="shift")),
        "shift_rows": Form({"shift": "const int8_t *shift", **_END}, either.format(shift="EW_READ_I8(&shift[{row}])")),
    }


def _multiplying(name: str, function: str, clip: str) -> dict[str, Form]:
    text = f"{clip}({function}({{{{sum}}}}, {{multiplier}}, {{shift}}) + zero_point, lowest, highest)"
    one = {"multiplier": "int32_t multiplier", "shift": "uint8_t shift", **_END}
    rows = {"multiplier": "const int32_t *multiplier", "shift": "const uint8_t *shift", **_END}
    return {
        name: Form(one, text.format(multiplier="multiplier", shift="shift")),
        f"{name}_rows": Form(
            rows, text.format(multiplier="EW_READ_I32(&multiplier[{row}])", shift="EW_READ_U8(&shift[{row}])")
        ),
    }


FORMS: Mapping[str, Form] = {
    **_shifting(),
    **_multiplying("scale", "ew_scale", "ew_clip_wide"),
    **_multiplying("high", "ew_scale_high", "ew_clip"),
    **_multiplying("twice", "ew_scale_twice", "ew_clip"),
    **_multiplying("mixed", "ew_scale_mixed", "ew_clip_wide"),
}


def form_of(factors: tuple[Ratio, ...]) -> str:
    """Return the name of the cheapest form that serves these factors, one or one a row."""
    form = "right" if all(factor.shift > 0 for factor in factors) else "shift"
    if any(factor.multiplier is not None for factor in factors):
        least = min(as_multiplier(factor)[1] for factor in factors)
        if any(factor.twice for factor in factors):
            form = "twice" if least >= TWICE_SHIFT else "mixed"
        else:
            form = "high" if least >= HIGH_SHIFT else "scale"
    return f"{form}_rows" if len(factors) > 1 else form


def requantise_arguments(factors: tuple[Ratio, ...], y: Type) -> dict[str, int | Array]:
    """Return the C arguments of the form: shift, multiplier (one, or arrays with one a row), zero_point, lowest, highest."""
    arguments: dict[str, int | Array] = {"zero_point": y.zero_point, "lowest": y.range[0], "highest": y.range[1]}
    form, several = form_of(factors), len(factors) > 1
    if form.startswith("right"):
        shifts: Array = np.array([factor.shift - 1 for factor in factors], np.uint8)
    elif form.startswith("shift"):
        shifts = np.array([factor.shift for factor in factors], np.int8)
    else:
        pairs = [as_multiplier(factor) for factor in factors]
        left = {"high": HIGH_SHIFT, "twice": TWICE_SHIFT}.get(form.removesuffix("_rows"), 0)
        multipliers = np.array([multiplier for multiplier, _ in pairs], np.int32)
        shifts = np.array([shift - left for _, shift in pairs], np.uint8)
        arguments["multiplier"] = multipliers if several else int(multipliers[0])
    return {**arguments, "shift": shifts if several else int(shifts[0])}


def as_multiplier(factor: Ratio) -> tuple[int, int]:
    """Return multiplier and shift, also for a power of two whose neighbours need a multiplier; the results are the same.

    A sum of 32 bits is 0 after a shift of 32 already, so the shift stays within what a Ratio may have.
    """
    if factor.multiplier is not None:
        return factor.multiplier, factor.shift
    return 2**30, min(30 + factor.shift, LARGEST_SHIFT)
