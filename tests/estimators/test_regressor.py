import numpy as np
import pytest
from sklearn.datasets import make_friedman1
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression

from edgewright import deploy
from edgewright.errors import BadData, BadInput
from edgewright.estimators import BonsaiRegressor
from edgewright.lowering import lower
from edgewright.runtime.interpret import run_float

X, Y = make_friedman1(700, 10, noise=0.5, random_state=0)
Y = 100 * Y - 300
TRAIN, TEST = slice(0, 500), slice(500, None)


@pytest.fixture(scope="module")
def fitted():
    return BonsaiRegressor(size_kb=1, epochs=60, input_noise=0.1, random_state=0).fit(X[TRAIN], Y[TRAIN])


def test_it_learns_what_a_line_cannot(fitted):
    line = LinearRegression().fit(X[TRAIN], Y[TRAIN]).score(X[TEST], Y[TEST])
    assert fitted.score(X[TEST], Y[TEST]) > max(0.85, line + 0.05)
    assert fitted.size_bytes() <= 1024


def test_the_board_answers_real_values(fitted):
    firmware = deploy(fitted, "microbit", X[TRAIN])
    predicted = firmware.predict(X[TEST], engine="host")
    assert predicted.shape == (200, 1)
    assert np.abs(predicted[:, 0] - fitted.predict(X[TEST])).mean() < 0.01 * Y.std()
    assert firmware.verify(X[TEST][:20]).verified
    assert lower(fitted).labels == ()


def test_several_targets_at_once():
    targets = np.stack([Y, 5 - Y, np.full(len(Y), 7.0)], 1)
    model = BonsaiRegressor(size_kb=2, epochs=30, random_state=0).fit(X[TRAIN], targets[TRAIN])
    predicted = model.predict(X[TEST])
    assert predicted.shape == (200, 3)
    assert np.corrcoef(predicted[:, 0], Y[TEST])[0, 1] > 0.85
    assert np.corrcoef(predicted[:, 1], Y[TEST])[0, 1] < -0.85
    assert np.abs(predicted[:, 2] - 7).max() < 1
    real = run_float(lower(model), X[TEST])
    close = np.abs(real - predicted).max(1) < 1e-3 * np.abs(predicted).max()
    assert close.mean() > 0.98  # a row next to a hyperplane may take the other branch


def test_a_constant_target_is_predicted_as_it_is():
    model = BonsaiRegressor(epochs=3, random_state=0).fit(X[:60], np.full(60, 1e5))
    assert np.abs(model.predict(X) - 1e5).max() < 5


def test_a_regressor_teaches():
    forest = RandomForestRegressor(20, random_state=0).fit(X[TRAIN], -Y[TRAIN])
    taught = BonsaiRegressor(epochs=40, batch_rows=25, teacher=forest, validation_share=0, random_state=0).fit(
        X[TRAIN], Y[TRAIN]
    )
    assert np.corrcoef(taught.predict(X[TEST]), -Y[TEST])[0, 1] > 0.8  # nine tenths of the loss are the teacher's


@pytest.mark.parametrize(
    ("teacher", "message"),
    [
        (LinearRegression(), "LinearRegression is not fitted"),
        (LinearRegression, "cannot teach"),
        (LinearRegression().fit(X, np.stack([Y, Y], 1)), r"gave \[450, 2\] predictions"),
    ],
)
def test_a_teacher_that_cannot_teach_is_refused(teacher, message):
    with pytest.raises(BadInput, match=message):
        BonsaiRegressor(epochs=3, teacher=teacher, random_state=0).fit(X[TRAIN], Y[TRAIN])


def test_targets_that_are_no_numbers_are_refused():
    y = Y[:50].copy()
    y[3] = np.nan
    with pytest.raises(BadData, match="NaN"):
        BonsaiRegressor(epochs=3).fit(X[:50], y)
    with pytest.raises(BadData):
        BonsaiRegressor(epochs=3).fit(X[:2], ["a", "b"])
