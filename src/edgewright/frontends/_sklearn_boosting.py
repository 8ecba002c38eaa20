"""scikit-learn's boosted trees of both kinds: each adds its leaves to the raw score of one output."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from edgewright.errors import BadModelFile, UnsupportedModel
from edgewright.frontends._sklearn_arrays import Floats, check_fitted, finite, kind_of
from edgewright.frontends._sklearn_nodes import Tree, checked, of_tree

GRADIENT = ("GradientBoostingClassifier", "GradientBoostingRegressor")
HISTOGRAM = ("HistGradientBoostingClassifier", "HistGradientBoostingRegressor")
BOOSTED = (*GRADIENT, *HISTOGRAM)
OF_LOGARITHMS = ("poisson", "gamma")  # losses whose raw score is the logarithm of the prediction


def read_boosted(model: Any, kind: str, features: int) -> list[Tree]:
    """Return the trees; what the score begins with is shared out among those of its output. Raises UnsupportedModel, BadModelFile.

    A classifier of two classes has one score, that of the second class: the first one stays at 0.
    """
    stages, start = (_gradient if kind in GRADIENT else _histogram)(model, kind, features)
    if hasattr(model, "classes_"):
        scores = 1 if len(model.classes_) == 2 else len(model.classes_)
        outputs = len(model.classes_)
    else:
        scores = outputs = 1
    if not stages or len(start) != scores or any(len(stage) != scores for stage in stages):
        raise BadModelFile(f"This {kind} is damaged: it has not {scores} trees in each of its stages.")
    trees = []
    for stage in stages:
        for score, tree in enumerate(stage):
            values = np.zeros((len(tree.values), outputs))
            values[:, outputs - scores + score] = tree.values[:, 0] + start[score] / len(stages)
            trees.append(Tree(tree.left, tree.right, tree.feature, tree.threshold, values))
    return trees


def _gradient(model: Any, kind: str, features: int) -> tuple[list[list[Tree]], Floats]:
    """Return the trees [stages][scores] of gradient boosting and the scores that it begins with."""
    check_fitted(model, "estimators_")
    rate = float(model.learning_rate)
    if kind_of(model.init_) in ("DummyClassifier", "DummyRegressor"):
        start = model._raw_predict_init(np.zeros((1, features), np.float32))[0]
    elif isinstance(model.init_, str) and model.init_ == "zero":
        start = np.zeros(np.shape(model.estimators_)[1])
    else:
        raise UnsupportedModel(
            f"This {kind} begins with a {type(model.init_).__qualname__}, whose scores are no constants; leave `init` at None or 'zero'."
        )
    stages = [[of_tree(one.tree_, features, (1, 1), kind, share=rate) for one in stage] for stage in model.estimators_]
    return stages, finite(model, "init_", start, (len(start),))


def _histogram(model: Any, kind: str, features: int) -> tuple[list[list[Tree]], Floats]:
    """Return the trees [stages][scores] of histogram boosting and the scores that it begins with."""
    check_fitted(model, "_predictors")
    if getattr(model, "is_categorical_", None) is not None and np.any(model.is_categorical_):
        raise UnsupportedModel(
            f"This {kind} has categorical features, whose sets of categories are not taken; encode them as numbers "
            "(OneHotEncoder) and fit with categorical_features=None."
        )
    if kind == "HistGradientBoostingRegressor" and model.loss in OF_LOGARITHMS:
        raise UnsupportedModel(
            f"This {kind} has the loss {model.loss!r}, whose predictions are exponentials of its scores; fit the logarithm of the "
            "targets with loss='squared_error'."
        )
    stages = [[_of_nodes(predictor.nodes, features, kind) for predictor in stage] for stage in model._predictors]
    start = np.ravel(model._baseline_prediction)
    return stages, finite(model, "_baseline_prediction", start, (len(start),))


def _of_nodes(nodes: npt.NDArray[Any], features: int, kind: str) -> Tree:
    if not len(nodes) or np.any(nodes["is_categorical"]):
        raise BadModelFile(f"A tree of this {kind} is damaged: it has no nodes, or splits by categories.")
    leaf = nodes["is_leaf"] != 0
    left = np.where(leaf, -1, nodes["left"].astype(np.int64))
    right = np.where(leaf, -1, nodes["right"].astype(np.int64))
    thresholds, columns = nodes["num_threshold"].astype(np.float64), nodes["feature_idx"].astype(np.int64)
    return checked(
        left, right, columns, thresholds, nodes["value"].astype(np.float64)[:, None], features=features, kind=kind
    )
