"""Tables of the page as data: cells, and notes below a table that say why a number is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

DASH = "–"


@dataclass(frozen=True)
class Cell:
    """One cell.

    kind: "number", "word", "good", "bad" or "open". below: a second, smaller line. note: number of the note that it points to.
    span: rows that it covers. share: 0 to 1, drawn as a bar beside the number.
    """

    text: str
    kind: str = "word"
    below: str = ""
    note: int | None = None
    span: int = 1
    share: float | None = None


@dataclass(frozen=True)
class Row:
    """A row: the cells that name it (fewer where a cell above spans into it), then the others."""

    heads: Sequence[Cell]
    cells: Sequence[Cell]
    kind: str = ""


@dataclass(frozen=True)
class Table:
    """A table with a caption, a head, rows and the notes that its cells point to."""

    caption: str
    head: Sequence[Cell]
    rows: Sequence[Row]
    notes: Sequence[str] = ()


class Notes:
    """The notes of one table: the same reason has one number."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def number(self, reason: str) -> int:
        """Return the number of a reason, counted from 1."""
        if reason not in self.reasons:
            self.reasons.append(reason)
        return self.reasons.index(reason) + 1

    def dash(self, reason: str) -> Cell:
        """Return the cell of a missing number."""
        return Cell(DASH, "number", note=self.number(reason))
