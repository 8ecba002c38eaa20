"""scikit-learn's linear models and perceptrons: matrix-vector products with rectifiers or tables between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from edgewright.errors import BadModelFile, UnsupportedModel
from edgewright.frontends._sklearn_arrays import Floats, check_fitted, finite
from edgewright.frontends._sklearn_steps import Operator, Product, Scaler
from edgewright.lowering import Builder
from edgewright.ops.quantisation import WEIGHT_LIMIT, scale_covering

LINEAR_CLASSIFIERS = ("LogisticRegression", "RidgeClassifier", "LinearSVC", "SGDClassifier", "Perceptron")
LINEAR_REGRESSORS = ("LinearRegression", "Ridge", "Lasso", "ElasticNet", "LinearSVR")
PERCEPTRONS = ("MLPClassifier", "MLPRegressor")
ACTIVATIONS = {"identity": None, "relu": Operator("relu"), "tanh": Operator("tanh"), "logistic": Operator("sigmoid")}
# One score becomes one a class; the first of equals wins, so that a score of 0 is the first class
BOTH_CLASSES = Product(np.array([[-1.0], [1.0]]), np.zeros(2))

NEGLIGIBLE = 2.0**-14  # of the largest weight
Layers = list[Product | Operator]


def read_layers(model: Any, kind: str, features: int) -> Layers:
    """Return the layers of a fitted model that takes so many features. Raises UnsupportedModel, BadModelFile.

    The last layer of a classifier gives one score a class: neither softmax nor logistic function changes which is the largest, so they
    are left out.
    """
    check_fitted(model, "coefs_" if kind in PERCEPTRONS else "coef_")
    binarizer = getattr(model, "_label_binarizer", None)
    if getattr(binarizer, "y_type_", "").startswith("multilabel"):
        raise UnsupportedModel(f"This {kind} gives several labels at once; train one model a label.")
    layers = _perceptron(model, kind, features) if kind in PERCEPTRONS else _linear(model, kind, features)
    if not hasattr(model, "classes_"):
        return layers
    last = layers[-1]
    assert isinstance(last, Product)  # no activation behind the last layer
    scores = last.outputs
    if scores == 1 and len(model.classes_) == 2:
        return [*layers, BOTH_CLASSES]
    if scores != len(model.classes_):
        raise BadModelFile(f"This {kind} is damaged: it has {scores} scores for {len(model.classes_)} classes.")
    return layers


def _linear(model: Any, kind: str, features: int) -> Layers:
    rows = 1 if np.ndim(model.coef_) == 1 else np.shape(model.coef_)[0]
    weight = finite(model, "coef_", model.coef_, (rows, features))
    return [Product(weight, finite(model, "intercept_", model.intercept_, (rows,)))]


def _perceptron(model: Any, kind: str, features: int) -> Layers:
    if model.activation not in ACTIVATIONS:
        raise UnsupportedModel(
            f"This {kind} has the activation {model.activation!r}; {', '.join(ACTIVATIONS)} are taken."
        )
    if kind == "MLPRegressor" and model.out_activation_ != "identity":
        raise UnsupportedModel(
            f"This {kind} has the output activation {model.out_activation_!r}; only 'identity' is taken."
        )
    if not 0 < len(model.coefs_) == len(model.intercepts_):
        raise BadModelFile(f"This {kind} is damaged: its coefs_ and intercepts_ are not one pair a layer.")
    layers: Layers = []
    activation = ACTIVATIONS[model.activation]
    for number, (coefficients, intercepts) in enumerate(zip(model.coefs_, model.intercepts_, strict=True), start=1):
        rows = len(intercepts)
        weight = finite(model, "coefs_", coefficients, (features, rows)).T
        layers.append(Product(weight, finite(model, "intercepts_", intercepts, (rows,))))
        if activation and number < len(model.coefs_):
            layers.append(activation)
        features = rows
    return layers


def add_layers(builder: Builder, x: str, steps: Sequence[Scaler | Product], layers: Layers) -> str:
    """Append the steps of a pipeline and the layers of a model to a graph that holds the raw features, and return the last value.

    Neighbouring linear steps become one product where that has no more weights. All scaling is one `affine` before the first product,
    even where there is no scaler, because it alone takes features in units of their own; before a product it brings each feature to
    the size of its largest contribution, so that the product's weights lie within 1 and those of a single row are exact in integers.
    """
    scale, offset = np.ones(builder.type(x).size), np.zeros(builder.type(x).size)
    together: Layers = []
    for step in steps:
        if isinstance(step, Product):
            _append(together, step)
        elif together:
            _append(together, Product(np.diag(step.scale), step.offset))
        else:
            scale, offset = scale * step.scale, offset * step.scale + step.offset
    for layer in layers:
        _append(together, layer)
    if together and isinstance(first := together[0], Product):
        largest = np.abs(first.weight).max(axis=0)
        largest[largest == 0] = 1.0
        together[0] = replace(first, weight=first.weight / largest)
        scale, offset = scale * largest, offset * largest
    x = builder.node(
        "affine", "scaled", x=x, scale=builder.constant("scale", scale), offset=builder.constant("offset", offset)
    )
    for layer in together:
        x = _add_product(builder, layer, x) if isinstance(layer, Product) else _add_operator(builder, layer, x)
    return x


def _append(layers: Layers, layer: Product | Operator) -> None:
    """Append a layer, or multiply it into the product at the end where that has no more weights."""
    before = layers[-1] if layers else None
    if isinstance(before, Product) and isinstance(layer, Product):
        weight: Floats = layer.weight @ before.weight
        if weight.size <= before.weight.size + layer.weight.size:
            layers[-1] = Product(weight, layer.weight @ before.bias + layer.bias, before.fine or layer.fine)
            return
    layers.append(layer)


def _add_operator(builder: Builder, operator: Operator, x: str) -> str:
    inputs = dict.fromkeys(operator.ports, x)
    inputs |= {port: builder.constant(port, values) for port, values in operator.constants.items()}
    return builder.node(operator.name, attributes=dict(operator.attributes), **inputs)


def _add_product(builder: Builder, product: Product, x: str) -> str:
    """Append a product; a fine one is two, one with the upper 8 bits of the weights and one with the lower 8."""
    if not product.fine:
        return _add_dense(builder, product.weight, product.bias, x)
    largest = np.abs(product.weight).max(axis=1)
    steps = np.array([[scale_covering(float(value), WEIGHT_LIMIT)] for value in largest])
    upper = np.round(product.weight / steps) * steps
    if np.allclose(upper, product.weight, rtol=0, atol=float(largest.max()) * NEGLIGIBLE):
        return _add_dense(builder, product.weight, product.bias, x)
    lower = _add_dense(builder, product.weight - upper, np.zeros(product.outputs), x)
    return builder.node("add", "sum", a=_add_dense(builder, upper, product.bias, x), b=lower)


def _add_dense(builder: Builder, weight: Floats, bias: Floats, x: str) -> str:
    return builder.node(
        "dense", "product", x=x, w=builder.constant("weight", weight), bias=builder.constant("bias", bias)
    )
