"""PyTorch modules of the models that fit kilobytes: one family a file.

Each is a `Learner`: an ordinary module that also names its 8-bit matrices, so that the one training schedule can trim and round them.
"""

from __future__ import annotations

from typing import cast

from edgewright import catalog
from edgewright.nn._learner import Learner

__all__ = ["Learner", "get", "names"]


def get(name: str) -> type[Learner]:
    """Return a module class by name. Raises UnknownName."""
    return cast("type[Learner]", catalog.get("edgewright.nn", name))


def names() -> tuple[str, ...]:
    """Return the names of all families."""
    return tuple(catalog.spelled(name) for name in catalog.names("edgewright.nn"))
