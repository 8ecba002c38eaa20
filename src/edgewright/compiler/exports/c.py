"""Plain C: the sources, and a main that runs the golden vectors."""

from __future__ import annotations

from edgewright.boards import Board
from edgewright.compiler.exports import Export
from edgewright.compiler.program import Program

MAIN = """\
/* Runs the golden vectors on this machine and prints PASS or FAIL. Compile it with the other files:
   cc -std=c99 -O2 *.c -o selftest && ./selftest */
#include <stdio.h>

{declarations}
int main(void) {{
    int wrong = 0;
{calls}    printf("%s\\n", wrong ? "FAIL" : "PASS");
    return wrong != 0;
}}
"""


def files(program: Program, board: Board) -> dict[str, str]:
    """Return the sources and main.c."""
    if f"{program.name}_selftest.c" not in program.files:
        return dict(program.files)
    declarations = "".join(f"int {entry.name}_selftest(void);\n" for entry in program.entries)
    calls = "".join(f"    wrong += {entry.name}_selftest();\n" for entry in program.entries)
    return {**program.files, "main.c": MAIN.format(declarations=declarations, calls=calls)}


ENTRY = Export(doc="C99 sources with golden vectors and a main that runs them.", files=files)
