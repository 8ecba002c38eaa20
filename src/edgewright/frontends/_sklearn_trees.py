"""scikit-learn's decision trees and what is made of many of them: forests, boosted trees, isolation forests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgewright.errors import BadModelFile, UnsupportedModel
from edgewright.frontends._sklearn_arrays import Floats, check_fitted
from edgewright.frontends._sklearn_boosting import BOOSTED, read_boosted
from edgewright.frontends._sklearn_isolation import ISOLATION, read_isolation
from edgewright.frontends._sklearn_nodes import Tree, of_tree
from edgewright.frontends._sklearn_steps import Product, Scaler
from edgewright.ir.types import Type
from edgewright.lowering import Builder
from edgewright.ops.tree_ensemble import Branch, tabulate

TREES = ("DecisionTreeClassifier", "ExtraTreeClassifier", "DecisionTreeRegressor", "ExtraTreeRegressor")
FORESTS = ("RandomForestClassifier", "ExtraTreesClassifier", "RandomForestRegressor", "ExtraTreesRegressor")
ENSEMBLES = (*TREES, *FORESTS, *BOOSTED, *ISOLATION)


def add_trees(builder: Builder, x: str, steps: Sequence[Scaler | Product], model: Any, kind: str) -> str:
    """Append a fitted tree or ensemble behind the steps of a pipeline, and return the sum of the leaves that it reaches.

    It is the mean of the trees' class probabilities or predictions, the raw scores of boosted trees, or, for an isolation forest, nothing
    for an outlier beside what an inlier is ahead. Both it and scikit-learn compare features in single precision (histogram boosting:
    in double precision), so the leaves reached are the same. Scalers go into the thresholds.
    Raises UnsupportedModel where the model is not fitted, was fitted to missing values, stands behind a PCA or has what is not taken;
    BadModelFile where its arrays are not trees.
    """
    scalers = [step for step in steps if isinstance(step, Scaler)]
    if len(scalers) < len(steps):
        raise UnsupportedModel(
            f"This {kind} stands behind a PCA, whose rounding could send a row to another leaf; leave the PCA out."
        )
    (features,) = builder.type(x).shape
    if kind in BOOSTED:
        trees = read_boosted(model, kind, features)
    elif kind in ISOLATION:
        trees = read_isolation(model, kind, features)
    else:
        trees = _read_mean(model, kind, features)
    starts = np.cumsum([0, *(len(tree.values) for tree in trees)])
    visited: set[tuple[int, int]] = set()

    def expand(at: tuple[int, int]) -> int | Branch[tuple[int, int]]:
        number, node = at
        tree = trees[number]
        if at in visited or not 0 <= node < len(tree.left):
            raise BadModelFile(f"Tree {number} of this {kind} is damaged: node {node} is not a child of one node.")
        visited.add(at)
        if tree.left[node] == -1:
            return int(starts[number]) + node
        sides = (number, int(tree.left[node])), (number, int(tree.right[node]))
        return int(tree.feature[node]), float(tree.threshold[node]), *sides

    tables = tabulate([(number, 0) for number in range(len(trees))], expand)
    rows, leaf = np.unique(tables.leaf, return_inverse=True)
    values = np.concatenate([tree.values for tree in trees])[rows]
    rounded = not kind.startswith("Hist")
    thresholds = carried(np.array(tables.threshold), np.array(tables.feature), scalers, rounded=rounded)

    def table(port: str, entries: npt.ArrayLike) -> str:
        return builder.constant(port, entries, Type(np.shape(entries), "int32", 1.0))

    return builder.node(
        "tree_ensemble",
        "probabilities" if kind in (*TREES, *FORESTS) and hasattr(model, "classes_") else "scores",
        x=x,
        feature=table("feature", tables.feature),
        threshold=builder.constant("threshold", thresholds),
        left=table("left", tables.left),
        leaf=table("leaf", leaf.ravel()),
        leaves=builder.constant("leaves", values),
        size=table("size", tables.size),
    )


def _read_mean(model: Any, kind: str, features: int) -> list[Tree]:
    """Return the trees of a forest or a lone tree, each with its share of the mean."""
    check_fitted(model, "estimators_" if kind in FORESTS else "tree_")
    classifies = hasattr(model, "classes_")
    if classifies and model.n_outputs_ != 1:
        raise UnsupportedModel(f"This {kind} predicts {model.n_outputs_} outputs; train one model an output.")
    outputs = len(model.classes_) if classifies else model.n_outputs_
    trees = [estimator.tree_ for estimator in model.estimators_] if kind in FORESTS else [model.tree_]
    if not trees:
        raise BadModelFile(f"This {kind} is damaged: it has no trees.")
    shape = (1, outputs) if classifies else (outputs, 1)
    return [of_tree(tree, features, shape, kind, share=1 / len(trees)) for tree in trees]


def single_below(thresholds: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Return the largest float32 <= each threshold: for x in single precision the comparison x <= threshold stays the same."""
    limits = np.finfo(np.float32)
    within = np.clip(thresholds, float(limits.min), float(limits.max))
    rounded = within.astype(np.float32)
    return np.asarray(np.where(rounded > within, np.nextafter(rounded, limits.min), rounded), np.float32)


def carried(
    thresholds: Floats, features: npt.NDArray[np.int64], scalers: Sequence[Scaler], *, rounded: bool = True
) -> npt.NDArray[np.float32]:
    """Return thresholds [n] for raw features in place of scaled ones: for x in single precision the comparisons stay the same.

    Each is the largest float32 x that is <= the threshold once it is scaled, in double precision, and, where it is `rounded`, brought
    to float32 as scikit-learn does. All of that is monotone, so that halving the interval of all float32 numbers finds it.
    """
    if not scalers:
        return single_below(thresholds)
    largest = int(np.array(np.finfo(np.float32).max).view(np.int32))
    low, high = np.full(len(thresholds), -largest, np.int64), np.full(len(thresholds), largest, np.int64)
    while np.any(low < high):
        middle = low + (high - low + 1) // 2
        scaled = _single(middle).astype(np.float64)
        with np.errstate(over="ignore"):
            for scaler in scalers:
                scaled = (scaled - scaler.minus[features]) / scaler.over[features]
                scaled = scaled * scaler.times[features] + scaler.plus[features]
            left = (scaled.astype(np.float32) if rounded else scaled) <= thresholds
        low, high = np.where(left, middle, low), np.where(left, high, middle - 1)
    return _single(low)


def _single(ranks: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Return the float32 number of each rank: 0 is zero, 1 the smallest above it, -1 the largest below it."""
    magnitude = np.abs(ranks).astype(np.int32).view(np.float32)
    return np.where(ranks < 0, -magnitude, magnitude)
