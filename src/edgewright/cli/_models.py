"""Model files that users name, and deploying what is in them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from edgewright import boards, catalog, ir, records
from edgewright.cli import _rows
from edgewright.cli._rows import Rows
from edgewright.cli._train import ESTIMATOR_SUFFIX, parse_settings
from edgewright.compiler.c_language import check_name
from edgewright.compiler.settings import Settings, make_settings
from edgewright.deployed import Deployed
from edgewright.errors import BadInput, BadModelFile, BoardFault, DoesNotFit, Mismatch
from edgewright.files import GRAPH_FILE, RECORDS_FILE
from edgewright.firmware import Firmware, deploy
from edgewright.ir.graph import Graph
from edgewright.ir.types import dequantise_array
from edgewright.lowering import lower
from edgewright.records import Record
from edgewright.runtime.classes import as_classes

GRAPH_SUFFIX = ".edgewright"
RANDOM_ROWS = 100


@dataclass(frozen=True)
class Model:
    """What a model file holds: an estimator or a graph, and the prefix of its C symbols.

    content: the estimator or the graph. graph: what it is lowered to.
    """

    name: str
    content: Any
    graph: Graph

    @property
    def needs_calibration(self) -> bool:
        """Whether its scales are still to be chosen, by rows."""
        return not self.graph.is_quantised


def read_model(path: Path, name: str | None = None, input_shape: str | None = None) -> Model:
    """Return the model in a file: a saved graph, a saved estimator, or one that a front end reads.

    input_shape: "1,3,32,32", for the axes that an .onnx leaves open. Raises BadInput, BadModelFile, UnsupportedModel.
    """
    from edgewright import frontends

    if not path.is_file():
        near = difflib.get_close_matches(path.name, _names_in(path.parent), n=1)
        hint = f" Did you mean {path.parent / near[0]}?" if near else ""
        raise BadModelFile(f"There is no file {path}.{hint}")
    shape = None if input_shape is None else _sizes(input_shape)
    if path.suffix == ESTIMATOR_SUFFIX and shape is not None:
        raise BadInput(f"--input-shape is for .onnx files, and {path} holds its own shape; leave it out.")
    content: Any = _load_estimator(path) if path.suffix == ESTIMATOR_SUFFIX else frontends.read(path, shape)
    own = content.name if path.suffix == GRAPH_SUFFIX else path.stem
    return Model(check_name(name) if name else symbol(own), content, lower(content))


def _sizes(text: str) -> tuple[int, ...]:
    """Return the sizes that a user wrote as 1,3,32,32. Raises BadInput."""
    if not re.fullmatch(r"[1-9][0-9]{0,8}(,[1-9][0-9]{0,8})*", text):
        raise BadInput(f"--input-shape is {text!r}; it must be sizes with commas between, as 1,3,32,32.")
    return tuple(int(size) for size in text.split(","))


def _load_estimator(path: Path) -> Any:
    from edgewright.estimators import load_estimator

    return load_estimator(path)


def symbol(text: str) -> str:
    """Return a text made into the prefix of C symbols."""
    made = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:40]
    try:
        return check_name(made)
    except BadInput:
        return "model"


def deploy_model(
    model: Model,
    board: str,
    calibration: str | None,
    target: str | None = None,
    quantise: Sequence[str] | None = None,
    stream: bool | int = False,
) -> Firmware:
    """Return firmware for a board.

    calibration: a file or a dataset, needed for models in float. quantise: NAME=VALUE texts of settings that are not the default.
    stream: as for `deploy`. Raises BadInput, DoesNotFit.
    """
    rows = (
        None if calibration is None else _rows.read_rows(calibration, target, "train", model.graph.input_type.shape).x
    )
    if model.needs_calibration and rows is None:
        raise BadInput(
            f"The model {model.name!r} is in float: its scales are chosen by typical rows. Give --calibration FILE.csv, FILE.npz or "
            f"a dataset; a hundred rows are enough, labels are not needed."
        )
    settings = quantisation(model.graph, quantise)
    return deploy(model.content, board, rows, name=model.name, settings=settings, stream=stream)


def streaming(stream: bool, every: int | None) -> bool | int:
    """Return what `deploy` takes for --stream and --every. Raises BadInput."""
    if every is not None and not stream:
        raise BadInput(f"--every {every} says how often a stream answers; give --stream as well.")
    return every if stream and every is not None else stream


def quantisation(graph: Graph, texts: Sequence[str] | None) -> Settings | None:
    """Return the settings of NAME=VALUE texts, None where there are none. Raises BadInput, UnknownName."""
    given = parse_settings(texts or (), "--quantise", "activation=int8")
    if given and graph.is_quantised:
        raise BadInput(f"The model {graph.name!r} is quantised already; --quantise is for models in float.")
    return make_settings(given, graph)


def rows_for(
    firmware: Firmware, source: str | None, target: str | None, part: Literal["train", "test"] = "test"
) -> Rows:
    """Return the rows that a user named, or random ones within the proven range of the input.

    Labels are given in the form of the classes that the firmware answers.
    """
    (deployed,) = firmware.models.values()
    if source is None:
        return Rows(random_rows(deployed))
    rows = _rows.read_rows(source, target, part, deployed.graph.input_type.shape)
    if rows.y is None or deployed.classes is None:
        return rows
    return Rows(rows.x, as_classes(rows.y, deployed.classes))


def random_rows(deployed: Deployed, count: int = RANDOM_ROWS, seed: int = 0) -> Any:
    """Return float rows [count, *shape] that become every integer of the input's proven range with equal chance."""
    type = deployed.graph.input_type
    low, high = type.range
    return dequantise_array(np.random.default_rng(seed).integers(low, high + 1, size=(count, *type.shape)), type)


