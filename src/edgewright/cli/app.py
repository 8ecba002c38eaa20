"""`edgewright app`: an application, from data to a firmware project."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgewright.cli import _output
from edgewright.cli._command import Command
from edgewright.cli._output import BoardOption, ExportOption, ForceOption, JsonOption, OutOption
from edgewright.cli._progress import tracker


def run(
    name: Annotated[str, typer.Argument(help="The application (edgewright list applications).")],
    board: BoardOption,
    out: OutOption,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="DATA", help="What to train on: a dataset, a table or a folder; the model it brings unless given."
        ),
    ] = None,
    recording: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A .wav, .csv, .npy or .txt to replay through the board; of keywords also a folder of .wav files, or `microphone`.",
        ),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="What this command made before: its model is taken, and nothing is trained."
        ),
    ] = None,
    target: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The labels' column in a CSV; their key in an NPZ.")
    ] = None,
    length: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Samples of each recording in a folder.")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(min=0.001, metavar="HERTZ", help="Samples a second of the recordings in a folder.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, metavar="N", help="Of the split and of training.")] = 0,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A setting of the model, such as epochs=40; may be repeated."),
    ] = None,
    export: ExportOption = None,
    force: ForceOption = False,
    json: JsonOption = False,
) -> None:
    """Run an application: train where there are data, compile, prove it on the board, and write the firmware project.

    The C takes samples one at a time. A recording is replayed through the emulated board, sample by sample, and what it hears is printed;
    some applications bring one. With --model nothing is trained: the integers of an earlier output folder are deployed as they are.
    """
    from edgewright import apps, boards
    from edgewright.cli import _models, _rows, _train
    from edgewright.errors import BadInput

    application = apps.get(name)
    boards.get(board)
    kinds = _models.check_exports(export)
    settings = _train.parse_settings(set_ or [])
    for_training: dict[str, object] = {"--target": target, "--length": length, "--rate": rate}
    if model is None:
        for_training["--set"] = set_ or None
    unused = [option for option, value in for_training.items() if value is not None]
    if data is None and unused:
        raise BadInput(f"{' and '.join(unused)} can be given with --data only: without it nothing is trained.")
    if model is not None and data is not None:
        raise BadInput("--model is trained already: leave --data out, or train anew without --model.")
    with _output.new_folder(out, force=force) as folder, tracker(quiet=json) as progress:
        split, warnings = (None, ()) if data is None else _rows.read_split(data, target, 0.25, seed, length, rate)
        called = None if data is None else _rows.named(data)
        made = application.run(apps.Order(board, split, called, recording, seed, settings, model, progress.begin))
        _models.check_agreement(made.record)
        _models.write(made.firmware, made.record, kinds, folder)
        if made.estimator is not None:
            _train.save(made.estimator, folder)
    _output.warn((*warnings, *made.warnings))
    if made.heard and not json:
        _output.print_table(application.columns, [list(row) for row in made.heard], "heard")
    _output.print_build(made.record, kinds, out, json=json)


ENTRY = Command(
    run,
    (
        "edgewright app gestures --board microbit --out gestures/",
        "edgewright app gestures --data hmp-adl-wrist --board bluepill --out gestures/",
        "edgewright app keywords --data speech-commands --board nano33ble --out kws/",
        "edgewright app keywords --model kws/ --recording microphone --board nano33ble --out heard/",
    ),
)
