"""FastGRNN whose product reads the state in 8 bits."""

import numpy as np
import pytest

from edgewright import data, deploy
from edgewright.compiler.pipeline import to_integers
from edgewright.compiler.settings import Settings
from edgewright.errors import BadInput
from edgewright.estimators import FastGRNNClassifier, load_estimator, save_estimator
from edgewright.ir.types import quantise_array
from edgewright.lowering import lower
from edgewright.runtime.integer import run_integer

SPLIT = data.get("digits").load().as_sequences()
ROWS, CALIBRATION = 600, 200


def fitted(state_view):
    model = FastGRNNClassifier(
        hidden=16, epochs=24, batch_rows=50, standardise="common", state_view=state_view, random_state=0
    )
    return model.fit(SPLIT.x_train[:ROWS], SPLIT.y_train[:ROWS])


@pytest.fixture(scope="module")
def models():
    return {view: fitted(view) for view in ("int16", "int8")}


def answers(model, settings=None):
    graph = to_integers(lower(model), SPLIT.x_train[:CALIBRATION], settings)
    scores = run_integer(graph, quantise_array(SPLIT.x_test, graph.input_type))
    return model.classes_[scores.argmax(axis=1)]


def cell_types(model):
    graph = to_integers(lower(model), SPLIT.x_train[:CALIBRATION])
    body = next(node for node in graph.nodes if node.op == "scan").attributes["body"]
    return {node.output: body.types[node.output].dtype for node in body.nodes}


def test_the_view_is_a_choice_in_the_graph(models):
    assert cell_types(models["int16"]) == {"W": "int16", "U": "int16", "next": "int16"}
    assert cell_types(models["int8"]) == {"W": "int16", "view": "int8", "U": "int16", "next": "int16"}


@pytest.mark.parametrize("settings", [None, Settings(input="int8")])
@pytest.mark.parametrize("view", ["int16", "int8"])
def test_integers_answer_as_the_module(models, view, settings):
    model = models[view]
    expected = model.predict(SPLIT.x_test)
    assert (expected == SPLIT.y_test).mean() > 0.8
    computed = answers(model, settings)
    assert (computed == expected).mean() > 0.985
    assert (computed == SPLIT.y_test).mean() > (expected == SPLIT.y_test).mean() - 0.006


@pytest.mark.parametrize("standardise", ["common", "feature"])
def test_the_products_have_no_bias_and_the_size_counts_none(standardise):
    model = FastGRNNClassifier(hidden=8, epochs=3, standardise=standardise, random_state=0)
    model.fit(SPLIT.x_train[:100], SPLIT.y_train[:100])
    assert model.standardiser_.mean.any()
    firmware = deploy(model, "host", SPLIT.x_train[:100], name="m")
    body = next(node for node in firmware.models["m"].graph.nodes if node.op == "scan").attributes["body"]
    products = [node for node in body.nodes if node.output in ("W", "U")]
    assert len(products) == 2
    assert not any(body.constants[node.inputs["bias"]].any() for node in products)
    (entry,) = firmware.program.entries
    weights = sum(size for name, size in entry.constant_bytes.items() if not name.endswith("table"))
    assert weights <= model.size_bytes() <= weights + 2 * 10 + len(model.standardiser_.mean)
    assert (firmware.predict(SPLIT.x_test[:50], engine="host") == model.predict(SPLIT.x_test[:50])).mean() > 0.9


def test_training_does_not_depend_on_the_view(models):
    scores = [models[view].decision_function(SPLIT.x_test) for view in ("int16", "int8")]
    assert np.array_equal(*scores)


def test_the_view_is_kept_in_the_file(models, tmp_path):
    model = models["int8"]
    path = tmp_path / "model.edgewright"
    save_estimator(model, path)
    again = load_estimator(path)
    assert lower(again).hash == lower(model).hash
    assert lower(again).hash != lower(models["int16"]).hash


@pytest.mark.parametrize("view", ["int4", "8", None, 8])
def test_other_views_are_refused(view):
    model = FastGRNNClassifier(state_view=view, epochs=3)
    with pytest.raises(BadInput, match=r"state_view is .*; allowed: int16 and int8"):
        model.fit(SPLIT.x_train[:50], SPLIT.y_train[:50])
