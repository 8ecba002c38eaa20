"""Distortion of sequences: a stretch of steps and a band of features that say nothing (SpecAugment, Park et al., Interspeech 2019)."""

from __future__ import annotations

import torch

from edgewright.errors import BadData
from edgewright.training.augmentations import Augmentation, Shape

# The longest of each at strength 1
STEPS = 0.10  # of the steps
FEATURES = 0.12  # of the features


def apply(x: torch.Tensor, strength: float, generator: torch.Generator, shape: Shape | None) -> torch.Tensor:
    """Return sequences [n, steps, features] in which one stretch of steps and one band of neighbouring features hold the feature's mean.

    Both are drawn for each sequence, as long as the limits or shorter. Raises BadData for what is no sequence.
    """
    if x.ndim != 3 or shape is not None:
        raise BadData(
            f"mask distorts sequences [n, steps, features], not rows of shape {list(x.shape[1:])}. For images choose affine, "
            f"for tables noise."
        )
    n, steps, features = x.shape
    hidden = _stretch(n, steps, STEPS * strength, generator)[:, :, None]
    hidden = hidden | _stretch(n, features, FEATURES * strength, generator)[:, None, :]
    return torch.where(hidden, x.mean((0, 1)), x)


def _stretch(n: int, places: int, share: float, generator: torch.Generator) -> torch.Tensor:
    """Return a mask [n, places] of one stretch a row, up to a share of the places long, anywhere."""
    longest = min(int(share * places), places)
    length = (torch.rand(n, 1, generator=generator) * (longest + 1)).floor()
    first = (torch.rand(n, 1, generator=generator) * (places - length + 1)).floor()
    place = torch.arange(places)
    return (place >= first) & (place < first + length)


ENTRY = Augmentation(doc="Hide a stretch of steps and a band of features.", serves="sequence", apply=apply)
