"""scikit-learn's decision trees and forests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgewright.errors import BadModelFile, UnsupportedModel
from edgewright.frontends._sklearn_arrays import Floats, check_fitted
from edgewright.frontends._sklearn_steps import Product, Scaler
from edgewright.ir.types import Type
from edgewright.lowering import Builder
from edgewright.ops.tree_ensemble import Branch, tabulate

TREES = ("DecisionTreeClassifier", "ExtraTreeClassifier")
FORESTS = ("RandomForestClassifier", "ExtraTreesClassifier")


def add_trees(builder: Builder, x: str, steps: Sequence[Scaler | Product], model: Any, kind: str) -> str:
    """Append a fitted tree or forest behind the steps of a pipeline, and return the mean of the trees' class probabilities.

    Both it and scikit-learn compare features in single precision, so the leaves reached are the same. Scalers go into the thresholds.
    Raises UnsupportedModel where the model is not fitted, has several outputs, was fitted to missing values or stands behind a
    PCA; BadModelFile where its arrays are not trees.
    """
    check_fitted(model, "estimators_" if kind in FORESTS else "tree_")
    if model.n_outputs_ != 1:
        raise UnsupportedModel(f"This {kind} predicts {model.n_outputs_} outputs; train one model an output.")
    scalers = [step for step in steps if isinstance(step, Scaler)]
    if len(scalers) < len(steps):
        raise UnsupportedModel(
            f"This {kind} stands behind a PCA, whose rounding could send a row to another leaf; leave the PCA out."
        )
    trees = [estimator.tree_ for estimator in model.estimators_] if kind in FORESTS else [model.tree_]
    classes, (features,) = len(model.classes_), builder.type(x).shape
    arrays = [_arrays(tree, features, classes, kind) for tree in trees]
    starts = np.cumsum([0, *(len(values) for *_, values in arrays)])
    visited: set[tuple[int, int]] = set()

    def expand(at: tuple[int, int]) -> int | Branch[tuple[int, int]]:
        tree, node = at
        left, right, feature, threshold, _ = arrays[tree]
        if at in visited or not 0 <= node < len(left):
            raise BadModelFile(f"Tree {tree} of this {kind} is damaged: node {node} is not a child of one node.")
        visited.add(at)
        if left[node] == -1:
            return int(starts[tree]) + node
        return int(feature[node]), float(threshold[node]), (tree, int(left[node])), (tree, int(right[node]))

    tables = tabulate([(tree, 0) for tree in range(len(trees))], expand)
    rows, leaf = np.unique(tables.leaf, return_inverse=True)
    probabilities = np.concatenate([values for *_, values in arrays])[rows] / len(trees)

    def table(port: str, entries: npt.ArrayLike) -> str:
        return builder.constant(port, entries, Type(np.shape(entries), "int32", 1.0))

    return builder.node(
        "tree_ensemble",
        "probabilities",
        x=x,
        feature=table("feature", tables.feature),
        threshold=builder.constant("threshold", carried(np.array(tables.threshold), np.array(tables.feature), scalers)),
        left=table("left", tables.left),
        leaf=table("leaf", leaf.ravel()),
        leaves=builder.constant("leaves", probabilities),
        size=table("size", tables.size),
    )


def _arrays(tree: Any, features: int, classes: int, kind: str) -> tuple[npt.NDArray[Any], ...]:
    """Return left, right, feature, threshold [nodes] and probabilities [nodes, classes] of a tree, checked."""
    left, right, feature, threshold = tree.children_left, tree.children_right, tree.feature, tree.threshold
    values = np.asarray(tree.value)
    if values.shape != (len(left), 1, classes) or not np.all(np.isfinite(values)):
        raise BadModelFile(f"A tree of this {kind} is damaged: its values are not {classes} finite numbers a node.")
    inner = left != -1
    if np.any(np.isinf(threshold[inner])):
        raise UnsupportedModel(
            f"This {kind} was fitted to missing values and asks for them; a device has no NaN. Impute before fitting."
        )
    if np.any((feature[inner] < 0) | (feature[inner] >= features)) or np.any(np.isnan(threshold[inner])):
        raise BadModelFile(f"A tree of this {kind} is damaged: it reads a feature or a threshold that does not exist.")
    return left, right, feature, threshold, values[:, 0]


def single_below(thresholds: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Return the largest float32 <= each threshold: for x in single precision the comparison x <= threshold stays the same."""
    limits = np.finfo(np.float32)
    within = np.clip(thresholds, float(limits.min), float(limits.max))
    rounded = within.astype(np.float32)
    return np.asarray(np.where(rounded > within, np.nextafter(rounded, limits.min), rounded), np.float32)


def carried(thresholds: Floats, features: npt.NDArray[np.int64], scalers: Sequence[Scaler]) -> npt.NDArray[np.float32]:
    """Return thresholds [n] for raw features in place of scaled ones: for x in single precision the comparisons stay the same.

    Each is the largest float32 x that is <= the threshold once it is scaled, in double precision, and rounded to float32 as
    scikit-learn does. All of that is monotone, so that halving the interval of all float32 numbers finds it.
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
            left = scaled.astype(np.float32) <= thresholds
        low, high = np.where(left, middle, low), np.where(left, high, middle - 1)
    return _single(low)


def _single(ranks: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Return the float32 number of each rank: 0 is zero, 1 the smallest above it, -1 the largest below it."""
    magnitude = np.abs(ranks).astype(np.int32).view(np.float32)
    return np.where(ranks < 0, -magnitude, magnitude)
