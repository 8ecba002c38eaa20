"""Saving and loading fitted estimators: safetensors with JSON beside the arrays, nothing that could run."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save
from sklearn.utils.validation import check_is_fitted

from edgewright import catalog, estimators, features
from edgewright.errors import BadInput, BadModelFile, EdgewrightError
from edgewright.estimators._base import Estimator
from edgewright.estimators._regressor import Regressor
from edgewright.estimators._sequences import SequenceClassifier
from edgewright.estimators._standardise import CHOICES, Standardiser
from edgewright.estimators.protonn import ProtoNNClassifier
from edgewright.files import write_file
from edgewright.nn import Learner
from edgewright.training import Phase

FORMAT, VERSION = "edgewright-estimator", 2
LARGEST_FILE = 64 * 1024 * 1024
LARGEST_SETTING = 65536
LONGEST_WORD = 64
MODULE = "module."
TARGET = ("target_mean", "target_scale")
SHAPE_ATTRIBUTES = ("n_features_in_", "n_steps_in_")


def save_estimator(estimator: Estimator, path: str | Path) -> None:
    """Write a fitted estimator to one file, whole or not at all.

    Kept: parameters, classes, standardisation, weights and history; of the teacher only whether it was the built-in one, as a
    fitted model teaches only once. Raises BadInput for parameters or classes that JSON cannot hold, CannotWrite, and
    scikit-learn's NotFittedError.
    """
    check_is_fitted(estimator)
    parameters = _plain(estimator.get_params(deep=False))
    plain = (str, int, float, list, dict, type(None))
    odd = [name for name, value in parameters.items() if not isinstance(value, plain)]
    if odd:
        raise BadInput(
            f"These parameters cannot be saved, only numbers, text and None: {', '.join(odd)}. Set them, for example "
            f"random_state=0, and fit again."
        )
    document = {
        "format": FORMAT,
        "version": VERSION,
        "estimator": _name_of(estimator),
        "parameters": parameters,
        "settings": estimator.settings_,
        **({} if isinstance(estimator, Regressor) else _described_classes(estimator.classes_)),
        "feature_names": estimator.feature_names_in_.tolist() if hasattr(estimator, "feature_names_in_") else None,
        "standardise": estimator.standardiser_.kind,
        "history": estimator.history_,
        **{name: int(getattr(estimator, name)) for name in SHAPE_ATTRIBUTES if hasattr(estimator, name)},
    }
    if isinstance(estimator, SequenceClassifier):
        document["raw_shape"] = list(estimator.raw_shape_)
        document["featuriser"] = _or_none(features.describe, estimator.featuriser_)
    arrays = {"mean": estimator.standardiser_.mean, "scale": estimator.standardiser_.scale}
    if isinstance(estimator, Regressor):
        arrays |= {name: np.asarray(getattr(estimator, f"{name}_")) for name in TARGET}
    arrays |= {MODULE + name: value.contiguous().numpy() for name, value in estimator.module_.state_dict().items()}
    write_file(Path(path), save(arrays, {"edgewright": json.dumps(document)}))


def load_estimator(path: str | Path) -> Any:
    """Return the fitted estimator in a file that `save_estimator` wrote.

    Raises BadModelFile for a file that is missing, damaged, or of another kind.
    """
    path = Path(path)
    document, arrays = _read(path)
    try:
        return _build(document, arrays)
    except (KeyError, TypeError, ValueError, RuntimeError, OverflowError, EdgewrightError) as error:
        raise _damaged(path, f"{error}") from error


def _described_classes(classes: npt.NDArray[Any]) -> dict[str, Any]:
    labels = classes.tolist()
    if not all(isinstance(label, str | int | float) for label in labels):
        raise BadInput(
            f"Classes can be saved that are text or numbers, and these are {classes.dtype}. Fit on such labels."
        )
    return {"classes": labels, "classes_dtype": classes.dtype.str}


def _plain(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return parameters as JSON holds them, as far as they can be."""
    plain = dict(parameters)
    if not isinstance(plain.get("teacher", ""), str):
        plain["teacher"] = None
    if plain.get("image_shape") is not None:
        plain["image_shape"] = [int(side) for side in plain["image_shape"]]
    if plain["phases"] is not None:
        plain["phases"] = [asdict(phase) for phase in plain["phases"]]
    if plain.get("features") is not None:
        plain["features"] = features.describe(plain["features"])
    return plain


