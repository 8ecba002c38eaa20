"""What quantisation costs, value by value: signal to noise, saturation."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from edgewright.ir.graph import Graph
from edgewright.ir.types import Array, dequantise_array, describe_scale, quantise_array
from edgewright.ops.quantisation import OUTPUT_LIMITS
from edgewright.runtime.integer import run_integer
from edgewright.runtime.interpret import run_float

MOST_ROWS = 200


@dataclass(frozen=True)
class Quality:
    """How well the integers of a value follow its real numbers.

    value: its path, "loop/h" for one in the body of a scan. snr_db: power of the real values over power of the difference, in decibel;
    infinite where there is none. saturated_share: of all entries, how many sit at an end of the dtype's range. largest_error: in real
    units.
    """

    value: str
    dtype: str
    scale: str
    snr_db: float
    saturated_share: float
    largest_error: float


def value_quality(lowered: Graph, quantised: Graph, rows: Array) -> tuple[Quality, ...]:
    """Return the quality of every value that both graphs compute, on at most 200 rows [n, *shape]."""
    rows = np.asarray(rows, np.float64)[:MOST_ROWS]
    real = _watched(lowered, rows, float_meaning=True)
    integers = _watched(quantised, quantise_array(rows, quantised.input_type), float_meaning=False)
    return tuple(
        _quality(graph, path, real[path][1], array) for path, (graph, array) in integers.items() if path in real
    )


def _watched(graph: Graph, rows: Array, *, float_meaning: bool) -> dict[str, tuple[Graph, Array]]:
    seen: dict[str, tuple[Graph, list[Array]]] = {}

    def watch(where: Graph, path: str, array: Array) -> None:
        seen.setdefault(path, (where, []))[1].append(array)

    watch(graph, graph.inputs[0], rows)
    (run_float if float_meaning else run_integer)(graph, rows, watch)
    return {path: (where, np.stack(arrays)) for path, (where, arrays) in seen.items()}


def _quality(graph: Graph, path: str, real: Array, integers: Array) -> Quality:
    type = graph.types[path.rpartition("/")[2]]
    difference = dequantise_array(integers, type) - real
    signal, noise = float(np.mean(real**2)), float(np.mean(difference**2))
    snr = math.inf if noise == 0 else 10 * math.log10(signal / noise) if signal > 0 else -math.inf
    low, high = type.range
    bounded = type.limits in (None, OUTPUT_LIMITS.get(type.dtype))  # a proven range is reached without losing anything
    saturated = float(np.mean((integers <= low) | (integers >= high))) if bounded else 0.0
    return Quality(path, type.dtype, describe_scale(type.scale), snr, saturated, float(np.abs(difference).max()))
