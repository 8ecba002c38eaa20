"""Pipelines of scikit-learn: scalers and PCA before a model become part of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, Normalizer, RobustScaler, StandardScaler
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import all_estimators
from sklearn_models import LOADERS, both_scores, dataset, integers_of, margins, twin

from edgewright import boards, engines, frontends
from edgewright.compiler.emit import emit
from edgewright.compiler.quantise import Settings, quantise
from edgewright.errors import BadModelFile, UnsupportedModel
from edgewright.firmware import deploy
from edgewright.frontends import sklearn as front_end
from edgewright.frontends._sklearn_steps import FITTED, read_step
from edgewright.frontends._sklearn_trees import ENSEMBLES, carried, single_below
from edgewright.ir.types import Array, dequantise_array
from edgewright.lowering import lower
from edgewright.runtime.integer import run_integer
from edgewright.runtime.interpret import run_float

STEPS: dict[str, list[Any]] = {
    "standard": [StandardScaler()],
    "standard, mean only": [StandardScaler(with_std=False)],
    "standard, deviation only": [StandardScaler(with_mean=False)],
    "neither": [StandardScaler(with_mean=False, with_std=False)],
    "minmax": [MinMaxScaler((-2, 3))],
    "maxabs": [MaxAbsScaler()],
    "robust": [RobustScaler()],
    "robust, scale only": [RobustScaler(with_centering=False)],
    "robust, centre only": [RobustScaler(with_scaling=False)],
    "pca": [PCA(3)],
    "whiten": [StandardScaler(), PCA(3, whiten=True)],
    "many": ["passthrough", RobustScaler(), MinMaxScaler(), PCA(3), StandardScaler(), MaxAbsScaler(), PCA(2)],
}


def pipeline(steps: list[Any], model: Any) -> Pipeline:
    return make_pipeline(*steps, model)


@pytest.mark.parametrize("data", LOADERS)
@pytest.mark.parametrize("steps", STEPS)
def test_float_graph_gives_the_scores_of_the_pipeline(steps: str, data: str) -> None:
    X, y = dataset(data)
    model = pipeline(STEPS[steps], RidgeClassifier()).fit(X, y)
    scores = both_scores(model.decision_function(X))
    got = run_float(lower(model), X)
    # Constants are in single precision, and without a scaler the contributions of large features nearly cancel
    contributions = 1 if "pca" not in steps and "only" not in steps and steps != "neither" else 10
    np.testing.assert_allclose(got, scores, rtol=0, atol=contributions * 1e-6 * max(1.0, np.abs(scores).max()))


@pytest.mark.parametrize("data", LOADERS)
@pytest.mark.parametrize("steps", ["standard", "minmax", "maxabs", "robust", "whiten"])
def test_integers_answer_as_the_pipeline(steps: str, data: str) -> None:
    X, y = dataset(data)
    model = pipeline(STEPS[steps], LogisticRegression(max_iter=500)).fit(X, y)
    differ = twin(model, X).argmax(axis=1) != model.predict(X)
    assert differ.mean() <= 0.01
    assert np.all(margins(both_scores(model.decision_function(X)))[differ] < 0.01)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("dtype", ["int16", "int8"])
def test_features_of_very_different_units_keep_their_accuracy(dtype: str) -> None:
    X, y = dataset("wine")
    X = X * np.logspace(-4, 4, X.shape[1])
    mlp = MLPClassifier((16,), max_iter=100, learning_rate_init=0.01, random_state=0)
    for last in (LogisticRegression(), mlp, RandomForestClassifier(10, max_depth=6, random_state=0)):
        model = make_pipeline(StandardScaler(), last).fit(X, y)
        assert model.score(X, y) > 0.98
        answers = twin(model, X, Settings(input=dtype)).argmax(axis=1)
        assert np.mean(answers == y) >= model.score(X, y) - 0.02


def test_pca_becomes_one_product_with_the_model_where_that_is_smaller() -> None:
    X, y = dataset("digits")
    small = lower(make_pipeline(PCA(50, random_state=0), RidgeClassifier()).fit(X, y))
    assert [node.op for node in small.nodes] == ["affine", "dense"]
    large = lower(make_pipeline(PCA(5, random_state=0), RidgeClassifier()).fit(X, y))
    assert [node.op for node in large.nodes] == ["affine", "dense", "dense"]
    assert large.types["product"].shape == (5,)


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler((-5, 5)), MaxAbsScaler(), RobustScaler()], ids=str)
def test_thresholds_carried_through_a_scaler_decide_the_same(scaler: Any) -> None:
    generator = np.random.default_rng(0)
    X = generator.normal(size=(500, 3)).astype(np.float32) * np.float32([1e-4, 1, 1e5]) + np.float32([0, 7, -1e4])
    scaled = scaler.fit(X.astype(np.float64)).transform(X.astype(np.float64)).astype(np.float32).astype(np.float64)
    step = read_step(scaler, 3)
    for feature in range(3):
        values = np.sort(scaled[:, feature])
        thresholds = np.concatenate(
            [(values[1:] + values[:-1]) / 2, values, np.nextafter(values, -np.inf), [1e30, -1e30]]
        )
        raw = carried(thresholds, np.full(len(thresholds), feature), [step])
        assert raw.dtype == np.float32
        near = np.concatenate([X[:, feature], raw, np.nextafter(raw, np.float32(np.inf))])  # where mistakes would be
        near = near[np.isfinite(near)]
        rows = np.zeros((len(near), 3))
        rows[:, feature] = near
        with np.errstate(over="ignore"):
            theirs = scaler.transform(rows)[:, feature].astype(np.float32)
        assert np.array_equal(near[:, None] <= raw, theirs[:, None] <= thresholds)


def test_without_scalers_thresholds_are_only_rounded_down() -> None:
    thresholds = np.random.default_rng(0).normal(size=200)
    identity = read_step(StandardScaler(with_mean=False, with_std=False).fit(np.ones((2, 1))), 1)
    places = np.zeros(200, int)
    assert np.array_equal(carried(thresholds, places, [identity]), single_below(thresholds))


@pytest.mark.parametrize("steps", ["standard", "minmax", "maxabs", "robust"])
def test_trees_behind_scalers_reach_the_same_leaves(steps: str) -> None:
    X, y = dataset("wine")
    forest = RandomForestClassifier(8, random_state=0)
    for last in (DecisionTreeClassifier(random_state=0), forest):
        model = pipeline([*STEPS[steps], StandardScaler()], last).fit(X, y)
        graph = quantise(lower(model), X)
        low, high = graph.input_type.range
        x = np.concatenate(
            [integers_of(graph, X), np.random.default_rng(0).integers(low, high, (300, X.shape[1])).astype(np.int16)]
        )
        seen = dequantise_array(x, graph.input_type)  # what the device sees
        got = dequantise_array(run_integer(graph, x), graph.output_type)
        np.testing.assert_allclose(got, model.predict_proba(seen), rtol=0, atol=4.01 * graph.output_type.scale)
        np.testing.assert_allclose(run_float(lower(model), seen), model.predict_proba(seen), rtol=0, atol=1e-6)


@pytest.mark.parametrize("steps", ["standard", "whiten"])
def test_firmware_of_a_pipeline(steps: str) -> None:
    X, y = dataset("iris")
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    model = pipeline(STEPS[steps], LogisticRegression()).fit(X, names)
    firmware = deploy(model, "microbit", X)
    assert firmware.verify(X[:20]).verified is not False
    assert np.mean(firmware.predict(X, engine="host") == model.predict(X)) >= 0.99


def test_the_c_of_a_pipeline_equals_the_twin() -> None:
    engine = engines.get("host")
    if problem := engine.why_not(boards.get("host")):
        pytest.skip(problem)
    X, y = dataset("digits")
    model = make_pipeline(StandardScaler(), PCA(8, random_state=0), RidgeClassifier()).fit(X, y)
    graph = quantise(lower(model), X)
    low, high = graph.input_type.range
    corners: Array = np.random.default_rng(0).choice([low, high, 0, 8], (100, 64)).astype(np.int16)
    x = np.concatenate([integers_of(graph, X[:200]), corners])
    program = emit({"model": graph})
    (entry,) = program.entries
    run = engine.run(engine.build(program, "host"), "model", engines.pack_inputs(entry, [x]))
    assert np.array_equal(engines.unpack_outputs(entry, run.outputs)[0], run_integer(graph, x))


@pytest.mark.parametrize("steps", STEPS)
def test_a_skops_file_gives_the_same_graph(steps: str, tmp_path: Path) -> None:
    model = pipeline(STEPS[steps], LogisticRegression(max_iter=500)).fit(*dataset("iris"))
    skops.io.dump(model, tmp_path / "model.skops")
    assert frontends.read(tmp_path / "model.skops").hash == lower(model).hash


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", FITTED)
def test_every_step_that_is_said_to_be_taken_is_taken_before_every_model(name: str) -> None:
    X, y = dataset("iris")
    known = dict(all_estimators())
    assert name in front_end.supported()
    assert any(type(step).__name__ == name for steps in STEPS.values() for step in steps)
    for kind in front_end.MODELS:
        options = (
            {"max_iter": 2}
            if kind.startswith("MLP")
            else {"n_estimators": 2}
            if "n_estimators" in known[kind]().get_params()
            else {}
        )
        model = make_pipeline(known[name](), known[kind](**options)).fit(X, y)
        assert front_end.claims(model)
        if name == "PCA" and kind in ENSEMBLES:
            with pytest.raises(UnsupportedModel, match="stands behind a PCA"):
                lower(model)
        else:
            assert lower(model).name == kind


def test_what_is_not_taken_is_refused_with_the_reason() -> None:
    X, y = dataset("iris")
    tree = DecisionTreeClassifier(random_state=0)
    with pytest.raises(UnsupportedModel, match="StandardScaler is not fitted"):
        lower(make_pipeline(StandardScaler(), LogisticRegression()))
    with pytest.raises(UnsupportedModel, match="LogisticRegression is not fitted"):
        lower(Pipeline([("a", StandardScaler().fit(X)), ("b", LogisticRegression())]))
    with pytest.raises(UnsupportedModel, match=r"StandardScaler, MinMaxScaler.*Normalizer"):
        lower(make_pipeline(Normalizer(), LogisticRegression()).fit(X, y))
    with pytest.raises(UnsupportedModel, match="clip=True"):
        lower(make_pipeline(MinMaxScaler(clip=True), tree).fit(X, y))
    with pytest.raises(UnsupportedModel, match="stands behind a PCA"):
        lower(make_pipeline(StandardScaler(), PCA(2), tree).fit(X, y))
    with pytest.raises(UnsupportedModel, match=r"does not take .*StandardScaler"):
        lower(make_pipeline(StandardScaler()).fit(X, y))
    with pytest.raises(UnsupportedModel, match=r"does not take .*Pipeline"):
        lower(Pipeline([("nothing", "passthrough")]).fit(X, y))


def test_a_damaged_step_is_refused() -> None:
    X, y = dataset("iris")
    for attribute, value, message in (
        ("scale_", np.zeros(4), "above zero"),
        ("mean_", np.full(4, np.inf), "NaN or infinity"),
        ("mean_", np.zeros(3), "mean_"),
    ):
        model = make_pipeline(StandardScaler(), LinearRegression()).fit(X, y)
        setattr(model[0], attribute, value)
        with pytest.raises(BadModelFile, match=message):
            lower(model)
