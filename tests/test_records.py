"""Records: written as lines of JSON, read back the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgewright import records
from edgewright.errors import BadData, CannotWrite
from edgewright.records import Record


def test_a_record_comes_back(tmp_path: Path) -> None:
    place = tmp_path / "deeper" / "records.jsonl"
    one = records.make(
        "deploy", "naïve", board="microbit", flags=("-O2", "-x"), numbers={"flash_bytes": 5, "verified": None}
    )
    records.write(place, [one])
    assert records.read(place) == [one]
    records.write(place, [one], append=True)
    assert records.read(place) == [one, one]
    records.write(place, [one])
    assert len(place.read_text(encoding="utf-8").splitlines()) == 1


def test_what_a_record_is_made_with() -> None:
    record = records.make("train", "bonsai", seed=3)
    assert record.versions["python"].startswith("3.")
    assert "numpy" in record.versions
    assert record.when.endswith("+00:00")
    assert (record.seed, record.board) == (3, None)
    assert (record.commit is None) == (record.dirty is None)
    assert records.make("train", "bonsai", commit="abc").commit == "abc"


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_unknown_is_null_and_never_nan(number: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        Record("deploy", "m", numbers={"accuracy": number}).to_json()
    assert json.loads(Record("deploy", "m", numbers={"accuracy": None}).to_json())["numbers"] == {"accuracy": None}


@pytest.mark.parametrize(
    "line",
    ["{", "5", "[1]", '"x"', "null", '{"what": "deploy"}', '{"what": "d", "model": "m", "colour": 1}',
     '{"what": "d", "model": "m", "flags": 5}', "9" * 5000, "[" * 100_000],
)  # fmt: skip
def test_the_line_that_is_no_record_is_named(line: str, tmp_path: Path) -> None:
    place = tmp_path / "records.jsonl"
    place.write_text(Record("deploy", "m").to_json() + "\n\n" + line + "\n")
    with pytest.raises(BadData, match=r"records\.jsonl, line 3 is not a record"):
        records.read(place)


def test_files_that_cannot_be_read_or_written(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="Cannot read"):
        records.read(tmp_path / "nothing.jsonl")
    (tmp_path / "bytes.jsonl").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(BadData, match="Cannot read"):
        records.read(tmp_path / "bytes.jsonl")
    for append in (False, True):
        with pytest.raises(CannotWrite, match="Cannot write"):
            records.write(tmp_path, [], append=append)
