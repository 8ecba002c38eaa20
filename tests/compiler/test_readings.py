"""The straight line a feature before the first product: kept where it helps, dropped where it does not."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier

from edgewright.compiler import readings
from edgewright.compiler.pipeline import prepare, to_integers
from edgewright.compiler.settings import Settings
from edgewright.ir import Type
from edgewright.ir.graph import Graph
from edgewright.ir.types import Array, quantise_array
from edgewright.lowering import Builder, lower
from edgewright.runtime.integer import run_integer
from edgewright.runtime.interpret import run_float

EIGHT = Settings(activation="int8", input="int8")
EXACT = np.eye(3)[:2] + 0.25
GENERATOR = np.random.default_rng(0)


def with_line(
    scale: list[float], offset: list[float], *, labels: tuple[str, ...] = (), weights: Array = EXACT
) -> Graph:
    builder = Builder("line")
    x = builder.input("x", Type((3,)))
    z = builder.node("affine", x=x, scale=builder.constant("s", scale), offset=builder.constant("o", offset))
    w, bias = builder.constant("w", weights), builder.constant("bias", np.zeros(2))
    return builder.finish(builder.node("dense", x=z, w=w, bias=bias), labels=labels)


def operators(graph: Graph) -> list[str]:
    return [node.op for node in graph.nodes]


@pytest.mark.parametrize("settings", [Settings(), EIGHT, Settings("auto", "int8", bias_correction=True)])
def test_readings_of_a_common_size_go_into_the_product(settings: Settings) -> None:
    graph, rows = with_line([1.0, 0.5, 1.0], [0.0, 0.0, 0.0]), GENERATOR.normal(size=(200, 3))
    assert operators(to_integers(graph, rows, settings)) == ["dense"]
    np.testing.assert_allclose(
        run_float(prepare(graph, rows, settings), rows), run_float(graph, rows), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("settings", [Settings(), EIGHT])
def test_readings_in_units_of_their_own_keep_the_line(settings: Settings) -> None:
    graph, rows = with_line([1e3, 1.0, 1e-3], [0.0, 0.0, 0.0]), GENERATOR.normal(size=(200, 3)) * [1e-3, 1, 1e3]
    assert operators(to_integers(graph, rows, settings)) == ["affine", "dense"]


def test_readings_far_from_zero_keep_the_line_that_brings_them_there() -> None:
    graph = with_line([1.0, 1.0, 1.0], [-1e3, -1e3, -1e3], weights=GENERATOR.normal(size=(2, 3)))
    assert operators(to_integers(graph, GENERATOR.normal(size=(200, 3)) + 1e3)) == ["affine", "dense"]


def test_a_classifier_that_would_say_other_classes_keeps_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = with_line([1.0, 0.9, 1.2], [0.0, 0.0, 0.0], labels=("a", "b"))
    rows = GENERATOR.normal(size=(200, 3))
    assert operators(prepare(graph, rows, EIGHT)) == ["dense"]
    shares = iter([0.9, 1.0])  # without the line, with it
    monkeypatch.setattr(readings, "same_class", lambda real, ours: next(shares))
    assert operators(prepare(graph, rows, EIGHT)) == ["affine", "dense"]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_network_on_the_pixels_of_digits_reads_them_directly_and_answers_as_well() -> None:
    X, y = load_digits(return_X_y=True)
    model = MLPClassifier((32,), max_iter=60, random_state=0).fit(X[:900], y[:900])
    graph = to_integers(lower(model), X[:900], EIGHT)
    assert operators(graph) == ["dense", "dense"]
    assert (graph.input_type.dtype, graph.input_type.scale) == ("int8", 1.0)
    answers = run_integer(graph, quantise_array(X[900:], graph.input_type)).argmax(axis=1)
    assert np.mean(answers == model.predict(X[900:])) > 0.98


def test_neighbours_on_raw_pixels_keep_the_line_that_makes_their_squares_fit() -> None:
    X, y = load_digits(return_X_y=True)
    model = KNeighborsClassifier().fit(X[:300], y[:300])
    graph = to_integers(lower(model), X[:300])
    answers = run_integer(graph, quantise_array(X[300:600], graph.input_type)).argmax(axis=1)
    assert np.mean(answers == model.predict(X[300:600])) > 0.99
