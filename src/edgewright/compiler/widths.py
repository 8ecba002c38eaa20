"""Which activations are 16 bits wide where most are 8: those whose rounding the output feels most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from edgewright import ops
from edgewright.compiler.activations import CUTTING, Chooser
from edgewright.ir.graph import Graph
from edgewright.ir.types import Array, dequantise_array, quantise_array
from edgewright.runtime.parts import recorded, run_behind

MOST_ROWS = 32


def choose_widths(graph: Graph, chooser: Chooser, calibration: Array) -> Mapping[str, str]:
    """Return value -> "int16" for the values of a float graph that are to be wide, within the settings' `wide_share` of all entries.

    1. Each value alone is rounded to int8 and to int16, and the squared error of the output is compared.
    2. The value that saves most error an entry comes first; one that is too large for what is left is passed over.
    3. Values that share memory with another, that a relu or clip swallows or that lie within a scan are not counted.
    """
    rows = np.asarray(calibration, np.float64)[:MOST_ROWS]
    values = recorded(graph, rows)
    output = values[graph.outputs[0]]
    saved: dict[str, float] = {}
    for name in (name for name in choosable(graph) if name in graph.types):
        errors = []
        for dtype in ("int8", "int16"):
            type = replace(chooser, widths={name: dtype}).type_of(name, graph.types[name].shape)
            rounded = dequantise_array(quantise_array(values[name], type), type)
            errors.append(float(np.mean((run_behind(graph, values, name, rounded) - output) ** 2)))
        saved[name] = (errors[0] - errors[1]) / graph.types[name].size
    left = chooser.settings.wide_share * sum(graph.types[name].size for name in saved)
    widths: dict[str, str] = {}
    for name in sorted(saved, key=lambda name: -saved[name]):
        if saved[name] > 0 and graph.types[name].size <= left:
            left -= graph.types[name].size
            widths[name] = "int16"
    return widths


def choosable(graph: Graph, path: str = "") -> tuple[str, ...]:
    """Return the activations of a float graph whose widths can be chosen one by one; those in the body of a scan are "scan/value".

    Values that share memory with another, that a relu or clip swallows, or whose type an operator prescribes, are not among them.
    """
    found: list[str] = []
    prescribed = {
        value
        for node in graph.nodes
        if ops.get(node.op).prescribes or ops.get(node.op).samples
        for value in (*node.inputs.values(), node.output)
    }
    for node in graph.nodes:
        readers = graph.readers(node.output)
        swallowed = len(readers) == 1 and readers[0].op in CUTTING and node.output not in graph.outputs
        if node.body:
            found += choosable(node.body, f"{path}{node.output}/")
        elif ops.get(node.op).alias is None and not swallowed and node.output not in prescribed:
            found.append(path + node.output)
    return tuple(found)
