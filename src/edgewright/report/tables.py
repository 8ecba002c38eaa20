"""Tables for the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rich import box
from rich.table import Table
from rich.text import Text

from edgewright.records import Record
from edgewright.report.cells import DASH, Notes
from edgewright.report.facts import Case, cases, plain, whole

_SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def deploy_table(records: Iterable[Record]) -> Table:
    """Return what every model costs on every board and whether it is verified, for a terminal of 80 columns or more.

    Notes below the table say why a number is missing. Raises BadInput where there is no "deploy" record, BadData where one is damaged.
    """
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=0, title_justify="left")
    table.add_column("model", overflow="fold", min_width=6)
    table.add_column("board", overflow="fold", min_width=6)
    for name in ("flash B", "RAM B", "stack", "instr.", "ms", "acc. %", "differ"):
        table.add_column(name, justify="right", no_wrap=True)
    notes = Notes()
    last = None
    for case in cases(list(records)):
        if last not in (None, case.model):
            table.add_section()
        table.add_row("" if case.model == last else _text(case.model), _text(case.board), *_numbers(case, notes))
        last = case.model
    lines = ["differ: vectors whose outputs are not the integer twin's, of all that were run. acc.: of the integers."]
    lines += [f"{_raised(number)} {reason}" for number, reason in enumerate(notes.reasons, 1)]
    table.caption = _text("\n".join(lines))
    table.caption_justify = "left"
    return table


def _numbers(case: Case, notes: Notes) -> list[Text]:
    def why(key: str) -> str:
        return case.why_too_large or case.why_missing(key)

    def shown(key: str, form: Callable[[float | int], str] = whole) -> Text:
        found = case.number(key)
        return _dash(notes, why(key)) if found is None else Text(form(found))

    accuracy = case.accuracy
    return [
        shown("flash_bytes"),
        shown("ram_bytes"),
        shown("stack_bytes"),
        shown("instructions_per_inference", lambda found: f"{found:,.0f}"),
        shown("milliseconds", lambda found: f"{found:,.2f}"),
        _dash(notes, why("accuracy_integer")) if accuracy is None else Text(f"{accuracy * 100:.2f}"),
        _agreement(case, notes),
    ]


def _agreement(case: Case, notes: Notes) -> Text:
    if case.state in ("verified", "differs"):
        wrong, run = case.number("mismatches"), case.number("vectors")
        style = "green" if case.state == "verified" else "bold red"
        return Text(f"{DASH if wrong is None else whole(wrong)}/{DASH if run is None else whole(run)}", style=style)
    too_large = case.why_too_large
    if too_large:
        return Text("too large" + _raised(notes.number(too_large)), style="bold red")
    return _dash(notes, case.why_missing("verified"))


def _dash(notes: Notes, reason: str) -> Text:
    return Text(DASH + _raised(notes.number(reason)))


def _raised(number: int) -> str:
    return str(number).translate(_SUPERSCRIPT)


def _text(text: str) -> Text:
    """Return text as it is: nothing in a name is markup or a control character."""
    return Text(plain(text))
