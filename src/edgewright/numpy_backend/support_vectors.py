"""ai.onnx.ml's support vector machines, as LIBSVM computes them (Chang and Lin 2011)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from edgewright.errors import BadModelFile, UnsupportedModel
from edgewright.numpy_backend.classical import Array, Floats, class_labels, transformed


def _kernel(operator: str, rows: Array, vectors: Array, kind: str, params: Floats | None) -> Array:
    """Return the kernel (rows, vectors). params: gamma, coef0 and degree."""
    gamma, offset, degree = params or (0.0, 0.0, 0.0)
    if kind == "RBF":
        squares = np.square(rows).sum(1)[:, None] + np.square(vectors).sum(1) - 2 * rows @ vectors.T
        return np.exp(-gamma * np.maximum(squares, 0))
    products = rows @ vectors.T
    if kind == "LINEAR":
        return products
    if kind == "POLY":
        return np.power(gamma * products + offset, degree)
    if kind == "SIGMOID":
        return np.tanh(gamma * products + offset)
    raise UnsupportedModel(f"{operator}: kernel_type {kind!r}; allowed: LINEAR, POLY, RBF, SIGMOID.")


def _inputs(operator: str, data: Array, support_vectors: Floats, count: int) -> tuple[Array, Array]:
    rows = (data[None] if data.ndim == 1 else data).astype(np.float64)
    if len(support_vectors) != count * rows.shape[1]:
        raise BadModelFile(
            f"{operator}: {len(support_vectors)} numbers are not {count} vectors of {rows.shape[1]} features."
        )
    return rows, np.array(support_vectors, np.float64).reshape(count, rows.shape[1])


def svm_regressor(
    data: Array,
    *,
    coefficients: Floats,
    kernel_params: Floats | None = None,
    kernel_type: str = "LINEAR",
    n_supports: int = 0,
    one_class: int = 0,
    post_transform: str = "NONE",
    rho: Floats,
    support_vectors: Floats = (),
) -> Array:
    """Return the regression (rows, 1), float32; with one_class 1 for an inlier and -1 for an outlier.

    Without support vectors, coefficients are the weights of the features.
    """
    vectors = support_vectors if n_supports else coefficients
    rows, known = _inputs("SVMRegressor", data, vectors, n_supports or 1)
    kernel = _kernel("SVMRegressor", rows, known, kernel_type, kernel_params)
    scores = kernel @ (np.array(coefficients, np.float64)[:, None] if n_supports else np.ones((1, 1))) + rho[0]
    if one_class:
        scores = np.where(scores > 0, 1.0, -1.0)
    return transformed("SVMRegressor", scores, post_transform)


def svm_classifier(
    data: Array,
    *,
    classlabels_ints: Sequence[int] | None = None,
    classlabels_strings: Sequence[str] | None = None,
    coefficients: Floats,
    kernel_params: Floats | None = None,
    kernel_type: str = "LINEAR",
    post_transform: str = "NONE",
    prob_a: Floats = (),
    prob_b: Floats = (),
    rho: Floats,
    support_vectors: Floats = (),
    vectors_per_class: Sequence[int] = (),
) -> tuple[Array, Array]:
    """Return the labels (rows,) and the scores, float32: probabilities of the classes where prob_a and prob_b are given.

    Otherwise the scores are those of each pair of classes, above 0 for the first of it, or of the two classes if there are two.
    Without support vectors, coefficients are the weights of the features for each class.
    """
    labels = class_labels("SVMClassifier", classlabels_ints, classlabels_strings)
    if not vectors_per_class:
        rows, weights = _inputs("SVMClassifier", data, coefficients, len(labels))
        scores = _kernel("SVMClassifier", rows, weights, kernel_type, kernel_params) + np.array(rho, np.float64)
        return labels[scores.argmax(1)], transformed("SVMClassifier", scores, post_transform)
    decisions = _decisions(data, coefficients, kernel_params, kernel_type, rho, support_vectors, vectors_per_class)
    if prob_a:
        scores = _probabilities(decisions, prob_a, prob_b, len(labels))
        return labels[scores.argmax(1)], transformed("SVMClassifier", scores, post_transform)
    votes = np.zeros((len(decisions), len(labels)), np.int64)
    for number, (first, second) in enumerate(itertools.combinations(range(len(labels)), 2)):
        votes[:, first] += decisions[:, number] > 0
        votes[:, second] += decisions[:, number] <= 0
    scores = np.concatenate([decisions, -decisions], 1) if len(labels) == 2 else decisions
    return labels[votes.argmax(1)], transformed("SVMClassifier", scores, post_transform)


def _decisions(
    data: Array,
    coefficients: Floats,
    kernel_params: Floats | None,
    kernel_type: str,
    rho: Floats,
    support_vectors: Floats,
    vectors_per_class: Sequence[int],
) -> Array:
    """Return the decision of each pair of classes (rows, pairs), above 0 for the first of the pair.

    A vector of class i has a coefficient against each other class j: in row j - 1 where j is behind i, in row j where before.
    """
    count = sum(vectors_per_class)
    rows, vectors = _inputs("SVMClassifier", data, support_vectors, count)
    kernel = _kernel("SVMClassifier", rows, vectors, kernel_type, kernel_params)
    weights = np.array(coefficients, np.float64).reshape(-1, count)
    ends = np.cumsum(vectors_per_class)
    parts = [slice(end - size, end) for end, size in zip(ends, vectors_per_class, strict=True)]
    pairs = itertools.combinations(range(len(parts)), 2)
    sums = [
        kernel[:, parts[i]] @ weights[j - 1, parts[i]] + kernel[:, parts[j]] @ weights[i, parts[j]] + rho[number]
        for number, (i, j) in enumerate(pairs)
    ]
    return np.stack(sums, 1)


def _probabilities(decisions: Array, prob_a: Floats, prob_b: Floats, classes: int) -> Array:
    """Return the probabilities of classes (rows, classes) from those of pairs: the second approach of Wu, Lin and Weng 2004.

    It minimises the sum over i != j of (r_ji p_i - r_ij p_j)^2 with the p adding up to 1, which is one linear system a row.
    """
    smallest = 1e-7  # as LIBSVM bounds the probability of a pair
    pair = 1 / (1 + np.exp(decisions * np.array(prob_a, np.float64) + np.array(prob_b, np.float64)))
    pair = np.clip(pair, smallest, 1 - smallest)
    if classes == 2:
        return np.concatenate([pair, 1 - pair], 1)
    between = np.zeros((len(decisions), classes, classes))
    for number, (i, j) in enumerate(itertools.combinations(range(classes), 2)):
        between[:, i, j], between[:, j, i] = pair[:, number], 1 - pair[:, number]
    turned = between.swapaxes(1, 2)
    system = np.ones((len(decisions), classes + 1, classes + 1))
    system[:, :classes, :classes] = -turned * between
    diagonal = np.arange(classes)
    system[:, diagonal, diagonal] = np.square(turned).sum(2)
    system[:, classes, classes] = 0
    right = np.zeros((len(decisions), classes + 1, 1))
    right[:, classes] = 1
    return np.linalg.solve(system, right)[:, :classes, 0]


ENTRY = {"ai.onnx.ml:SVMClassifier": svm_classifier, "ai.onnx.ml:SVMRegressor": svm_regressor}
