"""Training what a user names: an estimator of ours, or a tree or forest of scikit-learn."""

from __future__ import annotations

import dataclasses
import json
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from edgewright import estimators, features, records
from edgewright.cli._progress import Tracker
from edgewright.data import Split
from edgewright.errors import BadData, BadInput, PoorRecordings, UnknownName, list_problems
from edgewright.files import write_file
from edgewright.records import Record

ESTIMATOR_SUFFIX = ".estimator"

FORESTS: Mapping[str, tuple[str, str, Mapping[str, int]]] = {
    "decision-tree": ("sklearn.tree", "DecisionTreeClassifier", {"max_depth": 8}),
    "random-forest": ("sklearn.ensemble", "RandomForestClassifier", {"n_estimators": 10, "max_depth": 8}),
}


def names() -> tuple[str, ...]:
    """Return the names of what can be trained on a table with labels: all classifiers."""
    return (*(name for name in estimators.names() if not name.endswith("regressor")), *FORESTS)


def check_name(name: str) -> str:
    """Return a name that can be trained. Raises UnknownName."""
    if name.replace("_", "-") not in names():
        raise UnknownName("model", name, names())
    return name.replace("_", "-")


def make(name: str, seed: int, settings: Mapping[str, Any]) -> Any:
    """Return an estimator that is not fitted. Raises UnknownName for a setting that it does not have."""
    import importlib

    if name in FORESTS:
        module, kind, defaults = FORESTS[name]
        estimator = getattr(importlib.import_module(module), kind)(**defaults)
    else:
        estimator = estimators.get(name)()
    allowed = estimator.get_params()
    if "size_kb" in settings and "size_kb" not in allowed:
        smaller = " ".join(f"--set {key}={max(1, value // 2)}" for key, value in FORESTS[name][2].items())
        raise BadInput(f"The model {name} takes no --size-kb; make it smaller by {smaller}.")
    for key in settings:
        if key not in allowed:
            raise UnknownName(f"setting of {name}", key, set(allowed) - {"random_state"})
    given = settings if name in FORESTS else _as_parameters(settings)
    return estimator.set_params(random_state=seed, **given)


