"""Calibration: what every value of a float graph reaches on unlabelled data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edgewright.errors import BadData
from edgewright.ir.graph import Graph
from edgewright.ir.types import Array
from edgewright.runtime.interpret import run_float

LARGEST_INPUT = 1e20  # beyond what any scale covers


@dataclass(frozen=True)
class Observed:
    """The lowest and highest real number that a value reached, a feature each for graph inputs (the last axis)."""

    low: Array
    high: Array

    @property
    def extremes(self) -> tuple[float, float]:
        """The lowest and highest of all features."""
        return float(np.min(self.low)), float(np.max(self.high))


Observations = Mapping[str, Observed]  # by the path of a value: "loop/h" is in the body of the scan that makes "loop"


def calibrate(graph: Graph, data: Array) -> Observations:
    """Return what each value reaches when the float graph runs on the calibration data [n, *shape].

    Raises BadData where the data are empty, of another shape, or hold NaN or infinity, or where a value grows beyond all bounds.
    """
    data = np.asarray(data)
    if data.shape[:1] == (0,) or data.size == 0:
        raise BadData("The calibration data are empty; give at least one row, better a hundred.")
    if not np.issubdtype(data.dtype, np.number) or not np.all(np.isfinite(data)):
        raise BadData("The calibration data hold NaN, infinity or something that is not a number; clean them first.")
    if np.abs(data).max() > LARGEST_INPUT:
        raise BadData(f"The calibration data hold values beyond {LARGEST_INPUT:g}; give them in a larger unit.")
    observations: dict[str, Observed] = {}

    def watch(where: Graph, path: str, array: Array) -> None:
        low, high = array.min(), array.max()
        if not np.isfinite(high - low):
            raise BadData(f"On the calibration data the value {path!r} of {graph.name!r} leaves what float64 can hold.")
        if seen := observations.get(path):
            low, high = np.minimum(low, seen.low), np.maximum(high, seen.high)
        observations[path] = Observed(low, high)

    with np.errstate(all="ignore"):  # what overflows is found above
        run_float(graph, data, watch)
    axes = tuple(range(max(data.ndim - 1, 1)))
    low, high = (edge(axis=axes).astype(np.float64) for edge in (data.min, data.max))
    return observations | {graph.inputs[0]: Observed(low, high)}
