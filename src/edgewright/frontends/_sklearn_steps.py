"""What stands before the model in a scikit-learn pipeline: scalers and PCA."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edgewright.errors import BadModelFile, UnsupportedModel
from edgewright.frontends._sklearn_arrays import Floats, check_fitted, finite, kind_of

FITTED = {
    "StandardScaler": "scale_",
    "MinMaxScaler": "scale_",
    "MaxAbsScaler": "scale_",
    "RobustScaler": "scale_",
    "PCA": "components_",
}


@dataclass(frozen=True)
class Scaler:
    """(x - minus) / over * times + plus, a feature each [features], in the order in which scikit-learn computes it."""

    minus: Floats
    over: Floats
    times: Floats
    plus: Floats

    @property
    def outputs(self) -> int:
        """How many features come out."""
        return len(self.minus)

    @property
    def scale(self) -> Floats:
        """The slope of the line [features]."""
        return self.times / self.over

    @property
    def offset(self) -> Floats:
        """Where the line is at x = 0 [features]."""
        return self.plus - self.minus * self.scale


@dataclass(frozen=True)
class Product:
    """weight x + bias: weight [rows, columns], bias [rows]. fine: its weights need 16 bits, as what they sum up nearly cancels."""

    weight: Floats
    bias: Floats
    fine: bool = False

    @property
    def outputs(self) -> int:
        """How many values come out."""
        return len(self.bias)


@dataclass(frozen=True)
class Operator:
    """An operator of one value x, with constants by port and attributes; `ports` are those that read x."""

    name: str
    constants: Mapping[str, Floats] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    ports: tuple[str, ...] = ("x",)


def check_step(step: Any) -> None:
    """Raise UnsupportedModel where a step before the model is none that is taken, or not fitted."""
    kind = kind_of(step)
    if kind not in FITTED:
        raise UnsupportedModel(
            f"A pipeline may have {', '.join(FITTED)} before its model, not {type(step).__module__}.{type(step).__qualname__}."
        )
    check_fitted(step, FITTED[kind])


def read_step(step: Any, features: int) -> Scaler | Product:
    """Return a checked step that takes so many features. Raises UnsupportedModel, BadModelFile."""
    kind = kind_of(step)
    return _pca(step, features) if kind == "PCA" else _scaler(step, kind, features)


def _scaler(step: Any, kind: str, features: int) -> Scaler:
    def read(what: str, used: bool, without: float) -> Floats:
        return finite(step, what, getattr(step, what) if used else without, (features,))

    if getattr(step, "clip", False):
        raise UnsupportedModel(f"This {kind} has clip=True, which is not taken; fit it with clip=False.")
    if kind == "StandardScaler":
        minus, over = read("mean_", step.with_mean, 0), read("scale_", step.with_std, 1)
    elif kind == "RobustScaler":
        minus, over = read("center_", step.with_centering, 0), read("scale_", step.with_scaling, 1)
    else:
        minus, over = np.zeros(features), read("scale_", kind == "MaxAbsScaler", 1)
    rescaled = kind == "MinMaxScaler"
    scaler = Scaler(minus, over, read("scale_", rescaled, 1), read("min_", rescaled, 0))
    if np.any(scaler.over <= 0) or np.any(scaler.times <= 0):
        raise BadModelFile(f"This {kind} is damaged: its scale_ are not all above zero.")
    return scaler


def _pca(step: Any, features: int) -> Product:
    components = finite(step, "components_", step.components_, (len(step.components_), features))
    if step.whiten:
        variance = finite(step, "explained_variance_", step.explained_variance_, (len(components),))
        smallest = np.finfo(np.asarray(step.explained_variance_).dtype).eps  # as scikit-learn guards the division
        components = components / np.maximum(np.sqrt(np.maximum(variance, 0)), smallest)[:, np.newaxis]
    return Product(components, -components @ finite(step, "mean_", step.mean_, (features,)))
