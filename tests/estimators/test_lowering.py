import numpy as np
import pytest
from learners import as_read

from edgewright import data, estimators
from edgewright.compiler.pipeline import to_integers
from edgewright.estimators import BonsaiClassifier
from edgewright.ir.types import dequantise_array, quantise_array
from edgewright.lowering import lower
from edgewright.runtime.integer import run_integer
from edgewright.runtime.interpret import run_float

DIGITS = data.get("digits").load()
SETTINGS = {
    "bonsai": [{"depth": 0}, {"depth": 1}, {"depth": 3, "size_kb": None, "projection": 6}],
    "protonn": [{}, {"density": 1.0}],
    "fastgrnn": [{}, {"density": 0.3}],
    "fastrnn": [{}, {"activations": "hard"}],
    "ugrnn": [{"rank_w": 4, "rank_u": 4}],
    "gru": [{}, {"activations": "hard", "state_view": "int8"}],
    "lstm": [{}, {"layers": 2, "bidirectional": True, "hidden": 4}],
}
CASES = [(name, settings) for name, several in SETTINGS.items() for settings in several]


def fit(name, standardise, settings):
    split = as_read(DIGITS, name)
    model = estimators.get(name)(epochs=9, standardise=standardise, random_state=0, **{"size_kb": 2} | settings)
    return model.fit(split.x_train[:400], split.y_train[:400]), split


@pytest.mark.parametrize("standardise", ["common", "feature"])
@pytest.mark.parametrize(("name", "settings"), CASES)
def test_the_graph_scores_as_the_module(name, settings, standardise):
    model, split = fit(name, standardise, settings)
    graph = lower(model)
    scores = run_float(graph, split.x_test)
    expected = model.decision_function(split.x_test)
    agree = np.abs(scores - expected).max(axis=1) < 1e-3 * np.abs(expected).max()
    # A row next to a hyperplane of the tree may take the other branch in another order of summation
    assert agree.mean() > (0.99 if name == "bonsai" else 0.9999)
    assert graph.labels == tuple("0123456789")
    assert graph.input_type.shape == split.x_test.shape[1:]


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_the_integers_hold_the_very_weights_that_were_trained(name, settings):
    model, split = fit(name, "common", settings)
    graph = to_integers(lower(model), split.x_train[:400])
    rows = quantise_array(split.x_test, graph.input_type)
    scores = dequantise_array(run_integer(graph, rows), graph.output_type)
    same = (scores.argmax(1) == model.decision_function(split.x_test).argmax(1)).mean()
    assert same > 0.97
    if name == "bonsai" and settings["depth"]:
        for matrix in ("W", "V"):
            type, integers = graph.types[f"{matrix}.w"], graph.constants[f"{matrix}.w"]
            assert np.array_equal(dequantise_array(integers, type), model.module_.array(matrix))
            assert len(np.unique(type.scales)) == 1  # one shift serves all rows


def test_two_classes_are_lowered_too():
    two = DIGITS.y_train < 2
    x, y = DIGITS.x_train[two], np.array(["nought", "one"])[DIGITS.y_train[two]]
    model = BonsaiClassifier(size_kb=1, epochs=9, random_state=0).fit(x, y)
    graph = lower(model)
    assert graph.labels == ("nought", "one")
    assert np.array_equal(model.classes_[run_float(graph, x).argmax(1)], model.predict(x))


def test_an_unfitted_estimator_cannot_be_lowered():
    from sklearn.exceptions import NotFittedError

    with pytest.raises(NotFittedError):
        lower(BonsaiClassifier())
