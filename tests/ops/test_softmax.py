"""Softmax in integers: how far it lies from the real one, and that no index leaves its table."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewright import ops
from edgewright.errors import BadGraph
from edgewright.ir.types import Array, Type, dequantise_array
from edgewright.ops import softmax

SCALES = [1e-12, 2.0**-9, 0.02, 0.147, 0.9, 7.3, 400.0]


def of(x: Array, x_type: Type, y_type: Type) -> Array:
    assert softmax.ENTRY.integer is not None
    return softmax.ENTRY.integer({"x": x}, {"x": x_type, "y": y_type}, {})


def rows(columns: int, low: int, high: int) -> Array:
    generator = np.random.default_rng(columns)
    found = generator.integers(low, high + 1, (60, columns))
    found[0], found[1], found[2] = low, high, low
    found[2, 0] = high
    found[3:20] = np.clip(found[3:20] // 16 + 5, low, high)
    return found


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("columns", [1, 2, 3, 12, 100, 1000])
@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_it_is_the_nearest_integer_or_the_one_beside(dtype: str, columns: int, scale: float) -> None:
    """int8: within 0.6 of a step of 1/256. int16: within 3 steps of 2^-15."""
    x_type = Type((columns,), dtype, scale, 9 if dtype == "int8" else 0)
    x = rows(columns, *x_type.range)
    real = softmax.real({"x": dequantise_array(x, x_type)}, {})
    for y_type, most in ((Type((columns,), "int8", 1 / 256, -128), 0.6), (Type((columns,), "int16", 2.0**-15), 3.0)):
        exact = np.clip(real / y_type.scale + y_type.zero_point, *y_type.range)
        assert np.abs(of(x, x_type, y_type) - exact).max() <= most


@settings(deadline=None, max_examples=60)
@given(
    scale=st.floats(1e-20, 1e20),
    columns=st.integers(1, 5000),
    low=st.integers(-(2**15), 2**15 - 2),
    width=st.integers(1, 2**16),
)
def test_every_width_is_proven(scale: float, columns: int, low: int, width: int) -> None:
    """What the C relies on: 32-bit products, indexes within both tables, shifts of 0 to 62."""
    high = min(low + width, 2**15 - 1)
    x = Type((columns,), "int16", scale, limits=(low, high))
    for step in (softmax.LEAST_STEP, 2.0**-8, softmax.LARGEST_STEP):
        by = softmax.constants({"x": x, "y": Type((columns,), "int16", step)})
        assert by.last >= 1
        assert by.factor >= 0
        assert by.last * by.factor + ((1 << by.shift) >> 1) < 2**31
        assert 0 <= by.shift <= 30
        assert 0 <= by.bits <= 15
        assert columns << (15 + by.bits) <= 2**30 or by.bits == 0
        assert columns << (15 + by.bits) < 2**31
        assert 2**30 <= by.multiplier < 2**31
        assert 15 <= by.y_shift <= 62
        powers = softmax.powers_of(np.unique([0, 1, by.last // 2, by.last, high - low]), by)
        assert powers[0] == 2 ** (15 + by.bits)
        assert (np.diff(powers) <= 0).all()
        assert powers.min() >= 0


def test_the_reciprocal_is_within_two_millionths_and_never_above() -> None:
    totals = np.unique(np.concatenate([np.linspace(2**30, 2**31 - 1, 20_000).astype(np.int64), [2**30, 2**31 - 1]]))
    made, exact = softmax.reciprocal(totals), 2.0**60 / totals
    assert (made <= exact + 1).all()
    assert (made <= 2**30).all()
    assert np.abs(made / exact - 1).max() < 2e-6


@pytest.mark.parametrize("scale", [2.0, 2.0**-25])
def test_steps_that_no_shift_reaches_are_refused(scale: float) -> None:
    types = {"x": Type((4,), "int8", 0.1), "y": Type((4,), "int8", scale)}
    with pytest.raises(BadGraph, match=r"2\^-24\.\.1"):
        ops.get("softmax").shape(types, {})


def test_quantised_by_us_it_keeps_what_calibration_saw() -> None:
    x = Type((10,), "int16", 2.0**-11)
    request = ops.Request({"x": x}, {}, {}, Type((10,), "int16", 2.0**-15))
    assert softmax.ENTRY.quantise is not None
    assert softmax.ENTRY.quantise(request).output == request.output
    finer = ops.Request({"x": x}, {}, {}, Type((10,), "int16", 2.0**-40))
    assert softmax.ENTRY.quantise(finer).output.scale == softmax.LEAST_STEP
