"""One decision tree of scikit-learn as arrays, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgewright.errors import BadModelFile, UnsupportedModel
from edgewright.frontends._sklearn_arrays import Floats


@dataclass(frozen=True)
class Tree:
    """A tree: left is -1 at a leaf; right, feature and threshold [nodes]; values [nodes, outputs] are added to the outputs at a leaf."""

    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    feature: npt.NDArray[np.int64]
    threshold: Floats
    values: Floats


def of_tree(tree: Any, features: int, shape: tuple[int, int], kind: str, *, share: float = 1.0) -> Tree:
    """Return a `Tree` of scikit-learn whose nodes have values of a shape, times `share`. Raises UnsupportedModel, BadModelFile."""
    values = np.asarray(tree.value)
    if values.shape != (len(tree.children_left), *shape):
        raise BadModelFile(
            f"A tree of this {kind} is damaged: its values are not {shape[0] * shape[1]} numbers a node."
        )
    return checked(
        tree.children_left,
        tree.children_right,
        tree.feature,
        tree.threshold,
        values.reshape(len(values), -1) * share,
        features=features,
        kind=kind,
    )


def checked(left: Any, right: Any, feature: Any, threshold: Any, values: Floats, *, features: int, kind: str) -> Tree:
    """Return a tree over so many features. Raises UnsupportedModel where it asks for missing values, BadModelFile where it is damaged."""
    if not np.all(np.isfinite(values)):
        raise BadModelFile(f"A tree of this {kind} is damaged: its values are not all finite.")
    inner = left != -1
    if np.any(np.isinf(threshold[inner])):
        raise UnsupportedModel(
            f"This {kind} was fitted to missing values and asks for them; a device has no NaN. Impute before fitting."
        )
    if np.any((feature[inner] < 0) | (feature[inner] >= features)) or np.any(np.isnan(threshold[inner])):
        raise BadModelFile(f"A tree of this {kind} is damaged: it reads a feature or a threshold that does not exist.")
    return Tree(left, right, feature, threshold, np.asarray(values, np.float64))
