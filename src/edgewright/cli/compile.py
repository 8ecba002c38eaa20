"""`edgewright compile`: from a model file to C."""

from __future__ import annotations

from typing import Annotated

import typer

from edgewright.cli import _output
from edgewright.cli._command import Command
from edgewright.cli._output import (
    BoardOption,
    CalibrationOption,
    ExportOption,
    ForceOption,
    InputShapeOption,
    JsonOption,
    ModelArgument,
    OutOption,
    QuantiseOption,
    TargetOption,
)
from edgewright.cli._progress import tracker


def run(
    file: ModelArgument,
    board: BoardOption,
    out: OutOption,
    export: ExportOption = None,
    calibration: CalibrationOption = None,
    target: TargetOption = None,
    quantise: QuantiseOption = None,
    name: Annotated[
        str | None, typer.Option(metavar="PREFIX", help="Of all C symbols; the file's name unless given.")
    ] = None,
    input_shape: InputShapeOption = None,
    force: ForceOption = False,
    json: JsonOption = False,
) -> None:
    """Compile a model file for a board and write the C.

    The C runs on the emulated board on the calibration rows, or else on random ones, and must give, bit for bit, what the integer model
    gives. The folder appears whole or not at all.
    """
    from edgewright import boards
    from edgewright.cli import _models, _rows

    boards.get(board)
    kinds = _models.check_exports(export)
    with _output.new_folder(out, force=force) as folder, tracker(quiet=json) as progress:
        model = _models.read_model(file, name, input_shape)
        progress.begin(f"compiling {model.name} for {board}")
        firmware = _models.deploy_model(model, board, calibration, target, quantise)
        rows = _models.rows_for(firmware, calibration, target, "train")
        progress.begin(f"running {len(rows.x):,} rows on {board}")
        record = _models.measured(firmware, rows, data=_rows.named(calibration), split="train" if calibration else None)
        _models.check_agreement(record)
        _models.write(firmware, record, kinds, folder)
    _output.print_build(record, kinds, out, json=json)


ENTRY = Command(run, ("edgewright compile ad01_int8.tflite --board stm32f405 --export c --out detector/",))
