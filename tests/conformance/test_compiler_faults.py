"""Programs on which a compiler crashed: they build, and answer as the twin does."""

import numpy as np
import pytest
from comparison import differences

from edgewright import boards, engines, ops
from edgewright.compiler.emit import emit
from edgewright.ir.graph import Graph, Node
from edgewright.ir.types import Type


def residual() -> Graph:
    """A convolution within sums: clang 22 kept what the Cortex-M0 loop reads from high registers on the stack, and crashed."""
    random = np.random.default_rng(0)
    image, channels = (3, 5, 8), (8,)
    wide = Type(image, "int16", 2.0**-10)
    types = {
        "x": Type(image, "int8", 2.0**-4, limits=(-127, 127)),
        "w": Type((8, 3, 3, 8), "int8", 2.0**-7, limits=(-127, 127)),
        "bias": Type(channels, "int16", 2.0**-11),
        "scale": Type(channels, "int16", 2.0**-14, limits=(-32767, 32767)),
        "offset": Type(channels, "int32", 2.0**-24),
        "convolved": wide,
        "first": wide,
        "second": wide,
        "cut": Type(image, "int16", 2.0**-12),
        "third": wide,
        "rows": Type((5, 3, 8), "int16", 2.0**-10),
        "scaled": Type((5, 3, 8), "int16", 2.0**-9),
        "flat": Type((120,), "int16", 2.0**-9),
    }
    constants = {
        "w": random.integers(-127, 128, (8, 3, 3, 8)).astype(np.int8),
        "bias": np.array([-1011, 3318, 4563, 2133, 1661, -730, -1497, 2413], np.int16),
        "scale": random.integers(-25000, 25000, 8).astype(np.int16),
        "offset": random.integers(-(2**24), 2**24, 8).astype(np.int32),
    }
    nodes = (
        Node("conv2d", {"x": "x", "w": "w", "bias": "bias"}, "convolved", {"padding": (1, 1, 1, 1)}),
        Node("add", {"a": "x", "b": "convolved"}, "first"),
        Node("add", {"a": "first", "b": "x"}, "second"),
        Node("rescale", {"x": "second"}, "cut", {"low": 0, "high": 6, "lowest": 0, "highest": 24576}),
        Node("add", {"a": "cut", "b": "second"}, "third"),
        Node("reshape", {"x": "third"}, "rows", {"shape": (5, 3, 8)}),
        Node("affine", {"x": "rows", "scale": "scale", "offset": "offset"}, "scaled"),
        Node("reshape", {"x": "scaled"}, "flat", {"shape": (120,)}),
    )
    return ops.verify(Graph(("x",), ("flat",), nodes, types, constants, name="residual"))


@pytest.mark.parametrize("board", ["mkr1000", "microbit"])
def test_a_convolution_within_sums_builds(board: str) -> None:
    engine = engines.get(boards.get(board).engine)
    if reason := engine.why_not(boards.get(board)):
        pytest.skip(reason)
    graph = residual()
    image = engine.build(emit({"residual": graph}, features=boards.get(board).cpu.features), board)
    assert differences({"residual": graph}, image) == []
