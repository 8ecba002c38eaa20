"""Exported projects compile as they are, and say PASS, or FAIL where the C is wrong."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from exported import ARDUINO_H, AVR_ARDUINO_H, STRICT, firmware, needs, run

from edgewright import boards, catalog
from edgewright.compiler import exports
from edgewright.compiler.emit import Golden, emit
from edgewright.runtime.integer import run_integer

HERE = Path(__file__).parent
HOST = boards.get("host")


def files_of(kind, program):
    return catalog.get("edgewright.compiler.exports", kind).files(program, HOST)


@pytest.mark.parametrize("names", [("tiny",), ("tiny", "other")])
def test_the_c_export_says_pass(names, tmp_path):
    needs("gcc")
    folder = firmware(names).export("c", tmp_path / "c")
    built = run("gcc", *STRICT, *sorted(path.name for path in folder.glob("*.c")), "-o", "selftest", folder=folder)
    assert built.returncode == 0, built.stderr
    finished = run(folder / "selftest", folder=folder)
    assert (finished.returncode, finished.stdout) == (0, "PASS\n")


@pytest.mark.parametrize(("names", "broken"), [(("tiny",), False), (("tiny", "other"), False), (("tiny",), True)])
def test_the_arduino_sketch_says_pass_or_fail(names, broken, tmp_path):
    needs("g++")
    folder = firmware(names).export("arduino", tmp_path / "library")
    if broken:
        (source,) = (path for path in (folder / "src").glob("*.c") if not path.stem.endswith("selftest"))
        text = source.read_text()
        right = "return ((x >> shift) + 1) >> 1;"
        assert right in text
        source.write_text(text.replace(right, "return 1 + (((x >> shift) + 1) >> 1);"))
    (tmp_path / "Arduino.h").write_text(ARDUINO_H)
    for source in (folder / "src").glob("*.c"):
        built = run("gcc", "-std=c99", "-O1", "-c", source, folder=tmp_path)
        assert built.returncode == 0, built.stderr
    sketch = folder / "examples" / "selftest" / "selftest.ino"
    flags = ("-include", tmp_path / "Arduino.h", "-I", folder / "src", "-x", "c++", sketch, "-x", "none")
    built = run("g++", *flags, *tmp_path.glob("*.o"), "-o", "sketch", folder=tmp_path)
    assert built.returncode == 0, built.stderr
    finished = run(tmp_path / "sketch", folder=tmp_path)
    wanted = "FAIL" if broken else "PASS"
    for name in names:
        assert f"{name}: {wanted}" in finished.stdout


def test_the_arduino_tools_are_told_the_board():
    program = firmware().program
    arduino = catalog.get("edgewright.compiler.exports", "arduino")
    for name in boards.names():
        board = boards.get(name)
        said = arduino.files(program, board).get("examples/selftest/sketch.yaml")
        assert said == (f"default_fqbn: {board.fqbn}\n" if board.fqbn else None)
    assert boards.get("nano33ble").fqbn


def test_the_arduino_sketch_compiles_for_the_uno(tmp_path):
    needs("avr-g++")
    folder = firmware().export("arduino", tmp_path / "library")
    (tmp_path / "Arduino.h").write_text(AVR_ARDUINO_H)
    for source in (folder / "src").glob("*.c"):
        assert run("avr-gcc", "-mmcu=atmega328p", "-Os", "-c", source, folder=tmp_path).returncode == 0
    sketch = folder / "examples" / "selftest" / "selftest.ino"
    flags = (
        "-mmcu=atmega328p",
        "-Os",
        "-include",
        tmp_path / "Arduino.h",
        "-I",
        folder / "src",
        "-x",
        "c++",
        sketch,
        "-x",
        "none",
    )
    built = run("avr-g++", *flags, *tmp_path.glob("*.o"), "-o", "sketch.elf", folder=tmp_path)
    assert built.returncode == 0, built.stderr


@pytest.mark.parametrize("kind", exports.names())
def test_without_golden_vectors_the_sources_are_written_and_no_self_test(kind):
    graphs = {name: deployed.graph for name, deployed in firmware(("tiny", "other")).models.items()}
    project = files_of(kind, emit(graphs, "both"))
    assert sum(path.endswith("both.c") for path in project) == sum(path.endswith("both.h") for path in project) == 1
    for path, text in project.items():
        assert "selftest" not in path.lower() + text.lower(), path
        assert "main" not in path, path


@pytest.mark.parametrize("kind", exports.names())
def test_only_models_with_golden_vectors_are_tested(kind):
    graphs = {name: deployed.graph for name, deployed in firmware(("tiny", "other")).models.items()}
    vectors = np.ones((2, 6), np.int16)
    project = files_of(kind, emit(graphs, "both", {"other": Golden(vectors, run_integer(graphs["other"], vectors))}))
    programs = [text for path, text in project.items() if path.endswith((".ino", ".cpp", "main.c"))]
    assert programs
    for text in programs:
        assert "other_selftest()" in text
        assert "tiny_selftest" not in text


@pytest.mark.parametrize("kind", exports.names())
def test_every_place_in_a_text_is_filled(kind):
    for path, text in files_of(kind, firmware(("tiny", "other")).program).items():
        assert text.endswith("\n"), path
        assert "@" not in text, path


def test_the_same_program_gives_the_same_projects():
    script = (
        "import exported; from edgewright import boards, catalog; from edgewright.compiler import exports;"
        "program = exported.firmware(('tiny', 'other')).program;"
        "kinds = [catalog.get('edgewright.compiler.exports', kind) for kind in exports.names()];"
        "print([list(kind.files(program, boards.get('host')).items()) for kind in kinds])"
    )
    one, two = (run(sys.executable, "-c", script, folder=HERE, PYTHONHASHSEED=seed) for seed in ("1", "2"))
    assert one.returncode == 0, one.stderr
    assert one.stdout == two.stdout
    assert "idf_component_register" in one.stdout


def test_the_sketch_holds_truth_values_as_the_c_does():
    program = firmware().program
    (entry,) = program.entries
    inputs = (replace(entry.inputs[0], dtype="bool", scale=1.0, zero_point=0),)
    sketch = files_of("arduino", replace(program, entries=(replace(entry, inputs=inputs),)))[
        "examples/selftest/selftest.ino"
    ]
    assert "static uint8_t tiny_input[6];" in sketch
