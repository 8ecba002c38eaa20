"""Passes on float graphs: the same real meaning from fewer nodes, and what they leave alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from edgewright.compiler.passes import FLOAT, run_passes
from edgewright.compiler.passes.drop_identities import drop_identities
from edgewright.compiler.passes.equalise import equalise
from edgewright.compiler.passes.fold_affine import fold_affine
from edgewright.ir import Graph, Type
from edgewright.lowering import Builder
from edgewright.runtime.calibrate import calibrate
from edgewright.runtime.interpret import run_float

SHAPES = {"dense": (6,), "conv2d": (5, 4, 3), "depthwise_conv2d": (5, 4, 3)}
WEIGHTS = {"dense": (4, 6), "conv2d": (4, 3, 2, 3), "depthwise_conv2d": (3, 2, 6)}
GENERATOR = np.random.default_rng(0)


def product(builder: Builder, op: str, x: str, output: str, **attributes: tuple[int, ...]) -> str:
    shape = WEIGHTS[op]
    rows = shape[-1] if op == "depthwise_conv2d" else shape[0]
    w = builder.constant("w", GENERATOR.normal(size=shape))
    bias = builder.constant("bias", GENERATOR.normal(size=rows))
    return builder.node(op, output, x=x, w=w, bias=bias, attributes=dict(attributes))


def line(builder: Builder, x: str, output: str, scale: object, offset: object) -> str:
    return builder.node(
        "affine", output, x=x, scale=builder.constant("scale", scale), offset=builder.constant("offset", offset)
    )


def agree(graph: Graph, change: Callable[[Graph], Graph]) -> list[str]:
    """The operators that are left, after it was made sure that the graph means the same."""
    changed = run_passes(graph, (change,))
    rows = np.random.default_rng(1).normal(size=(7, *graph.input_type.shape))
    assert np.allclose(run_float(changed, rows), run_float(graph, rows), rtol=1e-4, atol=1e-5)
    unread = set(changed.constants) - {value for node in changed.nodes for value in node.inputs.values()}
    assert not unread
    return [node.op for node in changed.nodes]


@pytest.mark.parametrize("op", SHAPES)
@pytest.mark.parametrize("each", [True, False])
def test_batch_normalisation_behind_a_product_vanishes(op: str, each: bool) -> None:
    builder = Builder("behind")
    made = product(builder, op, builder.input("x", Type(SHAPES[op])), "made")
    channels = builder.type(made).shape[-1] if each else 1
    y = line(builder, made, "y", GENERATOR.normal(size=channels), GENERATOR.normal(size=channels))
    graph = builder.finish(builder.node("relu", x=y))
    assert agree(graph, fold_affine) == [op, "relu"]
    assert {node.output for node in fold_affine(graph).nodes} == {"y", "relu"}  # the name goes with the meaning


@pytest.mark.parametrize("op", SHAPES)
@pytest.mark.parametrize("offset", [0.0, 0.5])
@pytest.mark.parametrize("padding", [(0, 0, 0, 0), (1, 0, 0, 1)])
def test_one_scale_before_a_product_vanishes_where_padding_stays_zero(
    op: str, offset: float, padding: tuple[int, ...]
) -> None:
    builder = Builder("before")
    x = builder.node("tanh", x=builder.input("x", Type(SHAPES[op])))
    attributes = {} if op == "dense" else {"padding": padding}
    graph = builder.finish(product(builder, op, line(builder, x, "line", [0.25], [offset]), "y", **attributes))
    stays = offset and any(padding) and op != "dense"
    assert agree(graph, fold_affine) == (["tanh", "affine", op] if stays else ["tanh", op])


def test_readings_keep_their_own_line() -> None:
    def graph(scale: object, offset: object) -> Graph:
        builder = Builder("readings")
        x = line(builder, builder.input("x", Type((6,))), "line", scale, offset)
        return builder.finish(product(builder, "dense", x, "y"))

    assert agree(graph([0.5], [-3.0]), fold_affine) == ["affine", "dense"]  # the mean of raw readings
    assert agree(graph(np.arange(1.0, 7.0), [0.0]), fold_affine) == ["affine", "dense"]  # scales of their own
    assert agree(graph([1 / 255], [0.0]), fold_affine) == ["dense"]


def test_a_value_that_others_read_keeps_its_line() -> None:
    builder = Builder("others")
    made = product(builder, "dense", builder.input("x", Type((6,))), "made")
    y = line(builder, made, "y", [2.0], [1.0])
    assert agree(builder.finish(builder.node("add", a=y, b=made)), fold_affine) == ["dense", "affine", "add"]


def test_constants_that_others_read_are_copied() -> None:
    builder = Builder("shared")
    x = builder.input("x", Type((4,)))
    w, bias = builder.constant("w", GENERATOR.normal(size=(4, 4))), builder.constant("bias", np.ones(4))
    first = line(builder, builder.node("dense", x=x, w=w, bias=bias), "first", [3.0], [1.0])
    graph = builder.finish(builder.node("dense", "y", x=builder.node("relu", x=first), w=w, bias=bias))
    assert agree(graph, fold_affine) == ["dense", "relu", "dense"]


def test_bodies_of_scans_are_folded_too() -> None:
    body = Builder("body")
    made = product(body, "dense", body.input("s", Type((6,))), "made")
    inner = body.finish(line(body, made, "y", [2.0], [1.0]))
    builder = Builder("scan")
    x = builder.input("x", Type((3, 6)))
    graph = builder.finish(builder.node("scan", "loop", x=x, attributes={"body": inner, "output": "stacked"}))
    assert agree(graph, fold_affine) == ["scan"]
    assert [node.op for node in fold_affine(graph).nodes[0].attributes["body"].nodes] == ["dense"]


def test_what_changes_nothing_vanishes() -> None:
    builder = Builder("nothing")
    x = builder.input("x", Type((2, 3)))
    x = builder.node("reshape", x=x, attributes={"shape": (2, 3)})
    x = line(builder, builder.node("tanh", x=x), "one", [1.0], [0.0])
    x = builder.node("relu", x=builder.node("relu", x=x))
    x = builder.node("reshape", x=x, attributes={"shape": (3, 2)})
    x = builder.node("reshape", x=x, attributes={"shape": (6,)})
    graph = builder.finish(builder.node("exp", x=x))
    assert agree(graph, drop_identities) == ["tanh", "relu", "reshape", "exp"]


def test_a_line_on_the_input_stays_as_it_cuts_readings() -> None:
    builder = Builder("readings")
    x = line(builder, builder.input("x", Type((3,))), "one", [1.0], [0.0])
    graph = builder.finish(builder.node("exp", x=x))
    assert agree(graph, drop_identities) == ["affine", "exp"]


def test_an_output_keeps_its_node() -> None:
    builder = Builder("output")
    x = builder.input("x", Type((2,)))
    graph = builder.finish(builder.node("reshape", "y", x=x, attributes={"shape": (2,)}))
    assert agree(graph, drop_identities) == ["reshape"]
    assert run_passes(graph, FLOAT).outputs == ("y",)


@pytest.mark.parametrize("second", ["conv2d", "depthwise_conv2d"])
@pytest.mark.parametrize("between", ["relu", None])
def test_channels_between_two_products_become_alike(second: str, between: str | None) -> None:
    builder = Builder("channels")
    x = builder.input("x", Type((6, 6, 3)))
    w = GENERATOR.normal(size=(3, 2, 2, 3)) * np.array([1.0, 4.0, 0.5])[:, None, None, None]
    y = builder.node("conv2d", "first", x=x, w=builder.constant("v", w), bias=builder.constant("b", [0.1, 0.2, 0.3]))
    y = builder.node(between, "between", x=y) if between else y
    graph = builder.finish(product(builder, second, y, "y", padding=(1, 1, 1, 1)))
    rows = np.random.default_rng(2).normal(size=(20, 6, 6, 3))
    level = equalise(graph, calibrate(graph, rows))
    assert np.allclose(run_float(level, rows), run_float(graph, rows), rtol=1e-3, atol=1e-3)
    before, after = calibrate(graph, rows), calibrate(level, rows)

    def spread(seen: np.ndarray) -> float:
        return float(seen.max() / seen.min())

    value = "between" if between else "first"
    assert value not in after  # it means something else now, under another name
    least = 1.01 if second == "depthwise_conv2d" else 0.7 * spread(before[value].peaks)
    assert spread(after[f"{value}.level"].peaks) < least


def test_a_clip_between_products_is_no_place_to_scale() -> None:
    builder = Builder("clip")
    x = builder.node("clip", x=product(builder, "conv2d", builder.input("x", Type((5, 4, 3))), "first"),
                     attributes={"low": 0.0, "high": 6.0})  # fmt: skip
    w, bias = builder.constant("u", np.ones((2, 1, 1, 4))), builder.constant("c", [0.0, 0.0])
    graph = builder.finish(builder.node("conv2d", "y", x=x, w=w, bias=bias))
    level = equalise(graph, calibrate(graph, GENERATOR.normal(size=(5, 5, 4, 3))))
    assert [node.output for node in level.nodes] == ["first", "clip", "y"]
