"""Firmware that takes samples one at a time: it proves itself on streams, reports what a sample costs, predicts, exports."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_graphs import rows_for
from stream_graphs import sequence

from edgewright import Firmware, boards, deploy, deployed, engines
from edgewright.compiler.program import Program
from edgewright.engines import _tools
from edgewright.errors import BadInput, DoesNotFit
from edgewright.ir.types import Array, Type
from edgewright.lowering import Builder
from edgewright.measure import of_rows
from edgewright.report.page import render_page
from edgewright.runtime.integer import run_integer

ROWS = rows_for(sequence("last"), 30)


def firmware(board: str = "host", stream: bool | int = True, name: str = "last") -> Firmware:
    if reason := engines.get(boards.get(board).engine).why_not(boards.get(board)):
        pytest.skip(f"{board}: {reason}")
    return deploy(sequence(name), board, rows_for(sequence(name), 30), stream=stream)


def whole(made: Firmware, rows: Array) -> Array:
    """What the whole-sequence twin answers."""
    (model,) = made.models.values()
    return model.answers(run_integer(model.graph, model.rows(rows)))


@pytest.mark.parametrize("stream", [True, 2, 7])
def test_twin_host_and_whole_sequence_agree(stream: bool | int) -> None:
    found = firmware(stream=stream).verify(ROWS)
    assert found.verified is True
    assert found.mismatches == {"host": 0, "whole sequence": 0}
    assert found.vectors > 4 * 2 * 5 + 30 * 5 - 1


def test_predictions_are_those_of_the_recordings_one_after_the_other() -> None:
    made = firmware()
    wanted = whole(made, ROWS)
    assert np.array_equal(made.predict(ROWS), wanted)
    assert np.array_equal(made.predict(ROWS.reshape(-1, 3)), wanted)
    assert len(made.predict(ROWS.reshape(-1, 3)[:12])) == 2
    with pytest.raises(BadInput, match=r"samples of shape \[n, 3\]"):
        made.predict(ROWS[:, :4])


def test_a_wrong_program_is_seen() -> None:
    made = firmware()
    text = made.program.files["model.c"]
    wrong = text.replace("if (++state->runs0 < 5) return 0;", "if (++state->runs0 < 4) return 0;")
    assert wrong != text
    program = replace(made.program, files={**made.program.files, "model.c": wrong})
    assert replace(made, program=program).verify(ROWS).verified is False


def test_a_reset_that_forgets_a_field_is_seen() -> None:
    made = firmware()
    text = made.program.files["model.c"]
    wrong = text.replace("    state->runs0 = 0;\n", "", 1)
    assert wrong != text
    program = replace(made.program, files={**made.program.files, "model.c": wrong})
    assert replace(made, program=program).verify(ROWS).verified is False


@pytest.mark.parametrize("board", ["microbit", "arduino_uno"])
def test_a_report_says_what_a_sample_costs(board: str) -> None:
    made = firmware(board)
    labels = whole(made, ROWS)
    record = made.report(ROWS, labels)
    numbers = record.numbers
    assert (numbers["verified"], numbers["accuracy_integer"], numbers["accuracy_board"]) == (1, 1.0, 1.0)
    assert numbers["rows_on_board"] == numbers["rows"] == 30
    (entry,) = made.program.entries
    assert entry.step is not None
    assert numbers["state_bytes"] == entry.step.state_bytes == 4 * 2 + 2
    assert numbers["ram_bytes"] == made.image.ram_bytes + numbers["state_bytes"]
    mean, largest = numbers["instructions_per_sample"], numbers["instructions_per_sample_largest"]
    assert mean < largest < 5 * mean
    assert numbers["instructions_per_inference"] == pytest.approx(5 * mean)
    mark = "" if board == "arduino_uno" else "_estimated"
    buffered, unbuffered = numbers[f"sampling_hertz{mark}"], numbers[f"sampling_hertz_unbuffered{mark}"]
    assert 0 < unbuffered < buffered < boards.get(board).clock_hz / mean * 1.01
    assert numbers[f"milliseconds{mark}"] == pytest.approx(5e3 / buffered)
    assert set(record.tables["layers"]) == {"0/from_x", "0/from_h", "0/sum", "0/following", "1/scores"}
    by_layer = record.tables["instructions_by_layer"]
    assert set(by_layer) == set(record.tables["layers"])
    assert sum(by_layer.values()) == pytest.approx(numbers["instructions_per_inference"])
    page = render_page([record])
    assert "Models that take samples one at a time" in page
    assert f"{numbers['state_bytes']:,}" in page


def test_a_report_says_how_many_rows_the_board_ran(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deployed, "MOST_SAMPLES", 37)
    made = firmware("microbit")
    record = made.report(ROWS, whole(made, ROWS))
    assert (record.numbers["rows"], record.numbers["rows_on_board"], record.numbers["accuracy_board"]) == (30, 7, 1.0)
    assert "7 of 30 rows" in render_page([record])


def test_means_are_over_whole_answers() -> None:
    made = firmware("microbit", 2)
    numbers = made.report(ROWS[:3]).numbers
    counted = made.run(next(iter(made.models.values())).integers(ROWS[:3]))[1].instructions
    assert counted is not None
    assert numbers["instructions_per_sample"] == counted[5:15].mean()
    assert numbers["instructions_per_sample_largest"] == counted.max()


def test_rows_that_begin_with_a_window_have_an_answer_of_their_own() -> None:
    (model,) = firmware(stream=2).models.values()
    outputs = np.arange(23)[:, None]
    rows, own = of_rows(model, outputs)
    assert (rows.tolist(), own.ravel().tolist()) == ([0, 2, 4, 6, 8], [0, 5, 10, 15, 20])


def test_bad_input_is_said_plainly() -> None:
    with pytest.raises(BadInput, match="every 0"):
        deploy(sequence("last"), "host", stream=0)
    with pytest.raises(BadInput, match="2 or 4"):
        deploy(sequence("bricks"), "host", stream=3)


def test_a_state_too_large_for_the_board_is_refused() -> None:
    builder = Builder("long")
    x = builder.input("x", Type((900, 4)))
    graph = builder.finish(builder.node("reduce_max", x=x, attributes={"axis": 0}))
    with pytest.raises(DoesNotFit, match=r"From sample to sample 7,2\d\d bytes are kept"):
        deploy(graph, "arduino_uno", rows_for(graph, 3), stream=True)


def test_the_c_export_says_pass(tmp_path: Path) -> None:
    made = firmware(name="until")
    folder = made.export("c", tmp_path / "c")
    command = [*_tools.zig(), "-std=c99", "-O1", *sorted(file.name for file in folder.glob("*.c")), "-o", "selftest"]
    subprocess.run(command, cwd=folder, check=True)
    assert subprocess.run([folder / "selftest"], check=True, capture_output=True, text=True).stdout == "PASS\n"


def test_two_models_may_stream_beside_each_other() -> None:
    graphs = {"one": sequence("last"), "two": sequence("bricks")}
    made = deploy(graphs, "host", stream=True)
    assert isinstance(made.program, Program)
    for name, graph in graphs.items():
        assert made.verify(rows_for(graph, 4), model=name).verified is True
