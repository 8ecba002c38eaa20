"""Factors that round twice: gemmlowp's two roundings, as its authors write them."""

from __future__ import annotations

import numpy as np
import pytest

from edgewright.ir.types import Type
from edgewright.ops.arithmetic import Ratio, ratio, twice
from edgewright.ops.forms import form_of, requantise_arguments


def doubling_high(a: int, b: int) -> int:
    """Saturating rounding doubling high multiply."""
    product = a * b
    nudge = 2**30 if product >= 0 else 1 - 2**30
    total = product + nudge
    return total // 2**31 if total >= 0 else -((-total) // 2**31)


def divide(x: int, exponent: int) -> int:
    """Rounding divide by a power of two."""
    mask = 2**exponent - 1
    remainder, threshold = x & mask, (mask >> 1) + (x < 0)
    return (x >> exponent) + (remainder > threshold)


@pytest.mark.parametrize("factor", [0.4999, 0.31, 0.25, 2.0**-7, 0.0031, 2.0**-30, 3.1e-9])
def test_it_is_what_gemmlowp_does(factor: float) -> None:
    by = twice(ratio(factor))
    assert by.multiplier is not None
    edges = [0, 1, -1, 2**31 - 1, -(2**31), 2**30, -(2**30)]
    ties = [round((step + 0.5) / factor) + more for step in range(-50, 50) for more in (-1, 0, 1)]
    sums = [*edges, *np.random.default_rng(0).integers(-(2**24), 2**24, 2000).tolist()]
    sums += [one for one in ties if abs(one) < 2**31]
    expected = [divide(doubling_high(one, by.multiplier), by.shift - 31) for one in sums]
    assert by.apply(np.array(sums, np.int64)).tolist() == expected


def test_both_roundings_can_be_seen() -> None:
    by = twice(ratio(2.0**-8))
    # 127 becomes 63.5, 64, 0.5 and 1; ties of the second rounding go away from zero
    assert by.apply(np.array([128, -128, 127, -127])).tolist() == [1, -1, 1, 0]
    once = ratio(0.0031)
    sums = np.arange(-(2**18), 2**18)
    assert np.count_nonzero(once.apply(sums) != twice(once).apply(sums)) > 100


def test_a_factor_of_a_half_or_more_rounds_once() -> None:
    once = ratio(0.73)
    sums = np.arange(-(2**15), 2**15)
    assert np.array_equal(once.apply(sums), twice(once).apply(sums))
    assert np.array_equal(twice(Ratio(None, -1)).apply(sums), 2 * sums)


def test_forms_of_factors_that_round_twice() -> None:
    y = Type((2,), "int8", 1.0)
    small, large = twice(ratio(0.1)), twice(ratio(0.7))
    assert form_of((small,)) == "twice"
    assert form_of((small, small)) == "twice_rows"
    assert form_of((large,)) == "mixed"
    assert form_of((small, large)) == "mixed_rows"
    assert requantise_arguments((small,), y)["shift"] == small.shift - 32
    assert requantise_arguments((large,), y)["shift"] == large.shift
