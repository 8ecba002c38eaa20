"""Distortion of sequences: another loudness, a shift in time, and jitter."""

from __future__ import annotations

import torch

from edgewright.errors import BadData
from edgewright.training.augmentations import Augmentation, Shape, uniform

# The largest of each at strength 1
SCALE = 0.10
SHIFT = 0.10  # of the steps
JITTER = 0.05  # standard deviation, in deviations of the feature


def apply(x: torch.Tensor, strength: float, generator: torch.Generator, shape: Shape | None) -> torch.Tensor:
    """Return sequences [n, steps, features]: scaled about the feature's mean, moved by whole steps, with normal noise.

    The first and the last step are repeated where a moved sequence leaves a gap. Raises BadData for what is no sequence.
    """
    if x.ndim != 3 or shape is not None:
        raise BadData(
            f"warp distorts sequences [n, steps, features], not rows of shape {list(x.shape[1:])}. For images choose affine, "
            f"for tables noise."
        )
    n, steps, features = x.shape
    mean, deviation = x.mean((0, 1)), x.std((0, 1), correction=0)
    louder = 1 + uniform(generator, SCALE * strength, n, 1, 1)
    most = int(SHIFT * strength * steps)
    moves = torch.randint(-most, most + 1, (n, 1), generator=generator)
    places = (torch.arange(steps) + moves).clamp(0, steps - 1)
    moved = torch.gather(x, 1, places[:, :, None].expand(n, steps, features))
    noise = torch.randn(x.shape, generator=generator) * deviation * (JITTER * strength)
    return mean + (moved - mean) * louder + noise


ENTRY = Augmentation(doc="Scale each sequence, move it in time, add noise.", serves="sequence", apply=apply)
