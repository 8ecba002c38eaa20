"""A PlatformIO library for every framework, with a project that runs the golden vectors on a computer or a board."""

from __future__ import annotations

import json
from typing import Any

from edgewright.boards import Board
from edgewright.compiler.exports import Export, _common
from edgewright.compiler.program import Program

EXAMPLE = "examples/selftest"

PROJECT = """\
; `pio run -e native -t exec` in this folder prints PASS or FAIL on this computer. For a board that has the Arduino
; framework add its environment, then `pio run -e uno -t upload` and `pio device monitor -b 115200`:
;   [env:uno]
;   platform = atmelavr
;   board = uno
;   framework = arduino
[platformio]
default_envs = native

[env]
lib_deps = @library@=symlink://../..

[env:native]
platform = native
"""

NATIVE = """\
#ifndef ARDUINO
@main@#endif
"""

ARDUINO = """\
#ifdef ARDUINO
#include <Arduino.h>

@sketch@#endif
"""


def files(program: Program, board: Board) -> dict[str, str]:
    """Return library.json, include/, src/, and the self-test project where there are golden vectors."""
    # 50 characters at most are allowed; a program's name has 40
    library = f"{_common.dashed(program.name)}-model"
    manifest: dict[str, Any] = {
        "name": library,
        "version": _common.VERSION,
        "description": _common.sentence(program),
        "keywords": ["edgewright", "tinyml", "inference"],
        "authors": [{"name": "Edgewright"}],
        "license": _common.LICENSE,
        "frameworks": "*",
        "platforms": "*",
        "headers": f"{program.name}.h",
        "build": {"flags": ["-std=c99", "-Wall", "-Wextra"], "includeDir": "include", "srcDir": "src"},
    }
    project: dict[str, str] = {}
    if _common.tested(program):
        comment = "Runs the golden vectors on this computer and prints PASS or FAIL."
        project = {
            "platformio.ini": _common.fill(PROJECT, library=library),
            "src/main.c": _common.fill(NATIVE, main=_common.selftest_main(program, comment)),
            "src/sketch.cpp": _common.fill(ARDUINO, sketch=_common.arduino_sketch(program)),
        }
        manifest["examples"] = [{"name": "selftest", "base": EXAMPLE, "files": list(project)}]
    return {
        "library.json": json.dumps(manifest, indent=2) + "\n",
        **_common.sources(program),
        **{f"{EXAMPLE}/{path}": text for path, text in project.items()},
    }


ENTRY = Export(
    doc="A PlatformIO library; its example runs the golden vectors on a computer or an Arduino board, prints PASS.",
    files=files,
)
