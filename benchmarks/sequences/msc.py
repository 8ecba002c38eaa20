"""MSC-RNN beside one tier of the same size: accuracy on radar, and instructions a second where most of the time there is clutter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.sequences import on_boards, trained
from benchmarks.sequences.on_boards import M4
from benchmarks.sequences.trained import Trained
from edgewright import data, estimators
from edgewright.data import Split
from edgewright.ir.graph import Graph
from edgewright.ir.types import Array
from edgewright.lowering import lower
from edgewright.records import Record

CASCADE, ONE_TIER = "cascade", "one tier"
KINDS = (CASCADE, ONE_TIER)
CLUTTER, CLUTTER_SHARE = "walk", 0.95
STREAM_WINDOWS, STREAM_SEED = 400, 0
SPLIT = "by recording, every fourth for the test; settings by recordings held out of the rest"
CONSTRUCTED = (
    f"CONSTRUCTED from windows of the test recordings: {CLUTTER} taken as clutter, {CLUTTER_SHARE:.0%} of the windows, joined by "
    f"chance with seed {STREAM_SEED}"
)
STREAM = "radhar, constructed stream"
QUICK_ROWS = 60
QUICK = {"epochs": 8}

SHARED: Mapping[str, Any] = {
    "size_kb": None,
    "standardise": "feature",
    "epochs": 72,
    "label_smoothing": 0.1,
    "augmentation": "warp",
    "copies": 6,
    "validation_share": 0.03,
}
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    CASCADE: {
        "clutter": CLUTTER,
        "hidden": 12,
        "hidden_upper": 28,
        "window": 10,
        "stride": 10,
        "consecutive": 6,
        "rounds": 0,  # an activity fills its window, so that no part of it is clutter
        "exits": "none",
        "input_noise": 0.2,
    },
    ONE_TIER: {"hidden": 36, "input_noise": 0.4},
}


@dataclass(frozen=True)
class Rows:
    """Windows [n, steps, features] and the places of their classes [n]."""

    x: Array
    y: npt.NDArray[np.intp]


def called(kind: str) -> str:
    """Return what records call a model."""
    return f"radhar: {kind}"


def split(quick: bool) -> Split:
    """Return the windows; few of them where it must be quick."""
    whole = data.get("radhar").load()
    if not quick:
        return whole
    train, test = (slice(None, None, -(-len(y) // QUICK_ROWS)) for y in (whole.y_train, whole.y_test))
    return Split(
        whole.x_train[train],
        whole.y_train[train],
        whole.x_test[test],
        whole.y_test[test],
        whole.labels,
        hertz=whole.hertz,
    )


def stream(quick: bool) -> Rows:
    """Return windows of the test one after another, nearly all of them clutter."""
    rows, chance = split(quick), np.random.default_rng(STREAM_SEED)
    count = STREAM_WINDOWS // (10 if quick else 1)
    is_clutter = chance.permutation(count) < round(CLUTTER_SHARE * count)
    clutter = rows.y_test == CLUTTER
    taken = [chance.choice(np.flatnonzero(clutter if wanted else ~clutter)) for wanted in is_clutter]
    return Rows(rows.x_test[taken], trained.places(rows.y_test[taken], np.unique(rows.y_train)))


def parameters(kind: str, seed: int, quick: bool) -> dict[str, Any]:
    """Return the parameters of the estimator of a kind."""
    return {**SHARED, **SETTINGS[kind], "random_state": seed, **(QUICK if quick else {})}


def model(kind: str, seed: int, quick: bool) -> Trained:
    """Return a trained model of a kind. Raises BadData where the recordings are missing."""
    rows, chosen = split(quick), parameters(kind, seed, quick)

    def fit(checkpoint: Path) -> Graph:
        estimator = estimators.get("msc" if kind == CASCADE else "fastgrnn")(**chosen)
        return lower(estimator.fit(rows.x_train, rows.y_train, checkpoint=checkpoint))

    return trained.kept(
        called(kind),
        seed,
        "fastgrnn" if kind == ONE_TIER else "msc",
        {**chosen, "kind": kind, "quick": quick},
        rows.x_train,
        fit,
    )


def unit(kind: str, seed: int, quick: bool) -> Iterator[Record]:
    """Train a model and measure it on the test windows, and on the constructed stream, where the M4 counts what a second takes."""
    found, rows = model(kind, seed, quick), split(quick)
    settings = {**parameters(kind, seed, quick), "kind": kind}
    y = trained.places(rows.y_test, np.unique(rows.y_train))
    yield trained.reached(found, rows.x_test, y, data="radhar", split=SPLIT, settings=settings)
    made = stream(quick)
    record = on_boards.on_board(found, M4, made.x, stream=True, settings={"kind": kind})
    per_sample = record.numbers.get("instructions_per_sample")
    right = found.scores(made.x).argmax(1) == made.y
    numbers = {
        **record.numbers,
        "accuracy_integer": float(np.mean(right)),
        "instructions_per_second": None if per_sample is None else per_sample * (rows.hertz or 0.0),
    }
    yield replace(record, data=STREAM, split=CONSTRUCTED, numbers=numbers)
