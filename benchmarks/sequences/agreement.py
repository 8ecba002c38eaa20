"""Every learner on every board, whole sequences and samples one at a time: twin, host and board give the same bits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.sequences import on_boards, trained
from benchmarks.sequences.trained import Trained
from edgewright import boards, estimators
from edgewright.data.hmp_adl_wrist import load_split
from edgewright.ir.graph import Graph
from edgewright.lowering import lower
from edgewright.records import Record

TRAINED_ROWS, ROWS, ROWS_ON_AVR = 400, 40, 8
SHARED: Mapping[str, Any] = {"size_kb": None, "hidden": 12, "epochs": 8, "random_state": 0}
WINDOWS: Mapping[str, Any] = {"window": 32, "stride": 16}
LEARNERS: Mapping[str, Mapping[str, Any]] = {
    "fastrnn": {},
    "fastgrnn": {},
    "ugrnn": {},
    "gru": {},
    "lstm": {},
    "emi": WINDOWS,
    "sharnn": {"brick": 8, "hidden_upper": 8},
    "msc": {**WINDOWS, "clutter": "Walk", "hidden_upper": 8},
}
SPLIT = "by volunteer; so small a part that only the agreement of the bits means something"


def called(learner: str) -> str:
    """Return what records call a learner's model."""
    return f"agreement: {learner}"


def model(learner: str, quick: bool) -> Trained:
    """Return a small model of a learner, trained on few windows of the accelerometer. Raises BadData where these are missing."""
    rows = load_split()
    first = slice(None, None, -(-len(rows.y_train) // TRAINED_ROWS))
    chosen = {**SHARED, **LEARNERS[learner], **({"epochs": 6} if quick else {})}

    def fit(checkpoint: Path) -> Graph:
        return lower(
            estimators.get(learner)(**chosen).fit(rows.x_train[first], rows.y_train[first], checkpoint=checkpoint)
        )

    return trained.kept(called(learner), 0, learner, {**chosen, "learner": learner}, rows.x_train[first], fit)


def unit(learner: str, board: str, quick: bool) -> Iterator[Record]:
    """Run a learner on a board in both forms, on test windows of the accelerometer and the corners of the range."""
    found, few = model(learner, quick), boards.get(board).core == "avr" or quick
    x = load_split().x_test
    rows = x[:: len(x) // (ROWS_ON_AVR if few else ROWS)]
    for stream in (False, True):
        yield replace(on_boards.on_board(found, board, rows, stream), data="hmp_adl_wrist", split=SPLIT)
