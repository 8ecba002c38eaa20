"""emlearn: tables, int16, features as they are."""

from __future__ import annotations

from benchmarks.rivals.cases import Case
from benchmarks.rivals.generators import Generator, Sources, _emlearn
from edgewright.boards import Board


def sources(case: Case, board: Board) -> Sources:
    return _emlearn.forest(case, "loadable", 1)


ENTRY = Generator(
    doc="emlearn: tables, int16, features as they are",
    package="emlearn",
    cases=("forest",),
    make=sources,
)
