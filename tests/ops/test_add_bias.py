"""A bias that is far larger than what it is added to."""

import numpy as np

from edgewright.compiler.pipeline import to_integers
from edgewright.compiler.settings import Settings
from edgewright.ir.types import Type, dequantise_array, quantise_array
from edgewright.lowering import Builder
from edgewright.runtime.integer import run_integer_many


def test_a_bias_behind_what_is_always_zero() -> None:
    """x - x has the finest scale that there is; the bias is then more of its steps than a sum may have."""
    builder = Builder()
    x = builder.input("x", Type((3,)))
    nothing = builder.node("subtract", a=x, b=x)
    bias = builder.constant("bias", [1.5, -0.25, 0.0])
    float_graph = builder.finish(builder.node("add_bias", x=nothing, bias=bias))
    rows = np.random.default_rng(0).normal(size=(50, 3))
    graph = to_integers(float_graph, rows, Settings())
    assert [node.op for node in graph.nodes] == ["subtract", "affine"]
    (y,) = run_integer_many(graph, {"x": quantise_array(rows, graph.input_type)}).values()
    step = float(graph.output_type.scales)
    assert np.abs(dequantise_array(y, graph.output_type) - [1.5, -0.25, 0.0]).max() <= step
