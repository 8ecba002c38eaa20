"""Training that rounds as the device does: what the integers lose to full precision, and whether the float view answers as they do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from edgewright import data, records
from edgewright.compiler.pipeline import prepared_and_integers
from edgewright.compiler.settings import default_settings
from edgewright.data import Split
from edgewright.estimators.fastgrnn import FastGRNNClassifier
from edgewright.ir.types import Array, quantise_array
from edgewright.lowering import lower
from edgewright.nn._learner import Learner
from edgewright.nn.recurrent import Recurrent
from edgewright.records import Record
from edgewright.runtime.integer import run_integer
from edgewright.training import Phase
from edgewright.training.twin import Twin, calibration_rows

LOST = "quantisation-aware training"
NAME = "usps fastgrnn, rounded as the twin does"
SPLIT = "the published split; the test set is looked at once, at the end"
QUICK_ROWS = 200
PHASES = (
    Phase("dense", share=2),
    Phase("fixed", rounding="weights"),
    Phase("twin", share=0.2, rounding="twin", restart=True, rate=0.1),
)
SETTINGS: Mapping[str, Any] = {
    "hidden": 32,
    "size_kb": None,
    "standardise": "common",
    "validation_share": 0.0,
    "input_noise": 0.2,
    "epochs": 64,
}


class Unrounded(Recurrent):
    """The same layers, none of whose matrices is ever rounded."""

    matrices = ()

    def leave_out(self, features: torch.Tensor) -> None:
        """Keep the weights of features that do not vary."""


class FullPrecision(FastGRNNClassifier):
    """The same training as of a FastGRNN, without rounding."""

    def _make_module(
        self, features: int, classes: int, generator: torch.Generator | None, settings: Mapping[str, Any]
    ) -> Learner:
        return Unrounded(features, classes, generator=generator, cell=self.cell, **settings)


def split(quick: bool) -> Split:
    """Return the digits as rows of pixels; the first only where it must be quick."""
    whole, first = data.get("usps").load().as_sequences(), slice(QUICK_ROWS if quick else None)
    return Split(whole.x_train[first], whole.y_train[first], whole.x_test[first], whole.y_test[first], whole.labels)


def unit(seed: int, quick: bool) -> Iterator[Record]:
    """Train with the twin's rounding and without any, and compare what they answer on the test digits."""
    rows = split(quick)
    chosen = {**SETTINGS, "random_state": seed, **({"epochs": 6} if quick else {})}
    rounded = FastGRNNClassifier(**chosen, phases=PHASES).fit(rows.x_train, rows.y_train)
    unrounded = FullPrecision(**chosen, phases=PHASES[:1]).fit(rows.x_train, rows.y_train)
    graph, calibration = lower(rounded), calibration_rows(torch.tensor(rows.x_train))
    _, integers = prepared_and_integers(graph, calibration, default_settings(graph))
    given = quantise_array(rows.x_test, integers.input_type).astype(integers.input_type.dtype)
    twin = _best(run_integer(integers, given))
    view = Twin(lambda _: graph, calibration).scores(rounded.module_, torch.tensor(rows.x_test))
    y = np.searchsorted(np.unique(rows.y_train), rows.y_test)
    yield records.make(
        LOST,
        NAME,
        data="usps",
        split=SPLIT,
        seed=seed,
        threads=1,
        graph_hash=integers.hash,
        settings=chosen,
        numbers={
            "accuracy_full_precision": float(np.mean(unrounded.predict(rows.x_test) == rows.y_test)),
            "accuracy_view": float(np.mean(_best(view.numpy()) == y)),
            "accuracy_integer": float(np.mean(twin == y)),
            "view_unlike_integers": int(np.sum(_best(view.numpy()) != twin)),
            "rows": len(y),
        },
    )


def _best(scores: Array) -> npt.NDArray[np.intp]:
    return scores.reshape(len(scores), -1).argmax(1)
