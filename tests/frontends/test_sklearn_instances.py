"""scikit-learn's models that keep rows or centres: vector machines, nearest neighbours and centroids, naive Bayes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor, NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR, NuSVC, NuSVR, OneClassSVM
from sklearn_models import dataset, integers_of

from edgewright.compiler.pipeline import to_integers
from edgewright.errors import BadModelFile, UnsupportedModel
from edgewright.firmware import deploy
from edgewright.ir.types import Array, dequantise_array
from edgewright.lowering import lower
from edgewright.runtime.integer import run_integer
from edgewright.runtime.interpret import run_float

pytestmark = pytest.mark.filterwarnings("ignore:self.within_class_std_dev_ has at least 1 zero")  # constant pixels

CLASSIFIERS = [
    SVC(),
    SVC(kernel="linear"),
    NuSVC(nu=0.1),
    KNeighborsClassifier(),
    KNeighborsClassifier(4, weights="distance"),
    NearestCentroid(),
    NearestCentroid(priors="empirical"),
    GaussianNB(var_smoothing=1e-2),
]
REGRESSORS = [SVR(C=10.0), SVR(kernel="linear"), NuSVR(C=10.0), KNeighborsRegressor(3)]


def halves(name: str) -> tuple[Array, Array, Array]:
    """Rows to fit, their classes, and other rows."""
    X, y = dataset(name)
    X, y = X[:600], y[:600]
    return X[::2], y[::2], X[1::2]


def answers(model: Any, X: Array, rows: Array) -> Array:
    """The classes or targets that the integers of a model, calibrated on X, answer for rows."""
    graph = to_integers(lower(model), X)
    outputs = run_integer(graph, integers_of(graph, rows))
    if graph.labels:
        return np.array(graph.labels)[outputs.argmax(axis=1)]
    return dequantise_array(outputs, graph.output_type)


@pytest.mark.parametrize("data", ["digits", "iris", "wine", "breast_cancer"])
@pytest.mark.parametrize("model", CLASSIFIERS, ids=str)
def test_classifiers_behind_a_scaler_predict_as_scikit_learn(model: Any, data: str) -> None:
    X, y, rows = halves(data)
    together = make_pipeline(StandardScaler(), model).fit(X, y)
    exact = together.predict(rows).astype(str)
    scores = run_float(lower(together), rows)
    assert np.mean(np.array(lower(together).labels)[scores.argmax(axis=1)] == exact) >= 0.99
    assert np.mean(answers(together, X, rows) == exact) >= 0.98
    assert np.mean(answers(together, X, X) == together.predict(X).astype(str)) >= 0.98


@pytest.mark.parametrize("model", [SVC(), KNeighborsClassifier(), NearestCentroid()], ids=str)
def test_raw_features_and_principal_components(model: Any) -> None:
    X, y, rows = halves("digits")
    for together in (
        model,
        make_pipeline(PCA(10), model),
        make_pipeline(StandardScaler(), PCA(10, whiten=True), model),
    ):
        together.fit(X, y)
        assert np.mean(answers(together, X, rows) == together.predict(rows).astype(str)) >= 0.99


@pytest.mark.parametrize("model", REGRESSORS, ids=str)
def test_regressors_predict_as_scikit_learn(model: Any) -> None:
    X, _ = dataset("wine")
    together = make_pipeline(StandardScaler(), model).fit(X[:, 1:], X[:, 0])
    exact = together.predict(X[:, 1:])
    np.testing.assert_allclose(run_float(lower(together), X[:, 1:])[:, 0], exact, rtol=0, atol=1e-4)
    error = answers(together, X[:, 1:], X[:, 1:])[:, 0] - exact
    assert np.sqrt(np.mean(error**2)) < 0.02 * exact.std()


def test_neighbours_of_several_targets_by_distance() -> None:
    X, _ = dataset("wine")
    model = KNeighborsRegressor(4, weights="distance").fit(X[::2, 2:] / X[:, 2:].std(axis=0), X[::2, :2])
    rows = X[1::2, 2:] / X[:, 2:].std(axis=0)
    exact = model.predict(rows)
    error = answers(model, rows, rows) - exact
    assert np.all(np.sqrt(np.mean(error**2, axis=0)) < 0.05 * exact.std(axis=0))


def test_a_row_that_is_kept_answers_alone_where_distance_counts() -> None:
    X = np.array([[0.0], [1.0], [2.0], [3.0]])
    model = KNeighborsClassifier(3, weights="distance").fit(X, ["a", "b", "b", "b"])
    assert model.predict(X).tolist() == ["a", "b", "b", "b"]
    assert answers(model, X, X).tolist() == ["a", "b", "b", "b"]


@pytest.mark.parametrize("data", ["digits", "iris", "wine", "breast_cancer"])
def test_a_machine_of_one_class_finds_the_same_outliers(data: str) -> None:
    X, _, rows = halves(data)
    model = make_pipeline(StandardScaler(), OneClassSVM(nu=0.1)).fit(X)
    assert lower(model).labels == ("-1", "1")
    # Rows on the border, where training puts some of its own, may fall to either side
    assert np.mean(answers(model, X, rows) == model.predict(rows).astype(str)) >= 0.99


def test_the_classes_vote_in_pairs_as_in_scikit_learn() -> None:
    X, y, rows = halves("iris")
    model = SVC(kernel="linear", decision_function_shape="ovo").fit(X, y)
    pairs = model.decision_function(rows) > 0
    votes = np.stack([pairs[:, :2].sum(axis=1), ~pairs[:, 0] + 1 * pairs[:, 2], (~pairs[:, 1:]).sum(axis=1)], axis=1)
    assert np.array_equal(run_float(lower(model), rows), votes)


@pytest.mark.parametrize("board", ["stm32f405", "microbit", "arduino-uno"])
def test_twin_host_and_board_agree(board: str) -> None:
    X, y = dataset("iris")
    X, y = X[:30], y[:30]
    models = {
        "vectors": SVC().fit(X, y),
        "pair": SVC(kernel="linear").fit(X[y < 2], y[y < 2]),
        "outliers": OneClassSVM(nu=0.2).fit(X),
        "neighbours": KNeighborsClassifier(3, weights="distance").fit(X, y),
        "mean": KNeighborsRegressor(3).fit(X, X[:, :2]),
        "centres": NearestCentroid().fit(X, y),
        "bayes": GaussianNB().fit(X, y),
    }
    firmware = deploy(models, board, X)
    for name in models:
        assert firmware.verify(X, name).verified is not False


def test_what_is_not_taken_is_refused_with_the_reason() -> None:
    X, y = dataset("iris")
    with pytest.raises(UnsupportedModel, match=r"SVC has the kernel 'poly'.*'linear' and 'rbf'"):
        lower(SVC(kernel="poly").fit(X, y))
    with pytest.raises(UnsupportedModel, match="break_ties=False"):
        lower(SVC(break_ties=True).fit(X, y))
    with pytest.raises(UnsupportedModel, match=r"metric 'manhattan'.*euclidean"):
        lower(KNeighborsClassifier(metric="manhattan").fit(X, y))
    with pytest.raises(UnsupportedModel, match="weights='uniform' or 'distance'"):
        lower(KNeighborsClassifier(weights=lambda distance: distance + 1).fit(X, y))
    with pytest.raises(UnsupportedModel, match="several labels at once"):
        lower(KNeighborsClassifier().fit(X, np.stack([y, y], axis=1)))
    with pytest.raises(UnsupportedModel, match=r"metric 'manhattan'.*euclidean"):
        lower(NearestCentroid(metric="manhattan").fit(X, y))
    with pytest.raises(UnsupportedModel, match=r"hardly vary.*var_smoothing"):
        lower(GaussianNB().fit(*dataset("digits")))
    for model in (SVC(), KNeighborsRegressor(), NearestCentroid(), GaussianNB(), OneClassSVM()):
        with pytest.raises(UnsupportedModel, match="not fitted"):
            lower(model)


@pytest.mark.parametrize(
    ("model", "attribute", "value", "message"),
    [
        (SVC(), "dual_coef_", np.ones((2, 3)), "dual_coef_"),
        (SVC(), "_n_support", np.array([1, 2, 3], np.int32), "n_support_ do not add up"),
        (SVC(), "support_vectors_", np.full((1, 4), np.nan), "support_vectors_"),
        (KNeighborsClassifier(), "_y", np.full(150, 7), "numbers of its classes"),
        (KNeighborsClassifier(), "n_neighbors", 0, "0 neighbours"),
        (NearestCentroid(), "centroids_", np.ones((2, 4)), "centroids_"),
        (GaussianNB(), "var_", np.zeros((3, 4)), "not above zero"),
    ],
)
def test_damaged_models_are_refused(model: Any, attribute: str, value: Any, message: str) -> None:
    fitted = type(model)(**model.get_params()).fit(*dataset("iris"))
    setattr(fitted, attribute, value)
    with pytest.raises(BadModelFile, match=message):
        lower(fitted)
