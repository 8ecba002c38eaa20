"""`edgewright cost`: what a model costs on every board."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from edgewright.cli import _output
from edgewright.cli._command import Command
from edgewright.cli._output import CalibrationOption, DataOption, JsonOption, ModelArgument, TargetOption
from edgewright.cli._progress import tracker

if TYPE_CHECKING:
    from edgewright.records import Record


def run(
    file: ModelArgument,
    board: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A board; may be repeated. All of them unless given.")
    ] = None,
    data: DataOption = None,
    calibration: CalibrationOption = None,
    target: TargetOption = None,
    json: JsonOption = False,
) -> None:
    """Say what a model costs on every board, before there is one: flash, RAM, stack, instructions, time.

    Sizes are those of the built C; instructions are the mean over the rows. Where a model does not fit it says by how many bytes.
    Milliseconds are given only where the emulator is exact in cycles; exact says whether integer model, host and board agree bit for bit.
    """
    from edgewright import boards
    from edgewright.cli import _models, _rows
    from edgewright.errors import DoesNotFit

    chosen = (
        [name for name in boards.names() if boards.get(name).core != "host"]
        if not board
        else list(dict.fromkeys(board))
    )
    for name in chosen:
        boards.get(name)
    found: list[Record] = []
    with tracker(quiet=json) as progress:
        model = _models.read_model(file)
        progress.begin(f"pricing {model.name}", len(chosen))
        for name in chosen:
            try:
                firmware = _models.deploy_model(model, name, calibration, target)
                rows = _models.rows_for(firmware, data, target)
                found.append(_models.measured(firmware, rows, data=_rows.named(data)))
            except DoesNotFit as error:
                found.append(_models.does_not_fit(model.name, name, error))
            progress.advance(name)
    if json:
        _output.print_json({"model": model.name, "records": [_output.plain(record) for record in found]})
    else:
        _print(model.name, found)
    for record in found:
        _models.check_agreement(record)


def _print(name: str, found: list[Record]) -> None:
    from edgewright.cli import _models

    console = _output.console()
    lines = [
        [
            str(record.board),
            _output.number(record.numbers.get("flash_bytes")),
            _output.number(record.numbers.get("ram_bytes")),
            _output.number(record.numbers.get("stack_bytes")),
            _output.work(record),
            _output.number(record.numbers.get("milliseconds"), 2),
            _output.answer(record.numbers.get("fits")),
            _output.answer(record.numbers.get("verified")),
        ]
        for record in found
    ]
    columns = ["board", "flash>", "RAM>", "stack>", "instructions>", "ms>", "fits", "exact"]
    _output.print_table(columns, lines, f"{name}: bytes, instructions and time for one inference")
    for record in found:
        if record.numbers.get("fits") == 0:
            console.print(f"{record.board}: does not fit, {_models.over_by(record)}")
    for reason in _models.reasons(found):
        console.print(f"not run on {reason}")


ENTRY = Command(run, ("edgewright cost firmware/model.edgewright",))
