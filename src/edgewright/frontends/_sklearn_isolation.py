"""scikit-learn's isolation forest: how deep a row gets on average says whether it is an outlier (Liu et al., ICDM 2008)."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgewright.errors import BadModelFile, UnsupportedModel
from edgewright.frontends._sklearn_arrays import check_fitted, finite
from edgewright.frontends._sklearn_nodes import Tree, checked
from edgewright.ops.tree_ensemble import WHOLE

ISOLATION = ("IsolationForest",)
EULER_GAMMA = float(np.euler_gamma)


def read_isolation(model: Any, kind: str, features: int) -> list[Tree]:
    """Return the trees, whose leaves add up to how much deeper a row gets than the shallowest inlier, in nodes of all trees.

    scikit-learn's decision, -2^(-depth / (trees * typical)) - offset, is not below 0 from depth = -trees * typical * log2(-offset) on;
    a row that lies just there is an inlier for it and stays one, whichever way the leaves are rounded.
    Raises UnsupportedModel, BadModelFile.
    """
    check_fitted(model, "estimators_")
    count, offset = len(model.estimators_), float(model.offset_)
    typical = float(average_path_length(np.array([int(model._max_samples)]))[0])
    if not count or not -1 <= offset < 0 or typical <= 0:
        raise UnsupportedModel(
            f"This {kind} tells no outliers: it was fitted to a single row, or its offset_ is {offset}, which must lie in -1..0. "
            "Fit it with max_samples of 2 or more and contamination='auto'."
        )
    limit = -typical * float(np.log2(-offset))  # of a tree
    if len(model.estimators_features_) != count:
        raise BadModelFile(f"This {kind} is damaged: it has not one list of features a tree.")
    read = [
        (_tree_depths(one.tree_), np.asarray(columns, np.int64), one.tree_)
        for one, columns in zip(model.estimators_, model.estimators_features_, strict=True)
    ]
    largest = max(float(np.abs(depths - limit).max()) for depths, _, _ in read)
    rounding = largest / (WHOLE["int16"] - 1) / 2
    trees = []
    for depths, columns, tree in read:
        inner = tree.children_left != -1
        if len(columns) == 0 or np.any(tree.feature[inner] >= len(columns)):
            raise BadModelFile(f"This {kind} is damaged: a tree reads a feature that it does not have.")
        values = np.zeros((len(depths), 2))
        values[:, 1] = finite(model, "depths", depths, (len(depths),)) - limit + rounding
        feature = np.where(inner, columns[np.where(inner, tree.feature, 0)], 0)
        trees.append(
            checked(
                tree.children_left, tree.children_right, feature, tree.threshold, values, features=features, kind=kind
            )
        )
    return trees


def average_path_length(rows: Any) -> Any:
    """Return how deep a search tree of so many rows [n] is on average, as scikit-learn computes it."""
    rows = np.asarray(rows, np.float64)
    more = np.maximum(rows, 3)
    many = 2.0 * (np.log(more - 1.0) + EULER_GAMMA) - 2.0 * (more - 1.0) / more
    return np.where(rows <= 1, 0.0, np.where(rows <= 2, 1.0, many))


def _tree_depths(tree: Any) -> Any:
    """Return the depth of each node [nodes], with what the rows that ended there would still have gone down."""
    depths = np.zeros(len(tree.children_left))
    waiting = [(0, 0)]
    for node, depth in waiting:
        if not 0 <= node < len(depths) or len(waiting) > len(depths):
            raise BadModelFile(
                "This IsolationForest is damaged: the nodes of a tree are not children of one node each."
            )
        depths[node] = depth
        if tree.children_left[node] != -1:
            waiting += [(int(tree.children_left[node]), depth + 1), (int(tree.children_right[node]), depth + 1)]
    return depths + average_path_length(tree.n_node_samples)
