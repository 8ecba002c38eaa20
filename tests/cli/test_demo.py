from __future__ import annotations

from pathlib import Path

import pytest
from command_line import Edgewright, Result

from edgewright import boards, records

MODELS = {"bonsai", "protonn", "fastgrnn", "random_forest"}


@pytest.fixture
def quick(tmp_path: Path, edgewright: Edgewright, monkeypatch: pytest.MonkeyPatch) -> Result:
    """A quick demo without the data folder, in tmp_path / "demo"."""
    monkeypatch.delenv("EDGEWRIGHT_DATA", raising=False)
    return edgewright("demo", "--quick", "--out", tmp_path / "demo")


@pytest.mark.slow
def test_every_model_runs_on_every_board(
    quick: Result, tmp_path: Path, edgewright: Edgewright, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert quick.code == 0, quick.err
    assert max(map(len, quick.out.replace(str(tmp_path), "").splitlines())) <= 80
    assert "Left out: the anomaly detector" in quick.out
    written = records.read(tmp_path / "demo" / "records.jsonl")
    found = [record for record in written if record.what == "deploy"]
    trained = {record.model: record for record in written if record.what == "training"}
    assert trained.keys() == MODELS - {"random_forest"}
    assert len(trained["bonsai"].tables["history"]["loss"]) == 3
    names = set(boards.names()) - {"host"}
    assert {(record.model, record.board) for record in found} == {(model, board) for model in MODELS for board in names}
    ran = [record for record in found if record.numbers.get("verified") is not None]
    assert {record.model for record in ran} == MODELS
    assert all(record.numbers["verified"] == 1 and record.numbers["mismatches"] == 0 for record in ran)
    assert all(record.numbers["accuracy_float"] is not None for record in found)
    page = (tmp_path / "demo" / "report.html").read_text()
    assert all(model in page for model in MODELS)
    assert "What each phase of protonn reached" in page
    # its own folder is replaced, by the marker that it left there; another is not
    monkeypatch.setenv("PATH", "")
    again = edgewright("demo", "--quick", "--out", tmp_path / "demo", "--json")
    assert again.code == 0, again.err
    assert any("arduino-uno" in reason and "apt-get install" in reason for reason in again.document["left_out"])
    assert len(again.document["records"]) == len(written)


def test_a_folder_of_another_is_kept(tmp_path: Path, edgewright: Edgewright) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "thesis.txt").write_text("all of it")
    result = edgewright("demo", "--quick", "--out", tmp_path / "demo")
    assert result.code == 2
    assert "exists already" in result.err
    assert "--force" in result.err
    assert (tmp_path / "demo" / "thesis.txt").read_text() == "all of it"
