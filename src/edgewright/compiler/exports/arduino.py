"""An Arduino library with a sketch that runs the golden vectors on the real board."""

from __future__ import annotations

from edgewright.boards import Board
from edgewright.compiler.exports import Export
from edgewright.compiler.program import Program

SKETCH = """\
// Runs the golden vectors of {name} on the board, then times one inference. Open the serial monitor at 115200 baud.
#include <{name}.h>

extern "C" {{
{declarations}}}

{buffers}
void setup() {{
    Serial.begin(115200);
    while (!Serial && millis() < 5000) {{
    }}
{checks}}}

void loop() {{
}}
"""

CHECK = """\
    {{
        const int wrong = {name}_selftest();
        Serial.print(F("{name}: "));
        Serial.print(wrong == 0 ? F("PASS") : F("FAIL"));
        const unsigned long before = micros();
        {name}_run({name}_input, {name}_output);
        const unsigned long after = micros();
        Serial.print(F(", microseconds for one inference: "));
        Serial.println(after - before);
    }}
"""

PROPERTIES = """\
name={title}
version=1.0.0
author=Edgewright
maintainer=Edgewright
sentence=Integer inference for {name}, made by Edgewright.
paragraph=Dependency-free C99 with golden vectors for a self-test on the board.
category=Data Processing
url=https://edgewright.dev
architectures=*
includes={name}.h
"""


def files(program: Program, board: Board) -> dict[str, str]:
    """Return library.properties, src/ and the self-test sketch."""
    name = program.name
    declarations = "".join(f"int {entry.name}_selftest(void);\n" for entry in program.entries)
    buffers = "".join(
        f"static {entry.inputs[0].dtype}_t {entry.name}_input[{entry.inputs[0].size}];\n"
        f"static {entry.outputs[0].dtype}_t {entry.name}_output[{entry.outputs[0].size}];\n"
        for entry in program.entries
    )
    checks = "".join(CHECK.format(name=entry.name) for entry in program.entries)
    sketch = SKETCH.format(name=name, declarations=declarations, buffers=buffers, checks=checks)
    sources = {f"src/{file}": text for file, text in program.files.items()}
    return {
        "library.properties": PROPERTIES.format(title=f"{name}_edgewright", name=name),
        **sources,
        "examples/selftest/selftest.ino": sketch,
    }


ENTRY = Export(
    doc="An Arduino library; its sketch runs the golden vectors on the board, prints PASS and the time.", files=files
)
