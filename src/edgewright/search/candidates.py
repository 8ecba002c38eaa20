"""Candidates: the integers that a fitted model could have, judged in the integer twin."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from edgewright.compiler.agreement import answers_on
from edgewright.compiler.passes.store_sparse import storable
from edgewright.compiler.pipeline import prepare, to_integers
from edgewright.compiler.quantise import quantise
from edgewright.compiler.settings import CHOICES, Settings, default_settings
from edgewright.compiler.widths import choosable
from edgewright.errors import BadGraph, UnsupportedModel
from edgewright.firmware import Firmware
from edgewright.ir.graph import Graph
from edgewright.ir.types import Array
from edgewright.runtime.classes import as_classes, classes_of
from edgewright.search.budgets import Needs

NARROW_SHARES = (0.25, 0.5, 0.75)  # of the activations, those that are made 8 bits wide, the least sensitive first
LEAST_ZEROS = 0.25  # the share of zeros from which a matrix may be better off stored sparse


@dataclass(frozen=True, eq=False)
class Candidate:
    """Integers that a model could have.

    accuracy: of the integer twin on the validation rows. error: mean squared difference of its outputs from those of the float model
    there. size: the settings of the estimator that its size comes from.
    """

    settings: Settings
    graph: Graph
    accuracy: float
    error: float
    size: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The candidate in words."""
        chosen, narrow = self.settings, len(self.settings.widths)
        words = [
            f"{key}={value:.4g}" if isinstance(value, float) else f"{key}={value}" for key, value in self.size.items()
        ]
        words.append(f"{chosen.activation}{f' but {narrow} int8' if narrow else ''}")
        words += [f"{chosen.input} input"] if chosen.input != chosen.activation else []
        words += ["any scales"] if chosen.scales == "any" else []
        words += [f"{matrix} {how}" for matrix, how in chosen.storage.items()]
        return ", ".join(words)


@dataclass(frozen=True, eq=False)
class Measured:
    """A candidate that was built for a board and run there; each is only equal to itself.

    model: the fitted one, or its float graph. needs: what the candidate takes, by the names of the budgets. numbers: the same in more
    detail, by the keys of records.
    """

    candidate: Candidate
    model: Any
    firmware: Firmware
    needs: Needs
    numbers: Mapping[str, float | int | None]

    @property
    def name(self) -> str:
        """The candidate in words."""
        return self.candidate.name


@dataclass(frozen=True)
class Judge:
    """Tries settings of one model in the integer twin, on rows that it was not trained on.

    graph: of the model, in float. calibration: rows [n, *shape] that scales are taken from. X, y: validation rows and their classes.
    """

    graph: Graph
    calibration: Array
    X: Array
    y: Array
    size: Mapping[str, Any] = field(default_factory=dict)

    def candidates(self, several: Iterable[Settings]) -> Iterator[Candidate]:
        """Yield the candidate of each of several settings, without those that an operator of the model does not take."""
        for settings in several:
            try:
                integers = to_integers(self.graph, self.calibration, settings)
            except (BadGraph, UnsupportedModel):
                continue
            real, ours = answers_on(self.graph, integers, self.X)
            classes = classes_of(integers.labels)
            answers = classes[ours.reshape(len(ours), -1).argmax(axis=1)]
            accuracy = float(np.mean(answers == as_classes(self.y, classes)))
            yield Candidate(settings, integers, accuracy, float(np.mean((ours - real) ** 2)), self.size)

    def everywhere(self) -> Iterator[Candidate]:
        """Yield candidates with the same dtype for all activations, in both dtypes of the input.

        Scales that are no powers of two cost flash and instructions; they come only where they are more accurate.
        """
        for activation in ("int16", "int8"):
            for input in CHOICES["input"]:
                chosen = replace(default_settings(self.graph), activation=activation, input=input)
                best = -1.0
                for one in self.candidates(replace(chosen, scales=scales) for scales in ("power-of-two", "any")):
                    if one.accuracy > best:
                        best = one.accuracy
                        yield one

    def one_by_one(self) -> Iterator[Candidate]:
        """Yield candidates that have 8 bits in a part of the activations and 16 in the others.

        Each activation is tried alone; those whose rounding to 8 bits changes the outputs least come first. One whose operator prescribes
        its width is left out.
        """
        wide = replace(default_settings(self.graph), activation="int16")
        values = choosable(prepare(self.graph, self.calibration, wide))
        same = {one.graph.hash for one in self.candidates([wide])}
        alone = self.candidates(replace(wide, widths={value: "int8"}) for value in values)
        alone = (one for one in alone if one.graph.hash not in same)
        order = [value for one in sorted(alone, key=lambda one: one.error) for value in one.settings.widths]
        parts = sorted({round(share * len(order)) for share in NARROW_SHARES} - {0, len(order)})
        return self.candidates(replace(wide, widths=dict.fromkeys(order[:part], "int8")) for part in parts)

    def stored_otherwise(self, one: Candidate) -> Iterator[Candidate]:
        """Yield a candidate with one matrix at a time stored in the other way, of those that have enough zeros for either."""
        plain = quantise(prepare(self.graph, self.calibration, one.settings), self.calibration, one.settings)
        dense = storable(one.graph)
        return self.candidates(
            replace(one.settings, storage={matrix: "sparse" if matrix in dense else "dense"})
            for matrix, values in storable(plain).items()
            if np.mean(values == 0) >= LEAST_ZEROS
        )
