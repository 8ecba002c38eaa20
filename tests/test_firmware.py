"""From a model to firmware: it predicts, verifies, reports and exports; what is wrong is said plainly."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from convolutional import images, small_network
from small_graphs import dense_tanh, recurrent, rows_for

from edgewright import Firmware, boards, deploy, engines
from edgewright.compiler.emit import emit
from edgewright.compiler.pipeline import to_integers
from edgewright.errors import BadData, BadInput, DoesNotFit, MissingTool, OutputExists, UnknownName, UnsupportedModel
from edgewright.ir import Graph, Type
from edgewright.ir.types import Array
from edgewright.lowering import Builder
from edgewright.runtime.interpret import run_float

ROWS = rows_for(dense_tanh(), 100)


@pytest.fixture(scope="module", params=["host", "microbit"])
def firmware(request: pytest.FixtureRequest) -> Firmware:
    board = boards.get(request.param)
    if reason := engines.get(board.engine).why_not(board):
        pytest.skip(f"{request.param}: {reason}")
    return deploy(dense_tanh(), request.param, ROWS)


def answers(rows: Array) -> Array:
    return np.array(["no", "yes"])[run_float(dense_tanh(), rows).argmax(axis=1)]


def test_classes_are_those_of_the_model(firmware: Firmware) -> None:
    predicted = firmware.predict(ROWS)
    assert np.mean(predicted == answers(ROWS)) > 0.98
    assert np.array_equal(predicted, firmware.predict(ROWS, engine="host"))
    assert firmware.predict(ROWS[:1].tolist()).shape == (1,)


def test_twin_host_and_board_agree(firmware: Firmware) -> None:
    verification = firmware.verify(ROWS)
    assert verification.verified is True
    assert set(verification.mismatches) == {"host", boards.get(firmware.board).engine}
    assert (sum(verification.mismatches.values()), verification.skipped) == (0, {})
    assert verification.vectors == len(ROWS) + 24


def test_a_report_holds_what_was_measured(firmware: Firmware) -> None:
    record = firmware.report(ROWS, answers(ROWS), data="made up", seed=3)
    numbers = record.numbers
    assert (record.what, record.model, record.board, record.data, record.seed) == (
        "deploy", "model", firmware.board, "made up", 3,
    )  # fmt: skip
    assert record.graph_hash == firmware.models["model"].graph.hash
    assert (numbers["accuracy_float"], numbers["mismatches"], numbers["verified"]) == (1.0, 0, 1)
    assert numbers["accuracy_integer"] == numbers["accuracy_board"] > 0.98
    assert numbers["constant_bytes"] == sum(record.tables["constant_bytes"].values())
    assert numbers["arena_bytes"] >= numbers["arena_lower_bound_bytes"]
    if firmware.board == "microbit":
        assert numbers["flash_bytes"] > numbers["constant_bytes"]
        assert numbers["instructions_per_inference"] > 0
    assert record.to_json()


def test_classes_that_came_as_numbers_compare_with_labels() -> None:
    builder = Builder("numbers")
    x = builder.input("x", Type((2,)))
    graph = builder.finish(builder.node("relu", x=x), labels=("0", "1"))
    rows = np.array([[3.0, 1.0], [1.0, 3.0], [0.5, 0.25]])
    report = deploy(graph, "host", rows).report(rows, np.array([0, 1, 1]))
    assert report.numbers["accuracy_integer"] == pytest.approx(2 / 3)
    with pytest.raises(BadInput, match="3 rows"):
        deploy(graph, "host", rows).report(rows, np.array([0, 1]))


def test_real_outputs_of_what_has_no_classes() -> None:
    rows = rows_for(recurrent("stacked"))
    firmware = deploy(recurrent("stacked"), "host", rows)
    assert np.abs(firmware.predict(rows) - run_float(recurrent("stacked"), rows)).mean() < 0.01


def test_a_quantised_graph_needs_no_calibration() -> None:
    graph = to_integers(dense_tanh(), ROWS)
    assert np.array_equal(deploy(graph, "host").predict(ROWS), deploy(dense_tanh(), "host", ROWS).predict(ROWS))
    with pytest.raises(BadInput, match="calibration"):
        deploy(dense_tanh(), "host")


def test_several_models_in_one_firmware() -> None:
    sequence, steps = recurrent(), rows_for(recurrent())
    models, rows = {"gesture": dense_tanh(), "cell": sequence}, {"gesture": ROWS, "cell": steps}
    firmware = deploy(models, "host", rows, name="both")
    assert set(firmware.program.files) == {"both.c", "both.h", "both_selftest.c"}
    assert np.mean(firmware.predict(ROWS, model="gesture") == answers(ROWS)) > 0.98
    assert firmware.predict(steps, model="cell").shape == (len(steps), 2)
    assert firmware.verify(steps, model="cell").verified
    with pytest.raises(BadInput, match="gesture, cell"):
        firmware.predict(ROWS)
    with pytest.raises(UnknownName, match="'gesture'"):
        firmware.predict(ROWS, model="gestur")


def test_the_sources_are_exported(firmware: Firmware, tmp_path: Path) -> None:
    folder = firmware.export("c", tmp_path / "c")
    assert {path.name for path in folder.iterdir()} == {"model.c", "model.h", "model_selftest.c", "main.c"}
    with pytest.raises(OutputExists, match="--force"):
        firmware.export("c", folder)
    firmware.export("c", folder, force=True)
    sketch = firmware.export("arduino", tmp_path / "arduino")
    assert {"library.properties", "src/model.c", "examples/selftest/selftest.ino"} <= {
        str(path.relative_to(sketch)) for path in sketch.rglob("*")
    }
    with pytest.raises(UnknownName, match="arduino"):
        firmware.export("ardino", tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_the_exported_main_says_pass(tmp_path: Path) -> None:
    folder = deploy(dense_tanh(), "host", ROWS).export("c", tmp_path / "c")
    try:
        subprocess.run("gcc -std=c99 -Werror *.c -o selftest", shell=True, cwd=folder, check=True)
    except subprocess.CalledProcessError as error:
        if error.returncode == 127:
            pytest.skip("no gcc is installed")
        raise
    run = subprocess.run([folder / "selftest"], capture_output=True, text=True, check=False)
    assert (run.stdout, run.returncode) == ("PASS\n", 0)


def test_an_unknown_board_suggests_the_nearest() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'microbit'"):
        deploy(dense_tanh(), "microbitt", ROWS)


def test_what_is_no_model_is_refused() -> None:
    with pytest.raises(UnsupportedModel, match=r"builtins\.dict_keys|list"):
        deploy([1, 2], "host", ROWS)
    with pytest.raises(BadInput, match="no model"):
        deploy({}, "host")
    with pytest.raises(BadInput, match="cannot name a model"):
        deploy(dense_tanh(), "host", ROWS, name="My model")
    builder = Builder("two")
    x = builder.input("x", Type((3,)))
    with pytest.raises(UnsupportedModel, match="2 outputs"):
        deploy(builder.finish(builder.node("relu", x=x), x), "host", ROWS)


BAD_ROWS = {
    "another shape": (np.zeros((5, 4)), r"\[n, 3\].*\[5, 4\]"),
    "one row": (np.zeros(3), r"\[n, 3\]"),
    "no rows": (np.zeros((0, 3)), "1 or more"),
    "NaN": (np.full((2, 3), np.nan), "NaN"),
    "infinity": (np.full((2, 3), np.inf), "infinity"),
    "text": (np.array([["a", "b", "c"]]), "not a number"),
}


@pytest.mark.parametrize("case", BAD_ROWS)
def test_bad_rows_are_refused_everywhere(case: str) -> None:
    rows, said = BAD_ROWS[case]
    firmware = deploy(dense_tanh(), "host", ROWS)
    for use in (firmware.predict, firmware.verify, firmware.report):
        with pytest.raises(BadInput, match=said):
            use(rows)
    with pytest.raises(BadInput):
        deploy(dense_tanh(), "host", rows)


def test_rows_beyond_the_calibration_saturate() -> None:
    firmware = deploy(dense_tanh(), "host", ROWS)
    assert np.array_equal(firmware.predict(1e6 * ROWS), firmware.predict(1e7 * ROWS))
    assert firmware.verify(1e6 * ROWS).verified


def wide(columns: int, rows: int = 2) -> Graph:
    """A quantised graph with a large dense matrix."""
    builder = Builder("wide")
    x = builder.input("x", Type((columns,), "int8", 1.0))
    w = builder.constant("w", np.ones((rows, columns)), Type((rows, columns), "int8", 1.0))
    bias = builder.constant("bias", np.zeros(rows), Type((rows,), "int16", 1.0))
    hidden = builder.node("dense", None, Type((rows,), "int16", 1.0), x=x, w=w, bias=bias)
    return builder.finish(builder.node("rescale", None, Type((rows,), "int8", 2.0**8), x=hidden))


def test_what_does_not_fit_says_by_how_much_and_what_would() -> None:
    graph = wide(1000, 300)
    flash = boards.get("microbit").flash_bytes
    with pytest.raises(DoesNotFit) as caught:
        deploy(graph, "microbit")
    (entry,) = emit({"model": graph}, features=boards.get("microbit").cpu.features).entries
    constants = sum(entry.constant_bytes.values())
    assert 300 * 1000 <= constants < 302 * 1000
    assert f"flash is over by at least {constants - flash:,} bytes: {constants:,} needed" in str(caught.value)
    assert "stm32f405" in str(caught.value)
    assert "It would fit microbit" not in str(caught.value)
    assert f"Most weights are those of 'dense' (dense): {constants:,} bytes." in str(caught.value)
    assert "Most memory" not in str(caught.value)


def test_working_memory_that_does_not_fit_is_said() -> None:
    with pytest.raises(DoesNotFit, match=r"RAM is over by at least [\d,]+ bytes") as caught:
        deploy(wide(2, 10_000), "microbit")
    assert "Most memory is in use at 'dense' (dense): dense 20,000 bytes." in str(caught.value)
    assert re.search("It would fit .*stm32f405", str(caught.value))


def test_images_with_channels_in_front_are_told_how_to_turn() -> None:
    with pytest.raises(BadData, match=r"\[n, 8, 8, 3\].*transpose the rows by \(0, 2, 3, 1\)"):
        deploy(small_network(), "microbit", images(4).transpose(0, 3, 1, 2))


def test_a_convolution_with_one_shift_builds_for_small_cores() -> None:
    """The compiler must not be asked to keep what assembly reads on the stack over the loop of the windows."""
    generator = np.random.default_rng(0)
    builder = Builder("one_shift")
    x = builder.input("x", Type((8, 8, 1), "int8", 2.0**-7, zero_point=-128))
    w = builder.constant("w", generator.integers(-127, 128, (8, 3, 3, 1)), Type((8, 3, 3, 1), "int8", 2.0**-7))
    bias = builder.constant("bias", generator.integers(-9999, 9999, 8), Type((8,), "int32", 2.0**-14))
    made = Type((8, 8, 8), "int8", 2.0**-7, zero_point=-128)
    y = builder.node("conv2d", None, made, x=x, w=w, bias=bias, attributes={"padding": (1, 1, 1, 1)})
    assert deploy(builder.finish(y), "microbit").verify(np.ones((1, 8, 8, 1))).verified


def test_which_of_several_models_is_the_largest_is_said() -> None:
    with pytest.raises(DoesNotFit, match=r"Most weights are those of 'dense' \(dense in large\)"):
        deploy({"small": wide(3, 4), "large": wide(1000, 300)}, "microbit", name="both")


def test_the_board_alone_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the board's tools there are sources and a host, and `verified` is None, not True."""
    engine = type(engines.get("unicorn"))
    monkeypatch.setattr(engine, "why_not", lambda self, board: "no emulator here")
    firmware = deploy(dense_tanh(), "microbit", ROWS)
    verification = firmware.verify(ROWS)
    assert verification.verified is None
    assert verification.mismatches == {"host": 0}
    assert "no emulator here" in verification.skipped["unicorn"]
    with pytest.raises(MissingTool, match="no emulator here"):
        firmware.predict(ROWS)
    assert firmware.report(ROWS).numbers["flash_bytes"] is None
