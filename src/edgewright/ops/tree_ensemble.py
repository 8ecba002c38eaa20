"""Sum of the leaves that a vector reaches in many decision trees: forests, boosted trees, single trees.

The inner nodes of all trees stand one after another, each tree depth first with the left branch before the right one. `left` says
how many inner nodes the left branch of a node holds, so that branches need no addresses: from a node of a branch with `rest` inner nodes

    to the left:   node + 1,         rest = left
    to the right:  node + left + 1,  rest = rest - left - 1     past as many leaves as inner nodes, and one

and where rest is 0 a leaf is reached. The leaves of a tree stand in the same order, one more than it has inner nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from edgewright.errors import BadGraph, UnsupportedModel
from edgewright.ir.graph import Attributes
from edgewright.ir.types import INTEGER_RANGES, Array, Type
from edgewright.ops import INTEGERS, Case, Kernel, Op, Quantised, Request, Types, Values, _tree_records
from edgewright.ops.arithmetic import INT32

State = TypeVar("State")
Branch = tuple[int, float, State, State]  # feature, threshold, where to go if x[feature] <= threshold, and where if not

# Divisible by 1 to 10: shares of small leaves such as 1/3 are exact, and so are ties between sums of them
WHOLE = {"uint16": 65520, "int16": 32760}
UNSIGNED = ("uint8", "uint16")


@dataclass
class Tables:
    """Trees as the operator holds them; see the ports."""

    feature: list[int] = field(default_factory=list)
    threshold: list[float] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    leaf: list[int] = field(default_factory=list)
    size: list[int] = field(default_factory=list)


def tabulate(roots: Iterable[State], expand: Callable[[State], int | Branch[State]]) -> Tables:
    """Return the tables of trees, one a root, however deep they are.

    expand: gives a row of `leaves`, or a branch. Where no tree branches, the first one gets a branch whose two leaves are the same, as
    tables are never empty.
    """
    tables = Tables()
    for root in roots:
        first = len(tables.feature)
        waiting: list[tuple[State | None, int]] = [(root, -1)]
        while waiting:
            state, measured = waiting.pop()
            if state is None:
                tables.left[measured] = len(tables.feature) - measured - 1
                continue
            found = expand(state)
            if not isinstance(found, tuple):
                tables.leaf.append(found)
                continue
            feature, threshold, left, right = found
            waiting += [(right, -1), (None, len(tables.feature)), (left, -1)]
            tables.feature.append(feature)
            tables.threshold.append(threshold)
            tables.left.append(0)
        tables.size.append(len(tables.feature) - first)
    if not tables.feature:
        tables.feature, tables.threshold, tables.left = [0], [0], [0]
        tables.size[0] = 1
        tables.leaf.insert(0, tables.leaf[0])
    return tables


def shape(types: Types, attributes: Attributes) -> tuple[int, ...]:
    """Return (outputs,)."""
    nodes, trees = types["feature"].shape, types["size"].shape
    if any(len(types[port].shape) != 1 for port in ("x", "feature", "threshold", "left", "leaf", "size")):
        raise BadGraph("x, feature, threshold, left, leaf and size must be vectors")
    if types["threshold"].shape != nodes or types["left"].shape != nodes:
        raise BadGraph(f"feature, threshold and left must have one entry a node, {nodes[0]} each")
    if types["leaf"].shape != (nodes[0] + trees[0],):
        raise BadGraph(f"{trees[0]} trees with {nodes[0]} inner nodes have {nodes[0] + trees[0]} leaves")
    if types["threshold"].dtype != types["x"].dtype:
        raise BadGraph(f"x is {types['x'].dtype}, so threshold must be {types['x'].dtype}")
    if len(types["leaves"].shape) != 2:
        raise BadGraph("leaves must be a matrix, one row a leaf")
    return (types["leaves"].shape[1],)


def check(v: Values, columns: int) -> None:
    """Raise BadGraph where the tables are not trees over `columns` features: their walk would leave them."""
    feature, left, leaf, sizes = (v[port].astype(np.int64) for port in ("feature", "left", "leaf", "size"))
    if sizes.min() < 0 or sizes.sum() != len(feature):
        raise BadGraph(f"the sizes of the trees add up to {sizes.sum()}, and there are {len(feature)} inner nodes")
    if feature.min() < 0 or feature.max() >= columns:
        raise BadGraph(f"a node reads the feature {feature.max()}, and x has {columns}")
    if leaf.min() < 0 or leaf.max() >= len(v["leaves"]):
        raise BadGraph(f"a leaf is the row {leaf.max()} of leaves, which has {len(v['leaves'])}")
    node = 0
    for size in sizes.tolist():
        branches = [size]
        while branches:
            rest = branches.pop()
            if rest == 0:
                continue
            skipped = int(left[node])
            if not 0 <= skipped < rest:
                raise BadGraph(f"the left branch of node {node} has {skipped} inner nodes of {rest - 1}")
            branches += [rest - skipped - 1, skipped]
            node += 1


def leaves_reached(v: Values) -> npt.NDArray[np.int64]:
    """Return the rows of `leaves` that x reaches, one a tree: [n, trees]; x: [n, features]."""
    x = v["x"]
    check(v, x.shape[1])
    feature, left, leaf, sizes = (v[port].astype(np.int64) for port in ("feature", "left", "leaf", "size"))
    trees, shape = len(sizes), (len(x), len(sizes))
    first = np.cumsum(sizes) - sizes
    node = np.broadcast_to(first, shape).ravel().copy()
    place = np.broadcast_to(first + np.arange(trees), shape).ravel().copy()
    rest = np.broadcast_to(sizes, shape).ravel().copy()
    while len(inside := np.flatnonzero(rest)):
        here = node[inside]
        skipped = left[here] + 1
        to_left = x[inside // trees, feature[here]] <= v["threshold"][here]
        rest[inside] = np.where(to_left, skipped - 1, rest[inside] - skipped)
        node[inside] += np.where(to_left, 1, skipped)
        place[inside] += np.where(to_left, 0, skipped)
    return leaf[place].reshape(shape)


def total(v: Values) -> Array:
    """Return the sum of the leaves that x reaches: [n, outputs]."""
    reached = leaves_reached(v)
    result = np.zeros((len(reached), v["leaves"].shape[1]), v["leaves"].dtype)
    for tree in range(reached.shape[1]):
        result += v["leaves"][reached[:, tree]]
    return result


def float_total(v: Values, attributes: Attributes) -> Array:
    """Return the sum; x and the thresholds are compared in single precision, as trees are trained."""
    single = {port: v[port].astype(np.float32) for port in ("x", "threshold")}
    return total({**v, **single})


def integer_thresholds(thresholds: Array, features: Array, x: Type) -> list[int]:
    """Return the integers q with: x <= threshold exactly where the integer of x is <= q. They may lie outside the range of x."""
    scales = [Fraction(float(scale)) for scale in np.broadcast_to(x.scales, x.shape)]
    return [
        Fraction(float(threshold)) // scales[int(feature)] + x.zero_point
        for threshold, feature in zip(thresholds, features, strict=True)
    ]


@dataclass(frozen=True)
class _Place:
    """A branch on its way to integers: its first node, its first leaf, its inner nodes, what is known of the features."""

    node: int
    place: int
    rest: int
    known: dict[int, tuple[int, int]]


def quantise(request: Request) -> Quantised:
    """Thresholds in the integers of x; branches that no integer reaches are left out. The output has the scale of the leaves.

    Raises UnsupportedModel where a table would need more than 16 bits an entry.
    """
    v, x = request.parameters, request.types["x"]
    if x.dtype not in INTEGERS:
        raise UnsupportedModel(f"A tree ensemble reads {' or '.join(INTEGERS)}, not {x.dtype}.")
    check(v, x.shape[0])
    feature, left, leaf, sizes = (v[port].astype(np.int64).tolist() for port in ("feature", "left", "leaf", "size"))
    threshold = integer_thresholds(v["threshold"], v["feature"], x)

    def expand(at: _Place) -> int | Branch[_Place]:
        while at.rest:
            here, limit, skipped = feature[at.node], threshold[at.node], left[at.node] + 1
            low, high = at.known.get(here, x.range)
            to_left = (at.node + 1, at.place, skipped - 1)
            to_right = (at.node + skipped, at.place + skipped, at.rest - skipped)
            if low <= limit < high:
                known_left, known_right = {here: (low, limit)}, {here: (limit + 1, high)}
                return here, limit, _Place(*to_left, at.known | known_left), _Place(*to_right, at.known | known_right)
            at = _Place(*to_left, at.known) if limit >= high else _Place(*to_right, at.known)
        return int(leaf[at.place])

    first = np.cumsum([0, *sizes])
    tables = tabulate(
        (_Place(int(first[tree]), int(first[tree]) + tree, size, {}) for tree, size in enumerate(sizes)), expand
    )
    leaves, scale = quantise_leaves(v["leaves"], len(sizes))
    used, numbers = np.unique(leaves[tables.leaf], axis=0, return_inverse=True)
    dtype = str(leaves.dtype)
    parameters = {
        "feature": _table("feature", tables.feature),
        "threshold": (np.array(tables.threshold, x.dtype), Type((len(tables.threshold),), x.dtype, 1.0)),
        "left": _table("left", tables.left),
        "leaf": _table("leaf", numbers.ravel().tolist()),
        "leaves": (used, Type(used.shape, dtype, scale)),
        "size": _table("size", tables.size, ("uint16",)),
    }
    lowest, highest = bounds({port: array.astype(np.int64) for port, (array, _) in parameters.items()})
    output = Type(request.output.shape, "int32", scale, limits=(int(lowest.min()), int(highest.max())))
    return Quantised(output, parameters)


def quantise_leaves(leaves: Array, trees: int) -> tuple[Array, float]:
    """Return leaves as 16-bit integers and their scale: the finest at which the largest is whole and any sum fits 32 bits."""
    dtype = "uint16" if leaves.min() >= 0 else "int16"
    largest = float(np.abs(leaves).max())
    whole = min(WHOLE[dtype], INT32[1] // trees)
    scale = largest / whole if largest else 1.0
    return np.floor(leaves.astype(np.float64) / scale + 0.5).astype(dtype), scale


def _table(port: str, entries: list[int], dtypes: tuple[str, ...] = UNSIGNED) -> tuple[Array, Type]:
    """Return entries in the narrowest dtype that holds them."""
    for dtype in dtypes:
        if max(entries) <= INTEGER_RANGES[dtype][1]:
            return np.array(entries, dtype), Type((len(entries),), dtype, 1.0)
    raise UnsupportedModel(
        f"The ensemble is too large: its table {port!r} reaches {max(entries)}, and a device's tables hold "
        f"{INTEGER_RANGES[dtypes[-1]][1]} at most. Train fewer or shallower trees."
    )


def bounds(v: Values) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the lowest and highest sum of each output over all choices of one leaf a tree; v: int64."""
    trees = [v["leaves"][part] for part in np.split(v["leaf"], np.cumsum(v["size"] + 1)[:-1])]
    return np.sum([tree.min(axis=0) for tree in trees], axis=0), np.sum([tree.max(axis=0) for tree in trees], axis=0)


