"""What quantisation chooses, and what it refuses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from small_graphs import cell, dense_tanh, float_graphs, plain, recurrent, rows_for, running_sum

from edgewright import ops
from edgewright.compiler.pipeline import to_integers
from edgewright.compiler.quantise import Settings, quantise
from edgewright.errors import BadGraph, BadInput, UnsupportedModel
from edgewright.ir import Graph, Type, dequantise_array, quantise_array
from edgewright.ir.types import Array, power_of_two
from edgewright.lowering import Builder
from edgewright.runtime.integer import run_integer
from edgewright.runtime.interpret import run_float


def all_types(graph: Graph) -> list[Type]:
    bodies = [item for node in graph.nodes for item in node.attributes.values() if isinstance(item, Graph)]
    return [*graph.types.values(), *(type for body in bodies for type in all_types(body))]


def largest_difference(graph: Graph, rows: Array, settings: Settings | None = None) -> float:
    """The largest difference between float and integers, as a share of the largest output."""
    quantised = to_integers(graph, rows, settings)
    real = run_float(graph, rows)
    ours = run_integer(quantised, quantise_array(rows, quantised.input_type))
    return float(np.abs(dequantise_array(ours, quantised.output_type) - real).max() / np.abs(real).max())


@given(graph=float_graphs())
@settings(max_examples=30)
def test_every_scale_is_a_power_of_two(graph: Graph) -> None:
    quantised = quantise(graph, rows_for(graph))
    assert quantised.is_quantised
    scales = np.concatenate([np.atleast_1d(type.scale) for type in all_types(quantised)])
    assert all(power_of_two(float(scale)) is not None for scale in scales)


def test_integers_follow_the_real_numbers() -> None:
    assert largest_difference(dense_tanh(), rows_for(dense_tanh())) < 0.01
    for graph in (recurrent("stacked"), recurrent("last", reverse=True)):
        assert largest_difference(graph, rows_for(graph)) < 0.06  # 8-bit weights, used four times over


def test_settings_choose_the_dtypes() -> None:
    graph = quantise(dense_tanh(), rows_for(dense_tanh()), Settings("int8", "int8"))
    assert {graph.types[value].dtype for value in ("x", "hidden", "active", "scores")} == {"int8"}
    assert graph.types["x"].range == (-127, 127)
    with pytest.raises(BadInput, match=r"'int4'.*int8 or int16"):
        Settings(activation="int4")


def test_whole_readings_keep_their_integers() -> None:
    readings = np.random.default_rng(0).integers(0, 1024, (50, 3))
    assert quantise(dense_tanh(), readings).input_type == Type((3,), "int16", 1.0)
    assert quantise(dense_tanh(), readings.astype(float)).input_type.scale == 1.0
    assert quantise(dense_tanh(), readings + 0.5).input_type.scale == 2.0**-5
    assert quantise(dense_tanh(), readings * 100.0).input_type.scale == 4.0  # 102,300 is no int16
    assert quantise(dense_tanh(), readings, Settings(input="int8")).input_type.scale == 16.0


def features(*readers: str) -> Graph:
    """A graph whose input is read by an affine and by others, the others by a sum."""
    builder = Builder("features")
    x = builder.input("x", Type((2,)))
    line = {port: builder.constant(port, [1.0, 0.001]) for port in ("scale", "offset")}
    y = builder.node("affine", x=x, **line)
    for reader in readers:
        y = builder.node("add", a=y, b=builder.node(reader, x=x))
    return builder.finish(y)


def test_features_have_their_own_scales_only_where_every_reader_takes_them() -> None:
    rows = np.random.default_rng(0).normal(size=(50, 2)) * [1.0, 1000.0]
    type = quantise(features(), rows).input_type
    assert type.axis == 0
    assert type.scale[0] < type.scale[1] / 100
    for other in ("tanh", "relu"):
        assert quantise(features(other), rows).input_type.axis is None
    assert quantise(replace(features(), outputs=("x",)), rows).input_type.axis is None


def test_features_keep_their_scales_inside_a_scan() -> None:
    builder = Builder("scan")
    x = builder.input("x", Type((3, 2)))
    attributes = {"body": replace(features(), name="body"), "output": "stacked"}
    graph = builder.finish(builder.node("scan", "loop", x=x, attributes=attributes))
    rows = np.random.default_rng(0).normal(size=(50, 3, 2)) * [1.0, 1000.0]
    type = quantise(graph, rows).input_type
    assert (type.axis, type.scale[1] > 100 * type.scale[0]) == (1, True)
    assert largest_difference(graph, rows) < 1e-3


def body_of(graph: Graph) -> Graph:
    return graph.nodes[0].attributes["body"]


def test_a_state_and_its_successor_share_one_type() -> None:
    body = body_of(quantise(recurrent(), rows_for(recurrent())))
    assert body.types["h"] == body.types["following"]


def scan_of(body: Graph) -> Graph:
    builder = Builder("scan")
    x = builder.input("x", Type((3, *body.input_type.shape)))
    return builder.finish(builder.node("scan", "loop", x=x, attributes={"body": body, "output": "last"}))


def test_the_type_of_a_state_covers_where_it_starts() -> None:
    start = np.array([20.0, -20.0], np.float32)
    graph = scan_of(replace(cell(), constants={**cell().constants, "h": start}))
    body = body_of(quantise(graph, rows_for(graph)))
    assert np.array_equal(dequantise_array(body.constants["h"], body.types["h"]), start)
    assert largest_difference(graph, rows_for(graph)) < 0.02


def test_a_state_may_be_carried_from_a_state_or_from_the_input() -> None:
    types = dict.fromkeys(("s", "one", "two", "sum"), Type((2,)))
    nodes = running_sum().nodes
    adding = replace(nodes[0], inputs={"a": "s", "b": "two"})
    body = plain([adding], ("sum",), types, inputs=("s",), state={"two": "one", "one": "s"}, name="delay")
    graph = scan_of(body)
    rows = np.array([[[1.5, 2.5], [3.5, 4.5], [5.5, 6.5]]])
    assert run_float(graph, rows).tolist() == [[7.0, 9.0]]
    assert largest_difference(graph, rows) < 1e-3
    with pytest.raises(UnsupportedModel, match="circle"):
        quantise(scan_of(replace(body, state={"two": "one", "one": "two"})), rows)


def test_one_constant_may_mean_something_else_elsewhere() -> None:
    """The same zeros are the bias of two products whose sums have different scales."""
    generator = np.random.default_rng(0)
    builder = Builder("shared")
    zeros = builder.constant("zeros", np.zeros(4))
    x = builder.input("x", Type((4,)))
    for factor in (1.0, 100.0):
        x = builder.node("dense", x=x, w=builder.constant("w", factor * generator.normal(size=(4, 4))), bias=zeros)
    graph = builder.finish(x)
    assert largest_difference(graph, rows_for(graph)) < 0.02


def test_a_row_of_zeros_is_no_obstacle() -> None:
    builder = Builder("zeros")
    w = builder.constant("w", [[1.0, 2.0], [0.0, 0.0]])
    graph = builder.finish(
        builder.node("dense", x=builder.input("x", Type((2,))), w=w, bias=builder.constant("b", [0, 0]))
    )
    assert largest_difference(graph, 1000 * rows_for(graph)) < 1e-3


def test_calibration_that_sees_only_zeros_gives_a_graph() -> None:
    assert quantise(dense_tanh(), np.zeros((1, 3))).is_quantised
    assert quantise(recurrent(), np.zeros((1, 4, 3))).is_quantised


def test_constants_may_be_operands_and_outputs() -> None:
    builder = Builder("constants")
    c = builder.constant("c", [0.5, -3.0])
    y = builder.node("add", a=builder.input("x", Type((2,))), b=c)
    graph = quantise(builder.finish(y, c), np.ones((1, 2)) / 4)
    assert ops.verify(graph).outputs == ("add", "c")
    assert dequantise_array(graph.constants["c"], graph.types["c"]).tolist() == [0.5, -3.0]


def test_what_cannot_be_quantised_is_refused() -> None:
    lookup = Builder("lookup")
    table = lookup.constant("t", [0.0, 1.0])
    x = lookup.input("x", Type((2,)))
    graph = lookup.finish(lookup.node("lookup", "y", x=x, table=table, attributes={"lowest": 0, "shift": 0}))
    rescaled = replace(graph, nodes=(replace(graph.nodes[0], op="rescale", inputs={"x": "x"}, attributes={}),))
    assert quantise(rescaled, np.ones((1, 2))).is_quantised
    with pytest.raises((UnsupportedModel, BadGraph), match="'y'"):
        quantise(graph, np.ones((1, 2)))
    two = Builder("two")
    y = two.node("add", a=two.input("a", Type((2,))), b=two.input("b", Type((2,))))
    with pytest.raises(UnsupportedModel, match="'two' must have one input"):
        quantise(two.finish(y), np.ones((1, 2)))


def test_a_quantised_graph_stays() -> None:
    graph = quantise(dense_tanh(), rows_for(dense_tanh()))
    assert quantise(graph, rows_for(dense_tanh())) is graph


def test_calibration_is_asked_for() -> None:
    with pytest.raises(BadInput, match=r"'tiny'.*calibration"):
        to_integers(dense_tanh())
