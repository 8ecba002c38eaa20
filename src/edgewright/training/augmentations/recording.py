"""Distortion of recordings: another speed and pitch, place and loudness, and something else in the background."""

from __future__ import annotations

import torch

from edgewright.errors import BadData
from edgewright.training.augmentations import Augmentation, Shape, uniform

# The largest of each at strength 1
SPEED = 0.18
SHIFT = 0.12  # of the samples
LOUDNESS = 12.0  # decibels
BACKGROUND = 1.0  # loudness of the background, of the recording's
QUIETEST = 30.0  # decibels of the faintest background below the loudest
ROWS = 200  # at a time, to bound the memory


def apply(x: torch.Tensor, strength: float, generator: torch.Generator, shape: Shape | None) -> torch.Tensor:
    """Return recordings [n, samples] or [n, samples, channels], raw, each played faster or slower, moved, louder or fainter.

    Behind each is another one of the rows, turned round in time so that it says nothing. Samples from outside are 0, and none is
    beyond the extremes of x. Raises BadData for what is no recording.
    """
    if x.ndim not in (2, 3) or shape is not None:
        raise BadData(
            f"recording distorts raw samples [n, samples] or [n, samples, channels], not rows of shape {list(x.shape[1:])}. For "
            f"images choose affine, for tables noise."
        )
    low, high = x.min(), x.max()
    n, samples = x.shape[:2]
    others = torch.randint(n, (n,), generator=generator)
    drawn = [1 + uniform(generator, SPEED * strength, n), uniform(generator, SHIFT * strength * samples, n)]
    drawn += [10 ** (uniform(generator, LOUDNESS * strength, n) / 20)]
    drawn += [BACKGROUND * strength * 10 ** (-QUIETEST / 20 * torch.rand(n, generator=generator))]
    parts = []
    for rows in torch.split(torch.arange(n), ROWS):
        speed, shift, gain, share = (value[rows] for value in drawn)
        moved = _played(x[rows], speed, shift)
        behind = x[others[rows]].flip(1)
        loudness = [_loudness(part) for part in (moved, behind)]
        behind = behind * _wide(share * loudness[0] / loudness[1].clamp(min=1e-12), x.ndim)
        parts.append((_wide(gain, x.ndim) * (moved + behind)).clamp(low, high))
    return torch.cat(parts)


def _played(x: torch.Tensor, speed: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """Return recordings read at other places, between samples in proportion; 0 outside."""
    samples = x.shape[1]
    middle = (samples - 1) / 2
    place = (torch.arange(samples) - middle) * speed[:, None] + middle + shift[:, None]
    below = place.floor()
    share = _like(place - below, x)
    near, far = (_at(x, below.long() + step) for step in (0, 1))
    return near + (far - near) * share


def _at(x: torch.Tensor, place: torch.Tensor) -> torch.Tensor:
    inside = (place >= 0) & (place < x.shape[1])
    read = _like(place.clamp(0, x.shape[1] - 1), x).expand(x.shape)
    return torch.gather(x, 1, read) * _like(inside, x)


def _like(value: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Return [n, samples] with an axis for the channels where x has one."""
    return value if x.ndim == 2 else value[:, :, None]


def _wide(value: torch.Tensor, axes: int) -> torch.Tensor:
    return value.view(-1, *(1 for _ in range(axes - 1)))


def _loudness(x: torch.Tensor) -> torch.Tensor:
    """Return the root of the mean square [n]."""
    return x.square().flatten(1).mean(1).sqrt()


ENTRY = Augmentation(
    doc="Play each recording at another speed, place and loudness, with another one behind it.",
    serves="recording",
    apply=apply,
)
