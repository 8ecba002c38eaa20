"""emlearn: float network, loadable."""

from __future__ import annotations

from benchmarks.rivals.cases import Case
from benchmarks.rivals.generators import Generator, Sources, _emlearn
from edgewright.boards import Board


def sources(case: Case, board: Board) -> Sources:
    return _emlearn.network(case, "loadable")


ENTRY = Generator(
    doc="emlearn: float network, loadable",
    package="emlearn",
    cases=("network",),
    make=sources,
)
