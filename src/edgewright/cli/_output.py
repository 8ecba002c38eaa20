"""What commands print: tables of 80 columns or one JSON document on stdout; progress and warnings on stderr."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from edgewright.errors import BadInput, CannotWrite
from edgewright.files import output_folder
from edgewright.records import Record

UNKNOWN = "-"

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document, and nothing else, to stdout.")]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace the output folder if it exists.")]


class _Console(Console):
    """A console that leaves a broken pipe to the caller."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def console() -> Console:
    """Return the console of stdout."""
    return _Console(highlight=False, markup=False, soft_wrap=False)


def warn(messages: Sequence[str]) -> None:
    """Print warnings to stderr, a line each."""
    for message in messages:
        print(f"edgewright: warning: {message}", file=sys.stderr)


def print_json(document: Any) -> None:
    """Print one JSON document."""
    print(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))


def plain(record: Record) -> dict[str, Any]:
    """Return a record as JSON data."""
    data: dict[str, Any] = json.loads(record.to_json())
    return data


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, title: str | None = None) -> Table:
    """Return a table. A column whose name ends in ">" is aligned to the right, in "..." is cut short; one in "~" wraps."""
    made = Table(box=None, padding=(0, 2, 0, 0), title=title, title_justify="left", header_style="bold", title_style="bold")
    for column in columns:
        name = column.rstrip(">~")
        made.add_column(name, justify="right" if column.endswith(">") else "left", no_wrap=not column.endswith("~"))
    for row in rows:
        made.add_row(*row)
    return made


def number(value: float | int | None, digits: int | None = None) -> str:
    """Return a number for people: 12,345 or .958 (digits: of a share, after the point); "-" where it is not known."""
    if value is None:
        return UNKNOWN
    if digits is None:
        return f"{value:,.0f}"
    text = f"{value:.{digits}f}"
    return text.removeprefix("0") if text.startswith("0.") else text


def agreement(record: Record) -> str:
    """Return whether twin, host and board agree, in a word."""
    verified = record.numbers.get("verified")
    return UNKNOWN if verified is None else "yes" if verified else "NO"


@contextlib.contextmanager
def new_folder(out: Path, *, force: bool) -> Iterator[Path]:
    """Give a folder to fill that appears whole or not at all. Raises OutputExists, CannotWrite, BadInput.

    Even by force, neither the present folder nor the home folder is replaced, nor one that holds them.
    """
    resolved, present, home = out.resolve(), Path.cwd(), Path.home()
    if resolved in (present, *present.parents, home, *home.parents):
        raise BadInput(f"The output folder {out} is or holds the present folder or your home; choose a new one.")
    with output_folder(out, force=force) as temporary:
        try:
            yield temporary
        except CannotWrite as error:
            raise CannotWrite(str(error).replace(str(temporary), str(out))) from error


def summary(record: Record, title: str) -> Table:
    """Return what a record says of one model on one board, a line each."""
    numbers = record.numbers
    rows = [["bit for bit the same on integers, host, board", agreement(record)]]
    rows += [
        [f"accuracy, {what}", number(numbers[key], 4)]
        for what, key in (("float", "accuracy_float"), ("integers", "accuracy_integer"), ("C on the board", "accuracy_board"))
        if numbers.get(key) is not None
    ]
    rows += [
        ["flash, bytes", _of(numbers.get("flash_bytes"), numbers.get("board_flash_bytes"))],
        ["RAM, bytes (stack apart)", _of(numbers.get("ram_bytes"), numbers.get("board_ram_bytes"))],
        ["deepest stack, bytes", number(numbers.get("stack_bytes"))],
    ]
    for what, key, digits in (
        ("instructions for one inference", "instructions_per_inference", None),
        ("cycles for one inference", "cycles_per_inference", None),
        ("milliseconds for one inference", "milliseconds", 3),
    ):
        if numbers.get(key) is not None:
            rows.append([what, number(numbers[key], digits)])
    rows.append(["vectors run", number(numbers.get("vectors"))])
    return table(["measure", "value>"], rows, title=title)


def _of(used: float | int | None, there: float | int | None) -> str:
    return UNKNOWN if used is None else f"{number(used)} of {number(there)}"
