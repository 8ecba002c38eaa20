"""Whether a model's first product can read the input itself, without a straight line a feature before it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgewright import ops
from edgewright.compiler.passes._rewrite import only_reader
from edgewright.compiler.passes.fold_affine import fold_forth
from edgewright.compiler.quantise import quantise
from edgewright.compiler.settings import Settings
from edgewright.errors import BadGraph
from edgewright.ir.graph import Graph, Node
from edgewright.ir.types import Array, dequantise_array, quantise_array
from edgewright.runtime.integer import run_integer
from edgewright.runtime.interpret import run_float
from edgewright.runtime.parts import part_of

MOST_ROWS = 256
TOLERATED = 1.1  # times the squared error: 0.4 dB


def read_directly(graph: Graph, calibration: Array, settings: Settings) -> Graph:
    """Return a float graph without the `affine` on its input, where what the first product makes is as good without it.

    Such a line gives features in units of their own a common size, and costs time and tables. Both ways are quantised up to that product,
    and compared with the real values on at most 256 calibration rows [n, *shape].
    """
    if len(graph.inputs) != 1:
        return graph
    line = only_reader(graph, graph.inputs[0])
    after = only_reader(graph, line.output) if line and line.op == "affine" else None
    folded = fold_forth(graph, line) if line and after else None
    if line is None or after is None or folded is None:
        return graph
    ops.verify(folded)
    product = next(node for node in folded.nodes if node.output == after.output)
    rows = np.asarray(calibration)
    settings = replace(settings, bias_correction=False, activation=settings.activation.replace("auto", "int8"))
    with_line = _squared_error(graph, (line, after), rows, settings)
    without = _squared_error(folded, (product,), rows, settings)
    return folded if without <= TOLERATED * with_line else graph


def _squared_error(graph: Graph, nodes: tuple[Node, ...], rows: Array, settings: Settings) -> float:
    """Return the squared error of what some nodes make of the input in integers; infinite where they cannot be quantised."""
    part = part_of(graph, nodes, nodes[-1].output)
    try:
        integers = quantise(part, rows, settings)
    except BadGraph:
        return np.inf
    some = rows[np.linspace(0, len(rows) - 1, min(len(rows), MOST_ROWS)).astype(int)]
    ours = run_integer(integers, quantise_array(some, integers.input_type))
    return float(np.mean((dequantise_array(ours, integers.output_type) - run_float(part, some)) ** 2))
