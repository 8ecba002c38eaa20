"""Distortions that leave a label true, one file a kind. All work on raw features, before standardising."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import torch

from edgewright import catalog

Shape = tuple[int, int]


@dataclass(frozen=True)
class Augmentation:
    """A kind of distortion.

    doc: one line. serves: the kind of data, "image", "sequence" or "table". apply(x, strength, generator, shape): distorted rows,
    shaped as x [n, ...], float32; strength 1 is the usual amount, 0 none; shape: (height, width) of an image, None for other data.
    """

    doc: str
    serves: str
    apply: Callable[[torch.Tensor, float, torch.Generator, Shape | None], torch.Tensor]


def get(name: str) -> Augmentation:
    """Return an augmentation by name. Raises UnknownName."""
    return cast(Augmentation, catalog.get("edgewright.training.augmentations", str(name)))


def names() -> tuple[str, ...]:
    """Return the names of all augmentations."""
    return tuple(catalog.spelled(name) for name in catalog.names("edgewright.training.augmentations"))


def uniform(generator: torch.Generator, limit: float, *shape: int) -> torch.Tensor:
    """Return numbers drawn evenly from -limit to limit."""
    return (torch.rand(shape, generator=generator) * 2 - 1) * limit
