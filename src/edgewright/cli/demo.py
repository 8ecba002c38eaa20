"""`edgewright demo`: every model on every board, from training to the proof."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgewright.cli import _output
from edgewright.cli._command import Command
from edgewright.cli._output import JsonOption, OutOption
from edgewright.cli._progress import Tracker, tracker
from edgewright.files import RECORDS_FILE

if TYPE_CHECKING:
    from edgewright.cli._rows import Rows
    from edgewright.deployed import Deployed
    from edgewright.records import Record

DATASET = "digits"
LEARNERS = ("bonsai", "protonn", "fastgrnn", "random-forest")
SEED = 0
QUICK_EPOCHS, QUICK_ROWS = 3, 40
MARKER = ".edgewright-demo"  # in every folder that the demo made
PAGE_FILE = "report.html"
DETECTOR = Path("mlperf_tiny") / "ad01_int8.tflite"
DETECTOR_ROWS, QUICK_DETECTOR_ROWS = 100, 4


@dataclass(frozen=True)
class _Part:
    """A model of the demo. rows: what it runs, given what was deployed. about: fields of its records."""

    name: str
    model: Any
    calibration: Any
    rows: Callable[[Deployed], Rows]
    accuracy_float: float | None
    about: dict[str, Any]


def run(
    out: OutOption = Path("build/demo"),
    quick: Annotated[
        bool, typer.Option("--quick", help="Little training and few rows: to see it work, not how well.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the output folder even if no demo made it.")] = False,
    json: JsonOption = False,
) -> None:
    """Train on handwritten digits, compile for every board, and run the test set there.

    Bonsai, ProtoNN, FastGRNN and a scikit-learn forest; also the MLPerf Tiny anomaly detector (.tflite) where the folder that
    EDGEWRIGHT_DATA names has it. What a tool that is not installed leaves out is said at the end. The folder gets records.jsonl and
    report.html; one that an earlier demo made (it holds the file .edgewright-demo) is replaced, any other only by --force.
    """
    from edgewright import records
    from edgewright.cli import _train

    left_out: list[str] = []
    found: list[Record] = []
    trainings: list[Record] = []
    with _output.new_folder(out, force=force or (out / MARKER).is_file()) as folder, tracker(quiet=json) as progress:
        (folder / MARKER).write_text("This folder was made by `edgewright demo`, which may replace it.\n")
        for part in _parts(quick, left_out, progress):
            trainings += _train.training_records(part.model, part.name, **part.about)
            found += _on_every_board(part, progress)
        records.write(folder / RECORDS_FILE, [*found, *trainings])
        page = _write_page([*found, *trainings], folder / PAGE_FILE, left_out)
    _finish(found, trainings, left_out, out, page=page, json=json)


def _parts(quick: bool, left_out: list[str], progress: Tracker) -> Iterator[_Part]:
    """Give the models one by one, each trained when its turn comes."""
    from edgewright import data

    whole = data.get(DATASET).load()
    for name in LEARNERS:
        yield _trained(name, whole, quick, progress)
    folder = os.environ.get("EDGEWRIGHT_DATA")
    if folder and (Path(folder) / DETECTOR).is_file():
        yield _detector(Path(folder) / DETECTOR, quick)
    else:
        left_out.append(f"the anomaly detector: no {DETECTOR} in the folder that EDGEWRIGHT_DATA names.")


def _trained(name: str, whole: Any, quick: bool, progress: Tracker) -> _Part:
    from edgewright.cli import _models, _train
    from edgewright.cli._rows import Rows

    settings = {"epochs": QUICK_EPOCHS} if quick and name not in _train.FORESTS else {}
    estimator = _train.make(name, SEED, settings)
    split = _train.shaped(estimator, name, whole)
    began = time.perf_counter()
    fitted = _train.fit(estimator, name, split, progress)
    seconds = time.perf_counter() - began
    few = slice(QUICK_ROWS) if quick else slice(None)
    rows = Rows(split.x_test[few], split.y_test[few])
    about = {
        "data": DATASET,
        "split": "the dataset's own",
        "seed": SEED,
        "settings": {"model": name, "quick": quick, "training_seconds": round(seconds, 1), **settings},
    }
    score = float(fitted.score(rows.x, rows.y))
    return _Part(_models.symbol(name), fitted, split.x_train, lambda deployed: rows, score, about)


def _detector(path: Path, quick: bool) -> _Part:
    from edgewright import frontends
    from edgewright.cli import _models
    from edgewright.cli._rows import Rows

    count = QUICK_DETECTOR_ROWS if quick else DETECTOR_ROWS
    about = {"data": "random", "seed": 0, "settings": {"model": path.name, "quick": quick}}
    return _Part(
        _models.symbol(path.stem),
        frontends.read(path),
        None,
        lambda deployed: Rows(_models.random_rows(deployed, count)),
        None,
        about,
    )


def _on_every_board(part: _Part, progress: Tracker) -> Iterator[Record]:
    from edgewright import boards
    from edgewright.cli import _models
    from edgewright.errors import BoardFault, DoesNotFit
    from edgewright.firmware import deploy

    names = [name for name in boards.names() if boards.get(name).core != "host"]
    progress.begin(f"{part.name} on {len(names)} boards", len(names))
    for name in names:
        progress.detail(name)
        try:
            firmware = deploy(part.model, name, part.calibration, name=part.name)
            (deployed,) = firmware.models.values()
            record = _models.measured(firmware, part.rows(deployed), **part.about)
        except DoesNotFit as error:
            record = _models.does_not_fit(part.name, name, error, **part.about)
        except BoardFault as error:
            record = _models.faulted(part.name, name, error, **part.about)
        yield _models.with_numbers(record, accuracy_float=part.accuracy_float)
        progress.advance(name)


def _write_page(found: Sequence[Record], path: Path, left_out: list[str]) -> bool:
    """Write the report, unless what draws it is not installed."""
    from edgewright import report
    from edgewright.errors import MissingTool

    try:
        report.write_page(found, path)
    except MissingTool as error:
        left_out.append(f"{path.name}: {error}")
        return False
    return True


def _finish(
    found: Sequence[Record], trainings: Sequence[Record], left_out: list[str], out: Path, *, page: bool, json: bool
) -> None:
    """Print the table and what was left out. Raises CheckFailed where a board did not do what it must."""
    from edgewright.cli import _models
    from edgewright.errors import CheckFailed

    left_out = [*_models.reasons(found), *left_out]
    files = [RECORDS_FILE, *([PAGE_FILE] if page else [])]
    if json:
        document = {"folder": str(out), "files": files, "left_out": left_out}
        _output.print_json({**document, "records": [_output.plain(record) for record in [*found, *trainings]]})
    else:
        _print(found, left_out, out, files)
    wrong = [f"{record.model} on {record.board}" for record in found if record.numbers.get("verified") == 0]
    if wrong:
        raise CheckFailed(f"The C does not do what the integer model does: {', '.join(wrong)}. See {out / files[0]}.")


def _print(found: Sequence[Record], left_out: Sequence[str], out: Path, files: Sequence[str]) -> None:
    from edgewright.cli import _models

    console = _output.console()
    fitting = [record for record in found if record.numbers.get("fits") != 0]
    lines = [
        [
            record.model,
            str(record.board),
            _output.number(record.numbers.get("accuracy_float"), 3),
            _output.number(record.numbers.get("accuracy_integer"), 3),
            _output.number(record.numbers.get("accuracy_board"), 3),
            _output.number(record.numbers.get("flash_bytes")),
            _output.number(record.numbers.get("ram_bytes")),
            _output.number(record.numbers.get("stack_bytes")),
            _output.work(record),
            _output.answer(record.numbers.get("verified")),
        ]
        for record in fitting
    ]
    columns = ["model", "board", "float>", "int>", "board>", "flash>", "RAM>", "stack>", "instr.>", "exact"]
    _output.print_table(columns, lines, "Accuracy in float, in integers and on the board; bytes; one inference", gap=1)
    console.print()
    for record in found:
        if record.numbers.get("fits") == 0:
            console.print(f"{record.model} does not fit {record.board}: {_models.over_by(record)}")
    vectors = max((int(record.numbers.get("vectors") or 0) for record in fitting), default=0)
    console.print(
        f"exact: the integer model, its C on this computer and on the board agree bit for bit (up to {vectors:,} vectors)."
    )
    for reason in left_out:
        console.print(f"Left out: {reason}")
    console.print(f"Written to {out}: {', '.join(files)}.")


ENTRY = Command(run, ("edgewright demo", "edgewright demo --quick --out first-look"))
