"""`edgewright cost`: what a model costs on every board, and where in the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from edgewright.cli import _output
from edgewright.cli._command import Command
from edgewright.cli._output import (
    CalibrationOption,
    DataOption,
    EveryOption,
    InputShapeOption,
    JsonOption,
    ModelArgument,
    QuantiseOption,
    StreamOption,
    TargetOption,
)
from edgewright.cli._progress import tracker

if TYPE_CHECKING:
    from edgewright.records import Record

ALL = "all"
# Columns beside the board: heading, key of the record's numbers; the first part is bytes, the second what a run takes.
_BYTES = {
    "flash": "flash_bytes",
    "code": "code_bytes",
    "weights": "weight_bytes",
    "tables": "table_bytes",
    "helpers": "helper_bytes",
    "arena": "arena_bytes",
    "static": "static_bytes",
    "stack": "stack_bytes",
}
_STATE = {"state": "state_bytes"}  # of streams, beside the arena and other static data
_RUN = ("instructions>", "ms>", "exact")


def run(
    file: ModelArgument,
    board: Annotated[
        list[str] | None,
        typer.Option(metavar="NAMES", help="Boards: a,b,c or all; may be repeated. All of them unless given."),
    ] = None,
    layers: Annotated[bool, typer.Option("--layers", help="Say also what each layer costs, on each board.")] = False,
    data: DataOption = None,
    calibration: CalibrationOption = None,
    target: TargetOption = None,
    quantise: QuantiseOption = None,
    stream: StreamOption = False,
    every: EveryOption = None,
    input_shape: InputShapeOption = None,
    json: JsonOption = False,
) -> None:
    """Say what a model costs on every board, before there is one: flash, RAM, stack, instructions, time.

    Bytes are those of the built C. Flash is code, weights, tables of functions and the compiler's helpers together; RAM is the arena
    and other static data, the stack and a stream's state beside them. Instructions are the mean over the rows; milliseconds are exact
    on an AVR and estimated (~) elsewhere, with memory that answers at once; exact says whether integer model, host and board agree bit
    for bit. Where a model does not fit it says by how many bytes; what is not known is -. Exits with 1 where the model fits none of
    the boards, and where a board computes other integers or faults.
    """
    from edgewright.cli import _models, _rows
    from edgewright.errors import BoardFault, DoesNotFit

    chosen = _boards(board)
    streamed = _models.streaming(stream, every)
    found: list[Record] = []
    refused: list[DoesNotFit] = []
    faults: list[BoardFault] = []
    with tracker(quiet=json) as progress:
        model = _models.read_model(file, input_shape=input_shape)
        progress.begin(f"pricing {model.name}", len(chosen))
        for name in chosen:
            try:
                firmware = _models.deploy_model(model, name, calibration, target, quantise, streamed)
                rows = _models.rows_for(firmware, data, target)
                found.append(_models.measured(firmware, rows, data=_rows.named(data)))
            except DoesNotFit as error:
                refused.append(error)
                found.append(_models.does_not_fit(model.name, name, error))
            except BoardFault as error:
                faults.append(error)
                found.append(_models.faulted(model.name, name, error))
            progress.advance(name)
    if json:
        _output.print_json({"model": model.name, "records": [_output.plain(record) for record in found]})
    else:
        _print(model.name, found)
        if layers:
            for record in found:
                _print_layers(record)
    for record in found:
        _models.check_agreement(record)
    if faults:
        raise faults[0]
    if len(refused) == len(chosen):
        raise refused[0]


def _boards(given: list[str] | None) -> list[str]:
    """Return the names of the boards that a user gave, each once, or all but this computer. Raises UnknownName."""
    from edgewright import boards, catalog
    from edgewright.errors import BadInput

    names = [name.strip() for text in given or [ALL] for name in text.split(",") if name.strip()]
    if not names:
        raise BadInput("--board is empty; give names of boards, as in microbit,esp32c3, or all.")
    every = [name for name in boards.names() if boards.get(name).core != "host"]
    chosen = [one for name in names for one in (every if name == ALL else [name])]
    for name in chosen:
        boards.get(name)
    return list(dict.fromkeys(catalog.spelled(name) for name in chosen))


def _print(name: str, found: list[Record]) -> None:
    """Print one table, or two one under the other where the screen is too narrow for it."""
    from edgewright.cli import _models

    console = _output.console()
    boards = [str(record.board) for record in found]
    fits = [_output.answer(record.numbers.get("fits")) for record in found]
    keys = _BYTES | (_STATE if any("state_bytes" in record.numbers for record in found) else {})
    sizes = [[_output.number(record.numbers.get(key)) for key in keys.values()] for record in found]
    runs = [
        [
            _output.number(record.numbers.get("instructions_per_inference")),
            _milliseconds(record),
            _output.answer(record.numbers.get("verified")),
        ]
        for record in found
    ]
    headings = [f"{heading}>" for heading in keys]
    whole = [[board, *size, *run, fit] for board, size, run, fit in zip(boards, sizes, runs, fits, strict=True)]
    columns = ["board", *headings, *_RUN, "fits"]
    if _output.width(_output.table(columns, whole)) <= console.width:
        _output.print_table(columns, whole, f"{name}: bytes, and instructions and time of one inference")
    else:
        parts = [[board, *size, fit] for board, size, fit in zip(boards, sizes, fits, strict=True)]
        _output.print_table(["board", *headings, "fits"], parts, f"{name}: bytes of flash and RAM", gap=1)
        console.print()
        parts = [[board, *run] for board, run in zip(boards, runs, strict=True)]
        _output.print_table(["board", *_RUN], parts, f"{name}: one inference")
    if any(record.numbers.get("milliseconds_estimated") is not None for record in found):
        console.print("~ is estimated from the instructions, for memory that answers at once")
    if untimed := [str(record.board) for record in found if _counted_only(record)]:
        console.print(f"no time is known for {', '.join(untimed)}: there is no table of cycles for the core")
    for record in found:
        if record.numbers.get("fits") == 0:
            console.print(f"{record.board}: does not fit, {_models.over_by(record)}")
    for reason in _models.reasons(found):
        console.print(f"not run on {reason}")


def _counted_only(record: Record) -> bool:
    keys = ("instructions_per_inference", "milliseconds", "milliseconds_estimated")
    counted, exact, estimated = (record.numbers.get(key) for key in keys)
    return counted is not None and exact is None and estimated is None


def _milliseconds(record: Record) -> str:
    """Return the time of one inference: exact, or estimated and marked so."""
    exact, estimated = (record.numbers.get(key) for key in ("milliseconds", "milliseconds_estimated"))
    if exact is not None or estimated is None:
        return _output.number(exact, 2)
    return f"~{_output.number(estimated, 2)}"


def _print_layers(record: Record) -> None:
    """Print what each layer costs on one board, where the model fits it."""
    table, counts = record.tables.get("layers"), record.tables.get("instructions_by_layer", {})
    if table is None:
        return
    total = sum(counts.values())
    lines = [
        [
            node,
            facts["operator"],
            " x ".join(map(str, facts["shape"])),
            _output.number(facts["constant_bytes"]),
            _output.number(counts.get(node)),
            _output.number(100 * counts[node] / total, 1) if total and node in counts else _output.UNKNOWN,
        ]
        for node, facts in table.items()
    ]
    columns = ["layer~", "operator", "output", "weights>", "instructions>", "%>"]
    console = _output.console()
    console.print()
    _output.print_table(columns, lines, f"{record.model} on {record.board}: layers")


ENTRY = Command(
    run,
    ("edgewright cost firmware/model.edgewright", "edgewright cost model.tflite --board nano33ble,esp32c3 --layers"),
)
