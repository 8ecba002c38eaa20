"""`edgewright build`: from a table to firmware."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgewright.cli import _output
from edgewright.cli._command import Command
from edgewright.cli._output import (
    BoardOption,
    EveryOption,
    ExportOption,
    ForceOption,
    JsonOption,
    OutOption,
    QuantiseOption,
    StreamOption,
)
from edgewright.cli._progress import Tracker, tracker

if TYPE_CHECKING:
    from edgewright.cli._fit import Built
    from edgewright.records import Record


def run(
    data: Annotated[
        str,
        typer.Option(
            metavar="TABLE", help="A .csv or .npz, a folder of recordings, or a dataset (edgewright list datasets)."
        ),
    ],
    board: BoardOption,
    out: OutOption,
    model: Annotated[str, typer.Option(metavar="NAME", help="What to train (edgewright list estimators).")] = "bonsai",
    target: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="The labels' column in a CSV; their key in an NPZ (y unless given)."),
    ] = None,
    export: ExportOption = None,
    size_kb: Annotated[float | None, typer.Option(metavar="KB", help="The most KB that the weights may take.")] = None,
    fit: Annotated[
        str | None,
        typer.Option(metavar="BUDGETS", help='Search size and integers within budgets, as "flash=4K,ram=1K,ms=20".'),
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, max=2**32 - 1, metavar="N", help="Of the split and of training, from 0.")
    ] = 0,
    test_share: Annotated[
        float, typer.Option(min=0.05, max=0.9, metavar="SHARE", help="The share of a table's rows to test on.")
    ] = 0.25,
    length: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Samples of each recording: longer ones are cut at the end, others padded."
        ),
    ] = None,
    rate: Annotated[
        float | None, typer.Option(min=0.001, metavar="HERTZ", help="Samples a second of the recordings in a folder.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A setting of the model, such as epochs=40; may be repeated."),
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Written after each epoch; training that was interrupted goes on from it."),
    ] = None,
    quantise: QuantiseOption = None,
    stream: StreamOption = False,
    every: EveryOption = None,
    name: Annotated[
        str | None,
        typer.Option(metavar="PREFIX", help="Of all C symbols and the file names; from the data's name unless given."),
    ] = None,
    force: ForceOption = False,
    json: JsonOption = False,
) -> None:
    """Train a model on a table, compile it for a board, prove it there, and write the C.

    A folder of recordings holds .wav, .csv or .npy files, one class a subfolder, or beside a labels.csv with the columns file,label and,
    where it is known whom each is from, group; a group is then in one part only.

    The rows are split into a training and a test part; the test part runs as C on the emulated board and must give, bit for bit, what
    the integer model gives. The folder then holds a folder of C an export, the trained model, its integer graph (model.edgewright) and
    the measurements (records.jsonl, and for a model trained in epochs report.html). It appears whole or not at all.

    --set takes text or JSON: augmentation=affine, image_shape=[16,16], teacher=cnn (docs/training.md). Training that was interrupted
    goes on where the same command is given again with the same --checkpoint; the file may be removed when the folder is there.

    --stream writes C that takes samples one at a time, for models of sequences; its answers are those of the whole sequence, bit for bit.

    --fit searches: the model is trained at several sizes, each is given integers of 8 and 16 bits and matrices stored dense and sparse,
    and all of that is built and run on the board. The most accurate on rows kept from training that holds the budgets is taken: bytes
    of flash, bytes of RAM with the stack, milliseconds (ms) or instructions of an inference. The others are in records.jsonl and
    report.html. Where nothing holds them it says what comes nearest, and exits with 1.
    """
    from edgewright import boards
    from edgewright.cli import _fit, _models, _rows, _train
    from edgewright.compiler.c_language import check_name
    from edgewright.errors import BadInput

    boards.get(board)
    kinds = _models.check_exports(export)
    model = _train.check_name(model)
    prefix = check_name(name) if name else _models.symbol(Path(data).stem)
    settings = _train.parse_settings(set_ or [])
    _train.check_checkpoint(checkpoint, model, out)
    streamed = _models.streaming(stream, every)
    if streamed and fit is not None:
        raise BadInput("--fit searches by what a whole inference costs; leave --stream out.")
    if checkpoint is not None and fit is not None:
        raise BadInput("--fit trains several models, and --checkpoint is of one; leave one of them out.")
    budgets = None if fit is None else _fit.parse(fit, board, model, seed, settings, size_kb=size_kb, quantise=quantise)
    settings |= {} if size_kb is None else {"size_kb": size_kb}
    with _output.new_folder(out, force=force) as folder, tracker(quiet=json) as progress:
        split, warnings = _rows.read_split(data, target, test_share, seed, length, rate)
        estimator = _train.make(model, seed, settings)
        split = _train.shaped(estimator, model, split)
        about = {
            "data": _rows.named(data),
            "split": _split_text(data, split, test_share, seed),
            "seed": seed,
            "settings": {"model": model, **settings, **({"quantise": list(quantise)} if quantise else {})}
            | ({"stream": streamed} if streamed else {}),
        }
        if budgets is None:
            built = _build(estimator, model, split, board, prefix, about, quantise, streamed, checkpoint, progress)
        else:
            built = _fit.build(estimator, model, split, board, prefix, about, budgets, progress)
        others = [*_train.training_records(built.estimator, prefix, **about), *built.candidates]
        _models.write(built.firmware, built.record, kinds, folder, others)
        _train.save(built.estimator, folder)
        warnings = (*warnings, *built.warnings, *_write_report([built.record, *others], folder))
    _output.warn(warnings)
    if built.candidates and not json:
        _fit.print_front(built.candidates)
    _output.print_build(built.record, kinds, out, built.candidates, json=json)


def _write_report(found: Sequence[Record], folder: Path) -> list[str]:
    """Write the page of a training or a search into a folder, if there was one; returns a warning where it cannot be drawn here."""
    from edgewright import report
    from edgewright.errors import MissingTool

    if len(found) < 2:
        return []
    try:
        report.write_page(found, folder / _output.REPORT_FILE)
    except MissingTool as reason:
        return [f"no {_output.REPORT_FILE}: {reason}"]
    return []


def _split_text(data: str, split: Any, test_share: float, seed: int) -> str:
    from edgewright.data import names

    if data in names():
        return "the dataset's own"
    return f"{'stratified' if split.groups_train is None else 'by group'}, {test_share:g} to test, seed {seed}"


def _build(
    estimator: Any,
    model: str,
    split: Any,
    board: str,
    prefix: str,
    about: Mapping[str, Any],
    quantise: list[str] | None,
    stream: bool | int,
    checkpoint: Path | None,
    progress: Tracker,
) -> Built:
    """Return firmware that was proven as far as can be here. Raises Mismatch, DoesNotFit."""
    from edgewright.cli import _models, _train
    from edgewright.cli._fit import Built
    from edgewright.cli._rows import Rows
    from edgewright.firmware import deploy
    from edgewright.lowering import lower

    fitted = _train.fit(estimator, model, split, progress, checkpoint)
    progress.begin(f"compiling for {board}")
    settings = _models.quantisation(lower(fitted), quantise)
    firmware = deploy(fitted, board, split.x_train, name=prefix, settings=settings, stream=stream)
    progress.begin(f"running {len(split.x_test):,} rows on {board}")
    record = _models.measured(firmware, Rows(split.x_test, split.y_test), **about)
    record = _models.with_numbers(record, accuracy_float=float(fitted.score(split.x_test, split.y_test)))
    _models.check_agreement(record)
    return Built(fitted, firmware, record)


ENTRY = Command(
    run,
    (
        "edgewright build --data gestures.csv --target label --model bonsai --board microbit --export arduino --out firmware/",
        "edgewright build --data digits --model protonn --size-kb 4 --board bluepill --out firmware/",
        "edgewright build --data digits --model bonsai --fit flash=4K,ram=300,ms=2 --board microbit --out firmware/",
    ),
)
