"""scikit-learn estimators of our own models: one file an estimator.

`from edgewright.estimators import BonsaiClassifier` loads that one file: the class is the file's `ENTRY`.
"""

from __future__ import annotations

from typing import Any

from edgewright import catalog

PACKAGE = __name__
SUFFIX = "Classifier"
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
    file = name.removesuffix(SUFFIX).lower()
    if name.endswith(SUFFIX) and file in catalog.names(PACKAGE):
        return get(file)
    raise AttributeError(f"module {PACKAGE!r} has no attribute {name!r}; estimators: {', '.join(names())}")
