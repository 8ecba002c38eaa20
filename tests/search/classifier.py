"""A small classifier without training: a float graph, rows, and the classes that the graph itself gives them."""

from __future__ import annotations

import numpy as np

from edgewright.ir import Graph, Type
from edgewright.lowering import Builder
from edgewright.runtime.interpret import run_float


def classifier(hidden: int = 24, features: int = 16, kept: float = 0.4) -> Graph:
    """A thin matrix, tanh, a matrix: three classes."""
    generator = np.random.default_rng(1)
    thin = generator.normal(size=(hidden, features)) * (generator.random((hidden, features)) < kept)
    builder = Builder("small")
    x = builder.input("x", Type((features,)))
    bias = builder.constant("bias", generator.normal(size=hidden))
    z = builder.node("dense", "z", x=x, w=builder.constant("thin", thin), bias=bias)
    z = builder.node("tanh", "squashed", x=z)
    w = builder.constant("w", generator.normal(size=(3, hidden)))
    y = builder.node("dense", "scores", x=z, w=w, bias=builder.constant("b", np.zeros(3)))
    return builder.finish(y, labels=("a", "b", "c"))


def rows(graph: Graph, count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows [count, features] and the classes that the graph gives them in float."""
    x = np.random.default_rng(seed).normal(size=(count, *graph.input_type.shape)).astype(np.float32)
    return x, np.array(graph.labels)[run_float(graph, x).argmax(axis=1)]
