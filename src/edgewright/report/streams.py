"""The table of models that take samples one at a time: what they keep, what a sample costs, how fast samples may come."""

from __future__ import annotations

from collections.abc import Sequence

from edgewright.report.cells import Cell, Notes, Row, Table
from edgewright.report.facts import Case, whole
from edgewright.report.sections import numbers, of_models, value, words

_ESTIMATED = "Estimated from the instructions and their cycles, for memory that answers at once."


def streams(cases: Sequence[Case]) -> Table:
    """What every case that is a stream needs from sample to sample; without rows where there is none."""
    found, notes, rows = [case for case in cases if case.number("state_bytes") is not None], Notes(), []
    for model, own in of_models(found):
        for case in own:
            name = [Cell(model, span=len(own))] if case is own[0] else []
            rows.append(Row([*name, Cell(case.board)], _cells(case, notes), "first" if case is own[0] else ""))
    head = (
        *words("model", "board"),
        *numbers(
            "window, samples",
            "answer every, samples",
            "state, bytes",
            "RAM, bytes",
            "instructions a sample, mean",
            "instructions a sample, largest",
            "samples a second, buffered",
            "samples a second, unbuffered",
        ),
    )
    return Table("Models that take samples one at a time", head, rows, notes.reasons)


def _cells(case: Case, notes: Notes) -> list[Cell]:
    facts = case.counts("stream")
    return [
        *(Cell(whole(facts[key]), "number") if key in facts else _unsaid(notes) for key in ("window", "every")),
        value(case, "state_bytes", notes),
        value(case, "ram_bytes", notes),
        value(case, "instructions_per_sample", notes),
        value(case, "instructions_per_sample_largest", notes),
        _hertz(case, "sampling_hertz", notes),
        _hertz(case, "sampling_hertz_unbuffered", notes),
    ]


def _unsaid(notes: Notes) -> Cell:
    return notes.dash("The record does not say it.")


def _hertz(case: Case, key: str, notes: Notes) -> Cell:
    """The largest sampling rate, exact or an estimate that is marked as one."""
    exact, estimated = case.number(key), case.number(f"{key}_estimated")
    if exact is not None or estimated is None:
        return value(case, key, notes)
    return Cell(f"~{whole(round(estimated))}", "number", note=notes.number(_ESTIMATED))
