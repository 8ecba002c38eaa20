"""Squared distances in integers: how prototypes are placed for inputs of any scale."""

from __future__ import annotations

import numpy as np
import pytest

from edgewright.errors import BadGraph
from edgewright.ir.types import Array, Type, dequantise_array, quantise_array
from edgewright.ops import Quantised, Request, squared_distance
from edgewright.ops.quantisation import activation_type

SCALES = [2.0**-12, 0.001, 0.037, 0.3, 5.0]


def quantised(x: Type, prototypes: Array, output: Type, *, wide: bool = False) -> Quantised:
    return squared_distance.quantise(Request({"x": x}, {"prototypes": prototypes}, {"wide": wide}, output))


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("dtype", ["int8", "int16"])
@pytest.mark.parametrize("scale", SCALES)
def test_distances_are_near_the_real_ones_at_any_scale(scale: float, dtype: str, wide: bool) -> None:
    generator = np.random.default_rng(5)
    x = Type((4,), dtype, scale, 5 if dtype == "int8" else 0)
    largest = scale * 100
    prototypes = generator.uniform(-largest, largest, (3, 4))
    rows = generator.uniform(-largest, largest, (50, 4))
    real = squared_distance.distances({"x": rows, "prototypes": prototypes}, {})
    found = quantised(x, prototypes, activation_type((3,), 0.0, float(real.max()), "int16", "any"), wide=wide)
    integers, type = found.parameters["prototypes"]
    computed = squared_distance.integer(
        {"x": quantise_array(rows, x), "prototypes": integers.astype(np.int64)},
        {"x": x, "prototypes": type, "y": found.output},
        {},
    )
    # Each coordinate is off by half a step of x and of a prototype
    step = scale / 2 + float(type.scales) / 2
    most = 4 * (2 * 2 * largest * step + step**2) + float(found.output.scales)
    assert np.abs(dequantise_array(computed, found.output) - real).max() <= most


def test_prototypes_far_beyond_the_input_end_in_a_coarser_scale() -> None:
    x = Type((2,), "int16", 0.003, limits=(-100, 100))
    found = quantised(x, np.array([[1e9, -1e9]]), Type((1,), "int16", 1e14))
    _, type = found.parameters["prototypes"]
    assert 1e9 / 127 <= float(type.scales) <= 4e9 / 127


def test_an_input_of_several_scales_is_refused() -> None:
    x = Type((2,), "int16", (0.5, 0.25), axis=0)
    with pytest.raises(BadGraph, match="one scale for the whole input"):
        quantised(x, np.ones((1, 2)), Type((1,), "int16", 1.0))


@pytest.mark.parametrize("scale", [0.75, 0.25])
def test_a_prototype_scale_that_x_cannot_meet_is_refused(scale: float) -> None:
    x, prototypes = Type((2,), "int8", 0.5), Type((1, 2), "int8", scale)
    with pytest.raises(BadGraph, match=r"1, 2, 4, \.\.\. times it"):
        squared_distance.alignment(np.ones((1, 2), np.int64), x, prototypes)
