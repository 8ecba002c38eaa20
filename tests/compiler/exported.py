"""What the tests of the exports share: firmware to export, stand-ins for the headers of boards, and how tools are run."""

import os
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

STRICT = ("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Werror", "-O2")


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


def run(*command, folder, **environment):
    return subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def needs(tool):
    if not shutil.which(tool):
        pytest.skip(f"{tool} is not installed")
