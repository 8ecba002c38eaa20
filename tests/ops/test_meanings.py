"""The integers of an operator mean what its float meaning says, as near as the steps of its output allow."""

import numpy as np
import pytest

from edgewright import ops
from edgewright.compiler.quantise import quantise
from edgewright.errors import BadGraph
from edgewright.ir.graph import Graph, Node
from edgewright.ir.types import INTEGER_RANGES, Type, dequantise_array, quantise_array
from edgewright.lowering import Builder
from edgewright.ops import Case, Request
from edgewright.ops.quantisation import activation_type, coarse_enough
from edgewright.runtime.integer import run_integer_many
from edgewright.runtime.interpret import run_float

HALF = 0.501  # one rounding, and the float of the comparison itself
VECTORS = 500


def vector(dtype, scale, size=6, zero_point=0):
    shape = size if isinstance(size, tuple) else (size,)
    return Type(shape, dtype, scale, zero_point)


def fine(dtype):
    """A step with which a dtype reaches about 4."""
    return 2.0**-5 if dtype == "int8" else 2.0**-13


def rows(dtype):
    """(operator, types of what varies, parameters, attributes, error allowed in steps of the output)."""
    x, step = vector(dtype, fine(dtype)), fine(dtype)
    odd = vector(dtype, 0.7 * step, 6, 9 if dtype == "int8" else 0)
    block = vector(dtype, step, (2, 3, 4))
    features = Type((3, 2), dtype, (step, 8 * step), axis=1)
    return [
        ("add", {"a": x, "b": vector("int16", 2.0**-12)}, {}, {}, HALF),
        ("add", {"a": x, "b": vector("int8", 2.0**-9, 1)}, {}, {}, HALF),
        ("add", {"a": odd, "b": x}, {}, {}, 1.5),
        ("subtract", {"a": vector("int8", 2.0**-4, 1), "b": x}, {}, {}, HALF),
        ("subtract", {"a": x, "b": odd}, {}, {}, 1.5),
        ("multiply", {"a": x, "b": vector("int8", 2.0**-7)}, {}, {}, HALF),
        ("multiply", {"a": odd, "b": vector("int16", 2.0**-15, 1)}, {}, {}, HALF),
        ("affine", {"x": x}, {"scale": [0.3], "offset": [-2.0]}, {}, 1.5),
        ("affine", {"x": odd}, {"scale": [0.3, 1, -2, 0, 5, 1e-4], "offset": [0.5, 3, 0, 0, -9, 1]}, {}, 1.5),
        ("affine", {"x": features}, {"scale": [0.7], "offset": [0.1, -0.5]}, {}, 1.5),
        ("relu", {"x": x}, {}, {}, HALF),
        ("relu", {"x": odd}, {}, {}, HALF),
        ("clip", {"x": x}, {}, {"low": -0.5, "high": 1.25}, HALF),
        ("clip", {"x": odd}, {}, {"low": 0.1, "high": 0.7}, 1.0),
        ("hard_tanh", {"x": x}, {}, {}, HALF),
        ("hard_sigmoid", {"x": x}, {}, {}, HALF),
        ("hard_sigmoid", {"x": odd}, {}, {}, 1.5),
        ("rescale", {"x": x}, {}, {}, HALF),
        ("concatenate", {"a": x, "b": odd}, {}, {"axis": 0}, HALF),
        ("slice", {"x": block}, {}, {"axis": 1, "start": 1, "length": 2}, 0.0),
        ("reduce_sum", {"x": block}, {}, {"axis": 1}, HALF),
        ("reduce_sum", {"x": odd}, {}, {"axis": 0}, HALF),
        ("reduce_mean", {"x": block}, {}, {"axis": 2}, HALF),
        ("reduce_mean", {"x": odd}, {}, {"axis": 0}, HALF),
        ("reduce_max", {"x": block}, {}, {"axis": 0}, 0.0),
        ("argmax", {"x": x}, {}, {}, 0.0),
    ]


ROWS = [(x, y, *row) for x in ("int8", "int16") for y in ("int8", "int16") for row in rows(x)]


@pytest.mark.parametrize(("x", "y_dtype", "op", "types", "parameters", "attributes", "allowed"), ROWS)
def test_integers_mean_what_the_floats_do(x, y_dtype, op, types, parameters, attributes, allowed):
    generator, entry = np.random.default_rng(5), ops.get(op)
    integers = {
        port: generator.integers(*INTEGER_RANGES[type.dtype], (VECTORS, *type.shape), endpoint=True)
        for port, type in types.items()
    }
    parameters = {port: np.asarray(values, np.float64) for port, values in parameters.items()}
    real = {port: dequantise_array(array, types[port]) for port, array in integers.items()}
    wanted = entry.float({**real, **parameters}, attributes)
    output = activation_type(wanted.shape[1:], float(wanted.min()), float(wanted.max()), y_dtype)

    result = entry.quantise(Request(types, parameters, attributes, output))

    constants = {port: array for port, (array, _) in result.parameters.items()}
    all_types = {**types, **{port: type for port, (_, type) in result.parameters.items()}, "y": result.output}
    case = Case(all_types, constants, {**attributes, **result.attributes})
    graph = ops.single_node_graph(result.op or op, case)
    found = dequantise_array(run_integer_many(graph, integers)["y"], result.output)
    assert np.abs(found - wanted).max() <= allowed * float(result.output.scales)


