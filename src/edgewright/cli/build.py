"""`edgewright build`: from a table to firmware."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgewright.cli import _output
from edgewright.cli._command import Command
from edgewright.cli._output import ForceOption, JsonOption
from edgewright.cli._progress import Tracker, tracker

if TYPE_CHECKING:
    from edgewright.firmware import Firmware
    from edgewright.records import Record


def run(
    data: Annotated[str, typer.Option(help="A table, .csv or .npz, or a dataset (edgewright list datasets).")],
    board: Annotated[str, typer.Option(help="The board to build for (edgewright list boards).")],
    out: Annotated[Path, typer.Option(help="The folder to make.")],
    model: Annotated[str, typer.Option(help="What to train (edgewright list estimators).")] = "bonsai",
    target: Annotated[
        str | None, typer.Option(help="The column of the labels in a CSV; their key in an NPZ (y unless given).")
    ] = None,
    export: Annotated[list[str] | None, typer.Option(help="How to write the C; may be repeated. c unless given.")] = None,
    size_kb: Annotated[float | None, typer.Option(help="The most KB that the weights may take.")] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Of the split and of training.")] = 0,
    test_share: Annotated[float, typer.Option(min=0.05, max=0.9, help="The share of a table's rows to test on.")] = 0.25,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A setting of the model, such as epochs=40; may be repeated."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="The prefix of all C symbols; from the data's name unless given.")] = None,
    force: ForceOption = False,
    json: JsonOption = False,
) -> None:
    """Train a model on a table, compile it for a board, prove it there, and write the C.

    The rows are split into a training and a test part; the test part runs as C on the emulated board and must give, bit for bit, what
    the integer model gives. The folder then holds a folder of C an export, the trained model, its integer graph (model.edgewright) and
    the measurements (records.jsonl). It appears whole or not at all.
    """
    from edgewright import boards, catalog
    from edgewright.cli import _models, _rows, _train
    from edgewright.compiler.emit import check_name

    boards.get(board)
    kinds = list(dict.fromkeys(export or ["c"]))
    for kind in kinds:
        catalog.get("edgewright.compiler.exports", kind)
    model = _train.check_name(model)
    prefix = check_name(name) if name else _models.symbol(Path(data).stem)
    settings = _train.parse_settings(set_ or []) | ({} if size_kb is None else {"size_kb": size_kb})
    with _output.new_folder(out, force=force) as folder, tracker(quiet=json) as progress:
        split, warnings = _rows.read_split(data, target, test_share, seed)
        estimator = _train.make(model, seed, settings)
        split = _train.shaped(estimator, model, split)
        about = {"data": Path(data).name, "split": _split_text(data, test_share, seed), "seed": seed, "settings": {"model": model, **settings}}
        firmware, record = _build(estimator, model, split, board, prefix, about, progress)
        _write(firmware, estimator, record, kinds, folder)
    unproven = _models.reasons([record])
    _output.warn([*warnings, *(f"not proven on {reason}" for reason in unproven)])
    if json:
        _output.print_json({"folder": str(out), "record": _output.plain(record)})
        return
    _print(record, kinds, out)


def _split_text(data: str, test_share: float, seed: int) -> str:
    from edgewright.data import names

    return "the dataset's own" if data in names() else f"stratified, {test_share:g} to test, seed {seed}"


def _build(
    estimator: Any, model: str, split: Any, board: str, prefix: str, about: Mapping[str, Any], progress: Tracker
) -> tuple[Firmware, Record]:
    """Return firmware that was proven as far as can be here, and its record. Raises Mismatch, DoesNotFit."""
    from edgewright.cli import _models, _train
    from edgewright.errors import Mismatch
    from edgewright.firmware import deploy

    fitted = _train.fit(estimator, model, split, progress)
    progress.begin(f"compiling for {board}")
    firmware = deploy(fitted, board, split.x_train, name=prefix)
    progress.begin(f"running {len(split.x_test):,} rows on {board}")
    record = firmware.report(split.x_test, split.y_test, **about)
    record = _models.with_numbers(record, accuracy_float=float(fitted.score(split.x_test, split.y_test)))
    if record.numbers["mismatches"]:
        raise Mismatch(
            f"{record.numbers['mismatches']} of {record.numbers['vectors']} vectors differ from the integer model on {board}: "
            f"{dict(record.tables['mismatches_by_engine'])}. The build is not written. This is a defect of Edgewright: please report it "
            f"with the model."
        )
    return firmware, record


def _write(firmware: Firmware, estimator: Any, record: Record, kinds: list[str], folder: Path) -> None:
    from edgewright import ir, records
    from edgewright.cli import _train

    for kind in kinds:
        firmware.export(kind, folder / kind)
    (deployed,) = firmware.models.values()
    ir.save(deployed.graph, folder / "model.edgewright")
    _train.save(estimator, folder)
    records.write(folder / "records.jsonl", [record])


def _print(record: Record, kinds: list[str], out: Path) -> None:
    console = _output.console()
    console.print(_output.summary(record, f"{record.model} on {record.board}"))
    console.print(f"\nWritten to {out}:", soft_wrap=True)
    for kind in kinds:
        console.print(f"  {out / kind}: {_NEXT.get(kind, 'the sources of this export.')}", soft_wrap=True)
    console.print(f"  {out / 'model.edgewright'}: try `edgewright cost {out / 'model.edgewright'}`.", soft_wrap=True)


_NEXT = {
    "arduino": "copy it to the libraries folder of your sketchbook; its example `selftest` prints PASS.",
    "c": "add the .c and .h to your project; `cc -std=c99 *.c -o selftest && ./selftest` prints PASS.",
}

ENTRY = Command(
    run,
    (
        "edgewright build --data gestures.csv --target label --model bonsai --board microbit --export arduino --out firmware/",
        "edgewright build --data digits --model protonn --size-kb 4 --board bluepill --out firmware/",
    ),
)
