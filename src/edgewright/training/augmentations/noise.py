"""Distortion of tables: normal noise on every feature that varies."""

from __future__ import annotations

import torch

from edgewright.errors import BadData
from edgewright.training.augmentations import Augmentation, Shape

DEVIATION = 0.2  # of the noise at strength 1, in deviations of the feature


def apply(x: torch.Tensor, strength: float, generator: torch.Generator, shape: Shape | None) -> torch.Tensor:
    """Return rows [n, features] with noise in proportion to the feature's deviation. Raises BadData for what is no table."""
    if x.ndim != 2 or shape is not None:
        raise BadData(
            f"noise distorts tables [n, features], not rows of shape {list(x.shape[1:])}. For images choose affine, for "
            f"sequences warp."
        )
    deviation = x.std(0, correction=0) * (DEVIATION * strength)
    return x + torch.randn(x.shape, generator=generator) * deviation


ENTRY = Augmentation(doc="Add normal noise to each feature.", serves="table", apply=apply)
