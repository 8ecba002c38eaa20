"""cost: the table over boards, where the bytes and the instructions go, and how it ends."""

from __future__ import annotations

import importlib
import shutil
from pathlib import Path

import pytest
from command_line import Edgewright

from edgewright import boards

REAL = [name for name in boards.names() if name != "host"]


@pytest.mark.slow
def test_every_board_is_in_the_table_of_80_columns(model: Path, edgewright: Edgewright) -> None:
    result = edgewright("cost", model, "--board", "all")
    assert result.code == 0, result.err
    lines = result.out.splitlines()
    assert max(map(len, lines)) <= 80
    for name in REAL:
        sizes, times = (line.split() for line in lines if line.startswith(f"{name} "))
        flash, *parts = (int(text.replace(",", "")) for text in sizes[1:9])
        assert flash == sum(parts[:4])
        assert (sizes[-1], times[-1]) == ("yes", "yes")
    for heading in ("flash", "code", "weights", "tables", "helpers", "arena", "static", "stack", "instructions", "ms"):
        assert heading in result.out


def test_a_wide_screen_gets_one_table(model: Path, edgewright: Edgewright, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    result = edgewright("cost", model, "--board", "microbit,hifive1")
    (line,) = [line for line in result.out.splitlines() if line.startswith("hifive1 ")]
    assert len(line.split()) == 13


def test_boards_may_be_given_in_any_way_and_are_priced_once(model: Path, edgewright: Edgewright) -> None:
    given = ["--board", "microbit,arduino_uno", "--board", "microbit", "--board", "arduino-uno, bluepill"]
    records = edgewright("cost", model, *given, "--json").document["records"]
    assert [record["board"] for record in records] == ["microbit", "arduino-uno", "bluepill"]


@pytest.mark.parametrize(
    ("given", "said"), [("microbit,mikrobit", "Did you mean 'microbit'"), (",", "--board is empty")]
)
def test_a_wrong_board_is_named(model: Path, edgewright: Edgewright, given: str, said: str) -> None:
    result = edgewright("cost", model, "--board", given)
    assert result.code == 2
    assert said in result.err


def test_times_say_whether_they_are_estimated(model: Path, edgewright: Edgewright) -> None:
    given = ["cost", model, "--board", "arduino-uno,stm32f405,esp32c3"]
    exact, estimated, unknown = (record["numbers"] for record in edgewright(*given, "--json").document["records"])
    assert exact["milliseconds"] > 0
    assert estimated.get("milliseconds") is None
    assert estimated["milliseconds_estimated"] > estimated["instructions_per_inference"] / 168e6 * 1e3
    assert unknown.get("milliseconds_estimated") is None
    result = edgewright(*given)
    assert "~" in next(line for line in result.out.splitlines() if line.startswith("stm32f405 ") and "~" in line)
    assert "no time is known for esp32c3" in result.out


def test_layers_share_out_bytes_and_instructions(model: Path, edgewright: Edgewright) -> None:
    given = ["cost", model, "--board", "microbit,arduino-uno", "--layers"]
    for record in edgewright(*given, "--json").document["records"]:
        layers, counts = record["tables"]["layers"], record["tables"]["instructions_by_layer"]
        assert layers.keys() == counts.keys()
        assert layers["scores"]["operator"] == "dense"
        assert layers["scores"]["shape"] == [3]
        assert sum(counts.values()) == pytest.approx(record["numbers"]["instructions_per_inference"])
        assert sum(layer["constant_bytes"] for layer in layers.values()) == record["numbers"]["constant_bytes"]
    result = edgewright(*given)
    assert max(map(len, result.out.splitlines())) <= 80
    assert "net on microbit: layers" in result.out
    assert "net on arduino-uno: layers" in result.out


def test_it_fails_where_the_model_fits_no_board(large_model: Path, edgewright: Edgewright) -> None:
    result = edgewright("cost", large_model, "--board", "bluepill,arduino-uno", "--layers")
    assert result.code == 1
    assert "bluepill: does not fit, over by" in result.out
    assert "arduino-uno: does not fit, over by" in result.out
    assert edgewright("cost", large_model, "--board", "bluepill,microbit").code == 0


def test_a_board_whose_tool_is_missing_is_left_open(
    model: Path, edgewright: Edgewright, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = shutil.which
    monkeypatch.setattr(shutil, "which", lambda tool: None if tool == "avr-gcc" else real(tool))
    result = edgewright("cost", model, "--board", "arduino-uno,microbit")
    assert result.code == 0, result.err
    (line, _) = [line for line in result.out.splitlines() if line.startswith("arduino-uno ")]
    assert line.split()[1] == "-"
    assert "not run on arduino-uno: avr-gcc is not installed: apt-get install gcc-avr" in result.out


def test_a_fault_on_one_board_leaves_the_others(
    model: Path, edgewright: Edgewright, monkeypatch: pytest.MonkeyPatch
) -> None:
    simavr = importlib.import_module("edgewright.engines.simavr")
    monkeypatch.setattr(simavr, "RUN_INSTRUCTIONS", 10)
    result = edgewright("cost", model, "--board", "arduino-uno,microbit")
    assert result.code == 1
    assert "did not return within 10 instructions" in result.err
    assert any(line.startswith("microbit") for line in result.out.splitlines())
