"""The comparison with rivals: what is measured is right, and nothing is left out in silence."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks.rivals import building, cases, comparison, environment, forward, generators, measuring, tables, timing
from benchmarks.rivals.environment import RivalRefused
from benchmarks.rivals.generators import Generator, Sources
from edgewright import bench, records

pytestmark = pytest.mark.slow

Fake = Callable[..., None]
HEADER = "#include <stdint.h>\n"


def sources(body: str, **changes: object) -> Sources:
    """C for the digits that gets int8 features and gives a class."""
    adapter = f"{HEADER}void rival_run(const int8_t *x, int32_t *y) {{ {body} }}\n"
    fields = {"files": {}, "adapter": adapter, "input": "int8", "inputs": 64, "output": "int32", "outputs": 1}
    return Sources(**{**fields, "gives": "class", "rows": lambda values: values.astype(np.int8), **changes})


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Puts a generator of our own into the catalogue."""

    def put(made: Sources | RivalRefused) -> None:
        def make(case: object, board: object) -> Sources:
            if isinstance(made, RivalRefused):
                raise made
            return made

        monkeypatch.setattr(generators, "get", lambda name: Generator("made up", None, cases.names(), make))

    return put


def need(board: str) -> None:
    if reason := building.why_not(board):
        pytest.skip(f"nothing can be built for {board}: {reason}")


def test_ours_is_measured_as_it_is_compiled() -> None:
    need("stm32f405")
    record = measuring.measured("edgewright", "forest", "stm32f405", "-O2", rows=8)
    assert record.what == measuring.MEASURED, record.settings
    n = record.numbers
    assert n["rows"] == 8
    assert n["different_predictions"] == 0
    assert 100 < n["instructions_per_inference"] < 5000
    assert n["flash_bytes"] >= n["object_flash_bytes"] > 5000
    assert "-O2" in record.flags


@pytest.mark.parametrize("board", ["stm32f405", "arduino-uno"])
def test_answers_and_instructions_are_those_of_the_c(fake: Fake, board: str) -> None:
    need(board)
    fake(sources("*y = x[0] + 3;"))
    found = measuring.measured("made up", "forest", board, "-O2", rows=40).numbers
    case = cases.get("forest")
    assert found["different_predictions"] == int(np.sum(case.predictions[:40] != 3))
    assert found["accuracy"] == pytest.approx(np.mean(case.y_test[:40] == 3))
    assert 2 <= found["instructions_per_inference"] <= 20


def test_an_answer_that_is_no_class_is_wrong(fake: Fake) -> None:
    need("stm32f405")
    fake(sources("*y = -1 - x[0];"))
    found = measuring.measured("made up", "forest", "stm32f405", "-O2", rows=5).numbers
    assert found["different_predictions"] == 5
    assert found["accuracy"] == 0


def test_constants_that_land_in_ram_are_told(fake: Fake) -> None:
    table = {"table.h": f"static const int16_t table[200] = {{{', '.join(str(n * 7) for n in range(200))}}};\n"}
    made = sources("*y = table[(uint8_t)x[0]];", files=table)
    made = Sources(**{**vars(made), "adapter": made.adapter.replace(HEADER, f'{HEADER}#include "table.h"\n')})
    fake(made)
    for board, least, most in (("arduino-uno", 400, 408), ("stm32f405", 0, 0)):
        need(board)
        found = measuring.measured("made up", "forest", board, "-O2", rows=2).numbers
        assert least <= found["constant_ram_bytes"] <= most
        assert found["object_flash_bytes"] > 400


def test_what_nothing_calls_is_not_charged(fake: Fake) -> None:
    need("stm32f405")
    unused = {"unused.c": f"{HEADER}const int32_t unused[500] = {{1}};\nint32_t idle(void) {{ return unused[3]; }}\n"}
    fake(sources("*y = x[0];", files=unused))
    assert measuring.measured("made up", "forest", "stm32f405", "-O2", rows=2).numbers["flash_bytes"] < 100


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (sources("*y = nowhere;"), "does not compile: .*nowhere"),
        (sources("extern int absent(void); *y = absent();"), "does not compile: .*undefined reference to `absent'"),
        (sources("for (;;) { *(volatile int32_t *)y = x[0]; }"), "does not run: .*did not return"),
        (RivalRefused("ValueError: no such model"), "refuses the model: ValueError: no such model"),
    ],
)
def test_what_cannot_be_measured_is_kept_with_its_reason(
    fake: Fake, made: Sources | RivalRefused, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    need("stm32f405")
    monkeypatch.setattr("edgewright.engines.unicorn.RUN_INSTRUCTIONS", 100_000)
    fake(made)
    record = measuring.measured("made up", "forest", "stm32f405", "-O2", rows=2)
    assert re.search(reason, record.settings["reason"]), record.settings["reason"]
    assert record.numbers.get("rows") is None


def test_what_does_not_fit_keeps_its_sizes(fake: Fake) -> None:
    need("arduino-uno")
    fake(sources("static volatile int8_t room[3000]; room[(uint8_t)x[1]] = x[0]; *y = room[(uint8_t)x[2]];"))
    record = measuring.measured("made up", "forest", "arduino-uno", "-O2", rows=2)
    assert "RAM is over by" in record.settings["reason"]
    assert record.numbers["ram_bytes"] >= 3000
    assert "rows" not in record.numbers


def test_rivals_that_are_not_installed_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "folder", lambda: tmp_path / "none")
    rivals = [name for name in generators.names() if generators.get(name).package]
    assert len(rivals) >= 8
    for name in rivals:
        case = generators.get(name).cases[0]
        record = measuring.measured(name, case, "stm32f405", "-O2", rows=2)
        assert record.what == measuring.LEFT_OUT
        assert "is not installed" in record.settings["reason"]
    assert "is not installed" in str(forward.get("beaverpy").why_not())


