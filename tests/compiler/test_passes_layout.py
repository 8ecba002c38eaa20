"""Passes over transposes and padding: what is computed stays, in real numbers and in integers, with fewer nodes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from edgewright import ops
from edgewright.compiler.passes.merge_padding import merge_padding
from edgewright.compiler.passes.move_transposes import move_transposes
from edgewright.compiler.quantise import quantise
from edgewright.ir.graph import Graph
from edgewright.ir.types import Type
from edgewright.lowering import Builder
from edgewright.runtime.integer import run_integer
from edgewright.runtime.interpret import run_float

GENERATOR = np.random.default_rng(0)
IMAGE = (4, 5, 3)
TURNED, BACK = (2, 0, 1), (1, 2, 0)


def operators(graph: Graph) -> list[str]:
    return [node.op for node in graph.nodes]


def check(graph: Graph, step: Callable[[Graph], Graph]) -> list[str]:
    """Return the operators after a pass on the float graph, which computes the same, and so in integers."""
    x = GENERATOR.normal(0.0, 1.0, (6, *graph.input_type.shape))
    after = ops.verify(step(graph))
    assert np.allclose(run_float(after, x), run_float(graph, x), atol=1e-12)
    integers = quantise(graph, x)
    low, high = integers.input_type.range
    rows = GENERATOR.integers(max(low, -3000), min(high, 3000), (6, *graph.input_type.shape)).astype(
        integers.input_type.dtype
    )
    assert np.array_equal(run_integer(ops.verify(step(integers)), rows), run_integer(integers, rows))
    return operators(after)


def transposed(builder: Builder, x: str, axes: tuple[int, ...] = TURNED) -> str:
    return builder.node("transpose", x=x, attributes={"axes": axes})


def begun(shape: tuple[int, ...] = IMAGE) -> tuple[Builder, str]:
    builder = Builder("passes")
    return builder, builder.input("x", Type(shape))


def dense(builder: Builder, x: str, rows: int = 4) -> str:
    (columns,) = builder.type(x).shape
    w = builder.constant("w", GENERATOR.normal(0.0, 1.0, (rows, columns)))
    return builder.node("dense", x=x, w=w, bias=builder.constant("bias", GENERATOR.normal(0.0, 1.0, rows)))


def flat(builder: Builder, x: str) -> str:
    return builder.node("reshape", x=x, attributes={"shape": (builder.type(x).size,)})


def convolution(builder: Builder, x: str, padding: tuple[int, ...] = (0, 0, 0, 0), op: str = "conv2d") -> str:
    channels = builder.type(x).shape[-1]
    shape = (2, 2, 2, channels) if op == "conv2d" else (2, 2, channels)
    filters = 2 if op == "conv2d" else channels
    w = builder.constant("w", GENERATOR.normal(0.0, 1.0, shape))
    bias = builder.constant("bias", GENERATOR.normal(0.0, 1.0, filters))
    return builder.node(op, x=x, w=w, bias=bias, attributes={"padding": padding})


def padded(builder: Builder, x: str, before: tuple[int, ...], behind: tuple[int, ...], value: float = 0.0) -> str:
    return builder.node("pad", x=x, attributes={"before": before, "behind": behind, "value": value})


def test_transposes_meet_and_cancel() -> None:
    builder, x = begun()
    there = builder.node("tanh", x=transposed(builder, x))
    back = transposed(builder, builder.node("relu", x=there), BACK)
    assert check(builder.finish(builder.node("sigmoid", x=back)), move_transposes) == ["tanh", "relu", "sigmoid"]


def test_two_become_one() -> None:
    builder, x = begun()
    twice = transposed(builder, transposed(builder, builder.node("relu", x=x)))
    assert check(builder.finish(twice), move_transposes) == ["relu", "transpose"]


def test_one_that_moves_nothing_is_a_reshape() -> None:
    builder, x = begun((1, 1, 6))
    y = transposed(builder, builder.node("relu", x=x))
    assert check(builder.finish(y), move_transposes) == ["relu", "reshape"]


def test_both_operands_of_a_sum() -> None:
    builder, x = begun()
    a, b = (transposed(builder, builder.node(op, x=x)) for op in ("tanh", "relu"))
    total = builder.node("subtract", a=a, b=b)
    assert check(builder.finish(total), move_transposes) == ["tanh", "relu", "subtract", "transpose"]


def test_operands_that_differ_stay() -> None:
    builder, x = begun((3, 3, 3))
    a, b = transposed(builder, builder.node("tanh", x=x)), transposed(builder, x, BACK)
    assert check(builder.finish(builder.node("add", a=a, b=b)), move_transposes).count("transpose") == 2


def test_into_the_columns_of_a_layer() -> None:
    builder, x = begun()
    y = dense(builder, flat(builder, builder.node("relu", x=transposed(builder, x))))
    assert check(builder.finish(y), move_transposes) == ["relu", "reshape", "dense"]


def test_weights_that_others_read_are_copied() -> None:
    builder, x = begun()
    vector, moved = flat(builder, x), flat(builder, transposed(builder, x))
    w, bias = builder.constant("w", GENERATOR.normal(0.0, 1.0, (4, 60))), builder.constant("bias", np.zeros(4))
    first, second = (builder.node("dense", x=value, w=w, bias=bias) for value in (vector, moved))
    graph = builder.finish(builder.node("add", a=first, b=second))
    assert "transpose" not in check(graph, move_transposes)


def test_a_transpose_with_two_readers_stays() -> None:
    builder, x = begun()
    moved = transposed(builder, x)
    y = builder.node("add", a=builder.node("tanh", x=moved), b=builder.node("relu", x=moved))
    assert "transpose" in check(builder.finish(y), move_transposes)


@pytest.mark.parametrize("op", ["conv2d", "depthwise_conv2d"])
def test_zeros_become_padding(op: str) -> None:
    builder, x = begun()
    y = convolution(builder, padded(builder, x, (1, 0, 0), (2, 1, 0)), (0, 1, 0, 0), op)
    graph = builder.finish(y)
    assert check(graph, merge_padding) == [op]
    assert merge_padding(graph).nodes[0].attributes["padding"] == (1, 1, 2, 1)


@pytest.mark.parametrize(
    ("own", "counted", "left"),
    [((0, 0, 0, 0), False, []), ((1, 0, 0, 0), True, []), ((1, 0, 0, 0), False, ["pad"])],
)
def test_zeros_before_a_mean(own: tuple[int, ...], counted: bool, left: list[str]) -> None:
    builder, x = begun()
    attributes = {"size": (2, 2), "strides": (1, 1), "padding": own, "count_include_pad": counted}
    y = builder.node("average_pool2d", x=padded(builder, x, (0, 1, 0), (1, 0, 0)), attributes=attributes)
    assert check(builder.finish(y), merge_padding) == [*left, "average_pool2d"]


def test_zeros_before_a_mean_stay_where_windows_would_hold_nothing_else() -> None:
    builder, x = begun()
    pad = padded(builder, x, (2, 0, 0), (0, 0, 0))
    y = builder.node("average_pool2d", x=pad, attributes={"size": (2, 2), "strides": (1, 1)})
    assert check(builder.finish(y), merge_padding) == ["pad", "average_pool2d"]


def test_pads_become_one() -> None:
    builder, x = begun((5,))
    twice = padded(builder, padded(builder, x, (1,), (0,)), (2,), (1,))
    graph = builder.finish(builder.node("tanh", x=twice))
    assert check(graph, merge_padding) == ["pad", "tanh"]


@pytest.mark.parametrize("change", ["a number", "channels", "two readers"])
def test_a_pad_that_stays(change: str) -> None:
    builder, x = begun()
    behind = (0, 0, 1) if change == "channels" else (1, 1, 0)
    pad = padded(builder, x, (0, 0, 0), behind, 0.5 if change == "a number" else 0.0)
    y = convolution(builder, pad)
    if change == "two readers":
        y = builder.node("add", a=y, b=convolution(builder, pad))
    assert "pad" in check(builder.finish(y), merge_padding)
