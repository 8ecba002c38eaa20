"""Accumulator bounds: reached by the worst input, never passed, and refused where 32 bits do not hold them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_graphs import add, integers, node, plain, scanned

from edgewright.errors import BadGraph
from edgewright.ir import Graph, Type
from edgewright.runtime.ranges import Bound, accumulator_bounds


def dense(w: np.ndarray, bias: np.ndarray, x: Type, shift: int = 0) -> Graph:
    """A dense graph whose output is its sum / 2**shift."""
    rows, columns = w.shape
    types = {
        "x": x,
        "w": Type((rows, columns), "int8", 1.0),
        "bias": Type((rows,), "int32", float(np.max(x.scales))),
        "y": Type((rows,), "int16", 2.0**shift),
    }
    constants = {"w": w.astype(np.int8), "bias": bias.astype(np.int32)}
    return plain([node("dense", "y", x="x", w="w", bias="bias")], ("y",), types, constants=constants)


@given(
    seed=st.integers(0, 10_000), shift=st.integers(0, 8), limits=st.sampled_from([None, (-5, 100), (3, 9), (-9, -2)])
)
@settings(max_examples=40)
def test_the_worst_input_reaches_the_bound(seed: int, shift: int, limits: tuple[int, int] | None) -> None:
    generator = np.random.default_rng(seed)
    w = generator.integers(-127, 128, (3, 4))
    bias = generator.integers(-10_000, 10_000, 3)
    x = integers(4, dtype="int8", limits=limits)
    (bound,) = accumulator_bounds(dense(w, bias, x, shift))
    # Partial sums count too: an entry that is not added yet is as good as 0
    low, high = min(x.range[0], 0), max(x.range[1], 0)
    largest = max((np.where(row > 0, high, low) @ row + offset) for row, offset in zip(w, bias, strict=True))
    smallest = min((np.where(row > 0, low, high) @ row + offset) for row, offset in zip(w, bias, strict=True))
    assert bound.highest == largest + (1 << shift >> 1)
    assert bound.lowest == smallest


def test_a_sum_that_may_overflow_is_refused_and_named() -> None:
    columns = 2**31 // (127 * 32768)
    fits = dense(np.full((1, columns), 127), np.zeros(1), integers(columns))
    assert accumulator_bounds(fits)[0].bits == 32
    over = dense(np.full((1, columns + 1), 127), np.zeros(1), integers(columns + 1))
    with pytest.raises(BadGraph, match=r"'y' \(dense\).*33 bits"):
        accumulator_bounds(over)


def test_the_bias_counts() -> None:
    graph = dense(np.array([[127, 127]]), np.array([2**31 - 1]), integers(2))
    with pytest.raises(BadGraph, match="'y'"):
        accumulator_bounds(graph)


def test_bodies_of_scans_are_proven_too() -> None:
    types = {"s": integers(1), "h": integers(1), "sum": Type((1,), "int16", 2.0**-20)}
    body = plain([add("s", "s", "sum")], ("sum",), types, inputs=("s",))
    with pytest.raises(BadGraph, match="32 bits"):
        accumulator_bounds(scanned(body))


@pytest.mark.parametrize(
    ("lowest", "highest", "bits"),
    [(0, 0, 1), (-1, 0, 1), (0, 1, 2), (-128, 127, 8), (-129, 0, 9), (0, 128, 9), (5, 7, 4), (-(2**31), 0, 32)],
)
def test_bits_of_a_bound(lowest: int, highest: int, bits: int) -> None:
    assert Bound("y", "add", lowest, highest).bits == bits
