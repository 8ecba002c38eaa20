"""The arithmetic that every operator stands on, and the C of it."""

import ctypes
import shutil
import subprocess
from fractions import Fraction
from importlib import resources

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewright.errors import BadGraph
from edgewright.ir.types import Type, power_of_two
from edgewright.ops.arithmetic import (
    INT32,
    Ratio,
    entry_ratios,
    exact_products,
    product_bounds,
    ratio,
    ratios,
    requantise,
    requantise_cost,
    rshift_floor,
    rshift_round,
)

INT8 = Type((1,), "int8", 1.0)
INT16 = Type((1,), "int16", 1.0)
WORDS = st.integers(*INT32)


def half_up(value):
    return (value + Fraction(1, 2)).__floor__()


@given(WORDS, st.integers(0, 62))
def test_rshift_round_is_rounding_half_up(x, shift):
    assert rshift_round(np.int64(x), shift) == half_up(Fraction(x, 2**shift))


@given(WORDS, st.integers(0, 62))
def test_rshift_floor_goes_towards_minus_infinity(x, shift):
    assert rshift_floor(np.int64(x), shift) == Fraction(x, 2**shift).__floor__()


@given(WORDS, st.integers(0, 30), st.integers(0, 30))
def test_rshift_round_takes_a_shift_an_entry(x, first, second):
    both = rshift_round(np.array([x, x]), np.array([first, second]))
    assert both.tolist() == [rshift_round(np.int64(x), first), rshift_round(np.int64(x), second)]


@given(st.floats(2.0**-30, 2.0**30))
def test_ratio_is_the_factor_to_31_bits(factor):
    found = ratio(factor)
    if power_of_two(factor) is not None:
        assert found == Ratio(None, -power_of_two(factor))
    else:
        assert 2**30 <= found.multiplier < 2**31
        assert 0 <= found.shift <= 62
        assert abs(Fraction(found.multiplier, 2**found.shift) / Fraction(factor) - 1) <= Fraction(1, 2**31)


@given(st.integers(-(2**16), 2**16 - 1), st.integers(-60, 30))
def test_single_entries_need_no_shift_beyond_24(x, exponent):
    (found,) = entry_ratios(np.array([2.0**exponent]))
    assert found.shift <= 24
    assert requantise(np.array([x]), (found,), INT16) == requantise(np.array([x]), (ratio(2.0**exponent),), INT16)


@pytest.mark.parametrize("factor", [0.0, -1.0, 2.0**40, 3 * 2.0**-60])
def test_ratio_refuses_what_it_cannot_hold(factor):
    with pytest.raises(BadGraph, match="factor"):
        ratio(factor)


@given(WORDS, st.floats(2.0**-20, 2.0**20), st.integers(-128, 127), st.sampled_from(["int8", "int16"]))
def test_requantise_is_rounding_and_saturation(acc, factor, zero_point, dtype):
    type = Type((1,), dtype, 1.0, zero_point)
    found = ratio(factor)
    exact = Fraction(acc) * (
        Fraction(1, 1) / Fraction(2) ** found.shift
        if found.multiplier is None
        else Fraction(found.multiplier, 2**found.shift)
    )
    low, high = type.range
    wanted = min(max(half_up(exact) + zero_point, low), high)
    assert requantise(np.array([acc]), (found,), type).tolist() == [wanted]


def test_requantise_ties_go_up():
    assert requantise(np.array([-3, -1, 1, 3]), (Ratio(None, 1),), INT8).tolist() == [-1, 0, 1, 2]


@given(st.lists(WORDS, min_size=3, max_size=3), st.lists(st.floats(0.001, 100.0), min_size=3, max_size=3))
def test_a_factor_a_row_is_each_factor_on_its_row(accs, factors):
    together = requantise(np.array([accs]), ratios(np.array(factors)), INT16)[0]
    alone = [requantise(np.array([acc]), (ratio(factor),), INT16)[0] for acc, factor in zip(accs, factors, strict=True)]
    assert together.tolist() == alone


@given(
    st.lists(st.integers(-127, 127), min_size=1, max_size=6),
    st.data(),
    st.sampled_from([(-128, 127), (0, 10), (-5, -2)]),
)
def test_product_bounds_are_reached_and_never_passed(weights, data, bounds):
    low, high = bounds
    x = data.draw(st.lists(st.integers(low, high), min_size=len(weights), max_size=len(weights)))
    row = np.array(weights)
    lowest, highest = product_bounds(row, low, high)
    assert lowest <= row @ np.array(x) <= highest
    assert row @ np.where(row > 0, high, low) == highest
    assert row @ np.where(row > 0, low, high) == lowest


@given(WORDS, st.integers(-20, 30), st.integers(-128, 127))
def test_requantise_cost_holds_every_step(acc, shift, zero_point):
    type = Type((1,), "int8", 1.0, zero_point)
    low, high = requantise_cost(min(acc, 0), max(acc, 0), (Ratio(None, shift),), type)
    if shift < 0:
        steps = [acc << -shift, (acc << -shift) + zero_point]
    else:
        half = (1 << shift) >> 1
        steps = [acc + half, (acc + half) >> shift, ((acc + half) >> shift) + zero_point]
    assert all(low <= step <= high for step in steps)


