"""Whether a model's first product can read the input itself, without a straight line a feature before it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgewright import ops
from edgewright.compiler.passes._rewrite import only_reader, without_unread
from edgewright.compiler.passes.fold_affine import fold_forth
from edgewright.compiler.quantise import quantise
from edgewright.compiler.settings import Settings
from edgewright.errors import BadGraph
from edgewright.ir.graph import Graph
from edgewright.ir.types import Array, dequantise_array, quantise_array
from edgewright.runtime.integer import run_integer
from edgewright.runtime.interpret import run_float
from edgewright.runtime.parts import part_of
from edgewright.runtime.quality import same_class, typical_rows

TOLERATED = 1.1  # times the squared error: 0.4 dB
LOST = 0.1  # of the rows; a tenth of it, one of a hundred rows, may get another class, as some lie just between two


def read_directly(graph: Graph, calibration: Array, settings: Settings) -> Graph:
    """Return a float graph without the `affine` on its input, where the model is as good without it.

    Such a line gives features in units of their own a common size, and costs time and tables. Both ways are quantised and compared with
    the real values on typical calibration rows [n, *shape]: what the first product makes, then the answers.
    """
    line = only_reader(graph, graph.inputs[0]) if len(graph.inputs) == len(graph.outputs) == 1 else None
    if line is None or line.op != "affine":
        return graph
    folded = fold_forth(graph, line)
    if folded is None:
        return graph
    folded = ops.verify(without_unread(folded))
    plain = replace(settings, bias_correction=False, activation=settings.activation.replace("auto", "int8"))
    (after,), (product,) = graph.readers(line.output), folded.readers(graph.inputs[0])
    with_line = part_of(graph, (line, after), product.output), graph
    without = part_of(folded, (product,), product.output), folded
    rows = np.asarray(calibration)
    for one, other in zip(with_line, without, strict=True):
        if _noise(other, rows, plain) > TOLERATED * _noise(one, rows, plain):
            return graph
    return folded


def _noise(graph: Graph, rows: Array, settings: Settings) -> float:
    """Return the squared error of a graph's integers, infinite where it cannot be quantised.

    Of a classifier, whose scores matter only by their order, the share of rows that get another class, and LOST beyond that.
    """
    try:
        integers = quantise(graph, rows, settings)
    except BadGraph:
        return np.inf
    some = typical_rows(rows)
    real = run_float(graph, some)
    ours = dequantise_array(run_integer(integers, quantise_array(some, integers.input_type)), integers.output_type)
    return LOST + 1 - same_class(real, ours) if graph.labels else float(np.mean((ours - real) ** 2))
