"""scikit-learn estimators of our own models: one file an estimator.

`from edgewright.estimators import BonsaiRegressor` loads that one file, bonsai_regressor.py: the class is the file's `ENTRY`. A file
without a kind in its name holds a classifier: bonsai.py is BonsaiClassifier.
"""

from __future__ import annotations

from typing import Any

from edgewright import catalog

PACKAGE = __name__
KINDS = ("classifier", "regressor")
NOT_ENTRIES: tuple[str, ...] = ()


def get(name: str) -> type[Any]:
    """Return an estimator class by the name of its file, such as "bonsai". Raises UnknownName."""
    found: type[Any] = catalog.get(PACKAGE, name)
    return found


def names() -> tuple[str, ...]:
    """Return the names of all estimators."""
    return tuple(catalog.spelled(name) for name in catalog.names(PACKAGE))


def __getattr__(name: str) -> Any:
    if name in ("save_estimator", "load_estimator"):
        from edgewright.estimators import _store

        return getattr(_store, name)
    files = {
        file.replace("_", "") + ("" if file.endswith(KINDS) else KINDS[0]): file for file in catalog.names(PACKAGE)
    }
    if name.lower() in files and get(files[name.lower()]).__name__ == name:
        return get(files[name.lower()])
    raise AttributeError(f"module {PACKAGE!r} has no attribute {name!r}; estimators: {', '.join(names())}")
