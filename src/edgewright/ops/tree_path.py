"""The path that a vector takes through a balanced tree of hyperplanes: Bonsai's branching (Kumar et al., ICML 2017)."""

from __future__ import annotations

import numpy as np

from edgewright.errors import BadGraph
from edgewright.ir.graph import Attributes
from edgewright.ir.types import Array, Type
from edgewright.ops import INTEGERS, Case, Kernel, Op, Quantised, Request, Types, Values
from edgewright.ops.arithmetic import product_bounds
from edgewright.ops.quantisation import quantise_rows


def depth_of(nodes: int) -> int:
    """Return the depth of a balanced tree from its number of inner nodes, 2^depth - 1. Raises BadGraph for other numbers."""
    depth = (nodes + 1).bit_length() - 1
    if nodes < 1 or nodes + 1 != 1 << depth:
        raise BadGraph(f"a balanced tree has 1, 3, 7, ... inner nodes, not {nodes}")
    return depth


def shape(types: Types, attributes: Attributes) -> tuple[int, ...]:
    """Return (depth + 1,)."""
    nodes, columns = types["w"].shape
    if types["x"].zero_point:
        raise BadGraph("x must have its zero point at 0, as our own activations have")
    if types["x"].shape != (columns,):
        raise BadGraph(f"w is {nodes}x{columns}, so x must be {columns}")
    depth = depth_of(nodes)
    if "y" in types and not types["y"].is_float and not types["y"].range[0] <= 0 <= 2 * nodes <= types["y"].range[1]:
        raise BadGraph(f"y is {types['y']}, and the nodes of the tree are 0..{2 * nodes}")
    return (depth + 1,)


def path(v: Values, attributes: Attributes) -> Array:
    """Return the nodes from the root to a leaf, numbered breadth first: [n, depth + 1]; x: [n, columns].

    From node k to its child 2k + 1 where w_k x > 0, else to 2k + 2.
    """
    branches = v["x"] @ v["w"].T
    nodes = np.zeros((len(branches), depth_of(len(v["w"])) + 1), branches.dtype)
    current = np.zeros(len(branches), np.int64)
    for level in range(1, nodes.shape[1]):
        right = branches[np.arange(len(branches)), current] <= 0
        current = 2 * current + 1 + right
        nodes[:, level] = current
    return nodes


def quantise(request: Request) -> Quantised:
    """A hyperplane a row, each at its own scale: only the sign of its product counts."""
    w = request.parameters["w"]
    rows = quantise_rows(w, np.zeros(len(w)), request.types["x"])
    highest = 2 * len(w)
    output = Type(request.output.shape, "int16", 1.0, limits=(0, highest))
    return Quantised(output, {"w": rows.weights})


def accumulator(v: Values, t: Types, attributes: Attributes) -> tuple[int, int]:
    """Return the extremes of the product with any hyperplane."""
    lowest, highest = product_bounds(v["w"], min(t["x"].range[0], 0), max(t["x"].range[1], 0))
    return int(lowest.min()), int(highest.max())


def cases(generator: np.random.Generator) -> list[Case]:
    """Depths 1 to 3; a hyperplane of zeros, where the tie rule decides."""
    found = []
    for depth in (1, 2, 3):
        for dtype in INTEGERS:
            w = generator.integers(-127, 128, (2**depth - 1, 5)).astype(np.int8)
            w[-1] = 0
            types = {
                "x": Type((5,), dtype, 2.0**-7),
                "w": Type(w.shape, "int8", 2.0**-7, limits=(-127, 127)),
                "y": Type((depth + 1,), "int16", 1.0, limits=(0, 2 ** (depth + 1) - 2)),
            }
            found.append(Case(types, {"w": w}))
    return found


ENTRY = Op(
    doc="The nodes on the path of x through a balanced tree: from node k to 2k + 1 where w_k x > 0, else to 2k + 2.",
    inputs=("x", "w"),
    parameters=("w",),
    shape=shape,
    float=path,
    integer=lambda v, t, a: path(v, a),
    quantise=quantise,
    accumulator=accumulator,
    arguments=lambda v, t, a: {"depth": depth_of(t["w"].shape[0]), "columns": t["w"].shape[1]},
    kernels=(Kernel("tree_path_X", ("x", "y", "w", "depth", "columns"), {"x": INTEGERS}),),
    cases=cases,
)
