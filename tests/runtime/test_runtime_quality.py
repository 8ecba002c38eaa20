"""What quantisation costs: signal to noise and saturation, value by value."""

from __future__ import annotations

import math

import numpy as np
import pytest
from small_graphs import dense_tanh, recurrent, rows_for

from edgewright.compiler.pipeline import to_integers
from edgewright.compiler.quantise import Settings
from edgewright.ir import Type, dequantise_array, quantise_array
from edgewright.lowering import Builder
from edgewright.runtime.integer import run_integer, run_integer_many
from edgewright.runtime.interpret import run_float
from edgewright.runtime.parts import part_of, recorded, run_behind
from edgewright.runtime.quality import layer_quality, signal_to_noise, value_quality


def by_value(graph: object, rows: np.ndarray, settings: Settings | None = None, calibration: object = None) -> dict:
    quantised = to_integers(graph, rows if calibration is None else calibration, settings)
    return {quality.value: quality for quality in value_quality(graph, quantised, rows)}


def test_every_value_is_there_and_good() -> None:
    graph = dense_tanh()
    found = by_value(graph, rows_for(graph))
    assert set(found) == {"x", "hidden", "active", "scores"}
    assert all(quality.snr_db > 45 and quality.saturated_share <= 0.01 for quality in found.values())


def test_the_numbers_are_those_of_the_definition() -> None:
    graph, rows = dense_tanh(), rows_for(dense_tanh())
    quantised = to_integers(graph, rows)
    real = run_float(graph, rows)
    ours = dequantise_array(run_integer(quantised, quantise_array(rows, quantised.input_type)), quantised.output_type)
    found = by_value(graph, rows)["scores"]
    assert found.snr_db == pytest.approx(10 * math.log10((real**2).mean() / ((ours - real) ** 2).mean()))
    assert found.largest_error == np.abs(ours - real).max()


def test_eight_bits_are_worse_than_sixteen() -> None:
    graph, rows = dense_tanh(), rows_for(dense_tanh())
    sixteen, eight = by_value(graph, rows), by_value(graph, rows, Settings("int8", "int8"))
    assert all(eight[value].snr_db + 20 < sixteen[value].snr_db for value in ("x", "hidden"))


@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_what_leaves_the_calibrated_range_is_counted(dtype: str) -> None:
    builder = Builder("double")
    x = builder.input("x", Type((1,)))
    graph = builder.finish(builder.node("add", "y", a=x, b=x))
    rows = np.array([[0.1], [0.2], [50.3], [-60.4]])
    found = by_value(graph, rows, Settings(dtype, dtype), calibration=rows[:2])
    assert found["x"].saturated_share == 0.5
    assert found["y"].saturated_share == 0.5


def test_no_difference_is_infinitely_good() -> None:
    builder = Builder("whole")
    x = builder.input("x", Type((1,)))
    graph = builder.finish(builder.node("add", "y", a=x, b=x))
    assert by_value(graph, np.array([[1.0], [-3.0]]))["y"].snr_db == math.inf


def test_values_in_bodies_are_named_by_their_path() -> None:
    graph = recurrent()
    assert {"x", "loop", "loop/s", "loop/sum", "loop/following"} <= set(by_value(graph, rows_for(graph)))


def test_each_layer_alone_is_measured_with_all_others_in_float() -> None:
    graph, rows = dense_tanh(), rows_for(dense_tanh())
    quantised = to_integers(graph, rows, Settings("int8", "int8"))
    found = {layer.value: layer for layer in layer_quality(graph, quantised, rows)}
    assert list(found) == ["hidden", "active", "scores"]
    values = recorded(graph, rows)
    type = quantised.types["scores"]
    part = part_of(quantised, quantised.nodes[-1:], "scores")
    inputs = {"active": quantise_array(values["active"], quantised.types["active"])}
    ours = dequantise_array(run_integer_many(part, inputs)["scores"], type)
    expected = signal_to_noise(values["scores"], ours)
    assert (found["scores"].snr_db, found["scores"].output_snr_db) == (expected, expected)
    whole = by_value(graph, rows, Settings("int8", "int8"))["scores"].snr_db
    assert all(layer.output_snr_db > whole for layer in found.values())  # one layer's error is less than that of all


def test_a_scan_is_one_layer_and_constants_are_read_as_they_are() -> None:
    graph, rows = recurrent(), rows_for(recurrent())
    (layer,) = layer_quality(graph, to_integers(graph, rows), rows)
    assert (layer.value, layer.op) == ("loop", "scan")
    assert 20 < layer.output_snr_db < math.inf


def test_what_is_replaced_changes_only_what_is_behind_it() -> None:
    builder = Builder("fork")
    x = builder.input("x", Type((1,)))
    left, right = builder.node("tanh", "left", x=x), builder.node("relu", "right", x=x)
    graph = builder.finish(builder.node("add", "y", a=left, b=right))
    values = recorded(graph, np.array([[2.0]]))
    assert run_behind(graph, values, "right", np.array([[10.0]])).item() == 10.0 + math.tanh(2.0)
    assert run_behind(graph, values, "y", np.array([[7.0]])).item() == 7.0
