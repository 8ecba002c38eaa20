"""A sequence model on a board: whole sequences or samples one at a time, what it costs, and whether twin, host and board agree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from benchmarks.sequences.trained import Trained
from edgewright import boards, deploy, engines, records
from edgewright.errors import BoardFault, DoesNotFit, MissingTool
from edgewright.ir.types import Array
from edgewright.records import Record

CHECKED, TOO_LARGE, FAULT = "sequence model on a board", "sequence model does not fit", "sequence model at fault"
WHOLE, STREAM = "whole sequence", "stream"
M4 = "stm32f405"


def on_board(
    model: Trained, board: str, x: Array, stream: bool | int = False, settings: Mapping[str, Any] | None = None
) -> Record:
    """Return the record of a model on a board, run on rows x and on the corners of the range.

    stream: as of `deploy`. settings: what tells the record from others. Where it does not fit, the record says by how much. Raises
    MissingTool.
    """
    target = boards.get(board)
    if problem := engines.get(target.engine).why_not(target):
        raise MissingTool(problem)
    common: dict[str, Any] = {
        "model": model.name,
        "seed": model.seed,
        "board": board,
        "graph_hash": model.integers.hash,
        "settings": {**(settings or {}), "form": WHOLE if stream is False else STREAM},
    }
    try:
        firmware = deploy(model.integers, board, stream=stream)
        return replace(firmware.report(x), what=CHECKED, tables={}, **common)
    except DoesNotFit as error:
        common["settings"]["reason"] = str(error)
        over = {f"{kind}_bytes_over": nbytes for kind, nbytes in error.over.items()}
        return records.make(TOO_LARGE, numbers=over, **common)
    except BoardFault as fault:
        common["settings"]["reason"] = str(fault)
        return records.make(FAULT, **common)


def targets() -> tuple[str, ...]:
    """Return the boards that models are checked on; this computer is checked with each of them."""
    return tuple(name for name in boards.names() if name != "host")
