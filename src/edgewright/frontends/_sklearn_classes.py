"""scikit-learn's classifiers that know each class by its centre: nearest centroids and Gaussian naive Bayes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from edgewright.errors import BadModelFile, UnsupportedModel
from edgewright.frontends._sklearn_arrays import check_fitted, finite
from edgewright.frontends._sklearn_linear import Layers, add_layers
from edgewright.frontends._sklearn_steps import Product, Scaler
from edgewright.lowering import Builder

CENTRES = ("NearestCentroid",)
BAYES = ("GaussianNB",)
MOST_APART = 2.0**7  # the most that two curvatures may differ and still share the 8 bits of a row of weights


def read_centres(model: Any, kind: str, features: int) -> Layers:
    """Return the layers of a fitted model: scores c x - |c|^2 / 2 + log(prior), the largest for the nearest centre c.

    What all scores share is left out. Raises UnsupportedModel, BadModelFile.
    """
    check_fitted(model, "centroids_")
    if model.metric != "euclidean":
        raise UnsupportedModel(
            f"This {kind} has the metric {model.metric!r}; only 'euclidean' is taken: fit it with that."
        )
    classes = len(model.classes_)
    centres = finite(model, "centroids_", model.centroids_, (classes, features))
    priors = finite(model, "class_prior_", model.class_prior_, (classes,))
    alike = bool(np.isclose(priors, 1 / classes).all())  # scikit-learn then leaves features and priors as they are
    spread = np.ones(features)
    if not alike:
        spread = finite(model, "within_class_std_dev_", model.within_class_std_dev_, (features,))
        spread = np.where(spread == 0, 1.0, spread)
    if np.any(priors <= 0) or np.any(spread < 0):
        raise BadModelFile(f"This {kind} is damaged: its priors or its within_class_std_dev_ are not above zero.")
    curvature = spread**-2
    bias = (0 if alike else np.log(priors)) - 0.5 * (centres * centres * curvature).sum(axis=1)
    return [Product((centres - centres.mean(axis=0)) * curvature, bias - bias.mean())]


def add_bayes(builder: Builder, x: str, steps: Sequence[Scaler | Product], model: Any, kind: str, features: int) -> str:
    """Append a fitted Gaussian naive Bayes behind the steps of a pipeline, and return one score a class.

    A score is the logarithm of the joint likelihood, a parabola in each feature: a product with the features and their squares, measured
    from the middle of the classes in units of their deviation. What all scores share is left out. Raises UnsupportedModel, BadModelFile.
    """
    check_fitted(model, "theta_")
    classes = len(model.classes_)
    centres = finite(model, "theta_", model.theta_, (classes, features))
    variances = finite(model, "var_", model.var_, (classes, features))
    priors = finite(model, "class_prior_", model.class_prior_, (classes,))
    if np.any(variances <= 0) or np.any(priors < 0):
        raise BadModelFile(f"This {kind} is damaged: its variances or priors are not above zero.")
    if np.any(priors == 0):
        raise UnsupportedModel(f"This {kind} has classes of prior 0, which it never answers; leave them out.")
    middle, deviation = centres.mean(axis=0), np.sqrt(variances.mean(axis=0) + centres.var(axis=0))
    one = np.ones(features)
    moved = [*steps, Scaler(middle, deviation, one, np.zeros(features))]
    centres, variances = (centres - middle) / deviation, variances / deviation**2
    if (1 / variances).max() > MOST_APART:
        raise UnsupportedModel(
            f"This {kind} has features that hardly vary within a class (a variance of {variances.min():.1g} of that of all rows): "
            "integers of 8 bits cannot weigh them against the others. Fit it with a larger var_smoothing, such as 1e-2, or leave "
            "such features out."
        )
    squared = -0.5 / variances
    linear = centres / variances
    bias = np.log(priors) - 0.5 * np.log(variances).sum(axis=1) - 0.5 * (centres**2 / variances).sum(axis=1)
    z = add_layers(builder, x, moved, [])
    squares = builder.node("multiply", "squares", a=z, b=z)
    both = builder.node("concatenate", "both", attributes={"axis": 0}, a=z, b=squares)
    weight = np.concatenate([linear - linear.mean(axis=0), squared - squared.mean(axis=0)], axis=1)
    return builder.node(
        "dense",
        "scores",
        x=both,
        w=builder.constant("weight", weight),
        bias=builder.constant("bias", bias - bias.mean()),
    )
