"""Logarithms of band energies in integers against the real ones."""

import numpy as np
import pytest

from edgewright.errors import BadGraph
from edgewright.ir.types import Type
from edgewright.lowering import Builder
from edgewright.ops import Request, log_band_energy

STEP = log_band_energy.STEP
WEIGHTS = np.maximum(0.0, 1 - np.abs(np.arange(33) - np.array([[4], [10], [18]])) / [[4], [6], [8]])


def bands(spectra, weights=WEIGHTS, floor=1.0, largest=2**29):
    x = Type(spectra.shape[1:], "int32", 2.0**-6, limits=(-largest, largest))
    output = Type(weights.shape[:1], "int16", 1.0)
    result = log_band_energy.quantise(Request({"x": x}, {"weights": weights}, {"floor": floor}, output))
    integers, weights_type = result.parameters["weights"]
    types = {"x": x, "weights": weights_type, "y": result.output}
    return log_band_energy.integer({"x": spectra, "weights": integers.astype(np.int64)}, types, {"floor": floor})


def test_logarithms_are_the_real_ones_to_a_step():
    spectra = np.random.default_rng(0).integers(-(2**25), 2**25, (50, 33, 2))
    wanted = log_band_energy.real({"x": spectra * 2.0**-6, "weights": WEIGHTS}, {"floor": 1.0})
    assert np.abs(bands(spectra) * STEP - wanted).max() < 1.5 * STEP


def test_four_times_the_energy_is_two_more():
    spectra = np.random.default_rng(1).integers(-(2**20), 2**20, (30, 33, 2)) * 2**7
    one, two = bands(spectra), bands(2 * spectra)
    assert np.abs(two - one - round(2 / STEP)).max() <= 1


def test_silence_is_the_floor():
    assert (bands(np.zeros((2, 33, 2), np.int64), floor=8.0) == round(3 / STEP)).all()


def test_logarithm_of_every_power_of_two_is_exact():
    numbers = np.int64(1) << np.arange(63)
    np.testing.assert_array_equal(log_band_energy.logarithm(numbers), np.arange(63) << 15)


def test_logarithm_is_right_to_two_ten_thousandths():
    numbers = np.random.default_rng(2).integers(1, 2**62, 5000) >> np.arange(5000) % 62
    numbers = np.maximum(numbers, 1)
    error = log_band_energy.logarithm(numbers) * 2.0**-15 - np.log2(numbers.astype(np.float64))
    assert np.abs(error).max() < 2.2e-4


def test_sums_use_63_bits_and_no_more():
    weights = np.full((1, 33), 2**10)
    for largest in (3, 2**20, 2**30):
        x = Type((33, 2), "int32", 1.0, limits=(-largest, largest))
        shift = log_band_energy.energy_shift(weights, x)
        assert ((2 * largest**2 >> shift) + 1) * int(weights.sum()) < 2**63


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.eye(3)[:, :2] + 0.0, "holds no frequency"),
        (np.ones((3, 2)), "neighbours"),
        (np.array([[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]]), "neighbours"),
        (-np.eye(2), "negative"),
    ],
)
def test_weights_that_are_no_bands_are_refused(weights, message):
    builder = Builder()
    x = builder.input("x", Type((2, 2)))
    y = builder.node("log_band_energy", x=x, weights=builder.constant("w", weights), attributes={"floor": 1.0})
    with pytest.raises(BadGraph, match=message):
        builder.finish(y)
