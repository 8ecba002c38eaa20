"""Keywords from raw samples: FastGRNN and MI-ShaRNN beside a GRU in full precision, trained alike, and logistic regression."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from benchmarks.kilobytes.accuracy import constant_bytes
from benchmarks.sequences import on_boards, trained
from benchmarks.sequences.trained import Trained
from edgewright import data, estimators, features, records
from edgewright.compiler.emit import emit
from edgewright.data import Split
from edgewright.engines._cache import cache_folder
from edgewright.errors import PoorRecordings, UnsupportedModel
from edgewright.estimators.gru import GRUClassifier
from edgewright.files import write_file
from edgewright.ir.graph import Graph
from edgewright.ir.types import Array, Type
from edgewright.lowering import Builder, lower
from edgewright.nn._learner import Inputs, Learner
from edgewright.records import Record
from edgewright.training import augmentations

REFERENCE, LOGISTIC = "full precision", "logistic regression"
SPLIT = "by speaker, a quarter of them for the test, at which the models are looked at once; settings by speakers held out of the rest"
RAW_COPIES, QUICK_COPIES = 24, 1
RAW_STRENGTH = 0.8
COUNTED_ROWS = 3  # recordings on a board
QUICK_ROWS = 60
QUICK = {"epochs": 3}


FEATURISER: Mapping[str, Any] = {"bands": 32, "frame": 400, "hop": 320}


@dataclass(frozen=True)
class Setting:
    """A model of the table.

    settings: of the estimator. first, samples: the part of the second that it hears. featuriser: the settings of its log-mel bands.
    """

    name: str
    learner: str
    settings: Mapping[str, Any]
    first: int = 0
    samples: int = 16_000
    featuriser: Mapping[str, Any] = field(default_factory=lambda: FEATURISER)

    def heard(self, x: Array) -> Array:
        """Return that part of recordings [n, samples]."""
        return x[:, self.first : self.first + self.samples]


# An epoch draws as many rows as there are copies: 32 such are 800 over the recordings themselves. No part is held out; the last weights
# count.
SHARED: Mapping[str, Any] = {
    "size_kb": None,
    "standardise": "common",
    "validation_share": 0.0,
    "input_noise": 0.0,
    "label_smoothing": 0.1,
    "augmentation": "mask",
    "copies": 1,
    "epochs": 32,
    "batch_rows": 100,
    "learning_rate": 0.02,
}
SETTINGS: tuple[Setting, ...] = (
    Setting("keywords fastgrnn", "fastgrnn", {"hidden": 56}),
    Setting("keywords mi-sharnn", "sharnn", {"hidden": 44, "hidden_upper": 28, "brick": 12}),
)
GRU = Setting("keywords gru", REFERENCE, {"hidden": 64, "learning_rate": 0.005})


class FullPrecision(Learner):
    """torch's GRU and a linear layer on its last state; nothing of it is ever rounded.

    x: [n, steps, features]; scores [n, classes].
    """

    def __init__(self, features: int, classes: int, hidden: int, generator: torch.Generator) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(torch.randint(2**31 - 1, (), generator=generator)))
            self.recurrent = nn.GRU(features, hidden, batch_first=True)
            self.output = nn.Linear(hidden, classes)

    def forward(self, x: torch.Tensor, hard: bool = False) -> torch.Tensor:
        """Return the scores; `hard` makes no difference."""
        scores: torch.Tensor = self.output(self.recurrent(x)[0][:, -1])
        return scores

    def leave_out(self, features: torch.Tensor) -> None:
        """Keep the weights of features that do not vary."""

    def add_to(self, builder: Builder, x: str, inputs: Inputs) -> str:
        """Raise UnsupportedModel: what is in full precision is no model for a device."""
        raise UnsupportedModel("The reference in full precision is not deployed.")


class Reference(GRUClassifier):
    """The same training as any classifier's, of `FullPrecision`."""

    def _make_module(
        self, features: int, classes: int, generator: torch.Generator | None, settings: Mapping[str, Any]
    ) -> Learner:
        assert generator is not None
        return FullPrecision(features, classes, settings["hidden"], generator)


