"""Any model in: what is measured is right, what is missing is told, and every bar has a number to hold."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks.any_model import bars, everywhere, fixed, fuzzing, results, sources, suites, tables
from edgewright import bench, boards, frontends
from edgewright.errors import DoesNotFit, MissingTool
from edgewright.ir.types import quantise_array
from edgewright.records import Record

pytestmark = pytest.mark.slow

NAMED = pytest.mark.parametrize("name", ["any-model", "any_model"])


def numbers_of(made: Any) -> dict[str, Any]:
    (record,) = made
    return dict(record.numbers)


@pytest.fixture
def reference(data_folder: Callable[[str], Path]) -> Path:
    """The folder of the reference networks; skips the test where there is none."""
    return data_folder("mlperf_tiny")


@NAMED
def test_both_spellings_name_the_benchmark(name: str) -> None:
    assert bench.get(name).doc == bench.get("any_model").doc
    assert "any-model" in bench.names()
    assert bench.results_path(name).name == "any_model.jsonl"


def test_keys_of_units_differ_and_a_quick_run_is_a_part() -> None:
    whole, quick = ([unit.key for unit in bench.get("any-model").units(kind)] for kind in (False, True))
    assert len(whole) == len(set(whole))
    assert set(quick) < set(whole)
    pairs = {f"{model} on {board}" for model in everywhere.MODELS for board in boards.names() if board != "host"}
    assert pairs <= set(whole)


def test_every_bar_has_a_number_and_nothing_measured_holds_none() -> None:
    reached = results.reached([])
    for bar in bars.all_bars():
        assert bar.key in reached
        assert not bar.holds(reached[bar.key]), bar.measure


def test_units_say_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EDGEWRIGHT_DATA", raising=False)
    for make in (
        lambda: sources.network_file("ad01_int8"),
        lambda: sources.photographs("test", 1),
        lambda: fuzzing.bases("tflite"),
        lambda: next(iter(fixed.against_reference("KWS", True))),
    ):
        with pytest.raises(MissingTool, match="EDGEWRIGHT_DATA"):
            make()


def test_node_cases_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"Abs": {"abs": None}, "Softmax": {"half": "rounds", "whole": None}, "Mod": {"mod": "0 instead of 1"}}
    cases = SimpleNamespace(
        cases=lambda: found, failures=found.get, listed=lambda operator, case: "rounds once" if case == "half" else None
    )
    monkeypatch.setattr(sources, "tests", lambda folder, module: cases)
    (record,) = suites.node_cases(False)
    assert dict(record.numbers) == {"operators": 3, "passed": 2, "listed": 1, "unexplained": 1}
    assert record.tables == {"listed": {"half": "rounds once"}, "unexplained": {"mod": "0 instead of 1"}}
    assert results.reached([record])["nodes_unexplained"] == 1


@pytest.mark.parametrize(
    ("said", "passed", "failed"),
    [("20 passed, 4 deselected", 1000, 0), ("4 errors generated\n1 failed, 19 passed in 9 s", 950, 1)],
)
def test_random_graphs_are_counted(said: str, passed: int, failed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, str] = {}

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        given.update(options["env"])
        return subprocess.CompletedProcess(command, 0, said, "")

    monkeypatch.setattr(sources, "tests", lambda folder, module: SimpleNamespace(CHUNK=50))
    monkeypatch.setattr(suites.subprocess, "run", run)
    found = numbers_of(suites.random_graphs(3, False))
    assert (given["EDGEWRIGHT_RANDOM_GRAPHS"], given["EDGEWRIGHT_RANDOM_START"]) == ("1000", "60")
    assert found == {"graphs": passed, "chunks_failed": failed}


def test_random_graphs_that_cannot_run_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    skipped = subprocess.CompletedProcess([], 0, "1 skipped in 2 s", "")
    monkeypatch.setattr(suites.subprocess, "run", lambda command, **options: skipped)
    with pytest.raises(MissingTool, match="1 skipped"):
        next(iter(suites.random_graphs(0, True)))


def test_a_network_is_held_against_the_reference_kernels(reference: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = numbers_of(fixed.against_reference("AD", True))
    assert found["rows"] == 4
    assert found["product_entries_different"] == found["output_entries_different"] == 0
    layer = sources.tests("frontends", "test_tflite_mlperf")
    true = layer.layer
    monkeypatch.setattr(layer, "layer", lambda *given: true(*given) + 2)
    wrong = numbers_of(fixed.against_reference("AD", True))
    assert wrong["product_largest_step"] == 2
    assert wrong["product_entries_different"] > 1000


def test_costs_count_the_buffers_of_input_and_output(reference: Path) -> None:
    try:
        (record,) = fixed.cost("AD", True)
    except MissingTool as reason:
        pytest.skip(str(reason))
    assert record.numbers["buffer_bytes"] == 640 + 640
    assert results.ram_bytes(record) == record.numbers["ram_bytes"] + 1280
    assert 100_000 < record.numbers["instructions_per_inference"] < 583_000
    assert 100 < results.code_bytes(record) < 20_000
    assert "-O2" in record.flags


def test_rows_are_real_where_there_are_some(reference: Path) -> None:
    rows, data = sources.integer_rows("AD", 50)
    assert (rows.shape, rows.dtype) == ((50, 640), np.int8)
    assert data == "40 of a machine's sound, 10 seeded"
    type = frontends.read(sources.network_file("ad01_int8")).input_type
    assert np.array_equal(rows[:40], quantise_array(sources.sounds(), type))


def test_calibration_never_sees_what_is_tested(reference: Path) -> None:
    calibrating, tested = sources.calibration_rows("AD"), sources.sounds()[1::2]
    assert not any(np.array_equal(one, other) for one in calibrating for other in tested)
    assert not np.array_equal(sources.calibration_rows("KWS")[:3], sources.seeded_rows("KWS", 3, sources.SEED))


def test_a_board_that_is_too_small_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*given: object) -> None:
        raise DoesNotFit("too large", {"flash": 7})

    monkeypatch.setattr(everywhere, "deploy", refuse)
    (record,) = everywhere.on_board("digits forest", "stm32f405", True)
    assert record.what == everywhere.TOO_LARGE
    assert record.numbers == {"flash_bytes_over": 7}
    assert results.reached([record])["pairs"] == 1
    assert results.reached([record])["mismatches"] is None


def test_damaged_onnx_files_are_read_and_held_against_numpy() -> None:
    (record,) = fuzzing.unit("onnx", 0, 42)
    assert record.numbers["mutants"] == 42
    assert record.numbers["errors"] > 10
    assert record.numbers["graphs_compared"] > 0
    assert results.reached([record])["mutants_bad"] == 0


def test_damaged_tflite_files_are_read_and_held_against_litert(reference: Path) -> None:
    (record,) = fuzzing.unit("tflite", 2, 60)
    assert record.numbers["mutants"] == 60
    assert record.numbers["graphs_compared"] > 0
    assert any(outcome.startswith("LiteRT refuses") for outcome in record.tables["outcomes"])
    assert results.reached([record])["mutants_bad"] == 0


READER = """
import os, signal
from benchmarks.any_model import fuzzing

