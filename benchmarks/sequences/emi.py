"""EMI-RNN beside the plain cell: accuracy, and the steps that are executed; and what refining the labels is worth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.sequences import bags, trained
from benchmarks.sequences.trained import Trained
from edgewright import data, estimators
from edgewright.data import Split, hmp_adl_wrist
from edgewright.ir.graph import Graph
from edgewright.lowering import lower
from edgewright.records import Record
from edgewright.runtime.steps import executed_steps

PLAIN, EMI = "plain", "emi"
REFINED, UNREFINED = "emi, labels refined", "emi, labels not refined"
ROUNDS = 3  # of refining
QUICK_ROWS = 40
QUICK = {"epochs": 6}


@dataclass(frozen=True)
class Setting:
    """A dataset of the table.

    cell: of all models. shared: settings of all of them; emi: further ones of EMI. refines: whether EMI refines the labels of windows: not
    where every window of a row is of its class. size, stride: of a row, where it is cut out of recordings.
    """

    name: str
    data: str
    split: str
    cell: str
    shared: Mapping[str, Any]
    emi: Mapping[str, Any]
    refines: bool
    size: int | None = None
    stride: int | None = None

    @property
    def kinds(self) -> tuple[str, ...]:
        """The models: the plain cell, EMI as it is best, and EMI that refines where that does not, or the other way round."""
        return (PLAIN, EMI, UNREFINED if self.refines else REFINED)

    def rounds(self, kind: str) -> int:
        """Return how often a kind refines labels."""
        return ROUNDS if kind == REFINED or (kind == EMI and self.refines) else 0


SHARED: Mapping[str, Any] = {"size_kb": None, "standardise": "feature", "augmentation": "warp"}
BY_VOLUNTEER = "by volunteer, 4 of 16 for the test; settings by volunteers held out of the rest"
SETTINGS: tuple[Setting, ...] = (
    Setting(
        "hmp",
        "hmp_adl_wrist",
        BY_VOLUNTEER,
        "lstm",
        {"hidden": 16, "epochs": 30, "batch_rows": 32, "validation_share": 0.0},
        {"window": 32, "stride": 32, "consecutive": 8, "pooling": "sum", "confidence": 0.6, "lead": 3.0},
        refines=False,
        size=512,
        stride=64,
    ),
    Setting(
        "basic motions",
        "basic_motions",
        "the archive's; settings by rows held out of the training part",
        "fastgrnn",
        {"hidden": 24, "epochs": 200, "batch_rows": 20, "input_noise": 0.2, "validation_share": 0.0},
        {"window": 16, "stride": 16, "consecutive": 3, "pooling": "sum", "confidence": 0.8, "lead": 6.0},
        refines=False,
    ),
    Setting(
        "hmp, constructed bags",
        bags.NAME,
        f"{BY_VOLUNTEER}; constructed: an activity within a stretch of another recording, joined by a seed",
        "lstm",
        {"hidden": 16, "epochs": 30, "batch_rows": 25},
        {"window": 32, "stride": 32, "consecutive": 1, "background": bags.NOTHING},
        refines=True,
    ),
)


def get(name: str) -> Setting:
    """Return a setting of the list by name."""
    (found,) = (setting for setting in SETTINGS if setting.name == name)
    return found


def called(name: str, kind: str) -> str:
    """Return what records call a model."""
    return f"{name}: {kind}"


def learner(setting: Setting, kind: str) -> str:
    """Return the name of the estimator of a kind."""
    return setting.cell if kind == PLAIN else EMI


def split(setting: Setting, quick: bool) -> Split:
    """Return the sequences; few of them where it must be quick."""
    if setting.data == bags.NAME:
        whole = bags.load_split()
    elif setting.size is not None and setting.stride is not None:
        whole = hmp_adl_wrist.load_split(setting.size, setting.stride)
    else:
        whole = data.get(setting.data).load()
    whole = whole.as_sequences()
    if not quick:
        return whole
    train, test = (slice(None, None, -(-len(y) // QUICK_ROWS)) for y in (whole.y_train, whole.y_test))
    return Split(whole.x_train[train], whole.y_train[train], whole.x_test[test], whole.y_test[test], whole.labels)


def parameters(setting: Setting, kind: str, seed: int, quick: bool) -> dict[str, Any]:
    """Return the parameters of the estimator of a kind."""
    own = {} if kind == PLAIN else {"cell": setting.cell, **setting.emi, "rounds": setting.rounds(kind)}
    return {**SHARED, **setting.shared, **own, "random_state": seed, **(QUICK if quick else {})}


def model(name: str, kind: str, seed: int, quick: bool) -> Trained:
    """Return a trained model of a setting and a kind. Raises BadData where the data are missing."""
    setting = get(name)
    rows, chosen = split(setting, quick), parameters(setting, kind, seed, quick)
    estimator = learner(setting, kind)

    def fit(checkpoint: Path) -> Graph:
        return lower(estimators.get(estimator)(**chosen).fit(rows.x_train, rows.y_train, checkpoint=checkpoint))

    made_by = {**chosen, "data": setting.data, "kind": kind, "shape": rows.x_train.shape, "quick": quick}
    return trained.kept(called(name, kind), seed, estimator, made_by, rows.x_train, fit)


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
        settings={**parameters(setting, kind, seed, quick), "cell": setting.cell, "kind": kind},
        numbers={"steps_executed": float(steps.mean()), "steps": rows.x_test.shape[1]},
    )
