"""What quantisation costs, value by value and layer by layer: signal to noise, saturation."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from edgewright.ir.graph import Graph, Node
from edgewright.ir.types import INTEGER_RANGES, Array, Type, dequantise_array, describe_scale, quantise_array
from edgewright.runtime.integer import run_integer, run_integer_many
from edgewright.runtime.interpret import run_float
from edgewright.runtime.parts import part_of, recorded, run_behind

MOST_ROWS = 200


@dataclass(frozen=True)
class Quality:
    """How well the integers of a value follow its real numbers.

    value: its path, "loop/h" for one in the body of a scan. snr_db: power of the real values over power of the difference, in decibel;
    infinite where there is none. saturated_share: of all entries, how many have a real value more than half a step beyond what the dtype
    holds. largest_error: in real units.
    """

    value: str
    dtype: str
    scale: str
    snr_db: float
    saturated_share: float
    largest_error: float


@dataclass(frozen=True)
class LayerQuality:
    """What one node costs when it alone computes in integers, and all others in real numbers.

    value: that it makes. op: of the integer node. snr_db: of that value. output_snr_db: of the graph's output.
    """

    value: str
    op: str
    dtype: str
    snr_db: float
    output_snr_db: float


def value_quality(lowered: Graph, quantised: Graph, rows: Array) -> tuple[Quality, ...]:
    """Return the quality of every value that both graphs compute, on at most 200 rows [n, *shape].

    Left out are values within scans that rows leave early: not the same rows take part in both meanings.
    """
    rows = np.asarray(rows, np.float64)[:MOST_ROWS]
    real = _watched(lowered, rows, float_meaning=True)
    integers = _watched(quantised, quantise_array(rows, quantised.input_type), float_meaning=False)
    return tuple(
        _quality(graph, path, real[path][1], array)
        for path, (graph, array) in integers.items()
        if path in real and not path.startswith(_left_early(quantised))
    )


def layer_quality(prepared: Graph, quantised: Graph, rows: Array) -> tuple[LayerQuality, ...]:
    """Return the quality of every node of the integer graph alone, on at most 200 rows [n, *shape].

    prepared: the float graph that was quantised (`compiler.pipeline.prepare`). A scan counts as one node; nodes that read or make
    what the float graph does not know are left out.
    """
    values = recorded(prepared, np.asarray(rows, np.float64)[:MOST_ROWS])
    output = values[prepared.outputs[0]]
    found = []
    for node in quantised.nodes:
        read = [value for value in node.inputs.values() if value not in quantised.constants]
        if node.output not in values or not all(value in values for value in read):
            continue
        alone = _alone(quantised, node, values)
        result = run_behind(prepared, values, node.output, alone)
        snr = signal_to_noise(values[node.output], alone), signal_to_noise(output, result)
        found.append(LayerQuality(node.output, node.op, quantised.types[node.output].dtype, *snr))
    return tuple(found)


def signal_to_noise(real: Array, ours: Array) -> float:
    """Return the power of real values over that of the difference, in decibel; infinite where there is none."""
    signal, noise = float(np.mean(real**2)), float(np.mean((ours - real) ** 2))
    return math.inf if noise == 0 else 10 * math.log10(signal / noise) if signal > 0 else -math.inf


def typical_rows(rows: Array) -> Array:
    """Return at most 200 rows [n, *shape] of many, evenly spread, so that data in the order of their classes have all of them."""
    return rows[np.linspace(0, len(rows) - 1, min(len(rows), MOST_ROWS)).astype(np.int64)]


def same_class(real: Array, ours: Array) -> float:
    """Return the share of rows [n, ...] whose largest score is the same one."""
    first, second = (array.reshape(len(array), -1).argmax(axis=1) for array in (real, ours))
    return float(np.mean(first == second))


def _alone(graph: Graph, node: Node, values: dict[str, Array]) -> Array:
    """Return the real numbers that an integer node makes of real inputs."""
    part = part_of(graph, (node,), node.output)
    integers = {name: quantise_array(values[name], graph.types[name]) for name in part.inputs}
    return dequantise_array(run_integer_many(part, integers)[node.output], graph.types[node.output])


def _left_early(graph: Graph, path: str = "") -> tuple[str, ...]:
    """Return what the paths of values within scans begin with that rows may leave early."""
    found: list[str] = []
    for node in graph.nodes:
        inner = f"{path}{node.output}/"
        if node.attributes.get("until"):
            found.append(inner)
        elif node.body:
            found += _left_early(node.body, inner)
    return tuple(found)


def _watched(graph: Graph, rows: Array, *, float_meaning: bool) -> dict[str, tuple[Graph, Array]]:
    seen: dict[str, tuple[Graph, list[Array]]] = {}

    def watch(where: Graph, path: str, array: Array) -> None:
        seen.setdefault(path, (where, []))[1].append(array)

    watch(graph, graph.inputs[0], rows)
    (run_float if float_meaning else run_integer)(graph, rows, watch)
    return {path: (where, np.concatenate(arrays)) for path, (where, arrays) in seen.items()}


def _quality(graph: Graph, path: str, real: Array, integers: Array) -> Quality:
    type = graph.types[path.rpartition("/")[2]]
    ours = dequantise_array(integers, type)
    return Quality(
        path,
        type.dtype,
        describe_scale(type.scale),
        signal_to_noise(real, ours),
        _saturated_share(type, real),
        float(np.abs(ours - real).max()),
    )


def _saturated_share(type: Type, real: Array) -> float:
    low, high = (dequantise_array(np.full(type.shape, bound), type) for bound in INTEGER_RANGES[type.dtype])
    half = type.scales / 2
    return float(np.mean((real < low - half) | (real > high + half)))
