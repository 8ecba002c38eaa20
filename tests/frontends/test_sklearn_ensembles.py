"""scikit-learn's regression trees, boosted trees and isolation forests: the same predictions in integers, and the same C."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.ensemble._iforest import _average_path_length
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor, ExtraTreeRegressor
from sklearn_models import dataset, integers_of

from edgewright.compiler.quantise import quantise
from edgewright.errors import BadModelFile, UnsupportedModel
from edgewright.firmware import deploy
from edgewright.frontends._sklearn_isolation import average_path_length
from edgewright.ir.types import Array, dequantise_array
from edgewright.lowering import lower
from edgewright.ops import kernel_of
from edgewright.runtime.integer import run_integer

CLASSIFIERS = [
    GradientBoostingClassifier(n_estimators=6, random_state=0),
    GradientBoostingClassifier(n_estimators=6, init="zero", subsample=0.7, random_state=0),
    HistGradientBoostingClassifier(max_iter=6, random_state=0),
]
REGRESSORS = [
    DecisionTreeRegressor(max_depth=6, random_state=0),
    ExtraTreeRegressor(max_depth=6, random_state=0),
    RandomForestRegressor(5, max_depth=6, random_state=0),
    ExtraTreesRegressor(5, max_depth=6, random_state=0),
    GradientBoostingRegressor(n_estimators=20, random_state=0),
    GradientBoostingRegressor(n_estimators=20, loss="huber", random_state=0),
    HistGradientBoostingRegressor(max_iter=20, random_state=0),
]


def target() -> tuple[Array, Array]:
    """The wine's alcohol, far from 0, from the other measurements."""
    X, _ = dataset("wine")
    return X[:, 1:], X[:, 0] + 100.0


def outputs_and_seen(model: Any, X: Array) -> tuple[Any, Array, Array]:
    """The integer graph, its outputs for X, and X as the device sees it."""
    graph = quantise(lower(model), X)
    x = integers_of(graph, X)
    return graph, run_integer(graph, x), dequantise_array(x, graph.input_type)


@pytest.mark.parametrize("data", ["digits", "iris", "wine", "breast_cancer"])
@pytest.mark.parametrize("model", CLASSIFIERS, ids=str)
def test_boosted_classifiers_predict_as_scikit_learn(model: Any, data: str) -> None:
    X, y = dataset(data)
    X, y = X[:600], y[:600]
    graph, outputs, seen = outputs_and_seen(model.fit(X, y), X)
    assert graph.labels == tuple(map(str, model.classes_))
    assert np.array_equal(model.classes_[outputs.argmax(axis=1)], model.predict(seen))
    exact = model.decision_function(seen)
    scores = dequantise_array(outputs, graph.output_type)
    close = 1e-3 * np.abs(exact).max()
    np.testing.assert_allclose(scores[:, 1] if exact.ndim == 1 else scores, exact, rtol=0, atol=close)


@pytest.mark.parametrize("model", REGRESSORS, ids=str)
def test_regressors_predict_as_scikit_learn(model: Any) -> None:
    X, y = target()
    graph, outputs, seen = outputs_and_seen(model.fit(X, y), X)
    assert graph.labels == ()
    exact = model.predict(seen)
    assert np.abs(dequantise_array(outputs, graph.output_type)[:, 0] - exact).max() < 0.01 * exact.std()


def test_a_forest_of_several_targets() -> None:
    X, _ = dataset("wine")
    model = RandomForestRegressor(4, max_depth=5, random_state=0).fit(X[:, 2:], X[:, :2])
    graph, outputs, seen = outputs_and_seen(model, X[:, 2:])
    exact = model.predict(seen)
    assert np.all(np.abs(dequantise_array(outputs, graph.output_type) - exact).max(axis=0) < 0.01 * exact.std(axis=0))


@pytest.mark.parametrize("options", [{}, {"contamination": 0.1}, {"max_features": 0.5}, {"max_samples": 40}], ids=str)
@pytest.mark.parametrize("data", ["digits", "wine", "breast_cancer"])
def test_isolation_forests_find_the_same_outliers(data: str, options: dict[str, Any]) -> None:
    X, _ = dataset(data)
    model = IsolationForest(n_estimators=20, random_state=0, **options).fit(X[:400])
    graph, outputs, seen = outputs_and_seen(model, X)
    assert graph.labels == ("-1", "1")
    assert np.array_equal(np.array([-1, 1])[outputs.argmax(axis=1)], model.predict(seen))
    # The score rises with that of scikit-learn: in the order of one the other never falls
    order = np.argsort(model.decision_function(seen))
    scores = dequantise_array(outputs, graph.output_type)[order, 1]
    assert np.all(np.diff(scores) >= -20 * graph.output_type.scale)


