"""Training what a user names: an estimator of ours, or a tree or forest of scikit-learn."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgewright import estimators
from edgewright.cli._progress import Tracker
from edgewright.data import Split
from edgewright.errors import BadData, BadInput, UnknownName
from edgewright.files import write_file

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
    return estimator.set_params(random_state=seed, **settings)


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
            f"(fastgrnn), or save X.reshape(len(X), -1)."
        )
    return split


def fit(estimator: Any, name: str, split: Split, tracker: Tracker) -> Any:
    """Return the fitted estimator, with progress. Raises BadData, BadInput for settings that cannot be used."""
    try:
        if name in FORESTS:
            tracker.begin(f"training {name}")
            return estimator.fit(split.x_train, split.y_train)
        return estimator.fit(split.x_train, split.y_train, progress=_listener(name, tracker))
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
