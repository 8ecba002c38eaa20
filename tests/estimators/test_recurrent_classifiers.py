"""The classifiers of sequences: depth, directions, activations, and raw samples through a featuriser."""

import numpy as np
import pytest

from edgewright import deploy, estimators
from edgewright.compiler.pipeline import to_integers
from edgewright.errors import BadData, BadInput
from edgewright.estimators import GRUClassifier, LSTMClassifier, load_estimator, save_estimator
from edgewright.features.statistics import Statistics
from edgewright.ir.types import quantise_array
from edgewright.lowering import lower
from edgewright.nn import cells
from edgewright.runtime.integer import run_integer

FEATURISER = Statistics(window=8, stride=4)


def recordings(n=80, samples=36, seed=0):
    """Raw samples of two channels: loud or quiet."""
    random = np.random.default_rng(seed)
    y = np.arange(n) % 2
    return (random.normal(size=(n, samples, 2)) * np.where(y, 2000, 500)[:, None, None]).astype(np.int16), y


@pytest.fixture(scope="module")
def heard():
    return GRUClassifier(hidden=4, epochs=40, batch_rows=20, features=FEATURISER, random_state=0).fit(*recordings())


def test_every_cell_has_a_classifier():
    for name in cells.names():
        assert estimators.get(name).cell == name


def test_raw_samples_go_in_and_the_graph_makes_features_of_them(heard):
    x, y = recordings(seed=1)
    assert (heard.raw_shape_, heard.n_steps_in_, heard.n_features_in_) == ((36, 2), 8, 8)
    assert heard.score(x, y) > 0.9
    graph = to_integers(lower(heard), recordings()[0])
    assert graph.input_type.shape == (36, 2)
    assert float(graph.input_type.scales) == 1
    scores = run_integer(graph, quantise_array(x, graph.input_type))
    assert (scores.argmax(1) == heard.predict(x)).mean() > 0.97
    firmware = deploy(heard, "host", recordings()[0], name="m")
    assert (firmware.predict(x[:20], engine="host") == heard.predict(x[:20])).mean() > 0.9


def test_the_featuriser_is_kept_in_the_file(heard, tmp_path):
    save_estimator(heard, tmp_path / "model")
    again = load_estimator(tmp_path / "model")
    assert again.features == again.featuriser_ == FEATURISER
    assert again.raw_shape_ == heard.raw_shape_
    assert lower(again).hash == lower(heard).hash
    assert np.array_equal(again.predict(recordings()[0]), heard.predict(recordings()[0]))


def test_other_recordings_than_fitted_are_refused(heard):
    with pytest.raises(
        BadData, match=r"shape \[30, 2\], but GRUClassifier was fitted on raw samples of the shape \[36, 2\]"
    ):
        heard.predict(recordings(4, 30)[0])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (recordings(samples=7)[0], "shorter|short|8"),
        (recordings()[0] / 32768, "with fractions"),
        (np.where(np.arange(36)[:, None] == 3, np.nan, recordings()[0]), "NaN"),
        (np.zeros((80, 36, 2, 1), np.int16), r"\[n, samples\] or \[n, samples, channels\]"),
    ],
)
def test_recordings_that_cannot_be_used_are_refused(given, message):
    with pytest.raises(BadData, match=message):
        GRUClassifier(features=FEATURISER, epochs=3).fit(given, recordings()[1])


@pytest.mark.parametrize("wrong", ["log-mel", Statistics, 3])
def test_what_is_no_featuriser_is_refused(wrong):
    with pytest.raises(
        BadInput, match=r"features is .*; allowed: None .* or a featuriser of edgewright.features \(.*statistics"
    ):
        GRUClassifier(features=wrong, epochs=3).fit(*recordings())


def sequences(n=60):
    random = np.random.default_rng(0)
    return random.normal(size=(n, 6, 3)), np.arange(n) % 2


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"layers": 0}, "layers is 0; allowed: a whole number from 1 on"),
        ({"bidirectional": 1}, "bidirectional is 1; allowed: True and False"),
        ({"activations": "relu"}, "activations is 'relu'; allowed: smooth and hard"),
        ({"rank_u": 5, "hidden": 4}, "rank_u is 5; allowed: a whole number from 1 to 4"),
        ({"rank_w": 4}, "rank_w is 4; allowed: a whole number from 1 to 3"),
        ({"size_kb": 0.1}, r"No LSTMClassifier fits size_kb=0.1: .* smallest takes \d+ bytes"),
    ],
)
def test_parameters_that_cannot_be_are_refused(parameters, message):
    with pytest.raises(BadInput, match=message):
        LSTMClassifier(epochs=3, **parameters).fit(*sequences())


def test_the_size_counts_all_layers_and_both_directions():
    x, y = sequences()
    sizes = {}
    for settings in ({}, {"layers": 2}, {"bidirectional": True}, {"layers": 2, "bidirectional": True}):
        model = LSTMClassifier(size_kb=6, epochs=3, random_state=0, **settings).fit(x, y)
        assert model.size_bytes() <= 6 * 1024
        sizes[tuple(settings)] = model.settings_["hidden"]
    assert sizes[()] > sizes[("layers",)] > sizes[("layers", "bidirectional")]
    model = LSTMClassifier(hidden=4, layers=2, bidirectional=True, epochs=3, random_state=0).fit(x, y)
    (entry,) = deploy(model, "host", x, name="m").program.entries
    weights = sum(size for name, size in entry.constant_bytes.items() if not name.endswith("table"))
    assert weights <= model.size_bytes() < 1.15 * weights
