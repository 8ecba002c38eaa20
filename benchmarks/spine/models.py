"""The models of the spine and their rows."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from edgewright import data, frontends
from edgewright.errors import MissingTool

LEARNERS = ("bonsai", "protonn", "fastgrnn")
SEEDS = (0, 1, 2)
BOARDS = ("microbit", "bluepill", "stm32f405", "arduino-uno")
DETECTOR = Path("mlperf_tiny") / "ad01_int8.tflite"
DETECTOR_INPUTS = 100


def rows_of(name: str, values: Any) -> Any:
    """The digits as a learner reads them: FastGRNN takes the eight rows of the image as steps."""
    return values.reshape(-1, 8, 8) if name == "fastgrnn" else values


def fitted(name: str, seed: int, quick: bool) -> Any:
    from edgewright import estimators

    split = data.get("digits").load()
    settings = {"epochs": 4} if quick else {}
    model = estimators.get(name)(size_kb=4, random_state=seed, **settings)
    return model.fit(rows_of(name, split.x_train), split.y_train)


def forest() -> Any:
    from sklearn.ensemble import RandomForestClassifier

    split = data.get("digits").load()
    return RandomForestClassifier(n_estimators=10, max_depth=8, random_state=0).fit(split.x_train, split.y_train)


def detector_path() -> Path:
    folder = os.environ.get("EDGEWRIGHT_DATA")
    if not folder or not (Path(folder) / DETECTOR).is_file():
        raise MissingTool(f"The anomaly detector needs {DETECTOR} in the folder that EDGEWRIGHT_DATA names.")
    return Path(folder) / DETECTOR


def detector_rows(count: int = DETECTOR_INPUTS) -> Any:
    """Real inputs that are exactly integers of the model, drawn from its whole range."""
    type = frontends.read(detector_path()).input_type
    integers = np.random.default_rng(0).integers(-128, 128, (count, *type.shape))
    return (integers - type.zero_point) * type.scales


def has_detector() -> bool:
    """Whether the anomaly detector's file is in the folder that EDGEWRIGHT_DATA names."""
    return (Path(os.environ.get("EDGEWRIGHT_DATA", "")) / DETECTOR).is_file()
