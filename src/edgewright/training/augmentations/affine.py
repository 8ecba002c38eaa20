"""Affine distortion of images: a small rotation, scale, shear and shift each."""

from __future__ import annotations

import torch
from torch.nn import functional

from edgewright.errors import BadData
from edgewright.training.augmentations import Augmentation, Shape, uniform

# The largest of each at strength 1
ROTATION = 0.14  # radians, 8 degrees
SCALE = 0.10
SHEAR = 0.12
SHIFT = 0.12  # half widths and half heights
ROWS = 2000  # at a time, to bound the memory


def apply(x: torch.Tensor, strength: float, generator: torch.Generator, shape: Shape | None) -> torch.Tensor:
    """Return images [n, ...] of height times width values, each drawn anew; what comes in from outside is the lowest value of x.

    Raises BadData where the rows are not images of that shape.
    """
    if shape is None or x[0].numel() != shape[0] * shape[1]:
        raise BadData(
            f"affine distorts images: give image_shape=(height, width), whose product must be the {x[0].numel()} values of "
            f"a row; it is {shape}. For tables choose noise, for sequences warp."
        )
    maps = _maps(len(x), strength, generator, shape)
    background = x.min()
    images = (x - background).view(-1, 1, *shape)
    distorted = torch.cat(
        [_sampled(*part) for part in zip(torch.split(images, ROWS), torch.split(maps, ROWS), strict=True)]
    )
    return (distorted + background).view(x.shape)


def _maps(n: int, strength: float, generator: torch.Generator, shape: Shape) -> torch.Tensor:
    """Return [n, 2, 3]: from the place of an output pixel, -1 to 1 along each side, to where it is read."""
    angle = uniform(generator, ROTATION * strength, n)
    wide, high = (1 + uniform(generator, SCALE * strength, n) for _ in range(2))
    shear = uniform(generator, SHEAR * strength, n)
    right, down = (uniform(generator, SHIFT * strength, n) for _ in range(2))
    ratio = shape[0] / shape[1]  # both sides count from -1 to 1, a rotation needs equal units
    along = torch.stack([angle.cos() * wide, (shear - angle.sin() * high) * ratio, right], 1)
    across = torch.stack([angle.sin() * wide / ratio, angle.cos() * high, down], 1)
    return torch.stack([along, across], 1)


def _sampled(images: torch.Tensor, maps: torch.Tensor) -> torch.Tensor:
    grid = functional.affine_grid(maps, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, align_corners=False)


ENTRY = Augmentation(doc="Rotate, scale, shear and shift each image a little.", serves="image", apply=apply)
