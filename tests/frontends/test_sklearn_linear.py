"""scikit-learn's linear models and perceptrons: the same answers, in float, in integers and in C."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.base import is_classifier, is_outlier_detector
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import (
    ElasticNet,
    Lasso,
    LinearRegression,
    LogisticRegression,
    Perceptron,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
)
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC, LinearSVR
from sklearn.utils import all_estimators
from sklearn_models import LOADERS, both_scores, dataset, integers_of, margins, twin

from edgewright import boards, engines, frontends
from edgewright.compiler.emit import emit
from edgewright.compiler.quantise import Settings, quantise
from edgewright.errors import BadModelFile, UnsupportedModel
from edgewright.firmware import deploy
from edgewright.frontends import sklearn as front_end
from edgewright.ir.types import Array
from edgewright.lowering import lower
from edgewright.runtime.integer import run_integer
from edgewright.runtime.interpret import run_float

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

CLASSIFIERS = [
    LogisticRegression(max_iter=300),
    RidgeClassifier(),
    LinearSVC(max_iter=500),
    SGDClassifier(random_state=0),
    Perceptron(random_state=0),
]
REGRESSORS = [LinearRegression(), Ridge(), Lasso(alpha=0.01), ElasticNet(alpha=0.01), LinearSVR(max_iter=500)]


def perceptron(activation: str, **options: Any) -> MLPClassifier:
    return MLPClassifier(
        (16, 8), activation=activation, max_iter=60, learning_rate_init=0.01, random_state=0, **options
    )


def targets(outputs: int) -> tuple[Array, Array]:
    """Features in very different units and what depends on them linearly, with noise."""
    generator = np.random.default_rng(0)
    Z = generator.normal(size=(300, 6))
    y = Z @ generator.normal(size=(6, outputs)) + 3 + generator.normal(scale=0.1, size=(300, outputs))
    X = Z * [1e-3, 1, 1, 10, 1e3, 1e4] + [0, 0, 1, 100, 0, 1e4]
    return X, y if outputs > 1 else y[:, 0]


@pytest.mark.parametrize("data", LOADERS)
@pytest.mark.parametrize("model", CLASSIFIERS, ids=lambda model: type(model).__name__)
def test_a_linear_classifier_answers_as_scikit_learn(model: Any, data: str) -> None:
    X, y = dataset(data)
    if isinstance(model, SGDClassifier | Perceptron):
        X = StandardScaler().fit_transform(X)  # they learn next to nothing otherwise
    model.fit(X, y)
    scores = both_scores(model.decision_function(X))
    np.testing.assert_allclose(run_float(lower(model), X), scores, rtol=0, atol=1e-6 * np.abs(scores).max())
    differ = twin(model, X).argmax(axis=1) != model.predict(X)
    assert differ.mean() <= 0.01
    assert np.all(margins(scores)[differ] < 0.01)
    assert lower(model).labels == tuple(map(str, np.unique(y)))


@pytest.mark.parametrize("data", LOADERS)
@pytest.mark.parametrize("activation", ["identity", "relu", "tanh", "logistic"])
def test_a_perceptron_answers_as_scikit_learn(activation: str, data: str) -> None:
    X, y = dataset(data)
    X = X / X.std(axis=0).clip(1e-9)
    model = perceptron(activation).fit(X, y)
    probabilities = model.predict_proba(X)
    scores = run_float(lower(model), X)
    difference = scores[:, 1:] - scores[:, :1]  # all that is left of scores in probabilities
    if len(model.classes_) == 2:
        difference = difference / 2  # scores are -s and s
    with np.errstate(divide="ignore"):
        exact = np.log(probabilities[:, 1:]) - np.log(probabilities[:, :1])
    clear = np.all((probabilities > 1e-9) & (probabilities < 1 - 1e-7), axis=1)
    assert clear.any()
    np.testing.assert_allclose(difference[clear], exact[clear], rtol=0, atol=1e-6 * max(1.0, np.abs(scores).max()))
    differ = twin(model, X).argmax(axis=1) != model.predict(X)
    assert differ.mean() <= 0.01
    assert np.all(margins(scores)[differ] < 0.02)


@pytest.mark.parametrize("model", REGRESSORS, ids=lambda model: type(model).__name__)
def test_a_regressor_predicts_as_scikit_learn(model: Any) -> None:
    X, y = targets(1)
    if isinstance(model, LinearSVR):
        X = X / X.std(axis=0)  # it does not converge otherwise
    exact = model.fit(X, y).predict(X)
    graph = lower(model)
    assert graph.labels == ()
    np.testing.assert_allclose(run_float(graph, X)[:, 0], exact, rtol=0, atol=1e-6 * np.abs(exact).max())
    # A single row of weights is exact in integers
    assert np.abs(twin(model, X)[:, 0] - exact).max() < 0.001 * exact.std()


@pytest.mark.parametrize("model", REGRESSORS[:-1], ids=lambda model: type(model).__name__)
def test_a_regressor_of_several_targets(model: Any) -> None:
    X, y = targets(3)
    together = make_pipeline(StandardScaler(), model)
    exact = together.fit(X, y).predict(X)
    assert lower(together).output_type.shape == (3,)
    np.testing.assert_allclose(run_float(lower(together), X), exact, rtol=0, atol=1e-6 * np.abs(exact).max())
    error = np.sqrt(np.mean((twin(together, X) - exact) ** 2, axis=0))
    assert np.all(error < 0.015 * exact.std(axis=0))


@pytest.mark.parametrize("activation", ["identity", "relu", "tanh", "logistic"])
@pytest.mark.parametrize("outputs", [1, 2])
def test_a_regressing_perceptron(activation: str, outputs: int) -> None:
    X, y = targets(outputs)
    X = X / X.std(axis=0)
    model = MLPRegressor(
        hidden_layer_sizes=(12,), activation=activation, max_iter=200, learning_rate_init=0.01, random_state=0
    ).fit(X, y)
    exact = model.predict(X).reshape(len(X), outputs)
    np.testing.assert_allclose(run_float(lower(model), X), exact, rtol=0, atol=1e-6 * np.abs(exact).max())
    error = np.sqrt(np.mean((twin(model, X) - exact) ** 2, axis=0))
    assert np.all(error < 0.03 * exact.std(axis=0))


def test_features_in_their_own_units_need_no_scaler() -> None:
    X, y = targets(1)
    model = LogisticRegression(max_iter=2000).fit(X / X.std(axis=0), y > y.mean())
    model.coef_ = model.coef_ / X.std(axis=0)  # the same model for the raw units
    for dtype, least in (("int16", 0.995), ("int8", 0.98)):
        answers = model.classes_[twin(model, X, Settings(input=dtype)).argmax(axis=1)]
        assert np.mean(answers == model.predict(X)) >= least


def test_a_score_of_nothing_is_the_first_class_as_in_scikit_learn() -> None:
    model = LogisticRegression().fit([[0.0], [1.0]], ["no", "yes"])
    model.coef_, model.intercept_ = np.array([[1.0]]), np.array([-0.5])
    X = np.array([[0.0], [0.25], [0.5], [0.75], [1.0]])
    assert model.predict(X).tolist() == ["no", "no", "no", "yes", "yes"]
    assert twin(model, X).argmax(axis=1).tolist() == [0, 0, 0, 1, 1]


def test_a_sparse_and_an_interceptless_model() -> None:
    X, y = dataset("iris")
    model = SGDClassifier(penalty="l1", random_state=0, fit_intercept=False).fit(X, y)
    before = lower(model)
    assert lower(model.sparsify()).hash == before.hash
    assert lower(LinearRegression(fit_intercept=False).fit(X, y)).constants["bias"].tolist() == [0.0]


@pytest.mark.parametrize(
    ("model", "data"),
    [
        (LogisticRegression(max_iter=300), "digits"),
        (LogisticRegression(max_iter=300), "breast_cancer"),
        (perceptron("relu"), "digits"),
        (perceptron("tanh"), "wine"),
        (perceptron("logistic"), "breast_cancer"),
        (Ridge(), "iris"),
    ],
    ids=str,
)
def test_the_c_equals_the_twin(model: Any, data: str) -> None:
    engine = engines.get("host")
    if problem := engine.why_not(boards.get("host")):
        pytest.skip(problem)
    X, y = dataset(data)
    model.fit(X, y)
    graph = quantise(lower(model), X)
    low, high = graph.input_type.range
    corners = np.random.default_rng(0).choice([low, high, 0, 8], (100, X.shape[1])).astype(np.int16)
    x = np.concatenate([integers_of(graph, X[:200]), corners])
    program = emit({"model": graph})
    (entry,) = program.entries
    run = engine.run(engine.build(program, "host"), "model", engines.pack_inputs(entry, [x]))
    assert np.array_equal(engines.unpack_outputs(entry, run.outputs)[0], run_integer(graph, x))


def test_firmware_answers_with_the_classes_and_the_targets() -> None:
    X, y = dataset("iris")
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    firmware = deploy(perceptron("relu").fit(X, names), "microbit", X)
    verification = firmware.verify(X[:20])
    assert verification.verified is not False
    assert set(firmware.predict(X[:20], engine="host")) <= set(names)
    X, y = targets(1)
    firmware = deploy(Ridge().fit(X, y), "microbit", X)
    assert firmware.verify(X[:20]).verified is not False
    np.testing.assert_allclose(
        firmware.predict(X[:20], engine="host")[:, 0], Ridge().fit(X, y).predict(X[:20]), atol=0.05
    )


@pytest.mark.parametrize(
    "model", [*CLASSIFIERS, *REGRESSORS, perceptron("relu")], ids=lambda model: type(model).__name__
)
def test_a_skops_file_gives_the_same_graph(model: Any, tmp_path: Path) -> None:
    X, y = dataset("iris")
    skops.io.dump(model.fit(X, y), tmp_path / "model.skops")
    assert frontends.read(tmp_path / "model.skops").hash == lower(model).hash


def test_a_perceptron_trained_by_another_optimiser_is_read(tmp_path: Path) -> None:
    X, y = dataset("iris")
    for solver in ("sgd", "lbfgs"):
        model = perceptron("relu", solver=solver, early_stopping=solver == "sgd").fit(X, y)
        skops.io.dump(model, tmp_path / "model.skops")
        assert frontends.read(tmp_path / "model.skops").hash == lower(model).hash


def test_every_model_that_is_said_to_be_taken_is_taken() -> None:
    X, y = dataset("iris")
    known = dict(all_estimators())
    for name in front_end.MODELS:
        model = known[name]().fit(X, y)
        assert front_end.claims(model)
        assert name in front_end.supported()
        outputs = 3 if is_classifier(model) else 2 if is_outlier_detector(model) else 1
        assert lower(model).output_type.shape == (outputs,)


def test_what_is_not_taken_is_refused_with_the_reason() -> None:
    X, y = dataset("iris")
    several = np.stack([y > 0, y > 1], axis=1).astype(int)
    for model in (LogisticRegression(), Ridge(), perceptron("relu")):
        with pytest.raises(UnsupportedModel, match="not fitted"):
            lower(model)
    for model in (RidgeClassifier(), perceptron("relu")):
        with pytest.raises(UnsupportedModel, match="several labels at once"):
            lower(model.fit(X, several))
    with pytest.raises(UnsupportedModel, match="only 'identity'"):
        lower(MLPRegressor(hidden_layer_sizes=(2,), loss="poisson", max_iter=2).fit(X, y))
    with pytest.raises(UnsupportedModel, match=r"LinearDiscriminantAnalysis.*LogisticRegression"):
        lower(LinearDiscriminantAnalysis().fit(X, y))


@pytest.mark.parametrize(
    ("attribute", "value", "message"),
    [
        ("coef_", np.full((3, 4), np.nan), "NaN or infinity"),
        ("coef_", np.ones((3, 5)), r"coef_ are \(3, 5\) where \(3, 4\)"),
        ("coef_", np.ones((4, 3)), r"coef_ are \(4, 3\) where \(4, 4\)"),
        ("n_features_in_", 2**40, "1099511627776 features"),
        ("coef_", np.ones((2, 4)), "intercept_"),
        ("intercept_", "three", "not numbers"),
        ("classes_", np.array([0, 1]), "3 scores for 2 classes"),
    ],
)
def test_a_damaged_model_is_refused(attribute: str, value: Any, message: str, tmp_path: Path) -> None:
    model = LogisticRegression(max_iter=300).fit(*dataset("iris"))
    setattr(model, attribute, value)
    with pytest.raises(BadModelFile, match=message):
        lower(model)
    skops.io.dump(model, tmp_path / "model.skops")
    with pytest.raises(BadModelFile, match=message):
        frontends.read(tmp_path / "model.skops")


def test_a_damaged_perceptron_is_refused() -> None:
    model = perceptron("relu").fit(*dataset("iris"))
    model.intercepts_ = model.intercepts_[:-1]
    with pytest.raises(BadModelFile, match="one pair a layer"):
        lower(model)
    model.coefs_, model.intercepts_ = [], []
    with pytest.raises(BadModelFile, match="one pair a layer"):
        lower(model)


def test_damaged_bytes_and_fields_in_a_skops_file(tmp_path: Path) -> None:
    """A file whose checksums are right and whose arrays and fields are not."""
    X, y = dataset("iris")
    model = make_pipeline(StandardScaler(), PCA(2), MLPClassifier((3,), max_iter=2, random_state=0)).fit(X, y)
    data = skops.io.dumps(model)
    generator = np.random.default_rng(0)
    path, outcomes = tmp_path / "model.skops", set()
    for _ in range(60):
        changed = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(changed, "w") as target:
            for member in source.namelist():
                content = bytearray(source.read(member))
                if member.endswith(".npy"):
                    place = int(generator.integers(len(content)))
                    content[place] ^= int(generator.integers(1, 256))
                else:
                    numbers = [match.start() for match in re.finditer(rb"(?<=: )\d", bytes(content))]
                    content[numbers[int(generator.integers(len(numbers)))]] = ord(str(generator.integers(10)))
                target.writestr(member, bytes(content))
        path.write_bytes(changed.getvalue())
        try:
            frontends.read(path)
            outcomes.add("read")
        except (BadModelFile, UnsupportedModel) as error:
            outcomes.add(type(error).__name__)
    assert "BadModelFile" in outcomes
