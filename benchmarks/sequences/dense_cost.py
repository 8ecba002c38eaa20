"""What a dense FastGRNN of 100 units costs on a Cortex-M4 for 99 steps of 32 features, and a ShaRNN of equal accuracy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.sequences import keywords, on_boards, trained
from benchmarks.sequences.keywords import Setting
from benchmarks.sequences.on_boards import M4
from edgewright import features
from edgewright.records import Record

# Frames of 20 ms, each 10 ms after the one before: 99 of a second, 32 bands of each
FEATURISER: Mapping[str, Any] = {"bands": 32, "frame": 320, "hop": 160}
DENSE = Setting("keywords dense fastgrnn", "fastgrnn", {"hidden": 100}, featuriser=FEATURISER)
SHALLOW = Setting(
    "keywords dense sharnn", "sharnn", {"hidden": 48, "hidden_upper": 40, "brick": 9}, featuriser=FEATURISER
)
SETTINGS = (DENSE, SHALLOW)
COUNTED_ROWS = 20


def unit(name: str, seed: int, quick: bool) -> Iterator[Record]:
    """Train a model on log-mel bands, measure it, and count its instructions from the bands on; the featuriser is left out here."""
    (setting,) = (one for one in SETTINGS if one.name == name)
    rows = keywords.split(quick)
    found = keywords.on_bands(setting, seed, quick)
    bands = features.transform(keywords.featuriser(setting), rows.x_test)
    y = trained.places(rows.y_test, np.unique(rows.y_train))
    settings = {**keywords.parameters(setting, seed, quick), **setting.featuriser}
    yield trained.reached(found, bands, y, data="speech_commands", split=keywords.SPLIT, settings=settings)
    counted = bands[: 2 if quick else COUNTED_ROWS]
    record = on_boards.on_board(found, M4, counted, settings={"steps": bands.shape[1], "features": bands.shape[2]})
    yield replace(record, data="speech_commands", split=keywords.SPLIT)