def test_depths_as_scikit_learn_counts_them() -> None:
    rows = np.arange(1, 300)
    np.testing.assert_allclose(average_path_length(rows), _average_path_length(rows), rtol=1e-12)


def test_histogram_boosting_behind_a_scaler_decides_the_same() -> None:
    X, y = dataset("wine")
    model = make_pipeline(StandardScaler(), HistGradientBoostingClassifier(max_iter=5)).fit(X, y)
    _, outputs, seen = outputs_and_seen(model, X)
    assert np.array_equal(outputs.argmax(axis=1), model.predict(seen))


@pytest.mark.parametrize("board", ["stm32f405", "microbit", "arduino-uno"])
def test_twin_host_and_board_agree(board: str) -> None:
    X, y = dataset("iris")
    models = {
        "gradient": GradientBoostingClassifier(n_estimators=3, random_state=0).fit(X, y),
        "histogram": HistGradientBoostingClassifier(max_iter=3).fit(X, y),
        "isolation": IsolationForest(n_estimators=5, random_state=0).fit(X),
        "regression": GradientBoostingRegressor(n_estimators=5, random_state=0).fit(X, y),
    }
    firmware = deploy(models, board, X)
    for name in models:
        assert firmware.verify(X[:60], name).verified is not False


@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_the_fast_kernels_serve_what_is_trained(dtype: str) -> None:
    from edgewright.compiler.quantise import Settings

    X, y = dataset("digits")
    forest = RandomForestClassifier(3, max_depth=5, random_state=0).fit(X, y)
    graph = quantise(lower(forest), X, Settings(input=dtype))
    (node,) = graph.nodes
    expected = {"int8": "tree_ensemble_short_LEAVES", "int16": "tree_ensemble_long_X_LEAVES"}[dtype]
    assert kernel_of(graph, node).name == expected


def test_what_is_not_taken_is_refused_with_the_reason() -> None:
    X, y = dataset("iris")
    with pytest.raises(UnsupportedModel, match=r"LogisticRegression.*leave `init` at None"):
        lower(GradientBoostingClassifier(n_estimators=1, init=LogisticRegression(max_iter=300)).fit(X, y))
    categories = np.column_stack([X[:, 0], np.arange(150) % 3])
    with pytest.raises(UnsupportedModel, match=r"categorical features.*OneHotEncoder"):
        lower(HistGradientBoostingClassifier(max_iter=1, categorical_features=[1]).fit(categories, y))
    missing = np.where(X[:, :1] < 5.5, np.nan, X)
    with pytest.raises(UnsupportedModel, match=r"HistGradientBoostingClassifier.*missing values.*Impute"):
        lower(HistGradientBoostingClassifier(max_iter=1).fit(missing, X[:, 0] < 5.5))
    with pytest.raises(UnsupportedModel, match=r"'poisson'.*logarithm"):
        lower(HistGradientBoostingRegressor(loss="poisson", max_iter=1).fit(X, y + 1.0))
    with pytest.raises(UnsupportedModel, match="tells no outliers"):
        lower(IsolationForest(n_estimators=2, max_samples=1).fit(X))
    for model in (GradientBoostingRegressor(), HistGradientBoostingClassifier(), IsolationForest()):
        with pytest.raises(UnsupportedModel, match="not fitted"):
            lower(model)


def test_damaged_ensembles_are_refused() -> None:
    X, y = dataset("iris")
    model = GradientBoostingClassifier(n_estimators=2).fit(X, y)
    model.estimators_ = model.estimators_[:, :2]
    with pytest.raises(BadModelFile, match="3 trees in each"):
        lower(model)
    model = HistGradientBoostingClassifier(max_iter=2).fit(X, y)
    model._predictors[1][0].nodes["left"][0] = 0
    with pytest.raises(BadModelFile, match="not a child of one node"):
        lower(model)
    forest = IsolationForest(n_estimators=2, random_state=0).fit(X)
    forest.estimators_features_ = [features[:1] for features in forest.estimators_features_]
    with pytest.raises(BadModelFile, match="reads a feature"):
        lower(forest)
