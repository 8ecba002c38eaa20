"""ai.onnx.ml's tree ensembles as one operator. Both compare features in single precision, so the leaves reached are the same."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from edgewright.errors import BadModelFile, UnsupportedModel
from edgewright.frontends._onnx_flow import Floats, Flow, Line, ModelBuilder, Operation, settle
from edgewright.ir.types import Type
from edgewright.ops.tree_ensemble import Branch, tabulate

LEAF = "LEAF"
MODES = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ", "BRANCH_MEMBER")
COMPILED = MODES[:4]
SINGLE = np.finfo(np.float32)


@dataclass(frozen=True)
class Forest:
    """Nodes of all trees by number: what they test, where true and false lead; leaves have rows of `values` [nodes, outputs]."""

    modes: list[str]
    features: list[int]
    thresholds: Floats
    true: list[int]
    false: list[int]
    roots: list[int]
    values: Floats


def _integers(node: Operation, name: str) -> list[int]:
    return [int(entry) for entry in np.ravel(node.attributes.get(name, []))]


def _floats(node: Operation, name: str) -> Floats:
    """Return an attribute that is given as floats or as a tensor."""
    tensor = node.attributes.get(f"{name}_as_tensor")
    return np.asarray(node.attributes.get(name, []), np.float64).ravel() if tensor is None else tensor_floats(tensor)


def tensor_floats(tensor: object) -> Floats:
    """Return a tensor of an attribute as float64, checked."""
    import onnx

    from edgewright.frontends._onnx_file import array

    if not isinstance(tensor, onnx.TensorProto):
        raise BadModelFile("an attribute is no tensor")
    return array(tensor, tensor.name).astype(np.float64).ravel()


def _forest(node: Operation, kind: str, outputs: int) -> tuple[Forest, Floats]:
    """Return the forest of the older operators, whose nodes go by tree and number, and the weights of its leaves."""
    trees, numbers = _integers(node, "nodes_treeids"), _integers(node, "nodes_nodeids")
    modes = [entry.decode("utf-8", "replace") for entry in node.attributes.get("nodes_modes", [])]
    features, thresholds = _integers(node, "nodes_featureids"), _floats(node, "nodes_values")
    ends = [_integers(node, f"nodes_{side}nodeids") for side in ("true", "false")]
    at = {key: number for number, key in enumerate(zip(trees, numbers, strict=True))}
    if not at or len({len(modes), len(features), len(thresholds), len(ends[0]), len(ends[1]), len(at)}) != 1:
        raise BadModelFile("its lists of nodes are not of one length, or a node is there twice")
    leaf_trees, leaf_nodes, ids = (_integers(node, f"{kind}_{name}") for name in ("treeids", "nodeids", "ids"))
    weights = _floats(node, f"{kind}_weights")
    if not len(leaf_trees) == len(leaf_nodes) == len(ids) == len(weights):
        raise BadModelFile("its lists of leaves are not of one length")
    values = np.zeros((len(modes), outputs))
    for tree, number, output, weight in zip(leaf_trees, leaf_nodes, ids, weights, strict=True):
        if (tree, number) not in at or not 0 <= output < outputs:
            raise BadModelFile(f"a leaf of tree {tree} does not exist, or its output {output} is none of {outputs}")
        values[at[tree, number], output] += weight
    true, false = (
        [-1 if mode == LEAF else at.get((tree, end), -1) for mode, tree, end in zip(modes, trees, side, strict=True)]
        for side in ends
    )
    roots = list({tree: number for number, tree in reversed(list(enumerate(trees)))}.values())[::-1]
    return Forest(modes, features, thresholds, true, false, roots, values), weights


def _shared(node: Operation, forest: Forest) -> Forest:
    """Return a forest whose sums are what `aggregate_function` says."""
    how = node.attributes.get("aggregate_function", b"SUM")
    name = (
        how.decode("utf-8", "replace") if isinstance(how, bytes) else {0: "AVERAGE", 1: "SUM"}.get(int(how), str(how))
    )
    if name not in ("SUM", "AVERAGE"):
        raise UnsupportedModel(f"its trees are aggregated by {name}; SUM and AVERAGE are compiled")
    return replace(forest, values=forest.values / len(forest.roots)) if name == "AVERAGE" else forest


def tree_regressor(builder: ModelBuilder, node: Operation, x: Flow) -> Flow:
    """Return the sums of the leaves, and the base values."""
    outputs = int(node.number("n_targets", 1))
    if not 1 <= outputs <= 1000:
        raise BadModelFile(f"it has {outputs} targets")
    forest, _ = _forest(node, "target", outputs)
    return _appended(builder, x, _shared(node, forest), _base(node, outputs))


def tree_classifier(builder: ModelBuilder, node: Operation, x: Flow, classes: int) -> Flow:
    """Return the votes; where only one of two classes gets any, the other has what is missing to 1, or the opposite of a margin."""
    forest, weights = _forest(node, "class", classes)
    ids = set(_integers(node, "class_ids"))
    if classes == 2 and len(ids) == 1:
        second = forest.values[:, ids.pop()]
        own = _floats(node, "base_values")
        base = float(own[-1]) if own.size else 0.0
        whole = 1.0 if (weights >= 0).all() else 0.0
        return _appended(
            builder, x, replace(forest, values=np.stack([-second, second], 1)), np.array([whole - base, base])
        )
    return _appended(builder, x, forest, _base(node, classes))


def _base(node: Operation, outputs: int) -> Floats:
    base = _floats(node, "base_values")
    if base.size not in (0, 1, outputs):
        raise BadModelFile(f"it has {base.size} base values for {outputs} outputs")
    return np.broadcast_to(base, (outputs,)) if base.size else np.zeros(outputs)


def tree_ensemble(builder: ModelBuilder, node: Operation, x: Flow) -> Flow:
    """Return the sums of the newer operator, which keeps nodes and leaves apart."""
    if int(node.number("post_transform", 0)):
        raise UnsupportedModel("it has a post_transform; export the sums themselves")
    splits, kinds = (tensor_floats(node.attributes.get(name)) for name in ("nodes_splits", "nodes_modes"))
    weights, targets = tensor_floats(node.attributes.get("leaf_weights")), _integers(node, "leaf_targetids")
    features, roots = _integers(node, "nodes_featureids"), _integers(node, "tree_roots")
    inner, leaves, outputs = len(splits), len(weights), int(node.number("n_targets", 1))
    ends = []
    for side in ("true", "false"):
        ids, flags = _integers(node, f"nodes_{side}nodeids"), _integers(node, f"nodes_{side}leafs")
        if not len(ids) == len(flags) == inner:
            raise BadModelFile("its lists of nodes are not of one length")
        ends.append([inner + number if flag else number for number, flag in zip(ids, flags, strict=True)])
    fits = len(features) == len(kinds) == inner and len(targets) == leaves and 1 <= outputs <= 1000 and roots
    if not fits or not all(0 <= target < outputs for target in targets):
        raise BadModelFile("its lists of nodes and leaves do not fit together")
    values = np.zeros((inner + leaves, outputs))
    values[np.arange(inner, inner + leaves), targets] = weights
    modes = [MODES[int(kind)] if 0 <= kind < len(MODES) else str(kind) for kind in kinds] + [LEAF] * leaves
    padding = [0] * leaves
    forest = Forest(
        modes, features + padding, np.concatenate([splits, np.zeros(leaves)]), ends[0] + padding, ends[1] + padding,
        roots, values,
    )  # fmt: skip
    return _appended(builder, x, _shared(node, forest), np.zeros(outputs))


def _appended(builder: ModelBuilder, x: Flow, forest: Forest, base: Floats) -> Flow:
    """Append the operator. A scaling of the input goes into the thresholds."""
    if bad := sorted({mode for mode in forest.modes if mode not in (LEAF, *COMPILED)}):
        raise UnsupportedModel(f"it tests by {', '.join(bad)}; {', '.join(COMPILED)} are compiled")
    if not np.all(np.isfinite(forest.thresholds)) or not np.all(np.isfinite(forest.values)):
        raise UnsupportedModel(
            "its thresholds or leaves hold NaN or infinity; a device has neither. Impute before fitting"
        )
    thresholds, value = forest.thresholds, x.value
    if isinstance(x.pending, Line) and np.all(x.pending.scale > 0.0):
        scale, offset = (np.broadcast_to(entry, x.shape) for entry in (x.pending.scale, x.pending.offset))
        places = np.clip(forest.features, 0, x.shape[0] - 1)
        thresholds = (thresholds - offset[places]) / scale[places]
    else:
        value = settle(builder, x)
    lower = _single_below(thresholds)
    under = np.where(lower == thresholds, np.nextafter(lower, SINGLE.min), lower)  # x < t is x <= the number below t
    values = forest.values.copy()
    visited: set[int] = set()

    def expand(at: int) -> int | Branch[int]:
        if at in visited or not 0 <= at < len(forest.modes):
            raise BadModelFile(f"its trees are damaged: node {at} is not the child of one node")
        visited.add(at)
        mode = forest.modes[at]
        if mode == LEAF:
            return at
        if not 0 <= forest.features[at] < x.shape[0]:
            raise BadModelFile(f"a node tests feature {forest.features[at]} of {x.shape[0]}")
        limit = float(lower[at] if mode in ("BRANCH_LEQ", "BRANCH_GT") else under[at])
        sides = (forest.true[at], forest.false[at])
        left, right = sides if mode in ("BRANCH_LEQ", "BRANCH_LT") else sides[::-1]
        return forest.features[at], limit, left, right

    values[sorted(set(tabulate(forest.roots[:1], expand).leaf))] += base  # every row reaches one leaf of the first tree
    visited.clear()
    tables = tabulate(forest.roots, expand)
    rows, leaf = np.unique(tables.leaf, return_inverse=True)

    def table(port: str, entries: npt.ArrayLike) -> str:
        return builder.constant(port, entries, Type(np.shape(entries), "int32", 1.0))

    made = builder.node(
        "tree_ensemble",
        "sums",
        x=value,
        feature=table("feature", tables.feature),
        threshold=builder.constant("threshold", np.array(tables.threshold)),
        left=table("left", tables.left),
        leaf=table("leaf", leaf.ravel()),
        leaves=builder.constant("leaves", values[rows]),
        size=table("size", tables.size),
    )
    return Flow(made, (values.shape[1],))


def _single_below(thresholds: Floats) -> npt.NDArray[np.float32]:
    """Return the largest float32 <= each threshold."""
    within = np.clip(thresholds, float(SINGLE.min), float(SINGLE.max))
    rounded = within.astype(np.float32)
    return np.asarray(np.where(rounded > within, np.nextafter(rounded, SINGLE.min), rounded), np.float32)
