"""Every estimator that the catalogue finds keeps the conventions of scikit-learn."""

import numpy as np
import pytest
from learners import fewest_epochs
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import check_estimator

from edgewright import estimators
from edgewright.errors import BadData

SEQUENCE = [name for name in estimators.names() if get_tags(estimators.get(name)()).input_tags.three_d_array]
TABULAR = [name for name in estimators.names() if name not in SEQUENCE]
CHECKS_AT_LEAST = 40


@pytest.mark.slow
@pytest.mark.parametrize("name", TABULAR)
def test_a_tabular_estimator_passes_all_checks(name):
    results = check_estimator(estimators.get(name)(), on_skip=None)
    passed = [result for result in results if result["status"] == "passed"]
    assert len(passed) >= CHECKS_AT_LEAST
    # Nothing is expected to fail; what is skipped needs a package or a variable that is not set
    assert {result["status"] for result in results} <= {"passed", "skipped"}
    assert not any(result["expected_to_fail"] for result in results)
    assert len(results) - len(passed) <= 2


def waves(n=60, steps=12, features=3, seed=0):
    """Two kinds of waves, slow and fast."""
    random = np.random.default_rng(seed)
    y = np.array(["slow", "fast"])[np.arange(n) % 2]
    time = np.arange(steps)[None, :, None] * np.where(y == "fast", 1.6, 0.4)[:, None, None]
    return np.sin(time + random.normal(size=(n, 1, features))) + 0.1 * random.normal(size=(n, steps, features)), y


def make(name, epochs=30, **parameters):
    epochs = max(epochs, fewest_epochs(name))
    return estimators.get(name)(**{"size_kb": 1, "epochs": epochs, "random_state": 0} | parameters)


@pytest.fixture(scope="module", params=SEQUENCE)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def fitted(name):
    return make(name, epochs=60).fit(*waves())


def test_there_are_estimators_of_both_kinds():
    assert SEQUENCE
    assert len(TABULAR) >= 2


def test_it_learns_sequences(fitted):
    assert fitted.score(*waves(seed=1)) > 0.9


def test_fit_returns_itself_and_keeps_parameters_and_data(name):
    x, y = waves()
    copies = x.copy(), y.copy()
    model = make(name, epochs=3)
    parameters = model.get_params()
    assert model.fit(x, y) is model
    assert model.get_params() == parameters
    assert np.array_equal(x, copies[0])
    assert np.array_equal(y, copies[1])
    own = {key for key in vars(model) if key not in parameters}
    assert all(key.endswith("_") and not key.startswith("_") for key in own)


def test_a_clone_has_the_parameters_and_nothing_else(fitted):
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    assert not hasattr(copy, "classes_")


def test_every_parameter_can_be_set_and_is_kept(name):
    model = estimators.get(name)()
    for parameter in model.get_params():
        marker = object()
        model.set_params(**{parameter: marker})
        assert model.get_params()[parameter] is marker
    with pytest.raises(ValueError, match="Invalid parameter"):
        model.set_params(nothing=1)


def test_the_same_seed_gives_the_same_scores_and_another_one_others(name):
    x, y = waves()
    first, second = (make(name, epochs=6).fit(x, y) for _ in range(2))
    assert np.array_equal(first.decision_function(x), second.decision_function(x))
    assert np.array_equal(first.fit(x, y).decision_function(x), second.decision_function(x))
    assert not np.array_equal(
        make(name, epochs=6, random_state=1).fit(x, y).decision_function(x), second.decision_function(x)
    )


def test_a_fit_forgets_the_one_before(name):
    x, y = waves()
    model = make(name, epochs=6).fit(*waves(steps=5, features=2, seed=3))
    again = model.fit(x, y).decision_function(x)
    assert np.array_equal(again, make(name, epochs=6).fit(x, y).decision_function(x))
    assert (model.n_steps_in_, model.n_features_in_) == (12, 3)


def test_rows_are_scored_one_by_one_as_together_and_in_any_order(fitted):
    x, _ = waves(20, seed=2)
    together = fitted.predict_proba(x)
    assert np.allclose(np.concatenate([fitted.predict_proba(row[None]) for row in x]), together, atol=1e-6)
    order = np.random.default_rng(0).permutation(20)
    assert np.allclose(fitted.predict_proba(x[order]), together[order], atol=1e-6)


def test_shapes_and_labels(fitted):
    x, _ = waves(7, seed=2)
    assert fitted.classes_.tolist() == ["fast", "slow"]
    assert fitted.predict(x).shape == (7,)
    assert set(fitted.predict(x)) <= {"fast", "slow"}
    assert fitted.decision_function(x).shape == (7,)
    assert np.allclose(fitted.predict_proba(x).sum(1), 1)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int16])
def test_any_number_type_is_taken(fitted, dtype):
    x, _ = waves(9, seed=2)
    assert fitted.predict((x * 100).astype(dtype)).shape == (9,)
    assert np.array_equal(fitted.predict(x.tolist()), fitted.predict(x))


def test_an_unfitted_one_says_so(name):
    for method in ("predict", "predict_proba", "decision_function"):
        with pytest.raises(NotFittedError):
            getattr(make(name), method)(waves()[0])
    with pytest.raises(NotFittedError):
        make(name).size_bytes()


X, Y = waves(20)
BAD = {
    "two dimensions": (X[:, 0], Y, r"X must be \[n, steps, features\], and this one has the shape \(20, 3\)"),
    "four dimensions": (X[None], Y[:1], r"has the shape \(1, 20, 12, 3\)"),
    "no steps": (X[:, :0], Y, r"has the shape \(20, 0, 3\)"),
    "no rows": (X[:0], Y[:0], "0 sample"),
    "missing values": (np.where(np.arange(3) == 1, np.nan, X), Y, "contains NaN"),
    "infinite values": (np.where(np.arange(3) == 1, np.inf, X), Y, "contains infinity"),
    "too few labels": (X, Y[:-1], "inconsistent numbers of samples"),
    "one class": (X, Y[:1].repeat(20), "one class only, slow"),
    "fractions as labels": (X, np.linspace(0, 1, 20), "continuous"),
    "no labels": (X, None, "requires y to be passed"),
    "text": (X.astype(str).astype(object) + "x", Y, "could not convert"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_data_is_refused(name, case):
    x, y, message = BAD[case]
    with pytest.raises(BadData, match=message):
        make(name).fit(x, y)


@pytest.mark.parametrize("as_array", [False, True])
def test_sequences_of_different_lengths_are_refused_with_what_to_do(name, as_array):
    ragged = [row[: 12 - k % 4] for k, row in enumerate(X)]
    given = np.array(ragged, dtype=object) if as_array else ragged
    with pytest.raises(BadData, match=r"from 9 steps \(row 3\) to 12 \(row 0\).* Cut all to 9 steps"):
        make(name).fit(given, Y)


@pytest.mark.parametrize("shape", [(4, 11, 3), (4, 12, 2)])
def test_other_shapes_than_fitted_are_refused(fitted, shape):
    with pytest.raises(BadData, match="was fitted on 12 steps of 3 features"):
        fitted.predict(np.zeros(shape))
