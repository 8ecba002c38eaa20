from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from command_line import Edgewright, rows

from edgewright import estimators, records
from edgewright.boards import get

MADE = ("c", "model.edgewright", "records.jsonl", "report.html")


def arguments(table: Path, out: Path, *others: str, model: str = "decision-tree", board: str = "microbit") -> list[str]:
    given = ["build", "--data", str(table), "--target", "label", "--model", model, "--board", board, "--out", str(out)]
    return [*given, *others]


def test_a_table_becomes_proven_firmware(table: Path, tmp_path: Path, edgewright: Edgewright) -> None:
    out = tmp_path / "firmware"
    result = edgewright(*arguments(table, out, "--export", "arduino", "--export", "c"))
    assert result.code == 0, result.err
    assert "accuracy, C on the board" in result.out
    assert max(map(len, result.out.replace(str(tmp_path), "").splitlines())) <= 80
    assert {path.name for path in out.iterdir()} == {"arduino", "c", "model.edgewright", "model.skops", "records.jsonl"}
    assert (out / "c" / "gestures.c").is_file()
    assert (out / "arduino" / "examples" / "selftest" / "selftest.ino").is_file()
    (record,) = records.read(out / "records.jsonl")
    assert record.numbers["verified"] == 1
    assert record.numbers["mismatches"] == 0
    assert record.numbers["accuracy_float"] == record.numbers["accuracy_board"] == 1.0
    assert record.data == "gestures.csv"
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("name", ["bonsai", "protonn"])
def test_our_estimators_are_built_and_saved(name: str, table: Path, tmp_path: Path, edgewright: Edgewright) -> None:
    out = tmp_path / "firmware"
    result = edgewright(*arguments(table, out, "--set", "epochs=3", "--size-kb", "1", "--json", model=name))
    assert result.code == 0, result.err
    assert result.err == ""
    assert result.document["folder"] == str(out)
    assert result.document["record"]["settings"]["size_kb"] == 1
    saved = [path for path in out.iterdir() if path.name not in MADE]
    assert len(saved) == 1
    x, _ = rows()
    assert set(estimators.load_estimator(saved[0]).predict(x.astype(np.float32))) <= {"a", "b", "c"}
    priced = edgewright("cost", saved[0], "--calibration", table, "--target", "label", "--board", "microbit", "--json")
    assert priced.document["records"][0]["numbers"]["verified"] == 1


def test_sequences_from_an_npz(tmp_path: Path, edgewright: Edgewright) -> None:
    x, y = rows(60, 12)
    np.savez(tmp_path / "moves.npz", X=x.reshape(-1, 4, 3), y=y)
    out = tmp_path / "firmware"
    given = ["build", "--data", tmp_path / "moves.npz", "--model", "fastgrnn", "--set", "epochs=3", "--set", "hidden=4"]
    result = edgewright(*given, "--board", "bluepill", "--out", out, "--json")
    assert result.code == 0, result.err
    assert result.document["record"]["numbers"]["verified"] == 1
    assert result.document["record"]["model"] == "moves"


def test_the_same_seed_gives_the_same_c(table: Path, tmp_path: Path, edgewright: Edgewright) -> None:
    for name in ("first", "second"):
        assert edgewright(*arguments(table, tmp_path / name, "--seed", "3")).code == 0
    for file in ("gestures.c", "gestures.h", "gestures_selftest.c"):
        assert (tmp_path / "first" / "c" / file).read_bytes() == (tmp_path / "second" / "c" / file).read_bytes()


def test_a_board_without_tools_is_built_unproven(
    table: Path, tmp_path: Path, edgewright: Edgewright, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    out = tmp_path / "firmware"
    result = edgewright(*arguments(table, out, "--export", "arduino", "--json", board="arduino-uno"))
    assert result.code == 0, result.err
    assert "warning: not proven on arduino-uno" in result.err
    assert "apt-get install" in result.err
    assert result.document["record"]["numbers"]["verified"] is None
    assert (out / "arduino" / "src" / "gestures.c").is_file()


def test_an_existing_folder_is_kept_unless_forced(table: Path, tmp_path: Path, edgewright: Edgewright) -> None:
    out = tmp_path / "firmware"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    refused = edgewright(*arguments(table, out))
    assert refused.code == 2
    assert "exists already" in refused.err
    assert "--force" in refused.err
    assert [path.name for path in out.iterdir()] == ["notes.txt"]
    assert edgewright(*arguments(table, out, "--force")).code == 0
    assert not (out / "notes.txt").exists()
    assert (out / "c").is_dir()


@pytest.mark.parametrize("out", [".", "..", "~"])
def test_not_even_force_replaces_where_one_stands(
    out: str, table: Path, tmp_path: Path, edgewright: Edgewright, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    monkeypatch.chdir(inside)
    result = edgewright(*arguments(table, Path(out).expanduser(), "--force"))
    assert result.code == 2
    assert "choose a new one" in result.err
    assert table.is_file()


def test_a_model_too_large_says_by_how_much_and_what_would_fit(
    large_model: Path, tmp_path: Path, edgewright: Edgewright
) -> None:
    out = tmp_path / "firmware"
    result = edgewright("compile", large_model, "--board", "bluepill", "--out", out)
    assert result.code == 1
    assert "flash is over by at least" in result.err
    assert "It would fit" in result.err
    assert "microbit" in result.err
    assert not out.exists()
    assert get("bluepill").flash_bytes < get("microbit").flash_bytes


def test_the_json_is_the_only_output(table: Path, tmp_path: Path, edgewright: Edgewright) -> None:
    result = edgewright(*arguments(table, tmp_path / "firmware", "--json"))
    document = json.loads(result.out)
    assert document["record"]["board"] == "microbit"
    assert result.err == ""


def test_without_a_compiler_the_c_is_written_and_said_to_be_unproven(
    table: Path, tmp_path: Path, edgewright: Edgewright, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "ziglang" else found(name, *rest)
    )
    out = tmp_path / "firmware"
    result = edgewright(*arguments(table, out, "--json"))
    assert result.code == 0, result.err
    assert "ziglang is not installed" in result.err
    record = result.document["record"]
    assert record["numbers"]["verified"] is None
    assert record["numbers"]["flash_bytes"] is None
    assert list((out / "c").glob("*.c"))
