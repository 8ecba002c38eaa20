"""What a search tried: its candidates, by model and board, and the table of those that no other beats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgewright.records import Record
from edgewright.report.cells import Cell, Notes, Row, Table
from edgewright.report.facts import Case, plain, whole
from edgewright.report.sections import accuracy, numbers, value, words

KIND = "candidate"


@dataclass(frozen=True, eq=False)
class Need:
    """Something that candidates need.

    keys: in the numbers of a record; the first that is known counts, or all of them `together`. budget: the key of its budget there.
    """

    title: str
    unit: str
    keys: tuple[str, ...]
    budget: str
    together: bool = False

    def of(self, case: Case) -> float | int | None:
        """Return how much a candidate needs; None where it is not known."""
        known = [found for key in self.keys if (found := case.number(key)) is not None]
        if self.together:
            return sum(known) if len(known) == len(self.keys) else None
        return known[0] if known else None


NEEDS = (
    Need("flash", "bytes", ("flash_bytes",), "budget_flash_bytes"),
    Need("RAM with the stack", "bytes", ("ram_bytes", "stack_bytes"), "budget_ram_bytes", together=True),
    Need("time", "ms", ("milliseconds", "milliseconds_estimated"), "budget_milliseconds"),
    Need("instructions", "", ("instructions_per_inference",), "budget_instructions"),
)


@dataclass(frozen=True, eq=False)
class Search:
    """The candidates of one model on one board, those of the front first, the most accurate first."""

    model: str
    board: str
    cases: Sequence[Case]

    @property
    def name(self) -> str:
        """Model and board in words."""
        return f"{self.model} on {self.board}"

    @property
    def front(self) -> list[Case]:
        """The candidates that no other beats, and the chosen one."""
        return [case for case in self.cases if case.number("on_front") or case.number("chosen")]

    @property
    def rows(self) -> float | int | None:
        """How many validation rows judged."""
        return self.cases[0].number("validation_rows")


def searches(records: Sequence[Record]) -> list[Search]:
    """Return the searches among records; candidates without an accuracy are left out."""
    tried = [record for record in records if record.what == KIND]
    found = []
    for model, board in dict.fromkeys((record.model, record.board) for record in tried):
        own = [
            Case(plain(str(record.settings.get("candidate", record.graph_hash))), record)
            for record in tried
            if (record.model, record.board) == (model, board)
        ]
        own = [case for case in own if case.number("accuracy_validation") is not None]
        own.sort(key=lambda case: -(case.number("accuracy_validation") or 0))
        if own:
            found.append(Search(plain(model), own[0].board, own))
    return found


def front_table(search: Search) -> Table:
    """The candidates of a search that no other beats."""
    notes, rows = Notes(), []
    shown = [need for need in NEEDS if any(need.of(case) is not None for case in search.front)]
    for case in search.front:
        cells = [value(case, "accuracy_validation", notes, accuracy)]
        cells += [_need(case, need, notes) for need in shown]
        fits = case.number("fits")
        chosen = "chosen" if case.number("chosen") else "yes" if fits else "no"
        cells.append(Cell(chosen, "good" if fits else "bad"))
        rows.append(Row(words(case.model), cells, "total" if case.number("chosen") else ""))
    head = (
        Cell("candidate"),
        *numbers("accuracy, validation rows", *(f"{need.title}, {need.unit}" for need in shown)),
        Cell("holds the budgets"),
    )
    return Table(f"Candidates for {search.name} that no other beats", head, rows, notes.reasons)


def _need(case: Case, need: Need, notes: Notes) -> Cell:
    """Return the cell of what a candidate needs, marked where that is beyond its budget."""
    found, limit = need.of(case), case.number(need.budget)
    if found is None:
        return notes.dash(case.why_missing(need.keys[0]))
    text = f"{found:,.3f}" if need.unit == "ms" else whole(round(found))
    return Cell(text, "bad" if limit is not None and found > limit else "number")


def budgets(search: Search) -> str:
    """Return the budgets of a search in words."""
    limits = {need: search.cases[0].number(need.budget) for need in NEEDS}
    said = [f"{need.title} {limit:,.10g} {need.unit}".rstrip() for need, limit in limits.items() if limit is not None]
    return ", ".join(said)
