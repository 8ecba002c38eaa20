"""How far the integers of a model answer as its real numbers do."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from edgewright.compiler.settings import Settings
from edgewright.errors import AccuracyLost
from edgewright.ir.graph import Graph
from edgewright.ir.types import Array, dequantise_array, quantise_array
from edgewright.runtime.calibrate import batches
from edgewright.runtime.integer import run_integer
from edgewright.runtime.interpret import run_float
from edgewright.runtime.quality import layer_quality, same_class, typical_rows

LEAST_ALIKE = 0.97  # of the rows; one row alone may lie just between two classes
LARGEST_ERROR = 0.05  # of the output's range
ROWS_OF_LAYERS = 32  # each layer runs alone


@dataclass(frozen=True)
class Agreement:
    """Of a classifier: on what share of rows its integers say the class that its real numbers say. Of others: their error.

    rows: how many were compared. alike: 0 to 1, None where there are no classes. error: root mean square over the range of the real
    outputs; None for classifiers.
    """

    rows: int
    alike: float | None
    error: float | None

    @property
    def sound(self) -> bool:
        """Whether both answer alike as far as can be asked for."""
        if self.alike is not None:
            return self.alike >= LEAST_ALIKE or round((1 - self.alike) * self.rows) < 2
        return self.error is not None and self.error <= LARGEST_ERROR


def agreement_on(prepared: Graph, quantised: Graph, rows: Array) -> Agreement:
    """Return how far an integer graph and the float graph that it was made of agree on at most 200 of some rows [n, *shape]."""
    rows = typical_rows(np.asarray(rows, np.float64))
    real, ours = answers_on(prepared, quantised, rows)
    if prepared.labels:
        return Agreement(len(rows), same_class(real, ours), None)
    spread, error = float(np.ptp(real)), float(np.sqrt(np.mean((ours - real) ** 2)))
    return Agreement(len(rows), None, error / (spread or max(float(np.abs(real).max()), 2.0**-30)))


def answers_on(prepared: Graph, quantised: Graph, rows: Array) -> tuple[Array, Array]:
    """Return the outputs [n, ...] of a float graph and, as real numbers, of its integers on rows, in parts that bound the memory."""
    parts = batches(prepared, rows)
    integers = [run_integer(quantised, quantise_array(part, quantised.input_type)) for part in parts]
    real = np.concatenate([run_float(prepared, part) for part in parts])
    return real, dequantise_array(np.concatenate(integers), quantised.output_type)


def check_agreement(prepared: Graph, quantised: Graph, rows: Array, settings: Settings) -> Agreement:
    """Return how far both agree on rows [n, *shape]; warns the caller's caller with AccuracyLost where they do not.

    The warning names the figure, the layer that alone costs the output most, and what to do.
    """
    rows = np.asarray(rows)
    found = agreement_on(prepared, quantised, rows)
    if found.sound:
        return found
    answers = (
        f"{found.alike:.1%} of {found.rows} calibration rows get the class that the float model gives them"
        if found.alike is not None
        else f"on {found.rows} calibration rows the error is {found.error:.1%} of the output's range"
    )
    layers = layer_quality(prepared, quantised, typical_rows(rows)[:ROWS_OF_LAYERS])
    worst = min(layers, key=lambda layer: layer.output_snr_db, default=None)
    where = f" Most is lost in {worst.value!r} ({worst.op}, {worst.output_snr_db:.0f} dB)." if worst else ""
    tries = [f"{name}=int16" for name in ("activation", "input") if getattr(settings, name) != "int16"]
    advice = f"Quantise with {' '.join(tries)}, or train" if tries else "Train"
    text = f"{prepared.name}: the integers lose accuracy: {answers}.{where} {advice} on features of alike size (a StandardScaler)."
    warnings.warn(AccuracyLost(text), stacklevel=3)
    return found