def _or_none(change: Callable[[Any], Any], value: Any) -> Any:
    return None if value is None else change(value)


def _as_given(plain: dict[str, Any]) -> dict[str, Any]:
    """Return parameters as they were given."""
    parameters = dict(plain)
    if parameters.get("image_shape") is not None:
        parameters["image_shape"] = tuple(_natural(side, "a side of image_shape") for side in parameters["image_shape"])
    if parameters.get("phases") is not None:
        parameters["phases"] = tuple(
            Phase(**{**phase, "trains": tuple(phase["trains"])}) for phase in parameters["phases"]
        )
    if parameters.get("features") is not None:
        parameters["features"] = features.from_description(parameters["features"])
    return parameters


def _name_of(estimator: Estimator) -> str:
    for name in catalog.names(estimators.PACKAGE):
        if type(estimator) is estimators.get(name):
            return name
    raise BadInput(
        f"{type(estimator).__name__} is none of our estimators ({', '.join(estimators.names())}) and cannot be saved."
    )


def _damaged(path: Path, why: str) -> BadModelFile:
    return BadModelFile(f"{path} is not a sound estimator file: {why}. Save the estimator again by save_estimator.")


def _read(path: Path) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """Return the document and the arrays of a file; safetensors checks every size against that of the file."""
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise _damaged(path, f"it has {size:,} bytes, and at most {LARGEST_FILE:,} are read")
        with safe_open(path, framework="numpy") as file:
            text = (file.metadata() or {}).get("edgewright")
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no mapping)
    except OSError as error:
        raise BadModelFile(f"{path} cannot be read: {error.strerror or error}.") from error
    except (SafetensorError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, BadModelFile):
            raise
        raise _damaged(path, f"{error}") from error
    try:
        document = json.loads(text) if text else None
    except (ValueError, RecursionError) as error:
        raise _damaged(path, f"its description is no JSON ({error})") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise _damaged(path, "it does not come from save_estimator")
    if document.get("version") != VERSION:
        raise _damaged(path, f"it has the version {document.get('version')!r}, and this release reads {VERSION}")
    return document, arrays


def _build(document: dict[str, Any], arrays: dict[str, npt.NDArray[Any]]) -> Any:
    kind = estimators.get(_expect(document["estimator"], str, "estimator"))
    parameters = _expect(document["parameters"], dict, "parameters")
    unknown = set(parameters) - set(inspect.signature(kind).parameters)
    if unknown:
        raise ValueError(f"unknown parameters: {', '.join(sorted(map(str, unknown)))}")
    estimator = kind(**_as_given(parameters))
    if issubclass(kind, Regressor):
        estimator.target_mean_, estimator.target_scale_ = _target(arrays)
    else:
        estimator.classes_ = _classes(document)
    for name in SHAPE_ATTRIBUTES:
        if name in document:
            setattr(estimator, name, _natural(document[name], name))
    names = document.get("feature_names")
    if names is not None:
        estimator.feature_names_in_ = np.array([_expect(name, str, "feature name") for name in names], dtype=object)
    count = _natural(document["n_features_in_"], "n_features_in_")
    estimator.standardiser_ = _standardiser(document, arrays, count)
    estimator.settings_ = {name: _setting(value, name) for name, value in document["settings"].items()}
    if issubclass(kind, SequenceClassifier):
        estimator.raw_shape_ = tuple(_natural(side, "a side of raw_shape") for side in document["raw_shape"])
        estimator.featuriser_ = _or_none(features.from_description, document["featuriser"])
        _check_raw_shape(estimator)
    if isinstance(estimator, ProtoNNClassifier):
        estimator.several_labels_ = "label_bias" in estimator.settings_
    estimator.module_ = _module(estimator, arrays)
    estimator.history_ = _expect(document["history"], list, "history")
    return estimator


