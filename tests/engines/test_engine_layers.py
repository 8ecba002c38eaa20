"""Instructions find their layer, also in loops that a compiler has written several times."""

from dataclasses import replace

import numpy as np
import pytest
from small_graphs import rows_for
from stream_graphs import sequence

from edgewright import boards, deploy
from edgewright.compiler.program import Entry, Layer, Step
from edgewright.engines import Run
from edgewright.engines.layers import instructions_by_layer
from edgewright.estimators import FastGRNNClassifier

NOTHING = np.zeros((0, 4), np.uint8)


def entry(*layers):
    return replace(Entry("m", (), (), 0, {}, (), "0" * 8), layers=tuple(Layer(*layer, ()) for layer in layers))


def test_calls_go_to_the_layers_in_their_order():
    plain = entry(("a", 1, 0), ("alias", 0, 0), ("b", 1, 0))
    run = Run(NOTHING, by_call=(("dense_i8", 10), ("ew_copy_i8", 4), ("dense_i8", 30)))
    assert instructions_by_layer(plain, run, 2) == {"a": 7, "alias": 0, "b": 15}


def test_a_loop_that_is_written_several_times_keeps_its_instructions():
    looped = entry(("a", 1, 0), ("steps", 3, 2), ("b", 1, 0))
    kernels = [("x", 1), ("y", 2), ("p", 4), ("q", 8), ("p", 16), ("q", 32), ("z", 64)]
    assert instructions_by_layer(looped, Run(NOTHING, by_call=tuple(kernels)), 1) == {"a": 1, "steps": 62, "b": 64}


@pytest.mark.parametrize("calls", [(), (("x", 1),), (("x", 1), ("y", 2), ("z", 3))])
def test_what_is_not_clear_is_not_told(calls):
    assert instructions_by_layer(entry(("a", 1, 0), ("b", 1, 0)), Run(NOTHING, by_call=calls), 1) is None


def test_what_a_stream_does_while_it_waits_belongs_to_the_first_layer():
    stream = replace(entry(("0/a", 1, 0), ("1/b", 1, 0)), step=Step(8, 4, 4))
    kernels = [("m_step", 5), ("ew_copy_i16", 2), ("x", 10), ("ew_fill_i16", 1), ("y", 20), ("m_reset", 3)]
    assert instructions_by_layer(stream, Run(NOTHING, by_call=tuple(kernels)), 1) == {"0/a": 21, "1/b": 20}


@pytest.mark.parametrize("board", ["microbit", "arduino-uno"])
def test_layers_of_a_stream_that_collects_windows_add_up(board):
    graph = sequence("frames")
    record = deploy(graph, board, rows_for(graph, 20), stream=True).report(rows_for(graph, 6))
    if record.numbers["verified"] is None:
        pytest.skip(str(record.tables["reasons"]))
    counts = record.tables["instructions_by_layer"]
    assert set(counts) == set(record.tables["layers"])
    assert sum(counts.values()) == pytest.approx(record.numbers["instructions_per_inference"])
    assert counts["0/tanh"] > 0 < counts["2/scores"]


@pytest.mark.parametrize("board", [name for name in boards.names() if name != "host"])
def test_layers_of_a_sequence_add_up_on_every_board(board):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(24, 6, 3))
    model = FastGRNNClassifier(hidden=4, size_kb=None, epochs=3, random_state=0).fit(x, np.arange(24) % 2)
    record = deploy(model, board, x).report(x[:3])
    if record.numbers["verified"] is None:
        pytest.skip(str(record.tables["reasons"]))
    counts, layers = record.tables["instructions_by_layer"], record.tables["layers"]
    assert sum(counts.values()) == pytest.approx(record.numbers["instructions_per_inference"])
    scan = next(node for node, layer in layers.items() if layer["operator"] == "scan")
    assert counts[scan] > 0.5 * sum(counts.values())
    assert record.numbers["table_bytes"] > 0
    parts = ("code_bytes", "weight_bytes", "table_bytes", "helper_bytes")
    assert sum(record.numbers[part] for part in parts) == record.numbers["flash_bytes"]