SHIM = """
#include "arithmetic.h"
int32_t rshift_round(int32_t x, uint8_t shift) { return ew_rshift_round(x, shift); }
int32_t shift(int32_t x, int8_t s) { return ew_shift(x, s); }
int64_t scale(int32_t x, int32_t multiplier, uint8_t s) { return ew_scale(x, multiplier, s); }
int32_t scale_high(int32_t x, int32_t multiplier, uint8_t s) { return ew_scale_high(x, multiplier, s); }
int32_t clip(int32_t x, int32_t lowest, int32_t highest) { return ew_clip(x, lowest, highest); }
int32_t clip_wide(int64_t x, int32_t lowest, int32_t highest) { return ew_clip_wide(x, lowest, highest); }
"""


@pytest.fixture(scope="module")
def c(tmp_path_factory):
    """The functions of arithmetic.h, callable from Python."""
    compiler = next((tool for tool in ("gcc", "cc", "clang") if shutil.which(tool)), None)
    if compiler is None:
        pytest.skip("no system C compiler is installed: apt-get install gcc libc6-dev")
    folder = tmp_path_factory.mktemp("arithmetic")
    (folder / "arithmetic.h").write_text(resources.files("edgewright.ops").joinpath("arithmetic.h").read_text())
    (folder / "shim.c").write_text(SHIM)
    strict = ("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Werror", "-O2")
    command = [compiler, *strict, "-shared", "-fPIC", "shim.c", "-o", "shim.so"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    library = ctypes.CDLL(str(folder / "shim.so"))
    i32, i64, u8, i8 = ctypes.c_int32, ctypes.c_int64, ctypes.c_uint8, ctypes.c_int8
    for name, result, arguments in (
        ("rshift_round", i32, (i32, u8)),
        ("shift", i32, (i32, i8)),
        ("scale", i64, (i32, i32, u8)),
        ("scale_high", i32, (i32, i32, u8)),
        ("clip", i32, (i32, i32, i32)),
        ("clip_wide", i32, (i64, i32, i32)),
    ):
        getattr(library, name).restype, getattr(library, name).argtypes = result, arguments
    return library


EDGES = (*INT32, INT32[0] + 1, INT32[1] - 1, -(2**30), 2**30, -2, -1, 0, 1, 2, 3, -3, 127, -128, 32767, -32768)


def words(count=300):
    return [*EDGES, *np.random.default_rng(0).integers(*INT32, count).tolist()]


def test_c_shifts_like_python(c):
    for x in words():
        for shift in range(31):
            half = (1 << shift) >> 1
            if x + half <= INT32[1]:  # what the range analysis proves
                assert c.rshift_round(x, shift) == c.shift(x, shift) == rshift_round(np.int64(x), shift)
            if INT32[0] <= x << shift <= INT32[1]:
                assert c.shift(x, -shift) == Ratio(None, -shift).apply(x)


def test_c_scales_like_python(c):
    for x in words():
        for multiplier in (2**30, 2**30 + 1, 1518500250, 2**31 - 1):
            for shift in (0, 1, 30, 31, 37, 61, 62):
                assert c.scale(x, multiplier, shift) == Ratio(multiplier, shift).apply(np.int64(x))


def test_c_scales_by_the_upper_half_like_python(c):
    for x in words():
        for multiplier in (2**30, 2**30 + 1, 1518500250, 2**31 - 1):
            for shift in (33, 34, 40, 61, 62):
                assert c.scale_high(x, multiplier, shift - 33) == Ratio(multiplier, shift).apply(np.int64(x))


def test_c_clips_like_python(c):
    for x in words():
        for low, high in ((-128, 127), (0, 0), (-32768, 32767), (5, 9), INT32):
            assert c.clip(x, low, high) == c.clip_wide(x, low, high) == np.clip(x, low, high)
            assert c.clip_wide(x << 31, low, high) == np.clip(x << 31, low, high)


@pytest.mark.parametrize("largest", [127, 2**15 - 1, 2**30])
def test_products_of_integers_are_exact_whichever_way_they_go(largest: int) -> None:
    generator = np.random.default_rng(0)
    x = generator.integers(-largest, largest + 1, (3, 2, 40))
    weights = generator.integers(-largest, largest + 1, (40, 5))
    wanted = [
        [[sum(int(a) * int(b) for a, b in zip(row, column, strict=True)) for column in weights.T] for row in part]
        for part in x
    ]
    made = exact_products(x, weights)
    assert made.dtype == np.int64
    assert made.tolist() == wanted
    assert exact_products(x[:0], weights).shape == (0, 2, 5)


def test_products_of_real_numbers_stay_real() -> None:
    assert exact_products(np.array([[0.5]]), np.array([[0.25]])).tolist() == [[0.125]]
