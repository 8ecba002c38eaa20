"""How models were trained: the histories among records, and the table of what each phase reached."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edgewright.errors import BadData
from edgewright.records import Record
from edgewright.report.cells import Cell, Notes, Row, Table
from edgewright.report.facts import plain
from edgewright.report.sections import numbers, words

KIND = "training"
LOSS, VALIDATION = "loss", "validation_loss"
# What the history may tell of the validation rows besides the loss.
SCORES = {
    "validation_accuracy": "accuracy",
    "validation_r2": "R²",
    "validation_precision_at_1": "precision at 1",
    "validation_f1": "F1",
}
NO_VALIDATION = "No rows were kept for validation."

Series = Sequence[float | None]


@dataclass(frozen=True)
class Span:
    """A phase: its name, its first and its last epoch."""

    name: str
    first: int
    last: int


@dataclass(frozen=True, eq=False)
class Training:
    """One training. name: the model's, longer where several share it. columns: by the key of the history, a number an epoch."""

    name: str
    phases: Sequence[Span]
    columns: Mapping[str, Series]

    @property
    def epochs(self) -> int:
        """How many there were."""
        return len(self.columns[LOSS])

    @property
    def losses(self) -> dict[str, Series]:
        """The losses, by what they are of."""
        found = {"training": self.columns[LOSS], "validation": self.columns.get(VALIDATION, ())}
        return {name: series for name, series in found.items() if _is_known(series)}

    @property
    def scores(self) -> dict[str, Series]:
        """What is known of the validation rows besides the loss, by name."""
        return {name: self.columns[key] for key, name in SCORES.items() if _is_known(self.columns.get(key, ()))}


def trainings(records: Sequence[Record]) -> list[Training]:
    """Return the trainings among records, in order. Raises BadData where a history is damaged."""
    own = [record for record in records if record.what == KIND]
    names: list[str] = []
    for record in own:
        name = plain(record.model)
        if sum(other.model == record.model for other in own) > 1:
            name = f"{name}, {plain(str(record.data))}, seed {record.seed}"
        names.append(name if name not in names else f"{name}, run {names.count(name) + 1}")
    return [_training(name, record) for name, record in zip(names, own, strict=True)]


def _is_known(series: Series) -> bool:
    return any(value is not None for value in series)


def _training(name: str, record: Record) -> Training:
    history: Mapping[str, Any] = record.tables.get("history") or {}
    phases: Any = history.get("phase")
    columns = {str(key): column for key, column in history.items() if key != "phase"}
    named = isinstance(phases, list) and bool(phases) and all(isinstance(phase, str) for phase in phases)
    if not named or LOSS not in columns or not all(_is_column(column, len(phases)) for column in columns.values()):
        raise BadData(
            f"The training record of {name} is damaged: its history must give phase (text) and loss, and what else it gives, once an "
            f"epoch."
        )
    spans: list[Span] = []
    for epoch, phase in enumerate(map(plain, phases)):
        if spans and spans[-1].name == phase:
            spans[-1] = Span(phase, spans[-1].first, epoch)
        else:
            spans.append(Span(phase, epoch, epoch))
    return Training(name, spans, columns)


def _is_column(column: Any, length: int) -> bool:
    return (
        isinstance(column, list)
        and len(column) == length
        and all(value is None or (type(value) in (int, float) and math.isfinite(value)) for value in column)
    )


def phases_table(training: Training) -> Table:
    """What each phase of a training had reached in its last epoch."""
    notes, rows = Notes(), []
    shown = [
        training.columns[LOSS],
        training.columns.get(VALIDATION, [None] * training.epochs),
        *training.scores.values(),
    ]
    for span in training.phases:
        cells = [Cell(f"{span.first} to {span.last}", "number")]
        for series in shown:
            reached = series[span.last]
            cells.append(notes.dash(NO_VALIDATION) if reached is None else Cell(f"{reached:.4f}", "number"))
        rows.append(Row(words(span.name), cells))
    head = (
        Cell("phase"),
        *numbers("epochs", "loss", "loss, validation rows", *(f"{name}, validation rows" for name in training.scores)),
    )
    return Table(f"What each phase of {training.name} reached", head, rows, notes.reasons)
