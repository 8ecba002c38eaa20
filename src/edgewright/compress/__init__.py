"""Compression methods: one file a method, a settings dataclass and one function on a weight matrix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import torch

from edgewright import catalog


@dataclass(frozen=True)
class Method:
    """A compression method.

    doc: one line. settings: its frozen dataclass. apply(weight, settings): the compressed weight, float32 of the same shape.
    """

    doc: str
    settings: type[Any]
    apply: Callable[[torch.Tensor, Any], torch.Tensor]


def get(name: str) -> Method:
    """Return a method by name. Raises UnknownName."""
    return cast(Method, catalog.get("edgewright.compress", name))


def names() -> tuple[str, ...]:
    """Return the names of all methods."""
    return tuple(catalog.spelled(name) for name in catalog.names("edgewright.compress"))
