"""Calibration: what every value of a float graph reaches on unlabelled data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from edgewright.errors import BadData
from edgewright.ir.graph import Graph
from edgewright.ir.types import Array
from edgewright.runtime.interpret import run_float

LARGEST_INPUT = 1e20  # beyond what any scale covers
BINS = 2048
ENTRIES_AT_ONCE = 2**22  # of all values of a graph: what is in memory at a time is a small multiple


@dataclass(frozen=True)
class Histogram:
    """How often a value took which real numbers, zeros apart: they are exact in every type.

    counts: [bins]. edges: [bins + 1]. zeros: how many entries were 0.
    """

    counts: npt.NDArray[np.int64]
    edges: npt.NDArray[np.float64]
    zeros: int

    @property
    def centres(self) -> npt.NDArray[np.float64]:
        """The real number that stands for each bin."""
        return (self.edges[1:] + self.edges[:-1]) / 2


@dataclass(frozen=True)
class Observed:
    """The lowest and highest real number that a value reached, a feature each for graph inputs (the last axis).

    total: the sum of each entry of the last axis, and of how many. peaks: the largest magnitude of each. histogram: where it was kept.
    """

    low: Array
    high: Array
    total: npt.NDArray[np.float64]
    count: int
    peaks: npt.NDArray[np.float64]
    histogram: Histogram | None = None

    @property
    def extremes(self) -> tuple[float, float]:
        """The lowest and highest of all features."""
        return float(np.min(self.low)), float(np.max(self.high))

    @property
    def means(self) -> npt.NDArray[np.float64]:
        """The mean of each entry of the last axis."""
        return self.total / self.count


Observations = Mapping[str, Observed]  # by the path of a value: "loop/h" is in the body of the scan that makes "loop"


def calibrate(graph: Graph, data: Array, *, histograms: bool = False) -> Observations:
    """Return what each value reaches when the float graph runs on the calibration data [n, *shape].

    histograms: whether to keep them too, which takes a second run. Raises BadData where the data are empty, of another shape, all
    the same, or hold NaN or infinity, or where a value grows beyond all bounds.
    """
    data = check_rows(data)
    observations: dict[str, Observed] = {}

    def watch(where: Graph, path: str, array: Array) -> None:
        seen = _observed(array)
        if not np.isfinite(seen.high - seen.low):
            raise BadData(f"On the calibration data the value {path!r} of {graph.name!r} leaves what float64 can hold.")
        observations[path] = _joined(observations[path], seen) if path in observations else seen

    with np.errstate(all="ignore"):  # what overflows is found above
        for rows in batches(graph, data):
            run_float(graph, rows, watch)
    if len(data) > 1 and (data == data[0]).all():
        raise BadData(f"All {len(data):,} rows of the calibration data are the same; give rows as they differ in use.")
    if histograms:
        observations = _with_histograms(graph, data, observations)
    axes = tuple(range(max(data.ndim - 1, 1)))
    low, high = (edge(axis=axes).astype(np.float64) for edge in (data.min, data.max))
    return observations | {graph.inputs[0]: replace(_observed(data.astype(np.float64)), low=low, high=high)}


def check_rows(data: Array) -> Array:
    """Return calibration data as an array of finite numbers. Raises BadData."""
    data = np.asarray(data)
    if data.shape[:1] == (0,) or data.size == 0:
        raise BadData("The calibration data are empty; give at least one row, better a hundred.")
    if not np.issubdtype(data.dtype, np.number) or not np.all(np.isfinite(data)):
        raise BadData("The calibration data hold NaN, infinity or something that is not a number; clean them first.")
    if np.abs(data).max() > LARGEST_INPUT:
        raise BadData(f"The calibration data hold values beyond {LARGEST_INPUT:g}; give them in a larger unit.")
    return data


def batches(graph: Graph, data: Array) -> list[Array]:
    """Return rows in as many parts as keep the values of a graph in bounds."""
    entries = sum(type.size for value, type in graph.types.items() if value not in graph.constants)
    size = max(1, ENTRIES_AT_ONCE // entries)
    return [data[start : start + size] for start in range(0, len(data), size)] if np.ndim(data) else [data]


def _observed(array: Array) -> Observed:
    rows = array.reshape(-1, array.shape[-1] if array.ndim > 1 else 1)
    return Observed(array.min(), array.max(), rows.sum(axis=0), len(rows), np.abs(rows).max(axis=0))


def _joined(first: Observed, second: Observed) -> Observed:
    return Observed(
        np.minimum(first.low, second.low),
        np.maximum(first.high, second.high),
        first.total + second.total,
        first.count + second.count,
        np.maximum(first.peaks, second.peaks),
    )


def _with_histograms(graph: Graph, data: Array, observations: dict[str, Observed]) -> dict[str, Observed]:
    edges = {path: _edges(seen) for path, seen in observations.items()}
    counts = {path: np.zeros(BINS, np.int64) for path in observations}
    zeros = dict.fromkeys(observations, 0)

    def watch(where: Graph, path: str, array: Array) -> None:
        rest = array[array != 0]
        low, high = edges[path][0], edges[path][-1]
        positions = ((rest - low) * (BINS / (high - low))).astype(np.int64)
        counts[path] += np.bincount(np.minimum(positions, BINS - 1), minlength=BINS)
        zeros[path] += array.size - rest.size

    for rows in batches(graph, data):
        run_float(graph, rows, watch)
    return {
        path: replace(seen, histogram=Histogram(counts[path], edges[path], zeros[path]))
        for path, seen in observations.items()
    }


def _edges(seen: Observed) -> npt.NDArray[np.float64]:
    low, high = seen.extremes
    return np.linspace(low, high if high > low else low + max(abs(low), 1.0), BINS + 1)
