"""EMI-RNN beside the plain cell: accuracy, and the steps that are executed; and what refining the labels is worth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.sequences import trained
from benchmarks.sequences.trained import Trained
from edgewright import data, estimators
from edgewright.data import Split
from edgewright.data.hmp_adl_wrist import load_split
from edgewright.ir.graph import Graph
from edgewright.lowering import lower
from edgewright.records import Record
from edgewright.runtime.steps import executed_steps

PLAIN, EMI, UNREFINED = "fastgrnn", "emi", "emi, labels not refined"
QUICK_ROWS = 40
QUICK = {"epochs": 6}


@dataclass(frozen=True)
class Setting:
    """A dataset of the table.

    shared: settings of all three estimators; emi: further ones of EMI. confidence: the probability that counts as sure, chosen on held-out
    groups: the estimator's own choice knows the wearers that it judges by. size, stride: of a row, where it is cut out of recordings.
    """

    name: str
    data: str
    split: str
    shared: Mapping[str, Any]
    emi: Mapping[str, Any]
    confidence: float
    size: int | None = None
    stride: int | None = None


SHARED: Mapping[str, Any] = {"size_kb": None, "standardise": "feature", "augmentation": "warp"}
SETTINGS: tuple[Setting, ...] = (
    Setting(
        "hmp",
        "hmp_adl_wrist",
        "by volunteer, 4 of 16 for the test; settings by volunteers held out of the rest",
        {"hidden": 16, "epochs": 40},
        {"window": 128, "stride": 64, "consecutive": 1},
        confidence=0.5,
        size=512,
        stride=128,
    ),
    Setting(
        "basic motions",
        "basic_motions",
        "the archive's; settings by rows held out of the training part",
        {"hidden": 24, "epochs": 200, "input_noise": 0.2},
        {"window": 20, "stride": 20, "consecutive": 1, "policy": "prune-ends"},
        confidence=0.9,
    ),
)
KINDS = (PLAIN, EMI, UNREFINED)


def get(name: str) -> Setting:
    """Return a setting of the list by name."""
    (found,) = (setting for setting in SETTINGS if setting.name == name)
    return found


def called(name: str, kind: str) -> str:
    """Return what records call a model."""
    return f"{name}: {kind}"


def split(setting: Setting, quick: bool) -> Split:
    """Return the sequences; few of them where it must be quick."""
    whole = data.get(setting.data).load()
    if setting.size is not None and setting.stride is not None:
        whole = load_split(setting.size, setting.stride)
    whole = whole.as_sequences()
    if not quick:
        return whole
    train, test = (slice(None, None, -(-len(y) // QUICK_ROWS)) for y in (whole.y_train, whole.y_test))
    return Split(whole.x_train[train], whole.y_train[train], whole.x_test[test], whole.y_test[test], whole.labels)


def parameters(setting: Setting, kind: str, seed: int, quick: bool) -> dict[str, Any]:
    """Return the parameters of the estimator of a kind."""
    own = {} if kind == PLAIN else {**setting.emi, **({"rounds": 0} if kind == UNREFINED else {})}
    return {**SHARED, **setting.shared, **own, "random_state": seed, **(QUICK if quick else {})}


def model(name: str, kind: str, seed: int, quick: bool) -> Trained:
    """Return a trained model of a setting and a kind. Raises BadData where the data are missing."""
    setting = get(name)
    rows, chosen = split(setting, quick), parameters(setting, kind, seed, quick)

    def fit(checkpoint: Path) -> Graph:
        estimator = estimators.get(PLAIN if kind == PLAIN else EMI)(**chosen)
        estimator.fit(rows.x_train, rows.y_train, checkpoint=checkpoint)
        if kind != PLAIN:
            estimator.module_.confidence.fill_(setting.confidence)
        return lower(estimator)

    made_by = {**chosen, "kind": kind, "confidence": setting.confidence, "shape": rows.x_train.shape, "quick": quick}
    return trained.kept(called(name, kind), seed, PLAIN if kind == PLAIN else EMI, made_by, rows.x_train, fit)


def unit(name: str, kind: str, seed: int, quick: bool) -> Iterator[Record]:
    """Train a model and measure it on the test rows, with the steps that its integers execute."""
    setting = get(name)
    found, rows = model(name, kind, seed, quick), split(setting, quick)
    steps = np.concatenate([executed_steps(found.integers, found.rows(part)) for part in trained.parts(rows.x_test)])
    yield trained.reached(
        found,
        rows.x_test,
        trained.places(rows.y_test, np.unique(rows.y_train)),
        data=setting.data,
        split=setting.split,
        settings={**parameters(setting, kind, seed, quick), "kind": kind, "confidence": setting.confidence},
        numbers={"steps_executed": float(steps.mean()), "steps": rows.x_test.shape[1]},
    )
