"""Calibration: what it sees, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from small_graphs import dense_tanh, recurrent

from edgewright.errors import BadData
from edgewright.ir import Type
from edgewright.lowering import Builder
from edgewright.runtime.calibrate import batches, calibrate
from edgewright.runtime.interpret import run_float


def test_extremes_of_every_value() -> None:
    graph, x = dense_tanh(), np.random.default_rng(0).normal(size=(50, 3))
    seen = calibrate(graph, x)
    assert set(seen) == {"x", "hidden", "active", "scores"}
    y = run_float(graph, x)
    assert seen["scores"].extremes == (y.min(), y.max())
    assert np.array_equal(seen["x"].low, x.min(axis=0))
    assert np.array_equal(seen["x"].high, x.max(axis=0))


def test_values_in_a_body_are_seen_at_every_step() -> None:
    graph, x = recurrent("stacked"), np.random.default_rng(0).normal(size=(50, 4, 3))
    seen = calibrate(graph, x)
    states = run_float(graph, x)
    assert seen["loop/following"].extremes == (states.min(), states.max())
    assert seen["loop/s"].extremes == (x.min(), x.max())
    assert seen["x"].low.shape == (3,)


def test_two_bodies_of_the_same_name_are_kept_apart() -> None:
    def body(factor: float) -> object:
        builder = Builder("model")
        s = builder.input("s", Type((1,)))
        return builder.finish(builder.node("multiply", "y", a=s, b=builder.constant("c", [factor])))

    builder = Builder("model")
    x = builder.input("x", Type((2, 1)))
    first = builder.node("scan", "first", x=x, attributes={"body": body(1.0), "output": "stacked"})
    second = builder.node("scan", "second", x=first, attributes={"body": body(100.0), "output": "stacked"})
    seen = calibrate(builder.finish(second), np.array([[[-1.0], [2.0]]]))
    assert seen["first/y"].extremes == (-1.0, 2.0)
    assert seen["second/y"].extremes == (-100.0, 200.0)


BAD = {
    "empty": (np.zeros((0, 3)), "empty"),
    "NaN": (np.array([[1.0, np.nan, 0.0]]), "NaN"),
    "infinity": (np.array([[1.0, -np.inf, 0.0]]), "infinity"),
    "text": (np.array([["a", "b", "c"]]), "not a number"),
    "objects": (np.array([[1, None, 2]], dtype=object), "not a number"),
    "another shape": (np.zeros((5, 4)), r"\[n, 3\]"),
    "one row without an axis": (np.zeros(3), r"\[n, 3\]"),
    "the same rows": (np.full((5, 3), 0.5), "All 5 rows of the calibration data are the same"),
    "a number": (np.float64(3.0), r"\[n, 3\]"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_data_are_refused(case: str) -> None:
    data, said = BAD[case]
    with pytest.raises(BadData, match=said):
        calibrate(dense_tanh(), data)


def test_a_value_without_bounds_is_named() -> None:
    builder = Builder("steep")
    graph = builder.finish(builder.node("exp", "explodes", x=builder.input("x", Type((1,)))))
    with pytest.raises(BadData, match="'explodes'"):
        calibrate(graph, np.array([[1e4]]))


def test_means_and_peaks_are_those_of_each_entry_of_the_last_axis() -> None:
    graph, x = dense_tanh(), np.random.default_rng(0).normal(size=(50, 3))
    seen, scores = calibrate(graph, x)["scores"], run_float(graph, x)
    assert np.allclose(seen.means, scores.mean(axis=0))
    assert np.array_equal(seen.peaks, np.abs(scores).max(axis=0))


def test_histograms_count_every_entry_but_zeros_and_are_the_same_again() -> None:
    builder = Builder("rectified")
    graph = builder.finish(builder.node("relu", "y", x=builder.input("x", Type((2,)))))
    x = np.random.default_rng(0).normal(size=(500, 2))
    histogram = calibrate(graph, x, histograms=True)["y"].histogram
    positive = x[x > 0]
    assert histogram.counts.sum() == positive.size
    assert histogram.zeros == x.size - positive.size
    assert (histogram.edges[0], histogram.edges[-1]) == (0.0, positive.max())
    assert np.sum(histogram.counts * histogram.centres) == pytest.approx(positive.sum(), rel=1e-3)
    assert np.array_equal(calibrate(graph, x, histograms=True)["y"].histogram.counts, histogram.counts)


def test_many_rows_are_run_in_parts_with_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    graph, x = dense_tanh(), np.random.default_rng(0).normal(size=(50, 3))
    whole = calibrate(graph, x, histograms=True)
    monkeypatch.setattr("edgewright.runtime.calibrate.ENTRIES_AT_ONCE", 30)
    parts = calibrate(graph, x, histograms=True)
    assert len(batches(graph, x)) == 17
    for path, seen in whole.items():
        assert seen.extremes == parts[path].extremes
        assert np.allclose(seen.means, parts[path].means)
