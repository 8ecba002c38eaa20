"""Calibration: what every value of a float graph reaches on unlabelled data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edgewright.errors import BadData
from edgewright.ir.graph import Graph
from edgewright.ir.types import Array
from edgewright.runtime.interpret import run_float


@dataclass(frozen=True)
class Observed:
    """The lowest and highest real number that a value reached, a feature each for graph inputs (the last axis)."""

    low: Array
    high: Array

    @property
    def extremes(self) -> tuple[float, float]:
        """The lowest and highest of all features."""
        return float(np.min(self.low)), float(np.max(self.high))


# Bodies of scans are graphs of their own, so a value is named by its graph's name and its own.
Observations = Mapping[tuple[str, str], Observed]


def calibrate(graph: Graph, data: Array) -> Observations:
    """Return what each value reaches when the float graph runs on the calibration data [n, *shape].

    Raises BadData where the data are empty, of another shape, or hold NaN or infinity.
    """
    data = np.asarray(data)
    if data.shape[:1] == (0,) or data.size == 0:
        raise BadData("The calibration data are empty; give at least one row, better a hundred.")
    if not np.issubdtype(data.dtype, np.number) or not np.all(np.isfinite(data)):
        raise BadData("The calibration data hold NaN, infinity or something that is not a number; clean them first.")
    observations: dict[tuple[str, str], Observed] = {}

    def watch(where: Graph, value: str, array: Array) -> None:
        per_feature = value in where.inputs and array.ndim > 1
        axes = tuple(range(array.ndim - 1)) if per_feature else None
        low, high = array.min(axis=axes), array.max(axis=axes)
        seen = observations.get((where.name, value))
        if seen:
            low, high = np.minimum(low, seen.low), np.maximum(high, seen.high)
        observations[where.name, value] = Observed(low, high)

    run_float(graph, data, watch)
    watch(graph, graph.inputs[0], data.astype(np.float64))
    return observations