def _as_parameters(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as our estimators take them: sides as a tuple, phases as Phase. Raises BadInput for what they cannot be."""
    rules: dict[str, tuple[Callable[[Any], bool], str]] = {
        "augmentation": (lambda value: isinstance(value, str), "a name (edgewright list augmentations) or null"),
        "teacher": (
            lambda value: value == "cnn",
            '"cnn", the built-in one for images, or null; other teachers only in Python',
        ),
        "image_shape": (_are_sides, "[height, width], two whole numbers from 1 on, or null"),
        "features": (
            lambda value: isinstance(value, str | dict),
            'a name (edgewright list features), or {"name": "log-mel", "hop": 160}, or null',
        ),
        "copies": (_is_count, "a whole number from 1 on"),
        "phases": (
            lambda value: isinstance(value, list) and all(isinstance(phase, dict) for phase in value),
            'a list such as [{"name": "dense", "share": 2}, {"name": "fixed", "rounding": "weights"}], or null',
        ),
    }
    wrong = [
        f"{name} is {json.dumps(value)}; allowed: {rules[name][1]}."
        for name, value in settings.items()
        if name in rules and not (rules[name][0](value) or (value is None and name != "copies"))
    ]
    if wrong:
        raise BadInput(list_problems("These settings cannot be used:", wrong))
    given = dict(settings)
    if given.get("image_shape") is not None:
        given["image_shape"] = tuple(given["image_shape"])
    if given.get("features") is not None:
        given["features"] = features.from_description(given["features"])
    if given.get("phases") is not None:
        given["phases"] = tuple(map(_phase, given["phases"]))
    return given


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 1


def _are_sides(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_count, value))


def _phase(given: Mapping[str, Any]) -> Any:
    """Return the phase of a JSON object. Raises BadInput, UnknownName."""
    from edgewright.training import Phase

    kinds = {str: "text", float: "a number", bool: "true or false"}
    allowed = {field.name: type(field.default) for field in dataclasses.fields(Phase)} | {"name": str}
    for key, value in given.items():
        if key not in allowed:
            raise UnknownName("field of a phase", key, allowed)
        number = allowed[key] is float and type(value) is int
        if not number and type(value) is not allowed[key]:
            raise BadInput(
                f"{key} of the phase {json.dumps(given)} is {json.dumps(value)}; allowed: {kinds[allowed[key]]}."
            )
    if "name" not in given:
        raise BadInput(f"The phase {json.dumps(given)} has no name.")
    return Phase(**given)


def parse_settings(texts: Sequence[str], option: str = "--set", example: str = "epochs=40") -> dict[str, Any]:
    """Return the settings of NAME=VALUE texts of an option; a value is read as JSON, or else is text. Raises BadInput."""
    settings = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise BadInput(f"{option} {text} is not NAME=VALUE; for example {option} {example}.")
        try:
            settings[name.strip().replace("-", "_")] = json.loads(value)
        except ValueError:
            settings[name.strip().replace("-", "_")] = value
    return settings


def reads_sequences(estimator: Any) -> bool:
    """Whether an estimator takes [n, steps, features]."""
    return bool(estimator.__sklearn_tags__().input_tags.three_d_array)


def shaped(estimator: Any, name: str, split: Split) -> Split:
    """Return the data as an estimator takes them. Raises BadData where they are sequences and it is not for sequences, or vice versa."""
    if reads_sequences(estimator):
        return split.as_sequences()
    if split.x_train.ndim != 2:
        raise BadData(
            f"The model {name} takes tables, X [n, features]; this X is {list(split.x_train.shape)}. Choose a model for sequences "
            f"(fastgrnn, gru, ...), or save X.reshape(len(X), -1)."
        )
    return split


def check_checkpoint(path: Path | None, name: str, out: Path) -> None:
    """Raise BadInput where a model cannot be trained with this checkpoint."""
    if path is None:
        return
    if name in FORESTS:
        raise BadInput(f"--checkpoint is for models that are trained in epochs, and {name} is not; leave it out.")
    if path.resolve().is_relative_to(out.resolve()):
        raise BadInput(
            f"The checkpoint {path} lies in the output folder, which appears only when all is done. Put it somewhere else."
        )


def fit(estimator: Any, name: str, split: Split, tracker: Tracker, checkpoint: Path | None = None) -> Any:
    """Return the fitted estimator, with progress. Raises BadData, BadInput for settings that cannot be used.

    checkpoint: a file that training writes after each epoch and goes on from, of models that are no forests.
    """
    featuriser = getattr(estimator, "features", None)
    if featuriser is not None:
        with warnings.catch_warnings():  # here the sampling rate counts; the rows are looked at when they are read
            warnings.simplefilter("ignore", PoorRecordings)
            featuriser.check(features.as_samples(split.x_train[:1]), split.hertz)
    try:
        if name in FORESTS:
            tracker.begin(f"training {name}")
            return estimator.fit(split.x_train, split.y_train)
        return estimator.fit(split.x_train, split.y_train, progress=_listener(name, tracker), checkpoint=checkpoint)
    except BadInput:
        raise
    except (TypeError, ValueError) as error:
        raise BadInput(f"The model {name} cannot be trained with these settings: {error}") from error


def _listener(name: str, tracker: Tracker) -> Any:
    from edgewright.training import Progress

    class Listener(Progress):
        """Training as a bar."""

        def begin(self, epochs: int) -> None:
            tracker.begin(f"training {name}", epochs)

        def epoch(self, record: dict[str, Any]) -> None:
            tracker.advance(f"{record['phase']} {record['loss']:.3f}")

    return Listener()


def training_records(estimator: Any, model: str, **about: Any) -> list[Record]:
    """Return the record of a training in epochs, with its history, a column a key; none for a model that has no such history."""
    history: Sequence[Mapping[str, Any]] = getattr(estimator, "history_", ())
    if not history:
        return []
    columns = {key: [_finite(epoch.get(key)) for epoch in history] for key in history[-1]}
    numbers = {"epochs": len(history)}
    return [records.make("training", model, threads=1, numbers=numbers, tables={"history": columns}, **about)]


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def save(estimator: Any, folder: Path) -> Path:
    """Write a fitted estimator into a folder, without pickle, and return the file. Raises CannotWrite."""
    if type(estimator).__module__.startswith("sklearn."):
        import skops.io

        path = folder / "model.skops"
        write_file(path, skops.io.dumps(estimator))
        return path
    from edgewright.estimators import save_estimator

    path = folder / f"model{ESTIMATOR_SUFFIX}"
    save_estimator(estimator, path)
    return path
