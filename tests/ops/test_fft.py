"""The fixed-point spectrum against numpy.fft."""

import numpy as np
import pytest

from edgewright.errors import BadGraph
from edgewright.ir.types import Type
from edgewright.ops import Request, fft

LENGTHS = (8, 16, 64, 512, 2048)


def spectrum(frames, window, length):
    x = Type(frames.shape[1:], "int16", 1.0)
    result = fft.quantise(
        Request({"x": x}, {"window": window}, {"length": length}, Type((length // 2 + 1, 2), "int32", 1.0))
    )
    integers = {"x": frames.astype(np.int64), "window": result.parameters["window"][0].astype(np.int64)}
    y = fft.integer(integers, {"x": x, "y": result.output}, {"length": length})
    exact = np.fft.rfft(frames * (integers["window"] / 2**15), length)
    return y, (y[..., 0] + 1j * y[..., 1]) * result.output.scale, exact, result.output


@pytest.mark.parametrize("length", LENGTHS)
def test_spectrum_is_that_of_numpy(length):
    frames = np.random.default_rng(1).integers(-(2**15), 2**15, (20, length))
    _, ours, exact, _ = spectrum(frames, np.hanning(length), length)
    # 16-bit cosines: about 2^-16 of the energy of a frame, as noise
    assert np.sqrt(np.mean(abs(ours - exact) ** 2) / np.mean(abs(exact) ** 2)) < 4e-5


@pytest.mark.parametrize("length", LENGTHS)
def test_corners_stay_within_the_proven_range(length):
    ones = np.ones(length, np.int64)
    alternating = np.where(np.arange(length) % 2, -(2**15), 2**15 - 1)
    signs = np.sign(np.cos(2 * np.pi * np.arange(length) * 3 / length)).astype(np.int64) * (2**15 - 1)
    frames = np.stack([ones * -(2**15), ones * (2**15 - 1), alternating, -1 - alternating, signs, -signs])
    y, ours, exact, output = spectrum(frames, ones, length)
    low, high = output.range
    assert low <= y.min()
    assert y.max() <= high < 2**31
    assert abs(ours - exact).max() < 1e-4 * abs(exact).max()


@pytest.mark.parametrize("length", LENGTHS)
def test_impulses_have_flat_spectra(length):
    frames = np.eye(length, dtype=np.int64)[[0, 1, length - 1]] * 2**14
    _, ours, exact, output = spectrum(frames, np.ones(length), length)
    assert abs(ours - exact).max() <= 2**14 * 2**-14 + 8 * output.scale


def test_silence_gives_zeros():
    y, *_ = spectrum(np.zeros((1, 64), np.int64), np.ones(64), 64)
    assert not y.any()


def test_short_frames_are_filled_up_with_zeros():
    frames = np.random.default_rng(2).integers(-1000, 1000, (5, 50))
    short, *_ = spectrum(frames, np.ones(50), 64)
    filled, *_ = spectrum(np.pad(frames, ((0, 0), (0, 14))), np.ones(64), 64)
    np.testing.assert_array_equal(short, filled)


@pytest.mark.parametrize(("samples", "length"), [(8, 12), (4, 4), (65, 64), (1, 2**13)])
def test_lengths_that_are_refused(samples, length):
    with pytest.raises(BadGraph, match=r"power of two|one frame"):
        fft.shape({"x": Type((samples,)), "window": Type((samples,))}, {"length": length})
