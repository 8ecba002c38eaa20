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
from edgewright.files import GRAPH_FILE, RECORDS_FILE, output_folder
from edgewright.records import Record

UNKNOWN = "-"
REPORT_FILE = "report.html"

# What to do with an export.
NEXT = {
    "arduino": "copy it to the libraries folder of your sketchbook; its example `selftest` prints PASS "
    "(`arduino-cli compile --upload --library ../.. --port PORT` in its folder)",
    "c": "add NAME.c and NAME.h to your project; `cc -std=c99 *.c -o selftest && ./selftest` prints PASS",
    "cmake": "add_subdirectory or find_package it and link edgewright::NAME; `ctest` runs its self-test",
    "esp-idf": "copy it to the components folder of your project; its example `selftest` prints PASS",
    "platformio": "copy it to the lib folder of your project; its example `selftest` prints PASS",
    "zephyr": "add it to ZEPHYR_EXTRA_MODULES and set CONFIG_EDGEWRIGHT_MODEL_NAME=y; its sample `selftest` prints PASS",
}

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document, and nothing else, to stdout.")]
ModelArgument = Annotated[Path, typer.Argument(help="A saved graph or estimator, a .tflite, an .onnx or a .skops.")]
BoardOption = Annotated[str, typer.Option(metavar="NAME", help="The board (edgewright list boards).")]
DataOption = Annotated[
    str | None,
    typer.Option(
        metavar="ROWS", help="Rows to run: .csv, .npz, a folder or a dataset (its test part). Random ones unless given."
    ),
]
CalibrationOption = Annotated[
    str | None,
    typer.Option(
        metavar="ROWS", help="Typical rows for a model in float: .csv, .npz, a folder or a dataset (its training part)."
    ),
]
InputShapeOption = Annotated[
    str | None,
    typer.Option(metavar="SIZES", help="Of an .onnx whose input leaves axes open, in the file's order, as 1,3,32,32."),
]
QuantiseOption = Annotated[
    list[str] | None,
    typer.Option(
        "--quantise", metavar="NAME=VALUE", help="A setting of quantisation, such as activation=int8; may be repeated."
    ),
]
StreamOption = Annotated[
    bool, typer.Option("--stream", help="C that takes samples one at a time (NAME_step) and answers once a sequence.")
]
EveryOption = Annotated[
    int | None, typer.Option(min=1, metavar="SAMPLES", help="With --stream: samples from one answer to the next.")
]
TargetOption = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="The column of the labels in a CSV, if it has one.")
]
ExportOption = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="How to write the C (edgewright list exports); may be repeated. c unless given."),
]
OutOption = Annotated[Path, typer.Option(metavar="FOLDER", help="The folder to make.")]
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


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, gap: int = 2) -> Table:
    """Return a table. A column whose name ends in ">" is aligned to the right, one in "~" may wrap. gap: between columns."""
    made = Table(box=None, padding=(0, gap, 0, 0), pad_edge=False, header_style="bold")
    for column in columns:
        name = column.rstrip(">~")
        made.add_column(name, justify="right" if column.endswith(">") else "left", no_wrap=not column.endswith("~"))
    for row in rows:
        made.add_row(*row)
    return made


def width(made: Table) -> int:
    """Return how many columns of the screen a table needs."""
    wide = Console(width=1000)
    return wide.measure(made).maximum


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str = "", *, gap: int = 2) -> None:
    """Print a table under its title."""
    screen = console()
    if title:
        screen.print(title, style="bold")
    screen.print(table(columns, rows, gap=gap))


def number(value: float | int | None, digits: int | None = None) -> str:
    """Return a number for people: 12,345 or .958 (digits: of a share, after the point); "-" where it is not known."""
    if value is None:
        return UNKNOWN
    if digits is None:
        return f"{value:,.0f}"
    text = f"{value:.{digits}f}"
    return text.removeprefix("0") if text.startswith("0.") else text


def work(record: Record) -> str:
    """Return the instructions of one inference, or its cycles (marked c) where only those were counted."""
    instructions, cycles = (record.numbers.get(f"{what}_per_inference") for what in ("instructions", "cycles"))
    return number(instructions) if instructions is not None or cycles is None else f"{number(cycles)}c"