def test_a_package_that_cannot_be_installed_costs_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def quietly(command: list[str], place: Path | None = None) -> subprocess.CompletedProcess[str]:
        (tmp_path / "made").mkdir(exist_ok=True)
        broken = any(word.startswith("m2cgen") for word in command)
        return subprocess.CompletedProcess(
            command, int(broken), "", "trying\nERROR: no such version\n" if broken else ""
        )

    monkeypatch.setattr(environment, "folder", lambda: tmp_path / "made")
    monkeypatch.setattr(environment, "_quietly", quietly)
    environment.install()
    assert environment.why_not("m2cgen") == "m2cgen 0.10.0 cannot be installed: ERROR: no such version"
    assert environment.why_not("emlearn") is None
    assert json.loads((tmp_path / "made" / "rivals.json").read_text())["failures"].keys() == {"m2cgen"}


def test_forward_passes_compute_the_same() -> None:
    made = timing.measured("ResNet-8", quick=True)
    assert {record.settings["forward"] for record in made} == set(forward.names())
    measured = {record.model: record for record in made if record.what == timing.MEASURED}
    assert measured.keys() >= {"edgewright", "onnx_reference"}
    assert all(record.numbers["same"] == 1 for record in measured.values())
    assert all(record.numbers["seconds"] > 0 and record.threads == 1 for record in measured.values())
    left_out = [record for record in made if record.what == timing.LEFT_OUT]
    assert all(record.settings["reason"] for record in left_out)


def test_every_generator_and_forward_pass_has_a_unit() -> None:
    benchmark = bench.get("rivals")
    keys = [unit.key for unit in benchmark.units(False)]
    assert len(keys) == len(set(keys))
    for name in generators.names():
        assert any(key.split()[1] == name for key in keys)
    assert {unit.key for unit in benchmark.units(True)} < set(keys)


def recorded(generator: str, numbers: dict[str, float], **settings: str) -> records.Record:
    given = {"generator": generator, "case": "network", "optimise": "-O2", "gives": "scores", **settings}
    what = measuring.MEASURED if numbers else measuring.LEFT_OUT
    full = {"object_flash_bytes": 1, "constant_ram_bytes": 0, "ram_bytes": 0, "accuracy": 1.0, **numbers}
    return records.Record(what, generator, board="stm32f405", settings=given, numbers=full if numbers else {})


def test_ours_is_held_against_the_best_rival_of_its_kind() -> None:
    def numbers(flash: int, different: int = 0) -> dict[str, float]:
        return {"rows": 5, "flash_bytes": flash, "instructions_per_inference": 10, "different_predictions": different}

    made = [
        recorded("edgewright", numbers(300), gives="class"),
        recorded("edgewright_scores", numbers(200)),
        recorded("emx_onnx_cgen", numbers(1000)),
        recorded("emlearn_network", numbers(400, different=2), gives="class"),
        recorded("m2cgen", {}, reason="refuses the model"),
    ]
    reached = comparison.results.reached(made)
    assert reached["network_flash_m4"] == pytest.approx(0.75)
    best = comparison.results.against_best(made, "flash_bytes", "network", "stm32f405", exact=True)
    assert best == pytest.approx(0.2)
    assert reached["network_flash_m0"] is None
    assert reached["unexplained"] == 0
    assert comparison.results.reached([*made, recorded("m2cgen", {})])["unexplained"] == 1
    text = tables.table(made)
    assert "refuses the model" in text
    assert "1,000" in text


def test_times_are_the_more_modest_of_two_ratios() -> None:
    def timed(name: str, seconds: float, least: float) -> records.Record:
        settings = {"forward": name, "network": "16x32x32 to 16, 3x3"}
        numbers = {"seconds": seconds, "seconds_least": least, "same": 1}
        return records.Record(timing.MEASURED, name, settings=settings, numbers=numbers)

    made = [timed("edgewright", 0.01, 0.01), timed("beaverpy", 5.0, 6.0), timed("onnx_reference", 0.08, 0.07)]
    reached = comparison.results.reached(made)
    assert reached["times_beaverpy"] == pytest.approx(500)
    assert reached["times_reference"] == pytest.approx(7)
    assert reached["large_to_torch"] is None
    assert "5,000 ms" in tables.table(made)


def test_there_is_no_table_of_a_run_that_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = tmp_path / "rivals.jsonl"
    monkeypatch.setattr(bench, "results_path", lambda name: kept)
    records.write(kept, [recorded("m2cgen", {}, reason="refuses the model", unit="network m2cgen")])
    said = bench.table("rivals")
    assert said.startswith("Not measured yet: ")
    assert "network emx_onnx_cgen" in said
    assert "network m2cgen" not in said
