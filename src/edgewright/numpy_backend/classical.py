"""ai.onnx.ml, ONNX's domain for classical machine learning: features, linear models and support vector machines."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from edgewright.errors import BadModelFile, UnsupportedModel

Array = npt.NDArray[Any]
Floats = Sequence[float]


# Scores to probabilities and labels


def _softmax(scores: Array) -> Array:
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def _softmax_of_others(scores: Array) -> Array:
    """Return the softmax over the scores that are not 0, which stay 0."""
    powers = np.where(scores == 0, 0, np.exp(scores - scores.max(-1, keepdims=True)))
    total = powers.sum(-1, keepdims=True)
    return powers / np.where(total == 0, 1, total)


def _logistic(scores: Array) -> Array:
    return 0.5 + 0.5 * np.tanh(0.5 * scores)


def _probit(scores: Array) -> Array:
    """Return the quantiles of the normal distribution; infinite at 0 and 1, NaN outside of them."""
    known = {0.0: -math.inf, 1.0: math.inf}
    normal = NormalDist()
    found = [normal.inv_cdf(p) if 0 < p < 1 else known.get(p, math.nan) for p in scores.reshape(-1).tolist()]
    return np.array(found, np.float64).reshape(scores.shape)


POST_TRANSFORMS: dict[str, Callable[[Array], Array]] = {
    "NONE": np.asarray,
    "SOFTMAX": _softmax,
    "LOGISTIC": _logistic,
    "SOFTMAX_ZERO": _softmax_of_others,
    "PROBIT": _probit,
}


def transformed(operator: str, scores: Array, post_transform: str) -> Array:
    """Return scores (rows, scores) after a transform, float32. Raises UnsupportedModel for a transform that ONNX has not."""
    if post_transform not in POST_TRANSFORMS:
        raise UnsupportedModel(f"{operator}: post_transform {post_transform!r}; allowed: {', '.join(POST_TRANSFORMS)}.")
    return POST_TRANSFORMS[post_transform](scores).astype(np.float32)


def class_labels(operator: str, numbers: Sequence[int] | None, texts: Sequence[str] | None) -> Array:
    """Return the labels of the classes, int64 or strings. Raises BadModelFile unless there is one list of them."""
    if bool(numbers) == bool(texts):
        raise BadModelFile(f"{operator}: class labels must be given as integers or as strings, one of the two.")
    return np.array(numbers, np.int64) if numbers else np.array(texts, object)


def _rows(data: Array) -> Array:
    """Return data as rows of float64 features; a vector is one row."""
    return (data[None] if data.ndim == 1 else data).astype(np.float64)


# Features


def scaler(data: Array, *, offset: Floats = (0.0,), scale: Floats = (1.0,)) -> Array:
    """Return (data - offset) * scale, for all features alike or one by one, float32."""
    shifted = data.astype(np.float64) - np.array(offset, np.float64)
    return np.asarray(shifted * np.array(scale, np.float64)).astype(np.float32)


def normalizer(data: Array, *, norm: str = "MAX") -> Array:
    """Return rows divided by their maximum (MAX), sum of magnitudes (L1) or length (L2), float32; by 1 where that is 0."""
    values = data.astype(np.float64)
    if norm == "MAX":
        size = values.max(-1, keepdims=True)
    elif norm == "L1":
        size = np.abs(values).sum(-1, keepdims=True)
    elif norm == "L2":
        size = np.sqrt(np.square(values).sum(-1, keepdims=True))
    else:
        raise UnsupportedModel(f"Normalizer: norm {norm!r}; allowed: MAX, L1, L2.")
    return np.asarray(values / np.where(size == 0, 1, size)).astype(np.float32)


def imputer(
    data: Array,
    *,
    imputed_value_floats: Floats | None = None,
    imputed_value_int64s: Sequence[int] | None = None,
    replaced_value_float: float = 0.0,
    replaced_value_int64: int = 0,
) -> Array:
    """Return data with one value, which may be NaN, replaced: by one for all features, or by one a feature."""
    real = data.dtype.kind == "f"
    imputed = imputed_value_floats if real else imputed_value_int64s
    if not imputed:
        raise BadModelFile(f"Imputer: data of {data.dtype} needs imputed_value_{'floats' if real else 'int64s'}.")
    replaced = replaced_value_float if real else replaced_value_int64
    missing = np.isnan(data) if real and math.isnan(replaced) else data == replaced
    return np.where(missing, np.array(imputed).astype(data.dtype), data)


def binarizer(data: Array, *, threshold: float = 0.0) -> Array:
    """Return 1 where data is above the threshold, else 0."""
    return (data > threshold).astype(data.dtype)


def feature_vectorizer(*inputs: Array, inputdimensions: Sequence[int] | None = None) -> Array:
    """Return the columns of all inputs side by side, float32; a vector is one row."""
    rows = [_rows(data) for data in inputs]
    widths = [data.shape[1] for data in rows]
    if inputdimensions is not None and list(inputdimensions) != widths:
        raise BadModelFile(
            f"FeatureVectorizer: inputs of {widths} columns; inputdimensions says {list(inputdimensions)}."
        )
    return np.concatenate(rows, 1).astype(np.float32)


def one_hot_encoder(
    data: Array,
    *,
    cats_int64s: Sequence[int] | None = None,
    cats_strings: Sequence[str] | None = None,
    zeros: int = 1,
) -> Array:
    """Return 1 at the category of each element along a new last axis, float32. zeros: 0 refuses unknown categories."""
    known = class_labels("OneHotEncoder", cats_int64s, cats_strings)
    found = (data if cats_strings else data.astype(np.int64))[..., None] == known
    if not zeros and not found.any(-1).all():
        raise BadModelFile(f"OneHotEncoder: {data[~found.any(-1)].reshape(-1)[0]!r} is none of the categories.")
    return found.astype(np.float32)


def category_mapper(
    data: Array,
    *,
    cats_int64s: Sequence[int],
    cats_strings: Sequence[str],
    default_int64: int = -1,
    default_string: str = "_Unused",
) -> Array:
    """Return the integers of strings or the strings of integers, or a default where the map has none."""
    if data.dtype.kind in "OU":
        return _mapped(data, dict(zip(cats_strings, cats_int64s, strict=True)), default_int64, np.dtype(np.int64))
    return _mapped(data, dict(zip(cats_int64s, cats_strings, strict=True)), default_string, np.dtype(object))


def _mapped(data: Array, table: Mapping[Any, Any], default: Any, dtype: np.dtype[Any]) -> Array:
    found = [table.get(_key(value), default) for value in data.reshape(-1).tolist()]
    return np.array(found, dtype).reshape(data.shape)


def _key(value: Any) -> Any:
    """Return what finds a value in a table: itself, or one text for every NaN, which equals nothing."""
    return "NaN" if isinstance(value, float) and math.isnan(value) else value


def label_encoder(
    data: Array,
    *,
    classes_strings: Sequence[str] | None = None,
    default_float: float = -0.0,
    default_int64: int = -1,
    default_string: str = "_Unused",
    default_tensor: Array | None = None,
    keys_floats: Floats | None = None,
    keys_int64s: Sequence[int] | None = None,
    keys_strings: Sequence[str] | None = None,
    keys_tensor: Array | None = None,
    values_floats: Floats | None = None,
    values_int64s: Sequence[int] | None = None,
    values_strings: Sequence[str] | None = None,
    values_tensor: Array | None = None,
) -> Array:
    """Return the value of each element's key, or a default where it has none; the last of equal keys wins.

    classes_strings: the oldest version's table, of strings to their places or back.
    """
    if classes_strings is not None:
        places = range(len(classes_strings))
        return category_mapper(
            data,
            cats_int64s=places,
            cats_strings=classes_strings,
            default_int64=default_int64,
            default_string=default_string,
        )
    keys = [given for given in (keys_floats, keys_int64s, keys_strings, keys_tensor) if given is not None]
    choices = (
        (values_floats, default_float, np.float32),
        (values_int64s, default_int64, np.int64),
        (values_strings, default_string, object),
    )
    values: list[tuple[Array, Any]] = [
        (np.array(given, dtype), default) for given, default, dtype in choices if given is not None
    ]
    if values_tensor is not None:
        usual: Any = {"f": default_float, "O": default_string, "U": default_string}.get(
            values_tensor.dtype.kind, default_int64
        )
        values.append((values_tensor, usual))
    if len(keys) != 1 or len(values) != 1 or len(keys[0]) != len(values[0][0]):
        raise BadModelFile("LabelEncoder: one list of keys and one of as many values are needed.")
    targets, default = values[0]
    if default_tensor is not None:
        default = default_tensor.reshape(-1)[0]
    # Keys pass through the type of the data, so that 0.1 as an attribute finds 0.1 as float32.
    wanted = np.array(keys[0], object if data.dtype.kind == "U" else data.dtype).reshape(-1).tolist()
    return _mapped(data, dict(zip(map(_key, wanted), targets.tolist(), strict=True)), default, targets.dtype)


def dict_vectorizer(
    data: Mapping[Any, Any],
    *,
    int64_vocabulary: Sequence[int] | None = None,
    string_vocabulary: Sequence[str] | None = None,
) -> Array:
    """Return the values of a map in the order of a vocabulary, zero or an empty string where it has none."""
    known: Sequence[Any] = string_vocabulary or int64_vocabulary or []
    unknown = [key for key in data if key not in known]
    if unknown:
        raise BadModelFile(f"DictVectorizer: the key {unknown[0]!r} is not in the vocabulary.")
    values = list(data.values())
    if values and isinstance(values[0], str):
        return np.array([data.get(key, "") for key in known], object)
    dtype = np.asarray(values).dtype if values else np.dtype(np.float32)
    return np.array([data.get(key, 0) for key in known], dtype)


def zip_map(
    data: Array,
    *,
    classlabels_int64s: Sequence[int] | None = None,
    classlabels_strings: Sequence[str] | None = None,
) -> list[dict[Any, np.float32]]:
    """Return for each row a map from the labels to its columns."""
    labels = class_labels("ZipMap", classlabels_int64s, classlabels_strings).tolist()
    rows = data[None] if data.ndim == 1 else data
    if rows.shape[1] != len(labels):
        raise BadModelFile(f"ZipMap: {rows.shape[1]} columns for {len(labels)} labels; there must be as many.")
    return [dict(zip(labels, row, strict=True)) for row in rows.astype(np.float32)]


# Linear models


def _linear(operator: str, data: Array, coefficients: Floats, intercepts: Floats | None, outputs: int) -> Array:
    rows = _rows(data)
    weights = np.array(coefficients, np.float64)
    if weights.size != outputs * rows.shape[1]:
        raise BadModelFile(
            f"{operator}: {weights.size} coefficients for {outputs} outputs of {rows.shape[1]} features."
        )
    scores = rows @ weights.reshape(outputs, -1).T
    return scores if not intercepts else scores + np.array(intercepts, np.float64)


def linear_regressor(
    data: Array,
    *,
    coefficients: Floats,
    intercepts: Floats | None = None,
    post_transform: str = "NONE",
    targets: int = 1,
) -> Array:
    """Return data @ coefficients.T + intercepts (rows, targets), float32."""
    return transformed(
        "LinearRegressor", _linear("LinearRegressor", data, coefficients, intercepts, targets), post_transform
    )


def linear_classifier(
    data: Array,
    *,
    classlabels_ints: Sequence[int] | None = None,
    classlabels_strings: Sequence[str] | None = None,
    coefficients: Floats,
    intercepts: Floats | None = None,
    multi_class: int = 0,
    post_transform: str = "NONE",
) -> tuple[Array, Array]:
    """Return the label of the highest score (rows,) and the scores (rows, classes), float32.

    One set of coefficients for two classes scores the second; the first then has the opposite score.
    """
    labels = class_labels("LinearClassifier", classlabels_ints, classlabels_strings)
    single = len(labels) == 2 and len(coefficients) == _rows(data).shape[1]
    scores = _linear("LinearClassifier", data, coefficients, intercepts, 1 if single else len(labels))
    if single:
        scores = np.concatenate([-scores, scores], 1)
    return labels[scores.argmax(1)], transformed("LinearClassifier", scores, post_transform)


ENTRY = {
    "ai.onnx.ml:Binarizer": binarizer,
    "ai.onnx.ml:CategoryMapper": category_mapper,
    "ai.onnx.ml:DictVectorizer": dict_vectorizer,
    "ai.onnx.ml:FeatureVectorizer": feature_vectorizer,
    "ai.onnx.ml:Imputer": imputer,
    "ai.onnx.ml:LabelEncoder": label_encoder,
    "ai.onnx.ml:LinearClassifier": linear_classifier,
    "ai.onnx.ml:LinearRegressor": linear_regressor,
    "ai.onnx.ml:Normalizer": normalizer,
    "ai.onnx.ml:OneHotEncoder": one_hot_encoder,
    "ai.onnx.ml:Scaler": scaler,
    "ai.onnx.ml:ZipMap": zip_map,
}
