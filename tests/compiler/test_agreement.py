"""Firmware whose integers answer otherwise than the float model says so."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import NuSVC

from edgewright.compiler.agreement import Agreement, agreement_on
from edgewright.compiler.settings import Settings
from edgewright.errors import AccuracyLost
from edgewright.firmware import deploy
from edgewright.ir import Type
from edgewright.ir.graph import Graph
from edgewright.lowering import Builder

EIGHT = Settings(activation="int8", input="int8")
GENERATOR = np.random.default_rng(0)
ROWS = GENERATOR.normal(size=(300, 3))


def far_apart() -> Graph:
    """y = a + b of which one is a thousand times as large, so that 8 bits leave nothing of the other."""
    builder = Builder("apart")
    x = builder.input("x", Type((3,)))
    w, bias = (
        builder.constant("w", np.array([[1.0, 0, 0], [0, 1.0, 0]])),
        builder.constant("bias", np.array([1000.0, 0])),
    )
    z = builder.node("dense", "both", x=x, w=w, bias=bias)
    w, bias = builder.constant("w", np.array([[1.0, 0]])), builder.constant("bias", np.array([0.0]))
    return builder.finish(builder.node("dense", "y", x=z, w=w, bias=bias))


def test_a_regressor_that_loses_its_output_warns_with_figure_layer_and_advice() -> None:
    message = r"the error is \d+\.\d% of the output's range.*'(both|y)' \((?:sparse_)?dense, -?\d+ dB\).*activation=int16 input=int16"
    with pytest.warns(AccuracyLost, match=message) as said:
        firmware = deploy(far_apart(), "host", ROWS, name="apart", settings=EIGHT)
    assert "\n" not in str(said[0].message)
    assert said[0].filename == __file__
    record = firmware.report()
    assert record.numbers["calibration_rows"] == 200
    assert record.numbers["error_calibration"] > 0.05
    assert record.numbers["agreement_calibration"] is None


def test_a_vector_machine_on_unscaled_features_warns_and_on_scaled_ones_does_not() -> None:
    X, y = load_breast_cancer(return_X_y=True)
    with pytest.warns(AccuracyLost, match=r"% of 200 calibration rows get the class.*StandardScaler"):
        deploy(NuSVC(nu=0.1).fit(X, y), "host", X)
    firmware = deploy(make_pipeline(StandardScaler(), NuSVC(nu=0.1)).fit(X, y), "host", X)
    assert firmware.report().numbers["agreement_calibration"] >= 0.97


def test_good_models_are_silent() -> None:
    X, y = load_iris(return_X_y=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        firmware = deploy(LogisticRegression(max_iter=500).fit(X, y), "host", X)
        deploy(LinearRegression().fit(X, X[:, :2]), "host", X)
    assert firmware.models["model"].agreement.sound


def test_one_row_between_two_classes_is_no_reason() -> None:
    assert Agreement(10, 0.9, None).sound
    assert not Agreement(10, 0.8, None).sound
    assert not Agreement(200, 0.96, None).sound
    assert Agreement(200, None, 0.05).sound


def test_rows_are_taken_from_all_of_the_data() -> None:
    rows = np.concatenate([np.zeros((5000, 3)), np.ones((5000, 3)) * [1, 2, 3]])
    from edgewright.compiler.pipeline import to_integers

    graph = far_apart()
    found = agreement_on(graph, to_integers(graph, rows, EIGHT), rows)
    assert found.rows == 200
    assert found.error > 0.05  # the first rows alone have no range


def test_outliers_are_the_numbers_that_scikit_learn_says() -> None:
    X, _ = load_iris(return_X_y=True)
    model = IsolationForest(n_estimators=10, random_state=0).fit(X)
    firmware = deploy(model, "host", X)
    assert np.mean(firmware.predict(X) == model.predict(X)) > 0.98