def answer(value: float | int | None) -> str:
    """Return a yes or no that may not be known."""
    return UNKNOWN if value is None else "yes" if value else "NO"


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


def print_summary(record: Record) -> None:
    """Print what a record says of one model on one board, a line each."""
    numbers = record.numbers
    rows = [["bit for bit the same on integers, host, board", answer(numbers.get("verified"))]]
    rows += [
        [f"accuracy, {what}", number(numbers[key], 4)]
        for what, key in (
            ("float", "accuracy_float"),
            ("integers", "accuracy_integer"),
            (f"C on the board{_part_of_rows(record)}", "accuracy_board"),
        )
        if numbers.get(key) is not None
    ]
    if (noise := _output_noise(record)) is not None:
        rows.append(["signal to noise of the integers' output, dB", f"{noise:.1f}"])
    rows += [
        ["flash, bytes", _of(numbers.get("flash_bytes"), numbers.get("board_flash_bytes"))],
        ["RAM, bytes (stack apart)", _of(numbers.get("ram_bytes"), numbers.get("board_ram_bytes"))],
        ["deepest stack, bytes", number(numbers.get("stack_bytes"))],
    ]
    for what, key, digits in (
        ("of it, kept from sample to sample", "state_bytes", None),
        ("instructions for a sample", "instructions_per_sample", None),
        ("instructions for a sample, at most", "instructions_per_sample_largest", None),
        ("samples a second, buffered", "sampling_hertz", None),
        ("samples a second, buffered, estimated", "sampling_hertz_estimated", None),
        ("samples a second, unbuffered", "sampling_hertz_unbuffered", None),
        ("samples a second, unbuffered, estimated", "sampling_hertz_unbuffered_estimated", None),
        ("instructions for one inference", "instructions_per_inference", None),
        ("cycles for one inference", "cycles_per_inference", None),
        ("milliseconds for one inference", "milliseconds", 3),
        ("milliseconds, estimated without waits for memory", "milliseconds_estimated", 3),
    ):
        if numbers.get(key) is not None:
            rows.append([what, number(numbers[key], digits)])
    rows.append(["vectors run", number(numbers.get("vectors"))])
    print_table(["measure", "value>"], rows, f"{record.model} on {record.board}")


def _part_of_rows(record: Record) -> str:
    """Say how many of the rows the board ran, where it did not run all of them."""
    rows, ran = record.numbers.get("rows"), record.numbers.get("rows_on_board")
    return "" if rows is None or ran is None or rows == ran else f", {number(ran)} of {number(rows)} rows"


def _output_noise(record: Record) -> float | None:
    """Return the signal to noise ratio in dB of the output against the model in float; None where it is not known or not finite."""
    output = next(reversed(list(record.tables.get("layers", {}))), "")
    quality = record.tables.get("values", {}).get(output)
    return None if quality is None else quality["snr_db"]


def print_build(record: Record, kinds: Sequence[str], out: Path, others: Sequence[Record] = (), *, json: bool) -> None:
    """Print what was built and what to do next. others: the candidates that it was chosen from, if any."""
    warn([f"not proven on {record.board}: {reason}" for reason in record.tables.get("reasons", {}).values()])
    if json:
        candidates = {"candidates": [plain(other) for other in others]} if others else {}
        print_json({"folder": str(out), "record": plain(record), **candidates})
        return
    print_summary(record)
    print(f"\nWritten to {out}:")
    lines = [[f"  {kind}", NEXT.get(kind, "the project of this export")] for kind in kinds]
    trained = [path for path in sorted(out.glob("model.*")) if path.name != GRAPH_FILE]
    lines += [[f"  {path.name}", "the trained model"] for path in trained]
    lines.append([f"  {GRAPH_FILE}", f"its integers; try `edgewright cost {out / GRAPH_FILE}`"])
    lines.append([f"  {RECORDS_FILE}", "these measurements"])
    lines += [[f"  {REPORT_FILE}", "the same as a page"]] if (out / REPORT_FILE).exists() else []
    made = table(["", "~"], lines)
    made.show_header = False
    console().print(made)


def _of(used: float | int | None, there: float | int | None) -> str:
    return UNKNOWN if used is None else f"{number(used)} of {number(there)}"