def get(name: str) -> Setting:
    """Return the setting of a name of the list."""
    (found,) = (setting for setting in (*SETTINGS, GRU) if setting.name == name)
    return found


def featuriser(setting: Setting) -> Any:
    """Return what turns raw samples into log-mel bands."""
    return features.get("log-mel")(**setting.featuriser)


def bands_of(setting: Setting, x: Array) -> Array:
    """Return the bands [n, steps, bands] of what a model hears of recordings [n, 16000], as the integers give them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PoorRecordings)  # recordings of silence are silent
        return features.transform(featuriser(setting), setting.heard(x))


def split(quick: bool) -> Split:
    """Return raw recordings [n, 16000]; few of each part where it must be quick."""
    whole = data.get("speech_commands").load()
    if not quick:
        return whole
    train, test = (slice(None, None, -(-len(y) // QUICK_ROWS)) for y in (whole.y_train, whole.y_test))
    return Split(whole.x_train[train], whole.y_train[train], whole.x_test[test], whole.y_test[test], whole.labels)


def copies(setting: Setting, quick: bool) -> Array:
    """Return the bands of the training recordings, then of each of their distorted copies, [(1 + copies) * n, steps, bands]."""
    x, count = split(quick).x_train, QUICK_COPIES if quick else RAW_COPIES
    made_by = [dict(setting.featuriser), setting.first, setting.samples, count, RAW_STRENGTH]
    made_by += [trained.digest("features", "training/augmentations", "ops")]
    asked = hashlib.sha256(json.dumps(made_by).encode())
    asked.update(np.ascontiguousarray(x).data)
    path = cache_folder() / "sequences" / f"bands-{asked.hexdigest()[:24]}.npy"
    if path.exists():
        known: Array = np.load(path, allow_pickle=False)
        return known
    rows, generator = torch.tensor(x.astype(np.float32)), torch.Generator().manual_seed(0)
    parts = [bands_of(setting, x)]
    for _ in range(count):
        distorted = augmentations.get("recording").apply(rows, RAW_STRENGTH, generator, None)
        parts.append(bands_of(setting, distorted.round().numpy().astype(x.dtype)))
    bands = np.concatenate(parts)
    write_file(path, trained.packed(bands))
    return bands


def labels_of(y: npt.NDArray[Any], bands: Array) -> npt.NDArray[Any]:
    """Return the labels of recordings and all their copies."""
    return np.tile(y, len(bands) // len(y))


def parameters(setting: Setting, seed: int, quick: bool) -> dict[str, Any]:
    """Return the parameters of the estimator."""
    return {**SHARED, **setting.settings, "random_state": seed, **(QUICK if quick else {})}


def fitted(setting: Setting, seed: int, quick: bool, checkpoint: Path | None) -> Any:
    """Return an estimator trained on the bands of all copies."""
    kind = Reference if setting.learner == REFERENCE else estimators.get(setting.learner)
    bands = copies(setting, quick)
    return kind(**parameters(setting, seed, quick)).fit(
        bands, labels_of(split(quick).y_train, bands), checkpoint=checkpoint
    )


def code_of(setting: Setting) -> str:
    """Return the learner whose code trains a model."""
    return "fastgrnn" if setting.learner == REFERENCE else setting.learner


def model(name: str, seed: int, quick: bool) -> Trained:
    """Return a trained model of the list, from raw samples to scores. Raises BadData where the recordings are missing."""
    setting = get(name)

    def fit(checkpoint: Path) -> Graph:
        return from_samples(fitted(setting, seed, quick, checkpoint), setting)

    return trained.kept(
        name, seed, code_of(setting), described(setting, seed, quick), setting.heard(split(quick).x_train), fit
    )


def on_bands(setting: Setting, seed: int, quick: bool) -> Trained:
    """Return a trained model that reads bands, its featuriser left out."""

    def fit(checkpoint: Path) -> Graph:
        return lower(fitted(setting, seed, quick, checkpoint))

    made_by = {**described(setting, seed, quick), "reads": "bands"}
    return trained.kept(setting.name, seed, code_of(setting), made_by, bands_of(setting, split(quick).x_train), fit)


def described(setting: Setting, seed: int, quick: bool) -> dict[str, Any]:
    """Return all settings of a training, for its record."""
    found = {
        **parameters(setting, seed, quick),
        **setting.featuriser,
        "first": setting.first,
        "samples": setting.samples,
    }
    return {**found, "raw copies": QUICK_COPIES if quick else RAW_COPIES, "raw strength": RAW_STRENGTH, "quick": quick}


def from_samples(estimator: Any, setting: Setting) -> Graph:
    """Return the float graph of an estimator that was trained on bands, from raw samples on."""
    builder, standardiser = Builder("keywords"), estimator.standardiser_
    bands = featuriser(setting).add_to(builder, builder.input("x", Type((setting.samples,))))
    mean, scale = (array.astype(np.float64) for array in (standardiser.mean, standardiser.scale))
    scores = estimator.module_.add_to(builder, bands, Inputs(mean, scale, standardiser.kind == "common"))
    return builder.finish(scores, labels=tuple(map(str, estimator.classes_)))


def unit(name: str, seed: int, quick: bool) -> Iterator[Record]:
    """Train a model with a seed and measure it on the speakers of the test."""
    setting, rows = get(name), split(quick)
    found = model(name, seed, quick)
    settings = described(setting, seed, quick)
    y = trained.places(rows.y_test, np.unique(rows.y_train))
    record = trained.reached(
        found, setting.heard(rows.x_test), y, data="speech_commands", split=SPLIT, settings=settings
    )
    own, whole = featuriser_bytes(setting), record.numbers["weight_bytes"]
    assert whole is not None  # it was just counted
    yield replace(record, numbers={**record.numbers, "weight_bytes": whole - own, "featuriser_bytes": own})


def featuriser_bytes(setting: Setting) -> int:
    """Return the bytes of the constants of the featuriser: its window and its filters."""
    graph = features.integer_graph(featuriser(setting), (setting.samples,))
    return constant_bytes(emit({"featuriser": graph}))["weight_bytes"]


def reference_unit(seed: int, quick: bool) -> Iterator[Record]:
    """Train the GRU in full precision, alike, and measure it."""
    rows = split(quick)
    estimator = fitted(GRU, seed, quick, None)
    right = estimator.predict(bands_of(GRU, rows.x_test)) == rows.y_test
    yield records.make(
        REFERENCE,
        GRU.name,
        data="speech_commands",
        split=SPLIT,
        seed=seed,
        threads=1,
        settings=parameters(GRU, seed, quick),
        numbers={"accuracy_float": float(np.mean(right)), "rows": len(right)},
    )


def logistic_unit(quick: bool) -> Iterator[Record]:
    """Fit logistic regression on the mean and the deviation of each band over time."""
    rows = split(quick)
    pooled = []
    for x in (rows.x_train, rows.x_test):
        bands = bands_of(GRU, x)
        pooled.append(np.concatenate([bands.mean(1), bands.std(1)], 1))
    regression = make_pipeline(StandardScaler(), LogisticRegression(max_iter=5_000))
    right = regression.fit(pooled[0], rows.y_train).predict(pooled[1]) == rows.y_test
    yield records.make(
        LOGISTIC,
        "keywords logistic regression",
        data="speech_commands",
        split=SPLIT,
        numbers={"accuracy_float": float(np.mean(right)), "rows": len(right)},
    )


def cost_unit(name: str, board: str, quick: bool) -> Iterator[Record]:
    """Run the model of seed 0 on a board, featuriser included: samples one at a time, and recordings as a whole."""
    setting, found = get(name), model(name, 0, quick)
    rows = setting.heard(split(quick).x_test)[: 1 if quick else COUNTED_ROWS]
    for stream in (True, False):
        record = on_boards.on_board(found, board, rows, stream, settings=described(setting, 0, quick))
        yield replace(record, data="speech_commands", split=SPLIT)
