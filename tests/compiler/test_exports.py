"""Exported projects compile as they are, and say PASS, or FAIL where the C is wrong."""

import shutil
import subprocess

import numpy as np
import pytest

from edgewright import deploy
from edgewright.ir.types import Type
from edgewright.lowering import Builder

ARDUINO_H = """
#include <stdint.h>
#include <stdio.h>
#define F(text) text
static unsigned long millis(void) { return 9999; }
static unsigned long micros(void) { return 0; }
struct SerialPort {
    void begin(long) {}
    operator bool() { return true; }
    void print(const char *text) { printf("%s", text); }
    void println(unsigned long value) { printf("%lu\\n", value); }
};
static SerialPort Serial;
void setup();
int main() { setup(); return 0; }
"""

AVR_ARDUINO_H = (
    ARDUINO_H.replace("#include <stdio.h>\n", "")
    .replace('printf("%s", text);', "(void)text;")
    .replace('printf("%lu\\n", value);', "(void)value;")
)


def firmware(names=("tiny",)):
    generator = np.random.default_rng(3)
    graphs = {}
    for name in names:
        builder = Builder(name)
        x = builder.input("x", Type((6,)))
        w = builder.constant("w", generator.normal(size=(3, 6)))
        bias = builder.constant("bias", generator.normal(size=3))
        graphs[name] = builder.finish(builder.node("dense", "scores", x=x, w=w, bias=bias), labels=("a", "b", "c"))
    rows = generator.normal(size=(50, 6))
    return deploy(graphs, "host", dict.fromkeys(graphs, rows), name="both" if len(names) > 1 else names[0])


def run(*command, folder):
    return subprocess.run([str(part) for part in command], cwd=folder, capture_output=True, text=True, check=False)


def needs(tool):
    if not shutil.which(tool):
        pytest.skip(f"{tool} is not installed")


@pytest.mark.parametrize("names", [("tiny",), ("tiny", "other")])
def test_the_c_export_says_pass(names, tmp_path):
    needs("gcc")
    folder = firmware(names).export("c", tmp_path / "c")
    strict = ("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Werror", "-O2")
    built = run("gcc", *strict, *sorted(path.name for path in folder.glob("*.c")), "-o", "selftest", folder=folder)
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
        assert "return shift == 0 ? x : " in text
        source.write_text(text.replace("return shift == 0 ? x : ", "return 1 + "))
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
