"""The fixed list of models: one line a setting. What is trained is kept in the cache, so that every part measures the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from benchmarks.kilobytes import teachers, training_code
from edgewright import data, estimators
from edgewright.compiler.pipeline import prepared_and_integers
from edgewright.compiler.settings import default_settings
from edgewright.data import Split
from edgewright.engines._cache import cache_folder
from edgewright.errors import BadModelFile
from edgewright.ir import load, save
from edgewright.ir.graph import Graph
from edgewright.ir.types import Array, quantise_array
from edgewright.lowering import lower

SEEDS = (0, 1, 2)
KB = 1024
CALIBRATION_ROWS = 2_000  # the first of the training rows
QUICK_ROWS = 500


@dataclass(frozen=True)
class Setting:
    """A model of the list: what it is, how large its weights may be, and what it must reach.

    name: its key, "usps fastgrnn 2.1". kilobytes: of weights, at most. settings: of the estimator, beside those that all share.
    must, aim: accuracy of the integers in percent, mean of the seeds; None where there is none. published: what it is held against.
    quantised: settings of quantisation, beside the defaults.
    """

    data: str
    learner: str
    kilobytes: float
    settings: Mapping[str, Any]
    published: str
    must: float | None = None
    aim: float | None = None
    quantised: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The key of the model in units, records and bars."""
        view = " view" if self.has_view else ""
        return f"{self.data} {self.learner} {self.kilobytes:g}{view}"

    @property
    def has_view(self) -> bool:
        """Whether its products read an 8-bit view of the state."""
        return self.settings.get("state_view") == "int8"

    @property
    def is_sequence(self) -> bool:
        """Whether it reads the rows of the image as steps."""
        return self.learner == "fastgrnn"


# No part of the training rows is held out, and the last weights count; an epoch has as many draws as there are digits.
SHARED: Mapping[str, Any] = {
    "size_kb": None,
    "standardise": "common",
    "validation_share": 0.0,
    "input_noise": 0.0,
    "label_smoothing": 0.0,
    "augmentation": "affine",
    "copies": 10,
    "epochs": 120,
    "batch_rows": 100,
}
_FASTGRNN = "94.2 % in 7.55 KB"
_PROTONN, _PROTONN_MNIST = "94.9 % in 64 KB", "95.9 % in 64 KB"
_BONSAI, _BONSAI_MNIST = "94.4 % in 31.7 KB", "97.0 % in 84 KB"
_MNIST = {"epochs": 40, "batch_rows": 200}

MODELS: tuple[Setting, ...] = (
    Setting("usps", "fastgrnn", 2.1, {"hidden": 32}, _FASTGRNN, 95.2, 95.6),
    Setting("usps", "fastgrnn", 1.4, {"hidden": 24}, _FASTGRNN, 94.6, 95.0),
    Setting("usps", "fastgrnn", 2.1, {"hidden": 32, "state_view": "int8"}, _FASTGRNN, quantised={"input": "int8"}),
    Setting("usps", "protonn", 5.2, {"projection": 20, "prototypes": 80, "density": 0.4}, _PROTONN, 94.8, 95.2),
    Setting("usps", "protonn", 2.8, {"projection": 15, "prototypes": 60, "density": 0.2}, _PROTONN, 94.4, 94.8),
    Setting("usps", "bonsai", 6.3, {"depth": 2, "projection": 28, "density": 0.15, "epochs": 250}, _BONSAI, 94.4, 94.7),
    Setting("usps", "bonsai", 3.6, {"depth": 2, "projection": 17, "density": 0.12, "epochs": 250}, _BONSAI, None, 94.0),
    Setting(
        "mnist",
        "protonn",
        15,
        {"projection": 24, "prototypes": 200, "density": 0.3} | _MNIST,
        _PROTONN_MNIST,
        97.1,
        97.4,
    ),
    Setting(
        "mnist", "protonn", 7.5, {"projection": 15, "prototypes": 100, "density": 0.3} | _MNIST, _PROTONN_MNIST, 95.7
    ),
    Setting(
        "mnist",
        "bonsai",
        22,
        {"depth": 2, "projection": 47, "density": 0.28, "learning_rate": 0.0025} | _MNIST | {"epochs": 50},
        _BONSAI_MNIST,
        95.6,
    ),
    Setting(
        "mnist",
        "bonsai",
        40,
        {"depth": 3, "projection": 64, "density": 0.28, "learning_rate": 0.005, "epochs": 120, "batch_rows": 500},
        _BONSAI_MNIST,
        None,
        97.0,
    ),
)


@dataclass(frozen=True)
class Trained:
    """A model after training. real: its float graph. integers: what the compiler makes of it. teacher: the name of its teacher."""

    setting: Setting
    seed: int
    real: Graph
    integers: Graph
    teacher: str

    def rows(self, x: Array) -> Array:
        """Return float rows [n, features] as the integers of the input [n, *shape]."""
        type = self.integers.input_type
        return np.asarray(quantise_array(x.reshape(-1, *type.shape), type)).astype(type.dtype)


def get(name: str) -> Setting:
    """Return the model of a name of the list."""
    (found,) = (setting for setting in MODELS if setting.name == name)
    return found


def parameters(setting: Setting, seed: int, quick: bool) -> dict[str, Any]:
    """Return the parameters of the estimator, the teacher left out."""
    shape = {"image_shape": teachers.TEACHERS[setting.data].image_shape}
    smaller = {"epochs": 3, "copies": 1} if quick else {}
    return {**SHARED, **setting.settings, **shape, "random_state": seed, **smaller}


def trained(name: str, seed: int, quick: bool) -> Trained:
    """Return a model, trained where the cache does not have it. Raises BadData where its dataset is missing."""
    setting = get(name)
    teacher = teachers.name_of(setting.data, quick)
    real = _real(setting, seed, quick, teacher)
    calibration = split(setting, quick).x_train[:CALIBRATION_ROWS]
    settings = replace(default_settings(real), **setting.quantised)
    _, integers = prepared_and_integers(real, calibration, settings)
    return Trained(setting, seed, real, integers, teacher)


def split(setting: Setting, quick: bool) -> Split:
    """Return the digits as the model reads them; the first rows only where it must be quick."""
    whole = data.get(setting.data).load()
    whole = whole.as_sequences() if setting.is_sequence else whole
    if not quick:
        return whole
    first = slice(QUICK_ROWS)
    return Split(
        whole.x_train[first],
        whole.y_train[first],
        whole.x_test[first],
        whole.y_test[first],
        whole.labels,
        whole.sequence,
    )


def _real(setting: Setting, seed: int, quick: bool, teacher: str) -> Graph:
    estimator = estimators.get(setting.learner)(**parameters(setting, seed, quick))
    made_by = [setting.learner, setting.data, estimator.get_params(), teacher, training_code.digest(setting.learner)]
    key = hashlib.sha256(json.dumps(made_by, sort_keys=True).encode()).hexdigest()[:24]
    path = cache_folder() / "kilobytes" / f"{setting.name.replace(' ', '-')}-{seed}-{key}.safetensors"
    if path.exists():
        try:
            return load(path)
        except BadModelFile:
            path.unlink()  # damaged: made anew
    rows = split(setting, quick)
    estimator.set_params(teacher=teachers.asked(setting.data, quick))
    checkpoint = path.with_suffix(".checkpoint")  # what was interrupted goes on where it stopped
    graph = lower(estimator.fit(rows.x_train, rows.y_train, checkpoint=checkpoint))
    save(graph, path)
    checkpoint.unlink(missing_ok=True)
    return graph