def test_cutting_holds_whatever_the_output_could_hold():
    # The output's type goes beyond the bounds; the integers must not
    x = vector("int16", 2.0**-8, 4)
    for op, attributes, low, high in (
        ("relu", {}, 0.0, 8.0),
        ("clip", {"low": -2.0, "high": 3.0}, -2.0, 3.0),
        ("hard_tanh", {}, -1.0, 1.0),
        ("hard_sigmoid", {}, 0.0, 1.0),
    ):
        result = ops.get(op).quantise(
            Request({"x": x}, {}, attributes, Type((4,), "int8", 2.0**-4, limits=(-127, 127)))
        )
        constants = {port: array for port, (array, _) in result.parameters.items()}
        types = {"x": x, **{port: type for port, (_, type) in result.parameters.items()}, "y": result.output}
        graph = ops.single_node_graph(result.op or op, Case(types, constants, result.attributes))
        ends = run_integer_many(graph, {"x": np.array([[-32768, 32767, -5000, 5000]])})["y"]
        real = dequantise_array(ends, result.output)
        assert real.min() == low, op
        assert real.max() == min(high, 127 / 16), op


def test_an_output_that_calibration_never_moved_still_compiles():
    builder = Builder("dead")
    x = builder.input("x", Type((4,)))
    dead = builder.node("relu", x=x)
    product = builder.node("multiply", a=dead, b=x)
    graph = builder.finish(builder.node("add", a=product, b=dead))
    quantised = quantise(graph, np.full((1, 4), -2.5))  # raises where a shift to the left leaves 32 bits
    assert run_integer_many(quantised, {"x": np.array([[-32768, 32767, 0, 1]])})["add"].max() > 0


@pytest.mark.parametrize(
    ("op", "types", "attributes", "says"),
    [
        ("add", {"a": Type((3,)), "b": Type((2,))}, {}, "alike"),
        ("multiply", {"a": Type((2, 3)), "b": Type((3,))}, {}, "alike"),
        ("affine", {"x": Type((3,)), "scale": Type((2,)), "offset": Type((3,))}, {}, "last axis"),
        ("clip", {"x": Type((3,))}, {"low": 1.0, "high": 1.0}, "below"),
        ("slice", {"x": Type((3,))}, {"axis": 0, "start": 2, "length": 2}, "within"),
        ("slice", {"x": Type((3,))}, {"axis": 1, "start": 0, "length": 1}, "axis 1"),
        ("concatenate", {"a": Type((2, 3)), "b": Type((3, 3))}, {"axis": 1}, "differ"),
        ("reduce_sum", {"x": Type((3,))}, {"axis": -1}, "axis -1"),
        ("argmax", {"x": Type((2, 3))}, {}, "vector"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(op, types, attributes, says):
    with pytest.raises(BadGraph, match=says):
        ops.get(op).shape(types, attributes)


def test_moving_integers_cannot_change_what_they_mean():
    x = Type((3,), "int16", 0.5)
    for y in (Type((), "int16", 0.25), Type((), "int16", 0.5, limits=(0, 9)), Type((), "int8", 0.5)):
        graph = Graph(("x",), ("y",), (Node("reduce_max", {"x": "x"}, "y", {"axis": 0}),), {"x": x, "y": y})
        with pytest.raises(BadGraph, match="stay as they are"):
            ops.verify(graph)


def test_a_type_is_made_coarser_only_where_it_must():
    y = Type((2,), "int16", 2.0**-10)
    assert coarse_enough(y, 1000.0) == y
    assert coarse_enough(y, 2.0**25).scale == 2.0**-4


def test_readings_of_very_different_sizes_are_normalised_alike():
    # One scale a feature in the input, or raw integers at scale 1: both must keep a feature of 0.01 beside one of 10,000
    generator = np.random.default_rng(1)
    spread = np.array([0.01, 1.0, 50.0, 10000.0])
    for readings in (generator.normal(3, 1, (400, 4)) * spread, np.round(generator.normal(3, 1, (400, 4)) * spread)):
        deviation = readings.std(axis=0) + (readings.std(axis=0) == 0)
        builder = Builder("sensor")
        x = builder.input("x", Type((4,)))
        scale, offset = 1 / deviation, -readings.mean(axis=0) / deviation
        y = builder.node("affine", x=x, scale=builder.constant("s", scale), offset=builder.constant("o", offset))
        graph = builder.finish(y)
        quantised = quantise(graph, readings)
        integers = quantise_array(readings, quantised.input_type)
        found = dequantise_array(run_integer_many(quantised, {"x": integers})[y], quantised.output_type)
        assert np.abs(found - run_float(graph, readings)).max() < 1e-3
