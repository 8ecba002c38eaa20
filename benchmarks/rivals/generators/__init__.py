"""Generators of C: one file each, ours among them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

from benchmarks.rivals import environment
from benchmarks.rivals.cases import Case
from edgewright import catalog
from edgewright.boards import Board
from edgewright.ir.types import Array


@dataclass(frozen=True)
class Sources:
    """What a generator gives for a case.

    files: name -> text, headers and C. adapter: C or C++ that defines `void rival_run(const INPUT *x, OUTPUT *y)`, which calls the
    generated function and nothing else. input, output: NumPy's names of INPUT and OUTPUT. inputs, outputs: how many of them. gives: the
    index of a class, or one score a class. folders: of headers that are not generated. rows: float rows -> what the function reads.
    """

    files: Mapping[str, str]
    adapter: str
    input: str
    inputs: int
    output: str
    outputs: int
    gives: Literal["class", "scores"]
    rows: Callable[[Array], Array]
    language: Literal["c", "cpp"] = "c"
    folders: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Generator:
    """A generator of C. package: of the rivals' environment, None for ours. cases: what it is asked for."""

    doc: str
    package: str | None
    cases: tuple[str, ...]
    make: Callable[[Case, Board], Sources] = field(repr=False)

    def why_not(self) -> str | None:
        """Return why it cannot run here, with the fix, or None."""
        return environment.why_not(self.package) if self.package else None

    def sources(self, case: Case, board: Board) -> Sources:
        """Return the C of a case. Raises RivalRefused."""
        return self.make(case, board)


def names() -> tuple[str, ...]:
    """Return the names of all generators, ours first."""
    found = catalog.names(__name__)
    return tuple(sorted(found, key=lambda name: (not name.startswith("edgewright"), name)))


def get(name: str) -> Generator:
    """Return a generator. Raises UnknownName."""
    return cast(Generator, catalog.get(__name__, name))
