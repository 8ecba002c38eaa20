"""compile, verify, cost and show: what is done with model files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import Edgewright, rows
from convolutional import images, small_network

from edgewright import boards, deployed, ir, records
from edgewright.compiler.pipeline import to_integers
from edgewright.ir.types import Array


@pytest.fixture
def wrong_twin(monkeypatch: pytest.MonkeyPatch) -> None:
    """An integer twin that is off by one in the first output of every run."""
    right = deployed.run_integer

    def wrong(graph: ir.Graph, x: Array, *others: Any) -> Array:
        outputs = right(graph, x, *others).copy()
        outputs[:, 0] ^= 1
        return outputs

    monkeypatch.setattr(deployed, "run_integer", wrong)


def test_compile_writes_proven_c(float_model: Path, unlabelled: Path, tmp_path: Path, edgewright: Edgewright) -> None:
    out = tmp_path / "out"
    given = ["compile", float_model, "--board", "microbit", "--calibration", unlabelled, "--out", out, "--name", "mine"]
    result = edgewright(*given, "--export", "arduino", "--export", "c")
    assert result.code == 0, result.err
    assert (out / "c" / "mine.c").is_file()
    assert (out / "arduino" / "library.properties").is_file()
    (record,) = records.read(out / "records.jsonl")
    assert (record.model, record.numbers["verified"], record.data) == ("mine", 1, "typical.csv")
    assert ir.load(out / "model.edgewright").hash == record.graph_hash
    again = edgewright(*given)
    assert again.code == 2
    assert "exists already" in again.err


def test_an_integer_graph_needs_no_rows(model: Path, tmp_path: Path, edgewright: Edgewright) -> None:
    result = edgewright("compile", model, "--board", "bluepill", "--out", tmp_path / "out", "--json")
    assert result.code == 0, result.err
    assert result.document["record"]["model"] == "net"
    assert result.document["record"]["numbers"]["verified"] == 1
    assert result.err == ""


def test_compile_writes_nothing_that_is_wrong(
    model: Path, tmp_path: Path, edgewright: Edgewright, wrong_twin: None
) -> None:
    result = edgewright("compile", model, "--board", "microbit", "--out", tmp_path / "out")
    assert result.code == 1
    assert "differ from the integer model" in result.err
    assert not (tmp_path / "out").exists()


def test_verify_says_how_many_vectors_agree(model: Path, edgewright: Edgewright) -> None:
    result = edgewright("verify", model, "--board", "microbit", "--json")
    assert result.code == 0, result.err
    assert result.document["verified"] is True
    assert result.document["mismatches"] == {"host": 0, "unicorn": 0}
    assert result.document["vectors"] > 100


def test_verify_ends_with_1_where_outputs_differ(model: Path, edgewright: Edgewright, wrong_twin: None) -> None:
    result = edgewright("verify", model, "--board", "microbit", "--json")
    assert result.code == 1
    assert result.document["verified"] is False
    assert result.document["mismatches"]["unicorn"] == result.document["vectors"]
    assert "differs from the integer model" in result.err


def test_verify_ends_with_2_where_the_board_cannot_run(
    model: Path, edgewright: Edgewright, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    result = edgewright("verify", model, "--board", "arduino-uno", "--json")
    assert result.code == 2
    assert result.document["verified"] is None
    assert "apt-get install" in result.err


@pytest.mark.parametrize("suffix", ["csv", "npz", "labelled.csv", "labelled.npz"])
def test_rows_to_run_may_have_labels_or_not(
    suffix: str, model: Path, unlabelled: Path, table: Path, tmp_path: Path, edgewright: Edgewright
) -> None:
    x, y = rows()
    np.savez(tmp_path / "rows.npz", X=x)
    np.savez(tmp_path / "labelled.npz", X=x, y=y)
    given = {
        "csv": [unlabelled],
        "npz": [tmp_path / "rows.npz"],
        "labelled.csv": [table, "--target", "label"],
        "labelled.npz": [tmp_path / "labelled.npz"],
    }[suffix]
    result = edgewright("verify", model, "--board", "microbit", "--data", *given, "--json")
    assert result.code == 0, result.err
    assert result.document["vectors"] > len(x)


def test_labels_give_the_accuracy(model: Path, table: Path, edgewright: Edgewright) -> None:
    result = edgewright("cost", model, "--board", "microbit", "--data", table, "--target", "label", "--json")
    (record,) = result.document["records"]
    assert 0 < record["numbers"]["accuracy_board"] < 1
    assert record["numbers"]["accuracy_board"] == record["numbers"]["accuracy_integer"]


def test_cost_prices_every_board(model: Path, edgewright: Edgewright) -> None:
    result = edgewright("cost", model)
    assert result.code == 0, result.err
    assert max(map(len, result.out.splitlines())) <= 80
    assert all(name in result.out for name in boards.names() if name != "host")
    document = edgewright("cost", model, "--json").document
    by_board = {record["board"]: record["numbers"] for record in document["records"]}
    assert set(by_board) == set(boards.names()) - {"host"}
    assert by_board["microbit"]["flash_bytes"] > 0
    counted = {by_board[name]["instructions_per_inference"] for name in ("microbit", "stm32f405", "esp32c3")}
    assert len(counted) == 3  # each on its own instruction set
    assert by_board["microbit"].get("milliseconds") is None


def test_cost_says_by_how_much_it_is_too_large(large_model: Path, edgewright: Edgewright) -> None:
    given = ["cost", large_model, "--board", "bluepill", "--board", "microbit"]
    result = edgewright(*given)
    assert result.code == 0, result.err
    assert "bluepill: does not fit, over by" in result.out
    small, large = edgewright(*given, "--json").document["records"]
    assert (small["board"], small["numbers"]["fits"]) == ("bluepill", 0)
    assert (large["board"], large["numbers"]["fits"]) == ("microbit", 1)
    assert "flash is over by" in small["tables"]["reasons"]["fit"]
    assert small["numbers"]["flash_over_bytes"] > 0


def test_show_graph_prints_the_model_as_it_came(float_model: Path, edgewright: Edgewright) -> None:
    result = edgewright("show", float_model)
    assert result.code == 0
    assert "scores = dense(" in result.out
    assert "float32[4]" in result.out


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        ("integers", "int8[3x4]"),
        ("memory", "bytes of working memory"),
        ("bounds", "highest"),
        ("quality", "SNR dB"),
        ("c", "void net_run("),
    ],
)
def test_show_prints_what_a_stage_made(
    stage: str, said: str, float_model: Path, unlabelled: Path, edgewright: Edgewright
) -> None:
    result = edgewright("show", float_model, stage, "--calibration", unlabelled)
    assert result.code == 0, result.err
    assert said in result.out
    document = edgewright("show", float_model, stage, "--calibration", unlabelled, "--json").document
    assert document.get("text") or document.get("rows") is not None


def test_show_has_the_kernels_of_a_board(tmp_path: Path, edgewright: Edgewright) -> None:
    path = tmp_path / "small.edgewright"
    ir.save(to_integers(small_network(), images(20)), path)
    on_host = edgewright("show", path, "memory", "--json").document["rows"]
    on_board = edgewright("show", path, "memory", "--board", "nano33ble", "--json").document["rows"]
    assert {row["value"] for row in on_board} - {row["value"] for row in on_host}
    assert edgewright("show", path, "memory", "--board", "bluepill", "--json").document["rows"] == on_host
    wrong = edgewright("show", path, "memory", "--board", "nano33bel")
    assert (wrong.code, "Did you mean 'nano33ble'?" in wrong.err) == (2, True)


def test_compile_says_what_quantisation_costs(
    float_model: Path, unlabelled: Path, tmp_path: Path, edgewright: Edgewright
) -> None:
    given = ["compile", float_model, "--calibration", unlabelled, "--board", "microbit", "--out", tmp_path / "out"]
    lines = edgewright(*given).out.splitlines()
    (noise,) = [float(line.split()[-1]) for line in lines if line.startswith("signal to noise of the integers' output")]
    assert 20 < noise < 120
    assert any(line.startswith("milliseconds, estimated without waits for memory") for line in lines)


def test_quality_needs_a_model_in_float(model: Path, unlabelled: Path, edgewright: Edgewright) -> None:
    result = edgewright("show", model, "quality", "--calibration", unlabelled)
    assert result.code == 2
    assert "--calibration" in result.err
