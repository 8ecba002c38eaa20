"""An Arduino library with a sketch that runs the golden vectors on the real board."""

from __future__ import annotations

from edgewright.boards import Board
from edgewright.compiler.exports import Export, _common
from edgewright.compiler.program import Program

PROPERTIES = """\
name=@name@_edgewright
version=@version@
author=Edgewright
maintainer=Edgewright
sentence=@sentence@
paragraph=Dependency-free C99 with golden vectors for a self-test on the board.
category=Data Processing
url=
architectures=*
includes=@name@.h
"""


def files(program: Program, board: Board) -> dict[str, str]:
    """Return library.properties, src/, and where there are golden vectors the self-test sketch, which names the board to the tools."""
    properties = _common.fill(
        PROPERTIES,
        name=program.name,
        version=_common.VERSION,
        sentence=_common.sentence(program),
    )
    project = {"library.properties": properties, **{f"src/{file}": text for file, text in program.files.items()}}
    if _common.tested(program):
        project["examples/selftest/selftest.ino"] = _common.arduino_sketch(program)
        if board.fqbn:
            project["examples/selftest/sketch.yaml"] = f"default_fqbn: {board.fqbn}\n"
    return project


ENTRY = Export(
    doc="An Arduino library; its sketch runs the golden vectors on the board, prints PASS and the time.", files=files
)
