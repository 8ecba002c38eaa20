"""`edgewright verify`: whether twin, host and board agree."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from edgewright.cli import _output
from edgewright.cli._command import Command
from edgewright.cli._output import (
    BoardOption,
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


def run(
    file: ModelArgument,
    board: BoardOption,
    data: DataOption = None,
    calibration: CalibrationOption = None,
    target: TargetOption = None,
    quantise: QuantiseOption = None,
    stream: StreamOption = False,
    every: EveryOption = None,
    second_opinion: Annotated[
        bool, typer.Option("--second-opinion", help="Also run on the board's other engine, where it has one.")
    ] = False,
    input_shape: InputShapeOption = None,
    json: JsonOption = False,
) -> None:
    """Compare the integer model with its C on this computer and on the emulated board, bit for bit.

    Besides the rows, vectors at the corners of the input's proven range are run. With --stream the rows follow each other as one stream of
    samples, and its answers must also be those of the whole sequences. Ends with 1 where any output differs, and with 2 where the board
    cannot be emulated here.
    """
    from edgewright import boards
    from edgewright.cli import _models
    from edgewright.errors import Mismatch, MissingTool

    part = boards.get(board)
    extra = (part.second_opinion,) if second_opinion and part.second_opinion else ()
    with tracker(quiet=json) as progress:
        progress.begin(f"compiling for {board}")
        firmware = _models.deploy_model(
            _models.read_model(file, input_shape=input_shape),
            board,
            calibration,
            target,
            quantise,
            _models.streaming(stream, every),
        )
        rows = _models.rows_for(firmware, data, target)
        progress.begin(f"running {len(rows.x):,} rows")
        found = firmware.verify(rows.x, extra_engines=extra)
    document: dict[str, Any] = {
        "model": found.model,
        "board": board,
        "vectors": found.vectors,
        "verified": found.verified,
        "mismatches": dict(found.mismatches),
        "skipped": dict(found.skipped),
    }
    if json:
        _output.print_json(document)
    else:
        lines = [[engine, f"{count:,}", "ran"] for engine, count in found.mismatches.items()]
        lines += [[engine, _output.UNKNOWN, reason] for engine, reason in found.skipped.items()]
        title = f"{found.model} on {board}: {found.vectors:,} vectors"
        _output.print_table(["engine", "mismatches>", "said~"], lines, title)
    if found.verified is False:
        wrong = ", ".join(f"{engine} in {count:,}" for engine, count in found.mismatches.items() if count)
        raise Mismatch(f"The C differs from the integer model: {wrong} of {found.vectors:,} vectors.")
    if found.verified is None:
        raise MissingTool(f"Not verified on {board}: {found.skipped[part.engine]}")


ENTRY = Command(run, ("edgewright verify firmware/model.edgewright --board microbit",))
