"""Plain C: the sources, and a main that runs the golden vectors."""

from __future__ import annotations

from edgewright.boards import Board
from edgewright.compiler.exports import Export, _common
from edgewright.compiler.program import Program

COMMENT = """\
Runs the golden vectors on this machine and prints PASS or FAIL. Compile it with the other files:
   cc -std=c99 -O2 *.c -o selftest && ./selftest"""


def files(program: Program, board: Board) -> dict[str, str]:
    """Return the sources, and main.c where there are golden vectors."""
    if not _common.tested(program):
        return dict(program.files)
    return {**program.files, "main.c": _common.selftest_main(program, COMMENT)}


ENTRY = Export(doc="C99 sources with golden vectors and a main that runs them.", files=files)
