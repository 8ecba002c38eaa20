"""Depthwise convolutions and those of pixels become one operator with the same integers, and only where that serves."""

from dataclasses import replace

import numpy as np
import pytest

from edgewright import ops
from edgewright.compiler.passes.fuse_separable import fuse_separable
from edgewright.ir.graph import Graph, Node
from edgewright.ops import conv2d, depthwise_conv2d
from edgewright.runtime.integer import run_integer


def separable(channels=4, size=(1, 1), first=None, second=None, biases=("int32", "int32"), y="int8", seed=0):
    """A depthwise convolution of 3 x 3 and a convolution that reads it."""
    generator = np.random.default_rng(seed)
    first, second = first or {}, second or {}
    one = depthwise_conv2d.random_case(
        generator, (6, 5, channels), (3, 3, channels), first, ("int8", "int8", biases[0]), 0.0031
    )
    middle = one.types["y"]
    other = conv2d.random_case(generator, middle.shape, (3, *size), second, ("int8", y, biases[1]), 0.0031)
    types = {
        "x": one.types["x"],
        "w": one.types["w"],
        "bias": one.types["bias"],
        "middle": middle,
        "filters": other.types["w"],
        "filter_bias": other.types["bias"],
        "y": other.types["y"],
    }
    constants = {
        **one.parameters,
        "filters": other.parameters["w"],
        "filter_bias": other.parameters["bias"],
    }
    nodes = (
        Node("depthwise_conv2d", {"x": "x", "w": "w", "bias": "bias"}, "middle", first),
        Node("conv2d", {"x": "middle", "w": "filters", "bias": "filter_bias"}, "y", second),
    )
    return ops.verify(Graph(("x",), ("y",), nodes, types, constants))


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"first": {"strides": (2, 1), "padding": (1, 1, 1, 1)}},
        {"first": {"rounds_twice": True}, "second": {"rounds_twice": True}},
        {"biases": ("int16", "int32")},
        {"biases": ("int32", "int16")},
    ],
)
def test_both_become_one_with_the_same_integers(wanted):
    graph = separable(**wanted)
    fused = ops.verify(fuse_separable(graph))
    assert [node.op for node in fused.nodes] == ["separable_conv2d"]
    assert "middle" not in fused.types
    x = np.random.default_rng(1).integers(-128, 128, (20, 6, 5, 4))
    assert np.array_equal(run_integer(fused, x), run_integer(graph, x))
    assert ops.kernel_of(fused, fused.nodes[0], frozenset({"dsp"})).needs == "dsp"


@pytest.mark.parametrize(
    "wanted",
    [
        {"channels": 6},
        {"size": (2, 1)},
        {"second": {"strides": (2, 2)}},
        {"second": {"padding": (1, 0, 0, 0)}},
        {"first": {"rounds_twice": True}},
        {"y": "int16"},
    ],
)
def test_others_stay_two(wanted):
    graph = separable(**wanted)
    assert fuse_separable(graph) == graph


def test_a_result_that_is_seen_elsewhere_stays():
    graph = separable()
    seen = replace(graph, outputs=("y", "middle"))
    assert fuse_separable(seen) == seen


def test_weights_without_a_kernel_stay_two():
    graph = separable()
    lowest = graph.constants["filters"].copy()
    lowest[0] = -128  # beyond what the words hold
    types = {**graph.types, "filters": replace(graph.types["filters"], limits=None)}
    graph = replace(graph, types=types, constants={**graph.constants, "filters": lowest})
    assert len(fuse_separable(graph).nodes) == 2
