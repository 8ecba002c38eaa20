"""The convolutional networks that the small learners imitate: trained on all training digits, kept in the cache."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

from edgewright import data, records
from edgewright.engines._cache import cache_folder
from edgewright.errors import BadModelFile
from edgewright.files import write_file
from edgewright.ir.types import Array
from edgewright.records import Record
from edgewright.training.cnn import CNNClassifier, load_cnn, save_cnn

TRAINED = "teacher"
QUICK_ROWS = 500  # of the training digits


@dataclass(frozen=True)
class Teacher:
    """An ensemble for one dataset. settings: of `CNNClassifier`, beside its defaults."""

    data: str
    image_shape: tuple[int, int]
    settings: Mapping[str, Any] = field(default_factory=dict)

    def classifier(self, quick: bool) -> CNNClassifier:
        """Return the ensemble, not fitted."""
        smaller = {"members": 1, "channels": 4, "epochs": 1} if quick else {}
        return CNNClassifier(**{"random_state": 1, **self.settings, **smaller})

    def path(self, quick: bool) -> Path:
        """Return where the cache keeps it: by the settings that make it."""
        key = json.dumps([self.data, self.image_shape, self.classifier(quick).get_params(), quick], sort_keys=True)
        return cache_folder() / "teachers" / f"{self.data}-{hashlib.sha256(key.encode()).hexdigest()[:24]}.safetensors"


TEACHERS = {
    "usps": Teacher("usps", (16, 16)),
    "mnist": Teacher("mnist", (28, 28), {"epochs": 4}),  # eight times the digits of usps
}


class Remembered(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A teacher whose scores are kept in the cache by the rows that it was asked about.

    The copies of the digits are the same for every `random_state`, so that all learners and seeds ask about the same rows.
    """

    def __init__(self, name: str, teacher: CNNClassifier) -> None:
        self.name = name
        self.teacher = teacher
        self.classes_, self.n_features_in_ = teacher.classes_, teacher.n_features_in_

    def fit(self, X: Array, y: Array) -> Remembered:
        """Return self: the networks are trained already."""
        return self

    def decision_function(self, X: Array) -> Array:
        """Return the mean scores of the networks [n, classes], in float32."""
        rows = np.ascontiguousarray(X).reshape(len(X), -1)  # the same images, however they are read
        asked = hashlib.sha256(f"{self.name} {rows.dtype} {rows.shape}".encode())
        asked.update(rows.data)
        path = cache_folder() / "teachers" / "scores" / f"{asked.hexdigest()[:32]}.npy"
        if path.exists():
            known: Array = np.load(path, allow_pickle=False)
            return known
        scores = self.teacher.scores(rows)
        packed = io.BytesIO()
        np.save(packed, scores, allow_pickle=False)
        write_file(path, packed.getvalue())
        return scores


def asked(name: str, quick: bool) -> Remembered:
    """Return the teacher for a dataset as a learner asks it; see `get`."""
    return Remembered(name_of(name, quick), get(name, quick))


@cache
def name_of(name: str, quick: bool) -> str:
    """Return what records call the teacher for a dataset: its settings, and a hash of its weights."""
    made = get(name, quick)
    weights = hashlib.sha256(TEACHERS[name].path(quick).read_bytes()).hexdigest()[:12]
    return (
        f"{made.members} CNNs of {made.channels} channels, {made.epochs} epochs, seed {made.random_state}, on all training digits of "
        f"{name} ({weights})"
    )


@cache
def get(name: str, quick: bool) -> CNNClassifier:
    """Return the teacher for a dataset, trained where the cache has none. Raises BadData where the dataset is missing."""
    teacher = TEACHERS[name]
    path = teacher.path(quick)
    if path.exists():
        try:
            return load_cnn(path)
        except BadModelFile:
            path.unlink()  # damaged: made anew
    split = data.get(name).load()
    rows = slice(QUICK_ROWS if quick else None)
    trained = teacher.classifier(quick).fit(split.x_train[rows], split.y_train[rows], teacher.image_shape)
    save_cnn(trained, path)
    return trained


def unit(name: str, quick: bool) -> Iterator[Record]:
    """Train a teacher, where it is not there, and record how well it does on the test digits, which is used for nothing."""
    trained, split = get(name, quick), data.get(name).load()
    rows = slice(QUICK_ROWS if quick else None)
    right = trained.predict(split.x_test[rows]) == split.y_test[rows]
    yield records.make(
        TRAINED,
        name_of(name, quick),
        data=name,
        seed=trained.random_state,
        threads=trained.threads,
        settings=trained.get_params(),
        numbers={"accuracy_test": float(np.mean(right)), "rows": len(right)},
    )
