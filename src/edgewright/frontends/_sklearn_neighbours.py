"""scikit-learn's nearest neighbours: every row that it was fitted to is kept."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgewright.errors import BadModelFile, UnsupportedModel
from edgewright.frontends._sklearn_arrays import check_fitted, finite
from edgewright.frontends._sklearn_linear import Layers
from edgewright.frontends._sklearn_steps import Operator
from edgewright.frontends._sklearn_vectors import distances
from edgewright.ops.nearest_neighbours import MOST

NEIGHBOURS = ("KNeighborsClassifier", "KNeighborsRegressor")
WEIGHTS = ("uniform", "distance")


def read_neighbours(model: Any, kind: str, features: int) -> Layers:
    """Return the layers of a fitted model: one score a class, or the targets. Raises UnsupportedModel, BadModelFile."""
    check_fitted(model, "_fit_X")
    metric = model.effective_metric_
    if metric != "euclidean":
        raise UnsupportedModel(
            f"This {kind} has the metric {metric!r}; only euclidean distances are taken: fit it with metric='euclidean'."
        )
    if not isinstance(model.weights, str) or model.weights not in WEIGHTS:
        raise UnsupportedModel(
            f"This {kind} weighs its neighbours by {model.weights!r}; fit it with weights='uniform' or 'distance'."
        )
    count = int(np.shape(model._fit_X)[0])
    if count > MOST:
        raise UnsupportedModel(
            f"This {kind} keeps {count} rows, and a device's tables hold {MOST}; fit it to fewer, or use NearestCentroid."
        )
    prototypes = finite(model, "_fit_X", model._fit_X, (count, features))
    attributes: dict[str, Any] = {**distances(prototypes).attributes, "neighbours": int(model.n_neighbors)}
    if not 0 < attributes["neighbours"] <= count:
        raise BadModelFile(f"This {kind} is damaged: it asks for {model.n_neighbors} neighbours of {count} rows.")
    if model.weights == "distance":
        attributes["by_distance"] = True
    if kind == "KNeighborsClassifier":
        if model.outputs_2d_:
            raise UnsupportedModel(f"This {kind} gives several labels at once; train one model a label.")
        attributes["classes"] = len(model.classes_)
        answers = finite(model, "_y", model._y, (count,))
        if np.any((answers < 0) | (answers >= len(model.classes_)) | (answers != np.round(answers))):
            raise BadModelFile(f"This {kind} is damaged: its _y are not the numbers of its classes.")
    else:
        answers = finite(model, "_y", model._y, (count, int(np.size(model._y)) // count))
    return [Operator("nearest_neighbours", {"prototypes": prototypes, "answers": answers}, attributes)]