def _check_raw_shape(estimator: SequenceClassifier) -> None:
    raw, read = estimator.raw_shape_, (estimator.n_steps_in_, estimator.n_features_in_)
    if (raw if estimator.featuriser_ is None else tuple(estimator.featuriser_.shape(raw))) != read:
        raise ValueError(f"rows of the shape {raw} do not become {read[0]} steps of {read[1]} features")


def _classes(document: dict[str, Any]) -> npt.NDArray[Any]:
    labels = _expect(document["classes"], list, "classes")
    if len(labels) < 2 or not all(isinstance(label, str | int | float) for label in labels):
        raise ValueError("its classes are not two or more texts or numbers")
    dtype = np.dtype(_expect(document["classes_dtype"], str, "classes_dtype"))
    if dtype.kind not in "biufUO":
        raise ValueError(f"classes of dtype {dtype}")
    classes = np.array(labels, dtype)
    if len(np.unique(classes)) != len(labels):
        raise ValueError("its classes are not different")
    return classes


def _target(arrays: dict[str, npt.NDArray[Any]]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    mean, scale = (arrays[name] for name in TARGET)
    if mean.shape != scale.shape or mean.ndim > 1 or not 1 <= mean.size <= LARGEST_SETTING:
        raise ValueError("'target_mean' and 'target_scale' are not one number, or one for each target")
    if (
        mean.dtype != np.float64
        or scale.dtype != np.float64
        or not np.isfinite([mean, scale]).all()
        or scale.min() <= 0
    ):
        raise ValueError("'target_mean' and 'target_scale' are not finite float64, or 'target_scale' is not above 0")
    return mean, scale


def _standardiser(document: dict[str, Any], arrays: dict[str, npt.NDArray[Any]], features: int) -> Standardiser:
    standardiser = Standardiser(document["standardise"], arrays["mean"], arrays["scale"])
    if standardiser.kind not in CHOICES[1:]:
        raise ValueError(f"standardise is {standardiser.kind!r}")
    for name in ("mean", "scale"):
        array = arrays[name]
        if array.shape != (features,) or array.dtype != np.float32 or not np.isfinite(array).all():
            raise ValueError(f"{name!r} is not {features} finite float32 numbers")
    if not (standardiser.scale > 0).all():
        raise ValueError("'scale' is not above 0")
    return standardiser


def _module(estimator: Any, arrays: dict[str, npt.NDArray[Any]]) -> Learner:
    """Return the module with the weights of the file; its shapes are compared before anything is allocated."""
    with torch.device("meta"):
        module: Learner = estimator._make_module(
            estimator.n_features_in_, estimator._outputs(), None, estimator.settings_
        )
    expected = {name: tuple(value.shape) for name, value in module.state_dict().items()}
    found = {name.removeprefix(MODULE): array for name, array in arrays.items() if name.startswith(MODULE)}
    if {name: array.shape for name, array in found.items()} != expected:
        raise ValueError("its arrays are not those that its settings ask for")
    for name, array in found.items():
        if array.dtype != np.float32 or not np.isfinite(array).all():
            raise ValueError(f"{name!r} is not finite float32")
    module.load_state_dict({name: torch.tensor(array) for name, array in found.items()}, assign=True)
    return module.eval().requires_grad_(False)


def _expect(value: Any, type: type, name: str) -> Any:
    if not isinstance(value, type):
        raise TypeError(f"{name} is {value!r}, not of the type {type.__name__}")
    return value


def _setting(value: Any, name: str) -> int | str:
    """Return a setting of a module: a word, true or false, or a number; the module refuses words that it does not know."""
    if isinstance(value, bool) or (isinstance(value, str) and len(value) <= LONGEST_WORD):
        return value
    return _natural(value, name)


def _natural(value: Any, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LARGEST_SETTING:
        raise ValueError(f"{name} is {value!r}, not a whole number up to {LARGEST_SETTING}")
    return value