def accumulator(v: Values, t: Types, attributes: Attributes) -> tuple[int, int]:
    """Return the extremes of any partial sum. Raises BadGraph where the tables are no trees or the output's type is not of the sum."""
    check(v, t["x"].shape[0])
    of_each = bounds(v)
    lowest, highest = int(of_each[0].min()), int(of_each[1].max())
    low, high = t["y"].range
    if t["y"].scale != t["leaves"].scale or t["y"].zero_point or t["leaves"].zero_point:
        raise BadGraph("y must have the scale of leaves, and both their zero points at 0")
    if not low <= lowest <= highest <= high:
        raise BadGraph(f"y says that it lies in {low}..{high}, and the sum reaches {lowest}..{highest}")
    trees = v["size"].size
    return trees * min(int(v["leaves"].min()), 0), trees * max(int(v["leaves"].max()), 0)


def cases(generator: np.random.Generator) -> list[Case]:
    """Every dtype of every table; a tree that is a single leaf; a comb, to the left and to the right; the corners of the thresholds.

    Each with thresholds at the highest integer of x and without them.
    """
    found = []
    for number, leaves_dtype in enumerate(("uint16", "int16", "uint16", "int16")):
        x_dtype, narrow, wide = INTEGERS[number % 2], UNSIGNED[number // 2], UNSIGNED[1 - number // 2]
        low, high = INTEGER_RANGES[x_dtype]

        def expand(state: tuple[str, int], low: int = low, high: int = high) -> int | Branch[tuple[str, int]]:
            kind, depth = state
            if depth == 0:
                return int(generator.integers(6))
            threshold = int(generator.choice([low, high, *generator.integers(low, high + 1, 6)]))
            sides = {"left comb": (depth - 1, 0), "right comb": (0, depth - 1), "full": (depth - 1, depth - 1)}[kind]
            return int(generator.integers(5)), threshold, (kind, sides[0]), (kind, sides[1])

        tables = tabulate([("full", 3), ("full", 0), ("left comb", 4), ("right comb", 4), ("full", 1)], expand)
        edges = INTEGER_RANGES[leaves_dtype]
        values = {
            "feature": np.array(tables.feature, narrow),
            "threshold": np.array(tables.threshold, x_dtype),
            "left": np.array(tables.left, wide),
            "leaf": np.array(tables.leaf, narrow),
            "leaves": generator.integers(edges[0], edges[1] + 1, (6, 3)).astype(leaves_dtype),
            "size": np.array(tables.size, "uint16"),
        }
        types = {port: Type(array.shape, str(array.dtype), 1.0) for port, array in values.items()}
        x, y = Type((5,), x_dtype, 2.0**-3, -3 if x_dtype == "int8" else 0), Type((3,), "int32", 1.0)
        for highest in (high, high - 1):  # beyond the highest threshold there may be nothing
            values = {**values, "threshold": np.minimum(values["threshold"], highest).astype(x_dtype)}
            found.append(Case({"x": x, **types, "y": y}, values))
    return found


def arguments(v: Values, t: Types, attributes: Attributes) -> dict[str, int | Array]:
    """Return the sizes."""
    return {"trees": t["size"].shape[0], "outputs": t["leaves"].shape[1]}


_PORTS: tuple[str, ...] = ("feature", "threshold", "left", "leaf", "leaves", "size")
_PACKED = ("records", "lengths", "targets", "shares")
_DTYPES: dict[str, Any] = {"feature": UNSIGNED, "left": UNSIGNED, "leaf": UNSIGNED, "leaves": tuple(WHOLE)}

ENTRY = Op(
    doc="Sum over trees of the row of leaves [k, outputs] that x reaches, x[feature] <= threshold going left: y [outputs].",
    inputs=("x", *_PORTS),
    parameters=_PORTS,
    shape=shape,
    float=float_total,
    integer=lambda v, t, a: total(v),
    quantise=quantise,
    accumulator=accumulator,
    arguments=arguments,
    kernels=(
        Kernel(
            "tree_ensemble_short_LEAVES",
            ("x", "y", *_PACKED, "trees", "outputs"),
            {"x": ("int8",), "y": ("int32",), "leaves": tuple(WHOLE)},
            _tree_records.fits(short=True),
            layout=_tree_records.layout(short=True),
        ),
        Kernel(
            "tree_ensemble_long_X_LEAVES",
            ("x", "y", *_PACKED, "trees", "outputs"),
            {"x": INTEGERS, "y": ("int32",), "leaves": tuple(WHOLE)},
            _tree_records.fits(short=False),
            layout=_tree_records.layout(short=False),
        ),
        Kernel(
            "tree_ensemble_X_FEATURE_LEFT_LEAF_LEAVES",
            ("x", "y", *_PORTS, "trees", "outputs"),
            {"x": INTEGERS, "y": ("int32",), "size": ("uint16",), **_DTYPES},
        ),
    ),
    cases=cases,
    scale_a_feature=True,
)
