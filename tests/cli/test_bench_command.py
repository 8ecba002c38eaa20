from __future__ import annotations

from pathlib import Path

import pytest
from command_line import Edgewright

from edgewright import bench

BENCHMARK = """
from edgewright import records
from edgewright.bench import Bar, Benchmark, Unit

def units(quick):
    numbers = {"right": 0.5 if quick else 0.9}
    return [Unit("one", lambda: [records.make("deploy", "net", numbers=numbers)])]

ENTRY = Benchmark(
    doc="Counts what is right.",
    bars=(Bar("how many are right", "right", "at least", 0.95, "a book"),),
    units=units,
    summarise=lambda found: {"right": found[-1].numbers["right"]},
    table=lambda found: "",
)
"""


@pytest.fixture(autouse=True)
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with one benchmark, whose bar is not reached."""
    (tmp_path / "counting.py").write_text(BENCHMARK)
    monkeypatch.setattr(bench, "folder", lambda: tmp_path)
    return tmp_path


def test_benchmarks_are_listed(edgewright: Edgewright) -> None:
    assert edgewright("bench", "--json").document == {
        "benchmarks": [{"name": "counting", "doc": "Counts what is right."}]
    }
    assert "Counts what is right." in edgewright("bench").out


def test_a_run_is_kept_and_shown(edgewright: Edgewright, checkout: Path) -> None:
    assert edgewright("bench", "counting", "--show").code == 2
    result = edgewright("bench", "counting", "--json")
    assert result.code == 0
    (row,) = result.document["rows"]
    assert (row["value"], row["bar"], row["ok"]) == (0.9, 0.95, False)
    assert (checkout / "results" / "counting.jsonl").is_file()
    shown = edgewright("bench", "counting", "--show")
    assert shown.code == 1
    assert "how many are right" in shown.out
    assert "fall short: how many are right" in shown.err


def test_a_quick_run_is_not_kept(edgewright: Edgewright, checkout: Path) -> None:
    result = edgewright("bench", "counting", "--quick")
    assert result.code == 0
    assert "0.5" in result.out
    assert not (checkout / "results").exists()


def test_an_unknown_benchmark_suggests_the_nearest(edgewright: Edgewright) -> None:
    result = edgewright("bench", "countign")
    assert result.code == 2
    assert "Did you mean 'counting'?" in result.err


def test_quick_and_show_exclude_each_other(edgewright: Edgewright) -> None:
    result = edgewright("bench", "counting", "--quick", "--show")
    assert result.code == 2
    assert "give one of them" in result.err