def does_not_fit(name: str, board: str, error: DoesNotFit, **fields: Any) -> Record:
    """Return the record of a model that is too large for a board."""
    part = boards.get(board)
    numbers = {
        "fits": 0,
        "board_flash_bytes": part.flash_bytes - part.bootloader_bytes,
        "board_ram_bytes": part.ram_bytes,
        "flash_over_bytes": error.over.get("flash"),
        "ram_over_bytes": error.over.get("RAM"),
    }
    reasons = {"reasons": {"fit": str(error)}}
    return records.make(
        "deploy", model=name, board=board, engine=part.engine, numbers=numbers, tables=reasons, **fields
    )


def faulted(name: str, board: str, error: BoardFault, **fields: Any) -> Record:
    """Return the record of a model that the board broke off."""
    numbers = {"fits": 1, "verified": 0}
    tables = {"reasons": {board: str(error)}}
    return records.make("deploy", model=name, board=board, numbers=numbers, tables=tables, **fields)


def measured(firmware: Firmware, rows: Rows, **fields: Any) -> Record:
    """Return the record of the only model of a firmware, run on rows. Raises BoardFault."""
    record = firmware.report(rows.x, rows.y, **fields)
    return with_numbers(record, fits=None if record.numbers["flash_bytes"] is None else 1)


def check_agreement(record: Record) -> None:
    """Raise Mismatch where integers, host and board did not agree on a record's vectors."""
    if record.numbers.get("mismatches"):
        by_engine = ", ".join(f"{engine}: {count}" for engine, count in record.tables["mismatches_by_engine"].items())
        raise Mismatch(
            f"{record.model} on {record.board}: of {record.numbers['vectors']} vectors these differ from the integer model ({by_engine}). "
            f"The C is wrong on this board; please report it with the model file."
        )


def check_exports(kinds: Sequence[str] | None) -> list[str]:
    """Return the exports that a user named, or "c". Raises UnknownName."""
    found = list(dict.fromkeys(kinds or ["c"]))
    for kind in found:
        catalog.get("edgewright.compiler.exports", kind)
    return found


def write(
    firmware: Firmware, record: Record, kinds: Sequence[str], folder: Path, others: Sequence[Record] = ()
) -> None:
    """Write the exports, the integer graph, its record and others into a folder. Raises CannotWrite."""
    (deployed,) = firmware.models.values()
    for kind in kinds:
        firmware.export(kind, folder / kind)
    ir.save(deployed.graph, folder / GRAPH_FILE)
    records.write(folder / RECORDS_FILE, [record, *others])


def over_by(record: Record) -> str:
    """Return by how much a model is too large, in words."""
    over = {word: record.numbers.get(f"{word.lower()}_over_bytes") for word in ("flash", "RAM")}
    return "over by " + " and ".join(f"{nbytes:,} bytes of {word}" for word, nbytes in over.items() if nbytes)


def with_numbers(record: Record, **numbers: float | int | None) -> Record:
    """Return a record with further numbers."""
    return replace(record, numbers={**record.numbers, **numbers})


def reasons(found: Sequence[Record]) -> list[str]:
    """Return, once each, why boards did not run."""
    said = {
        f"{record.board}: {reason}"
        for record in found
        if record.numbers.get("fits") != 0
        for reason in record.tables.get("reasons", {}).values()
    }
    return sorted(said)


def _names_in(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in folder.iterdir()]
    except OSError:
        return []
