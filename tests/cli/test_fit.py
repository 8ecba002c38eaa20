"""`edgewright build --fit`: what is chosen holds its budgets on the board, and what is wrong is said before anything is trained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import Edgewright

from edgewright import records
from edgewright.cli import _rows
from edgewright.data import Split
from edgewright.ir import load


def arguments(table: Path, out: Path, budgets: str, *others: str, model: str = "decision-tree") -> list[str]:
    given = ["build", "--data", str(table), "--target", "label", "--model", model, "--board", "microbit"]
    return [*given, "--fit", budgets, "--out", str(out), *others]


def test_the_chosen_one_holds_its_budgets(table: Path, tmp_path: Path, edgewright: Edgewright) -> None:
    out = tmp_path / "firmware"
    result = edgewright(*arguments(table, out, "flash=1K,ram=100,ms=1"))
    assert result.code == 0, result.err
    assert max(map(len, result.out.replace(str(tmp_path), "").splitlines())) <= 80
    (marked,) = (line for line in result.out.splitlines() if line.startswith("> "))
    assert "max_depth=" in marked
    record, *candidates = records.read(out / "records.jsonl")
    assert record.what == "deploy"
    assert record.numbers["verified"] == 1
    assert record.numbers["flash_bytes"] <= 1024
    assert record.numbers["ram_bytes"] + record.numbers["stack_bytes"] <= 100
    assert record.numbers["milliseconds_estimated"] <= 1
    assert record.settings["fit"] == "flash=1024,ram=100,ms=1"
    assert {candidate.what for candidate in candidates} == {"candidate"}
    (chosen,) = (candidate for candidate in candidates if candidate.numbers["chosen"])
    assert chosen.graph_hash == record.graph_hash == load(out / "model.edgewright").hash
    assert chosen.numbers["flash_bytes"] == record.numbers["flash_bytes"]
    page = (out / "report.html").read_text()
    assert "What the search tried" in page
    assert "chosen" in page


def test_json_holds_every_candidate(table: Path, tmp_path: Path, edgewright: Edgewright) -> None:
    result = edgewright(*arguments(table, tmp_path / "firmware", "flash=2K", "--json"))
    assert result.code == 0, result.err
    assert result.err == ""
    candidates = result.document["candidates"]
    assert [one["numbers"]["chosen"] for one in candidates].count(1) == 1
    assert all(one["numbers"]["accuracy_validation"] is not None for one in candidates)
    assert result.document["record"]["what"] == "deploy"


def test_the_test_rows_have_no_say(
    table: Path, tmp_path: Path, edgewright: Edgewright, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, hashes = _rows.read_split, []

    def poisoned(*given: Any) -> tuple[Split, tuple[str, ...]]:
        split, warnings = read(*given)
        return replace(split, x_test=split.x_test[::-1] * 0, y_test=np.roll(split.y_test, 1)), warnings

    for reader in (read, poisoned):
        monkeypatch.setattr(_rows, "read_split", reader)
        out = tmp_path / reader.__name__
        result = edgewright(*arguments(table, out, "flash=2K", "--json"))
        assert result.code == 0, result.err
        numbers = [
            {**one["numbers"], "hash": one["graph_hash"], "candidate": one["settings"]["candidate"]}
            for one in result.document["candidates"]
        ]
        hashes.append((result.document["record"]["graph_hash"], numbers))
        accuracy = result.document["record"]["numbers"]["accuracy_board"]
        assert (accuracy < 0.8) == (reader is poisoned)
    assert hashes[0] == hashes[1]


def test_where_nothing_fits_the_nearest_is_said(table: Path, tmp_path: Path, edgewright: Edgewright) -> None:
    out = tmp_path / "firmware"
    result = edgewright(*arguments(table, out, "flash=100,ram=20"))
    assert result.code == 1
    said = " ".join(result.err.split())
    assert "Nothing holds flash=100,ram=20" in said
    assert "The nearest is max_depth=" in said
    assert "Give at least flash=" in said
    assert "smallest" in said
    assert not out.exists()


@pytest.mark.parametrize(
    ("budgets", "others", "said"),
    [
        ("flash=fast", (), "flash cannot be 'fast'"),
        ("flahs=4K", (), "Did you mean 'flash'?"),
        ("ram=0", (), "must be above 0"),
        ("flash=4K", ("--quantise", "activation=int8"), "leave out --quantise"),
        ("flash=4K", ("--set", "max_depth=3"), "leave out --set max_depth"),
        ("flash=4K,ms=1", ("--board", "esp32c3"), "No time is known for esp32c3"),
        ("flash=4K", ("--board", "host"), "this computer is none"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_read(
    budgets: str, others: tuple[str, ...], said: str, tmp_path: Path, edgewright: Edgewright
) -> None:
    result = edgewright(*arguments(tmp_path / "missing.csv", tmp_path / "out", budgets, *others))
    assert result.code == 2
    assert said in " ".join(result.err.split())
    assert "Traceback" not in result.err
    assert not (tmp_path / "out").exists()


def test_a_size_of_its_own_is_refused(tmp_path: Path, edgewright: Edgewright) -> None:
    given = ["--data", "digits", "--model", "bonsai", "--board", "microbit", "--out", tmp_path / "out"]
    result = edgewright("build", *given, "--fit", "flash=4K", "--size-kb", "2")
    assert result.code == 2
    assert "leave out --size-kb" in result.err


@pytest.mark.slow
@pytest.mark.parametrize("model", ["bonsai", "random-forest"])
def test_models_of_digits_hold_their_budgets(model: str, tmp_path: Path, edgewright: Edgewright) -> None:
    given = ["--data", "digits", "--model", model, "--board", "microbit", "--out", tmp_path / "out", "--json"]
    quick = [] if model == "random-forest" else ["--set", "epochs=4"]
    result = edgewright("build", *given, *quick, "--fit", "flash=4K,ram=400,ms=4")
    assert result.code == 0, result.err
    numbers = result.document["record"]["numbers"]
    assert numbers["mismatches"] == 0
    assert numbers["flash_bytes"] <= 4096
    assert numbers["ram_bytes"] + numbers["stack_bytes"] <= 400
    assert numbers["milliseconds_estimated"] <= 4
    assert numbers["accuracy_board"] > 0.7
    sizes = {
        str(one["settings"].get("size_kb", one["settings"].get("max_depth"))) for one in result.document["candidates"]
    }
    assert len(sizes) > 1
