"""--stream and --every: C that takes samples one at a time, proven and priced by the commands."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from command_line import Edgewright
from stream_graphs import sequence

from edgewright import ir


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    place = tmp_path / "last.edgewright"
    ir.save(sequence("last"), place)
    return place


def test_verify_compares_streams_and_whole_sequences(saved: Path, edgewright: Edgewright) -> None:
    result = edgewright("verify", saved, "--board", "host", "--stream", "--every", 2, "--json")
    assert result.code == 0, result.err
    document = result.document
    assert document["verified"] is True
    assert document["mismatches"] == {"host": 0, "whole sequence": 0}
    assert document["vectors"] == 4 * 10 + 100 * 5


def test_cost_says_what_a_sample_costs(saved: Path, edgewright: Edgewright) -> None:
    result = edgewright("cost", saved, "--board", "microbit", "--stream", "--json")
    assert result.code == 0, result.err
    (record,) = result.document["records"]
    numbers = record["numbers"]
    assert numbers["verified"] == 1
    assert numbers["state_bytes"] == 10
    assert 0 < numbers["instructions_per_sample"] < numbers["instructions_per_sample_largest"]


@pytest.mark.parametrize("width", [80, 160])
def test_cost_has_a_column_of_states_for_streams_only(
    saved: Path, edgewright: Edgewright, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    for options, state in ((["--stream"], "10"), ([], None)):
        lines = edgewright("cost", saved, "--board", "microbit", *options).out.splitlines()
        head = next(line for line in lines if line.startswith("board")).split()
        cells = next(line for line in lines if line.startswith("microbit")).split()
        assert dict(zip(head, cells, strict=True)).get("state") == state


def test_show_has_the_stages_of_a_stream(saved: Path, edgewright: Edgewright) -> None:
    shown = edgewright("show", saved, "integers", "--stream", "--every", 7).out
    assert "an answer every 7 samples, the first after 5" in shown
    assert "stage 1: takes each element" in shown
    memory = edgewright("show", saved, "memory", "--stream").out
    assert "and 10 bytes of state that the caller keeps" in memory
    assert "0/from_x " in memory
    assert "last_step(last_state *state" in edgewright("show", saved, "c", "--stream").out
    refused = edgewright("show", saved, "bounds", "--stream")
    assert refused.code == 2
    assert "the same with and without --stream" in refused.err


def test_build_writes_a_stream_and_says_what_a_sample_costs(
    tmp_path: Path, edgewright: Edgewright, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = np.random.default_rng(0)
    y = np.arange(60) % 2
    x = generator.normal(size=(60, 6, 2)) + 2 * y[:, None, None]
    np.savez(tmp_path / "taps.npz", X=x, y=y)
    given = ["--data", tmp_path / "taps.npz", "--model", "fastgrnn", "--board", "microbit", "--out", tmp_path / "out"]
    result = edgewright("build", *given, "--stream", "--every", 3, "--set", "epochs=3", "--set", "hidden=4")
    assert result.code == 0, result.err
    assert "instructions for a sample" in result.out
    assert "taps_step(taps_state *state" in (tmp_path / "out" / "c" / "taps.h").read_text()


def test_every_without_stream_is_refused(saved: Path, edgewright: Edgewright) -> None:
    result = edgewright("verify", saved, "--board", "host", "--every", 2)
    assert result.code == 2
    assert "give --stream" in result.err
