"""scikit-learn's support vector machines with linear and RBF kernels (libsvm's; those of liblinear are linear models)."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgewright.errors import BadModelFile, UnsupportedModel
from edgewright.frontends._sklearn_arrays import Floats, check_fitted, finite
from edgewright.frontends._sklearn_linear import BOTH_CLASSES, Layers
from edgewright.frontends._sklearn_steps import Operator, Product
from edgewright.ops.quantisation import WEIGHT_LIMIT, scale_covering

VECTOR_CLASSIFIERS = ("SVC", "NuSVC")
VECTOR_REGRESSORS = ("SVR", "NuSVR")
ONE_CLASS = ("OneClassSVM",)
VECTOR_MACHINES = (*VECTOR_CLASSIFIERS, *VECTOR_REGRESSORS, *ONE_CLASS)
KERNELS = ("linear", "rbf")


def read_vectors(model: Any, kind: str, features: int) -> Layers:
    """Return the layers of a fitted machine that takes so many features. Raises UnsupportedModel, BadModelFile.

    Classifiers of more than two classes vote over the scores of all pairs, as scikit-learn's `predict` does. All but an SVC, whose
    weights are mostly one and the same, need fine ones.
    """
    check_fitted(model, "dual_coef_")
    if model.kernel not in KERNELS:
        raise UnsupportedModel(
            f"This {kind} has the kernel {model.kernel!r}; {' and '.join(map(repr, KERNELS))} are taken: fit it with one of them."
        )
    classes = len(model.classes_) if kind in VECTOR_CLASSIFIERS else 0
    if classes > 2 and model.break_ties:
        raise UnsupportedModel(f"This {kind} has break_ties=True, which is not taken; fit it with break_ties=False.")
    weight = _pairs(model, kind, classes)
    intercept = finite(model, "intercept_", model.intercept_, (len(weight),))
    vectors = finite(model, "support_vectors_", model.support_vectors_, (weight.shape[1], features))
    if model.kernel == "linear":
        layers: Layers = [Product(weight @ vectors, intercept)]
    else:
        gamma = float(finite(model, "gamma", model._gamma, (1,))[0])
        layers = [
            distances(vectors),
            Operator("exp", attributes={"factor": -gamma}),
            Product(weight, intercept, fine=kind != "SVC"),
        ]
    if classes > 2:
        return [*layers, Operator("pairwise_vote")]
    return [*layers, BOTH_CLASSES] if classes or kind in ONE_CLASS else layers


def distances(prototypes: Floats) -> Operator:
    """Return the squared distances to prototypes [count, features], held in 8 bits where that loses nothing, else in 16."""
    steps = prototypes / scale_covering(float(np.abs(prototypes).max(initial=0)), WEIGHT_LIMIT)
    wide = bool(np.any(steps != np.round(steps)))
    return Operator("squared_distance", {"prototypes": prototypes}, {"wide": True} if wide else {})


def _pairs(model: Any, kind: str, classes: int) -> Floats:
    """Return what each support vector adds to each score: [scores, vectors]; one score, or one a pair of classes."""
    count = len(model.support_)
    dual = model.dual_coef_
    if classes <= 2:
        return finite(model, "dual_coef_", dual, (1, count))
    each = np.asarray(model.n_support_, np.int64)
    if each.shape != (classes,) or np.any(each < 0) or each.sum() != count:
        raise BadModelFile(f"This {kind} is damaged: its n_support_ do not add up to its {count} support vectors.")
    coefficients = finite(model, "dual_coef_", dual, (classes - 1, count))
    ends = np.cumsum(each)
    own = [slice(end - number, end) for end, number in zip(ends, each, strict=True)]
    rows = []
    for first in range(classes):
        for second in range(first + 1, classes):
            row = np.zeros(count)
            row[own[first]] = coefficients[second - 1, own[first]]
            row[own[second]] = coefficients[first, own[second]]
            rows.append(row)
    return np.stack(rows)
