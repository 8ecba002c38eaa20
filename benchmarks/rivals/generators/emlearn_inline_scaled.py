"""emlearn: nested ifs, int16, features times 100."""

from __future__ import annotations

from benchmarks.rivals.cases import Case
from benchmarks.rivals.generators import Generator, Sources, _emlearn
from edgewright.boards import Board


def sources(case: Case, board: Board) -> Sources:
    return _emlearn.forest(case, "inline", 100)


ENTRY = Generator(
    doc="emlearn: nested ifs, int16, features times 100",
    package="emlearn",
    cases=("forest",),
    make=sources,
)
