"""Datasets and measures that the tests of scikit-learn's models share."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine

from edgewright.compiler.pipeline import to_integers
from edgewright.compiler.quantise import Settings
from edgewright.ir.graph import Graph
from edgewright.ir.types import Array, dequantise_array, quantise_array
from edgewright.lowering import lower
from edgewright.runtime.integer import run_integer

LOADERS = {"digits": load_digits, "wine": load_wine, "breast_cancer": load_breast_cancer, "iris": load_iris}


@cache
def dataset(name: str) -> tuple[Array, Array]:
    X, y = LOADERS[name](return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))
    return X[order], y[order]


def integers_of(graph: Graph, X: Array) -> Array:
    return quantise_array(X, graph.input_type).astype(graph.input_type.dtype)


def twin(model: Any, X: Array, settings: Settings | None = None) -> Array:
    """What the integers of a model, calibrated on X, answer for X, in real numbers."""
    graph = to_integers(lower(model), X, settings)
    return dequantise_array(run_integer(graph, integers_of(graph, X)), graph.output_type)


def both_scores(scores: Array) -> Array:
    """One score a class, also for the two classes that scikit-learn gives one score."""
    return np.stack([-scores, scores], axis=1) if scores.ndim == 1 else scores


def margins(scores: Array) -> Array:
    """How far the best class of each row is ahead, in parts of the span of all scores."""
    best = np.sort(scores, axis=1)
    return (best[:, -1] - best[:, -2]) / np.ptp(scores)
