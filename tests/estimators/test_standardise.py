import numpy as np
import pytest

from edgewright.estimators import _standardise


@pytest.fixture
def x():
    return np.random.default_rng(0).normal([1, -50, 3], [1, 2, 0.5], (500, 3)).astype(np.float32)


def test_each_feature_by_itself(x):
    found = _standardise.fit(x, "feature")
    assert np.allclose(found(x).mean(0), 0, atol=1e-4)
    assert np.allclose(found(x).std(0), 1, atol=1e-4)
    assert found(x).dtype == np.float32


def test_one_scale_for_all_is_a_power_of_two(x):
    found = _standardise.fit(x, "common")
    assert np.allclose(found(x).mean(0), 0, atol=1e-4)
    assert len(set(found.scale.tolist())) == 1
    mantissa, _ = np.frexp(found.scale)
    assert (mantissa == 0.5).all()
    assert 0.5 < found(x).std() < 2


def test_auto_looks_at_the_ranges(x):
    assert _standardise.fit(x, "auto").kind == "common"
    assert _standardise.fit(x * np.array([1, 1, 1000], np.float32), "auto").kind == "feature"
    x[:, 2] = 5  # a constant feature has no say
    assert _standardise.fit(x, "auto").kind == "common"


@pytest.mark.parametrize("kind", ["common", "feature"])
def test_constant_features_become_zero(x, kind):
    x[:, 1] = 7
    found = _standardise.fit(x, kind)
    assert np.isfinite(found.scale).all()
    assert (found.scale > 0).all()
    assert (found(x)[:, 1] == 0).all()
    assert (_standardise.fit(np.full((4, 2), 3, np.float32), kind)(np.full((4, 2), 3, np.float32)) == 0).all()


def test_sequences_share_the_scale_of_a_feature(x):
    sequences = x.reshape(50, 10, 3)
    assert np.array_equal(_standardise.fit(sequences, "feature").mean, _standardise.fit(x, "feature").mean)
    assert _standardise.fit(sequences, "feature")(sequences).shape == sequences.shape
