"""Statistics in integers against exact arithmetic."""

from fractions import Fraction

import numpy as np
import pytest

from edgewright.errors import BadGraph, UnknownName
from edgewright.ir.types import Type
from edgewright.ops import statistics

ALL = tuple(statistics.STATISTICS)


def run(x, which=ALL, bits=16):
    steps, channels = x.shape[1:]
    types = {
        "x": Type((steps, channels), "int16", 1.0),
        "y": Type((channels, len(which)), "int16", 2.0 ** (bits - 16)),
    }
    attributes = {"which": which, "bits": bits}
    return statistics.integer({"x": x.astype(np.int64)}, types, attributes), statistics.real({"x": x}, attributes)


@pytest.mark.parametrize("bits", [16, 12, 8])
def test_statistics_are_the_real_ones_to_half_a_step(bits):
    low, high = -(2 ** (bits - 2)), 2 ** (bits - 2)  # so that no range saturates
    x = np.random.default_rng(0).integers(low, high, (40, 57, 2))
    integers, real = run(x, bits=bits)
    step = 2.0 ** (bits - 16)
    count = [ALL.index(name) for name in ("zero_crossings", "mean_crossings")]
    error = np.abs(integers * step - real)
    assert error.max() <= 0.5 * step * (1 + 1e-3)
    assert not error[..., count].any()


def test_means_are_rounded_half_up():
    x = np.array([[[1], [2]], [[-1], [-2]], [[-3], [0]], [[5], [6]]])
    assert run(x, ("mean",))[0].ravel().tolist() == [
        int(np.floor(Fraction(s, 2) + Fraction(1, 2))) for s in (3, -3, -3, 11)
    ]


def test_corners():
    x = np.stack(
        [np.full((9, 1), -(2**15)), np.full((9, 1), 2**15 - 1), np.where(np.arange(9) % 2, 32767, -32768)[:, None]]
    )
    integers, _ = run(x)
    found = dict(zip(ALL, integers[:, 0].T.tolist(), strict=True))
    assert found["minimum"] == [-32768, 32767, -32768]
    assert found["deviation"][:2] == [0, 0]
    assert found["range"] == [0, 0, 32767]
    assert found["root_mean_square"] == [32767, 32767, 32767]
    assert found["zero_crossings"] == [0, 0, 8]
    assert found["mean_crossings"] == [0, 0, 8]


def test_samples_beyond_their_bits_are_cut():
    assert run(np.array([[[5000], [-5000]]]), ("maximum", "minimum"), 12)[0].ravel().tolist() == [2047 * 16, -2048 * 16]


def test_unknown_statistics_are_named():
    with pytest.raises(UnknownName, match="deviation"):
        statistics.shape({"x": Type((4, 1))}, {"which": ["deviatoin"], "bits": 16})
    with pytest.raises(BadGraph, match="bits"):
        statistics.shape({"x": Type((4, 1))}, {"which": ["mean"], "bits": 17})
