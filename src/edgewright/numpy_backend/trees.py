"""ai.onnx.ml's trees: every row walks down all trees at once, one level a step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgewright.errors import BadModelFile, UnsupportedModel
from edgewright.numpy_backend.classical import POST_TRANSFORMS, Array, Floats, class_labels, transformed

COMPARISONS = {
    "BRANCH_LEQ": np.less_equal,
    "BRANCH_LT": np.less,
    "BRANCH_GTE": np.greater_equal,
    "BRANCH_GT": np.greater,
    "BRANCH_EQ": np.equal,
    "BRANCH_NEQ": np.not_equal,
}
MODES = (*COMPARISONS, "BRANCH_MEMBER")  # TreeEnsemble's numbers for them
LEAF = len(MODES)
AGGREGATES = ("AVERAGE", "SUM", "MIN", "MAX")  # TreeEnsemble's numbers for them


@dataclass(frozen=True)
class Forest:
    """The nodes of all trees, one number each, and what the leaves say.

    modes: numbers of MODES, or LEAF; when_true, when_false: children; missing: whether NaN goes to the true child; members: the
    set of a BRANCH_MEMBER node; roots: the first node of each tree; votes: nodes, outputs and weights, as long as each other.
    """

    features: Array
    modes: Array
    thresholds: Array
    when_true: Array
    when_false: Array
    missing: Array
    members: Mapping[int, Array]
    roots: Array
    votes: tuple[Array, Array, Array]


def _leaves(forest: Forest, rows: Array) -> Array:
    """Return the leaf that each row reaches in each tree (rows, trees). Raises BadModelFile where trees run in circles."""
    node = np.broadcast_to(forest.roots, (len(rows), len(forest.roots))).copy()
    inner = forest.modes != LEAF
    if inner.any() and forest.features[inner].max() >= rows.shape[1]:
        raise BadModelFile(f"The trees ask for feature {forest.features[inner].max()} of {rows.shape[1]}.")
    for _ in range(len(forest.modes)):
        row, tree = np.nonzero(inner[node])
        if not row.size:
            return node
        here = node[row, tree]
        value = rows[row, forest.features[here]]
        node[row, tree] = np.where(_tests(forest, here, value), forest.when_true[here], forest.when_false[here])
    if inner[node].any():
        raise BadModelFile("The nodes of a tree run in circles; a child must not be a node above it.")
    return node


def _tests(forest: Forest, nodes: Array, values: Array) -> Array:
    """Return whether values pass the tests of nodes."""
    result = np.zeros(len(nodes), bool)
    modes = forest.modes[nodes]
    for number, compare in enumerate(COMPARISONS.values()):
        chosen = modes == number
        result[chosen] = compare(values[chosen], forest.thresholds[nodes[chosen]])
    for node, members in forest.members.items():
        chosen = nodes == node
        result[chosen] = np.isin(values[chosen], members)
    return np.where(np.isnan(values), forest.missing[nodes], result)


def _sums(forest: Forest, data: Array, outputs: int, aggregate: str) -> Array:
    """Return what the leaves of all trees say together (rows, outputs), float64; 0 where none says anything."""
    rows = (data[None] if data.ndim == 1 else data).astype(np.float64)
    leaves = _leaves(forest, rows)
    where, output, weight = forest.votes
    if output.size and not 0 <= output.min() <= output.max() < outputs:
        raise BadModelFile(f"A leaf votes for output {output.max()}; there are {outputs}.")
    if aggregate in ("SUM", "AVERAGE"):
        said = np.zeros((len(forest.modes), outputs))
        np.add.at(said, (where, output), weight)
        total = sum((said[leaf] for leaf in leaves.T), np.zeros((len(rows), outputs)))
        return total / len(forest.roots) if aggregate == "AVERAGE" else total
    if aggregate not in AGGREGATES:
        raise UnsupportedModel(f"aggregate_function {aggregate!r}; allowed: {', '.join(AGGREGATES)}.")
    best, silent = (np.minimum, np.inf) if aggregate == "MIN" else (np.maximum, -np.inf)
    said = np.full((len(forest.modes), outputs), silent)
    best.at(said, (where, output), weight)
    result = np.full((len(rows), outputs), silent)
    for leaf in leaves.T:
        best(result, said[leaf], out=result)
    return np.where(result == silent, 0, result)


def _numbers(floats: Floats | None, tensor: Array | None) -> Array:
    """Return an attribute that is given as floats or as a tensor, float64; empty where it is neither."""
    return np.array(floats if tensor is None else tensor, np.float64) if floats or tensor is not None else np.zeros(0)


def _forest(
    nodes_treeids: Sequence[int],
    nodes_nodeids: Sequence[int],
    nodes_featureids: Sequence[int],
    nodes_modes: Sequence[str],
    nodes_truenodeids: Sequence[int],
    nodes_falsenodeids: Sequence[int],
    nodes_missing_value_tracks_true: Sequence[int] | None,
    thresholds: Array,
    votes: tuple[Sequence[int], Sequence[int], Sequence[int], Array],
) -> Forest:
    """Return the forest of the older operators, whose nodes go by the numbers of their trees and their own."""
    names = list(zip(nodes_treeids, nodes_nodeids, strict=True))
    place = {name: number for number, name in enumerate(names)}
    known = {mode: number for number, mode in enumerate(COMPARISONS)} | {"LEAF": LEAF}
    wrong = set(nodes_modes) - set(known)
    if wrong:
        raise UnsupportedModel(f"nodes_modes: {min(wrong)!r}; allowed: {', '.join(known)}.")
    try:
        children = [
            [
                number if mode == "LEAF" else place[tree, child]
                for number, ((tree, _), mode, child) in enumerate(zip(names, nodes_modes, ids, strict=True))
            ]
            for ids in (nodes_truenodeids, nodes_falsenodeids)
        ]
        where = [place[name] for name in zip(votes[0], votes[1], strict=True)]
    except KeyError as error:
        raise BadModelFile(
            f"A tree names node {error.args[0][1]} of tree {error.args[0][0]}, which is not there."
        ) from None
    roots: dict[int, int] = {}
    for number, tree in enumerate(nodes_treeids):
        roots.setdefault(tree, number)
    return Forest(
        np.array(nodes_featureids, np.int64),
        np.array([known[mode] for mode in nodes_modes], np.int64),
        thresholds,
        np.array(children[0], np.int64),
        np.array(children[1], np.int64),
        np.array(nodes_missing_value_tracks_true or [0] * len(names), bool),
        {},
        np.array(list(roots.values()), np.int64),
        (np.array(where, np.int64), np.array(votes[2], np.int64), votes[3]),
    )


def tree_ensemble_regressor(
    data: Array,
    *,
    aggregate_function: str = "SUM",
    base_values: Floats | None = None,
    base_values_as_tensor: Array | None = None,
    n_targets: int = 1,
    nodes_falsenodeids: Sequence[int],
    nodes_featureids: Sequence[int],
    nodes_hitrates: Floats | None = None,
    nodes_hitrates_as_tensor: Array | None = None,
    nodes_missing_value_tracks_true: Sequence[int] | None = None,
    nodes_modes: Sequence[str],
    nodes_nodeids: Sequence[int],
    nodes_treeids: Sequence[int],
    nodes_truenodeids: Sequence[int],
    nodes_values: Floats | None = None,
    nodes_values_as_tensor: Array | None = None,
    post_transform: str = "NONE",
    target_ids: Sequence[int],
    target_nodeids: Sequence[int],
    target_treeids: Sequence[int],
    target_weights: Floats | None = None,
    target_weights_as_tensor: Array | None = None,
) -> Array:
    """Return what the leaves that each row reaches say together, and the base values (rows, targets), float32."""
    forest = _forest(
        nodes_treeids,
        nodes_nodeids,
        nodes_featureids,
        nodes_modes,
        nodes_truenodeids,
        nodes_falsenodeids,
        nodes_missing_value_tracks_true,
        _numbers(nodes_values, nodes_values_as_tensor),
        (target_treeids, target_nodeids, target_ids, _numbers(target_weights, target_weights_as_tensor)),
    )
    base = _numbers(base_values, base_values_as_tensor)
    sums = _sums(forest, data, n_targets, aggregate_function)
    return transformed("TreeEnsembleRegressor", sums + base if base.size else sums, post_transform)


def tree_ensemble_classifier(
    data: Array,
    *,
    base_values: Floats | None = None,
    base_values_as_tensor: Array | None = None,
    class_ids: Sequence[int],
    class_nodeids: Sequence[int],
    class_treeids: Sequence[int],
    class_weights: Floats | None = None,
    class_weights_as_tensor: Array | None = None,
    classlabels_int64s: Sequence[int] | None = None,
    classlabels_strings: Sequence[str] | None = None,
    nodes_falsenodeids: Sequence[int],
    nodes_featureids: Sequence[int],
    nodes_hitrates: Floats | None = None,
    nodes_hitrates_as_tensor: Array | None = None,
    nodes_missing_value_tracks_true: Sequence[int] | None = None,
    nodes_modes: Sequence[str],
    nodes_nodeids: Sequence[int],
    nodes_treeids: Sequence[int],
    nodes_truenodeids: Sequence[int],
    nodes_values: Floats | None = None,
    nodes_values_as_tensor: Array | None = None,
    post_transform: str = "NONE",
) -> tuple[Array, Array]:
    """Return the label of the highest score (rows,) and the scores (rows, classes), float32.

    Where only one of two classes gets votes, they score the second: a probability if no vote is negative, else a margin above 0.
    """
    labels = class_labels("TreeEnsembleClassifier", classlabels_int64s, classlabels_strings)
    weights = _numbers(class_weights, class_weights_as_tensor)
    forest = _forest(
        nodes_treeids,
        nodes_nodeids,
        nodes_featureids,
        nodes_modes,
        nodes_truenodeids,
        nodes_falsenodeids,
        nodes_missing_value_tracks_true,
        _numbers(nodes_values, nodes_values_as_tensor),
        (class_treeids, class_nodeids, class_ids, weights),
    )
    base = _numbers(base_values, base_values_as_tensor)
    scores = _sums(forest, data, len(labels), "SUM")
    if len(labels) == 2 and len(set(class_ids)) == 1:
        second = scores[:, class_ids[0]] + (base[-1] if base.size else 0)
        first = 1 - second if (weights >= 0).all() else -second
        # Stacked first and second: a tie goes to the first.
        scores = np.stack([first, second], 1)
    elif base.size:
        scores = scores + base
    return labels[scores.argmax(1)], transformed("TreeEnsembleClassifier", scores, post_transform)


def tree_ensemble(
    data: Array,
    *,
    aggregate_function: int = 1,
    leaf_targetids: Sequence[int],
    leaf_weights: Array,
    membership_values: Array | None = None,
    n_targets: int = 1,
    nodes_falseleafs: Sequence[int],
    nodes_falsenodeids: Sequence[int],
    nodes_featureids: Sequence[int],
    nodes_hitrates: Array | None = None,
    nodes_missing_value_tracks_true: Sequence[int] | None = None,
    nodes_modes: Array,
    nodes_splits: Array,
    nodes_trueleafs: Sequence[int],
    nodes_truenodeids: Sequence[int],
    post_transform: int = 0,
    tree_roots: Sequence[int],
) -> Array:
    """Return what the leaves that each row reaches say together (rows, targets), in the type of data."""
    if not 0 <= aggregate_function < len(AGGREGATES) or not 0 <= post_transform < len(POST_TRANSFORMS):
        raise UnsupportedModel(
            f"TreeEnsemble: aggregate_function {aggregate_function}, post_transform {post_transform}."
        )
    inner, leaves = len(nodes_modes), len(leaf_weights)
    children = [
        np.concatenate([np.array(ids, np.int64) + inner * np.array(ends, np.int64), np.arange(inner, inner + leaves)])
        for ids, ends in ((nodes_truenodeids, nodes_trueleafs), (nodes_falsenodeids, nodes_falseleafs))
    ]
    modes = np.concatenate([nodes_modes.astype(np.int64), np.full(leaves, LEAF)])
    if (modes[:inner] >= LEAF).any() or any((child >= inner + leaves).any() or (child < 0).any() for child in children):
        raise BadModelFile(
            f"TreeEnsemble: a mode above {LEAF - 1}, or a child beyond {inner} nodes and {leaves} leaves."
        )
    padding = np.zeros(leaves, np.int64)
    forest = Forest(
        np.concatenate([np.array(nodes_featureids, np.int64), padding]),
        modes,
        np.concatenate([nodes_splits.astype(np.float64), padding]),
        children[0],
        children[1],
        np.concatenate([np.array(nodes_missing_value_tracks_true or [0] * inner, bool), padding.astype(bool)]),
        _members(modes, membership_values),
        np.array(tree_roots, np.int64),
        (np.arange(inner, inner + leaves), np.array(leaf_targetids, np.int64), leaf_weights.astype(np.float64)),
    )
    sums = _sums(forest, data, n_targets, AGGREGATES[aggregate_function])
    return np.asarray(POST_TRANSFORMS[list(POST_TRANSFORMS)[post_transform]](sums)).astype(data.dtype)


def _members(modes: Array, values: Array | None) -> dict[int, Any]:
    """Return the sets of the nodes that test for membership; NaN ends each set."""
    nodes = np.flatnonzero(modes == MODES.index("BRANCH_MEMBER")).tolist()
    listed = np.zeros(0) if values is None else values.astype(np.float64)
    sets = np.split(listed, np.flatnonzero(np.isnan(listed)) + 1)
    filled = [part[~np.isnan(part)] for part in sets if part.size]
    if len(filled) != len(nodes):
        raise BadModelFile(f"TreeEnsemble: {len(filled)} sets of members for {len(nodes)} nodes that test for one.")
    return dict(zip(nodes, filled, strict=True))


ENTRY = {
    "ai.onnx.ml:TreeEnsemble": tree_ensemble,
    "ai.onnx.ml:TreeEnsembleClassifier": tree_ensemble_classifier,
    "ai.onnx.ml:TreeEnsembleRegressor": tree_ensemble_regressor,
}
