"""What a learner is trained on: rows, copies of them, and what a teacher says of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from edgewright.errors import BadData, BadInput
from edgewright.training.augmentations import Augmentation, Shape

COPY_STRENGTH = 0.8  # of the distortion of training copies
JUDGING_COPIES, JUDGING_STRENGTH = (
    4,
    1.2,
)  # of held-out rows: harder than what is trained on, so that good models still differ
BYTES_UP_TO = 255


@dataclass(frozen=True)
class Examples:
    """Rows to train on. Raises BadData where the parts do not fit each other.

    x: float32 or uint8 [n, ..., features]; y: targets [n, ...]; teacher: float32 [n, outputs], or None. rows_per_epoch: rows that an
    epoch draws, None for all; the first so many are the originals, copies follow, and do not make an epoch longer.
    mean, scale: float32 [features]; what is trained on is (x - mean) / scale. None: x as it is.
    """

    x: torch.Tensor
    y: torch.Tensor
    teacher: torch.Tensor | None = None
    rows_per_epoch: int | None = None
    mean: torch.Tensor | None = None
    scale: torch.Tensor | None = None

    def __post_init__(self) -> None:
        parts = {"y": self.y, "teacher": self.teacher}
        wrong = [
            f"{name} has {len(part)}" for name, part in parts.items() if part is not None and len(part) != len(self.x)
        ]
        if wrong or not len(self.x):
            raise BadData(f"Examples need as many rows in each part, and x has {len(self.x)}: {', '.join(wrong)}.")
        if not 1 <= self.drawn <= len(self.x):
            raise BadData(f"rows_per_epoch is {self.drawn}; allowed: 1 to {len(self.x)}, the number of rows.")

    @property
    def drawn(self) -> int:
        """How many rows an epoch draws."""
        return len(self.x) if self.rows_per_epoch is None else self.rows_per_epoch

    def standardised(self, rows: torch.Tensor | slice) -> torch.Tensor:
        """Return some rows as they are trained on, float32."""
        x = self.x[rows].to(torch.float32)
        return x if self.mean is None or self.scale is None else (x - self.mean) / self.scale

    def raw(self, x: torch.Tensor) -> torch.Tensor:
        """Return standardised rows as the features they were, float32."""
        return x if self.mean is None or self.scale is None else x * self.scale + self.mean

    def originals(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return x, standardised, and y of the rows that are no copies."""
        originals = slice(0, self.drawn)
        return self.standardised(originals), self.y[originals]

    def batch(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """Return x, standardised, y and the teacher's scores, or None, of some rows."""
        return self.standardised(rows), self.y[rows], None if self.teacher is None else self.teacher[rows]


def with_copies(
    x: torch.Tensor,
    y: torch.Tensor,
    augmentation: Augmentation | None,
    generator: torch.Generator,
    *,
    copies: int = 10,
    shape: Shape | None = None,
    teach: Callable[[torch.Tensor], torch.Tensor] | None = None,
) -> Examples:
    """Return raw rows x, float32 [n, ...], followed by distorted copies of all of them, and what a teacher says of each.

    shape: of an image. teach: raw rows [n, ...] -> float32 [n, outputs], asked once for the rows and once for each copy.
    Pixels that are bytes (whole numbers up to 255, and not all small) stay so, rounded, in a quarter of the memory. Raises
    BadInput, BadData.
    """
    if not copies >= 1:
        raise BadInput(f"copies is {copies!r}; allowed: a whole number from 1 on. Without copies give no augmentation.")
    count = 1 if augmentation is None else 1 + copies
    images = augmentation is None or augmentation.serves == "image"
    fits_bytes = images and bool(
        x.max() > BYTES_UP_TO // 2 and ((x >= 0) & (x <= BYTES_UP_TO) & (x == x.round())).all()
    )
    every = torch.empty((count * len(x), *x.shape[1:]), dtype=torch.uint8 if fits_bytes else torch.float32)
    scores = []
    for copy, place in enumerate(torch.split(every, len(x))):
        rows = x
        if augmentation is not None and copy:
            rows = augmentation.apply(x, COPY_STRENGTH, generator, shape)
            rows = rows.round().clamp(0, BYTES_UP_TO) if fits_bytes else rows
        place.copy_(rows)
        if teach is not None:
            scores.append(teach(rows))
    return Examples(
        every, y.repeat(count, *(1 for _ in y.shape[1:])), torch.cat(scores) if scores else None, rows_per_epoch=len(x)
    )


def for_judging(
    x: torch.Tensor, y: torch.Tensor, augmentation: Augmentation, generator: torch.Generator, shape: Shape | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return held-out raw rows, distorted harder than training copies, and their targets: they rank models that undistorted rows do not."""
    many = x.repeat(JUDGING_COPIES, *(1 for _ in x.shape[1:]))
    return augmentation.apply(many, JUDGING_STRENGTH, generator, shape), y.repeat(
        JUDGING_COPIES, *(1 for _ in y.shape[1:])
    )