def check(path, graph):
    number = int(path.read_bytes())
    if number == 1:
        os.kill(os.getpid(), signal.SIGSEGV)
    while number == 2:
        pass
    if number == 3:
        bytearray(2 * fuzzing.BYTES)
    if number == 4:
        raise KeyError("name")
    return "same"

fuzzing.SECONDS = 1
fuzzing.frontends.read = lambda path: None
fuzzing.bases = lambda kind: [fuzzing.Base("made up", lambda count, seed: [b"%d" % n for n in range(count)], check)]
"""


def test_what_a_damaged_file_must_not_do_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that crashes, hangs, takes two gigabytes, raises what is no error of ours, and is right twice."""
    real = subprocess.run

    def run(command: list[str], **given: Any) -> subprocess.CompletedProcess[str]:
        call = command[2].partition("; ")[2]
        return real([sys.executable, "-c", f"{READER}fuzzing.{call}"], **given)

    monkeypatch.setattr(fuzzing, "bases", lambda kind: [])
    monkeypatch.setattr(fuzzing.subprocess, "run", run)
    (record,) = fuzzing.unit("onnx", 0, 6)
    assert record.tables["outcomes"] == {"same": 2, "crash": 1, "hang": 1, "memory": 1, "unclear": 1}
    assert results.reached([record])["mutants_bad"] == 4
    assert str(-signal.SIGSEGV) in record.tables["bad"]["made up 1"]


def test_the_table_has_ours_beside_the_rivals() -> None:
    numbers = {"instructions_per_inference": 291_500.0, "ram_bytes": 1_000, "buffer_bytes": 290, "code_bytes": 900}
    cost = Record("cost", "AD", board=fixed.M4, compiler="gcc", numbers={**numbers, "helper_bytes": 0})
    text = tables.table([cost])
    assert "| anomaly detection (AD) | instructions | 583,000 | 291,500 | 0.50 |" in text
    assert "| anomaly detection (AD) | RAM, bytes | 2,580 | 1,290 | 0.50 |" in text
    assert tables.UNKNOWN in text
