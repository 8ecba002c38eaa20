"""What quantisation costs, value by value: signal to noise, saturation."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from edgewright.ir.graph import Graph
from edgewright.ir.types import Array, dequantise_array, describe_scale, quantise_array
from edgewright.runtime.integer import run_integer
from edgewright.runtime.interpret import run_float

MOST_ROWS = 200


@dataclass(frozen=True)
class Quality:
    """How well the integers of a value follow its real numbers.

    snr_db: power of the real values over power of the difference, in decibel; infinite where there is none. saturated_share: of all
    entries, how many sit at an end of the dtype's range. largest_error: in real units.
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
        _quality(graph, value, real[name, value][1], array) for (name, value), (graph, array) in integers.items() if (name, value) in real
    )


def _watched(graph: Graph, rows: Array, *, float_meaning: bool) -> dict[tuple[str, str], tuple[Graph, Array]]:
    seen: dict[tuple[str, str], tuple[Graph, list[Array]]] = {}

    def watch(where: Graph, value: str, array: Array) -> None:
        seen.setdefault((where.name, value), (where, []))[1].append(array)

    watch(graph, graph.inputs[0], rows)
    (run_float if float_meaning else run_integer)(graph, rows, watch)
    return {key: (where, np.stack(arrays)) for key, (where, arrays) in seen.items()}


def _quality(graph: Graph, value: str, real: Array, integers: Array) -> Quality:
    type = graph.types[value]
    difference = dequantise_array(integers, type) - real
    signal, noise = float(np.mean(real**2)), float(np.mean(difference**2))
    snr = math.inf if noise == 0 else 10 * math.log10(signal / noise) if signal > 0 else -math.inf
    low, high = type.range
    saturated = float(np.mean((integers <= low) | (integers >= high))) if type.limits is None else 0.0
    return Quality(value, type.dtype, describe_scale(type.scale), snr, saturated, float(np.abs(difference).max()))
