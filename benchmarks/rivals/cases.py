"""The models that all generators get."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edgewright import data
from edgewright.ir.types import Array


@dataclass(frozen=True)
class Case:
    """A fitted model with its data. x_train, x_test: float32 rows; predictions: what scikit-learn answers on x_test."""

    name: str
    doc: str
    estimator: Any
    x_train: Array
    y_train: Array
    x_test: Array
    y_test: Array

    @property
    def predictions(self) -> Array:
        """What scikit-learn predicts for the test rows."""
        return self.estimator.predict(self.x_test)

    @property
    def pickled(self) -> bytes:
        """The estimator as bytes, for a process with the same scikit-learn."""
        return pickle.dumps(self.estimator)


def _forest() -> Case:
    from sklearn.ensemble import RandomForestClassifier

    split = data.get("digits").load()
    estimator = RandomForestClassifier(n_estimators=10, max_depth=8, random_state=0).fit(split.x_train, split.y_train)
    doc = "random forest, 10 trees of depth 8, features 0 to 16"
    return Case("forest", doc, estimator, split.x_train, split.y_train, split.x_test, split.y_test)


def _network() -> Case:
    from sklearn.neural_network import MLPClassifier

    split = data.get("digits").load()
    x_train, x_test = split.x_train / 16, split.x_test / 16
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator = MLPClassifier((32,), max_iter=500, random_state=0).fit(x_train, split.y_train)
    doc = "network 64-32-10 with ReLU, features 0 to 1"
    return Case("network", doc, estimator, x_train, split.y_train, x_test, split.y_test)


_CASES: dict[str, Callable[[], Case]] = {"forest": _forest, "network": _network}


def names() -> tuple[str, ...]:
    """Return the names of all cases."""
    return tuple(_CASES)


@cache
def get(name: str) -> Case:
    """Return a case, fitted at first use."""
    return _CASES[name]()


def as_onnx(case: Case) -> bytes:
    """Return the network as an ONNX file of float32 up to the scores before softmax: x [1, features] to y [1, classes]."""
    weights = [layer.astype(np.float32) for layer in case.estimator.coefs_]
    biases = [layer.astype(np.float32) for layer in case.estimator.intercepts_]
    constants = [
        numpy_helper.from_array(array, f"{letter}{number}")
        for letter, arrays in (("w", weights), ("b", biases))
        for number, array in enumerate(arrays)
    ]
    nodes, value = [], "x"
    for number in range(len(weights)):
        last = number == len(weights) - 1
        output = "y" if last else f"h{number}"
        nodes.append(helper.make_node("Gemm", [value, f"w{number}", f"b{number}"], [output]))
        value = output
        if not last:
            value = f"r{number}"
            nodes.append(helper.make_node("Relu", [output], [value]))
    graph = helper.make_graph(
        nodes,
        case.name,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, weights[0].shape[0]])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, weights[-1].shape[1]])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return model.SerializeToString()
