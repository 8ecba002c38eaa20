"""What several exports share: names, the layout of a library, and the programs that run the golden vectors."""

from __future__ import annotations

import re

from edgewright.compiler.library import C_TYPES
from edgewright.compiler.program import Entry, Program

VERSION = "1.0.0"
LICENSE = "0BSD"  # of the identifiers in the SPDX list, the nearest to the headers' "use it under any terms you like"

_MAIN = """\
/* @comment@ */
#include <@header@>

#include "@name@.h"

@declarations@
@signature@ {
    int wrong = 0;
@calls@    @show@("%s\\n", wrong ? "FAIL" : "PASS");
@result@}
"""

_SKETCH = """\
// Runs the golden vectors of @name@ on the board, then times it. Open the serial monitor at 115200 baud.
#include <@name@.h>

extern "C" {
@declarations@}

@buffers@
void setup() {
    Serial.begin(115200);
    while (!Serial && millis() < 5000) {
    }
@checks@}

void loop() {
}
"""

_CHECK = """\
    {
        const int wrong = @name@_selftest();
        Serial.print(F("@name@: "));
        Serial.print(wrong == 0 ? F("PASS") : F("FAIL"));
        const unsigned long before = micros();
        @name@_run(@name@_input, @name@_output);
        const unsigned long after = micros();
        Serial.print(F(", microseconds for one inference: "));
        Serial.println(after - before);
    }
"""

_STREAM_CHECK = """\
    {
        const int wrong = @name@_selftest();
        Serial.print(F("@name@: "));
        Serial.print(wrong == 0 ? F("PASS") : F("FAIL"));
        const unsigned long samples = @NAME@_WINDOW;
        @name@_reset(&@name@_kept);
        const unsigned long before = micros();
        for (unsigned long sample = 0; sample < samples; sample++) {
            (void)@name@_step(&@name@_kept, @name@_input, @name@_output);
        }
        const unsigned long after = micros();
        Serial.print(F(", microseconds for the samples of one window: "));
        Serial.println(after - before);
    }
"""


def fill(text: str, **values: str) -> str:
    """Return a text with every @word@ replaced: the braces and dollars of C and CMake stay as they are."""
    return re.sub(r"@(\w+)@", lambda match: values[match[1]], text)


def dashed(name: str) -> str:
    """Return a program's name in lower-case letters and digits with single dashes between them."""
    return re.sub(r"_+", "-", name).strip("-")


def sentence(program: Program) -> str:
    """Return what a library of a program is, for the fields that describe it."""
    return f"Integer inference for {program.name}, made by Edgewright."


def tested(program: Program) -> tuple[Entry, ...]:
    """Return the models that have golden vectors, and so a function NAME_selftest."""
    return tuple(entry for entry in program.entries if entry.golden_vectors)


def sources(program: Program) -> dict[str, str]:
    """Return path -> text of the C sources of a library, with the headers in include/ and the rest in src/."""
    return {f"{'include' if file.endswith('.h') else 'src'}/{file}": text for file, text in program.files.items()}


def selftest_main(
    program: Program,
    comment: str,
    *,
    header: str = "stdio.h",
    signature: str = "int main(void)",
    show: str = "printf",
    result: str | None = "wrong != 0",
) -> str:
    """Return C that runs the golden vectors and prints PASS or FAIL.

    header: declares the function `show`, which prints like printf. result: what `signature` returns, None for nothing.
    """
    entries = tested(program)
    return fill(
        _MAIN,
        comment=comment,
        header=header,
        name=program.name,
        declarations=_declarations(entries),
        signature=signature,
        calls="".join(f"    wrong += {entry.name}_selftest();\n" for entry in entries),
        show=show,
        result="" if result is None else f"    return {result};\n",
    )


def arduino_sketch(program: Program) -> str:
    """Return an Arduino sketch that runs the golden vectors, prints PASS or FAIL for each model, and times it."""
    entries = tested(program)
    buffers = "".join(
        f"static {C_TYPES[type.dtype]} {entry.name}_{word}[{type.size}];\n"
        for entry in entries
        for word, type in (("input", entry.inputs[0]), ("output", entry.outputs[0]))
    )
    buffers += "".join(f"static {entry.name}_state {entry.name}_kept;\n" for entry in entries if entry.step)
    checks = "".join(
        fill(_STREAM_CHECK if entry.step else _CHECK, name=entry.name, NAME=entry.name.upper()) for entry in entries
    )
    return fill(_SKETCH, name=program.name, declarations=_declarations(entries), buffers=buffers, checks=checks)


def _declarations(entries: tuple[Entry, ...]) -> str:
    return "".join(f"int {entry.name}_selftest(void);\n" for entry in entries)
