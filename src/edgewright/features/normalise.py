"""Features of a common size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgewright.errors import BadInput
from edgewright.features import Featuriser, transform
from edgewright.ir.types import Array
from edgewright.lowering import Builder

SMALLEST_DEVIATION = 1e-6  # below it a feature is a constant, and is only moved to 0


@dataclass(frozen=True)
class Normalise:
    """Another featuriser's features less their mean, over their deviation, in steps of 2^-12 and cut at 8 deviations.

    mean, deviation: one number a feature. Raises BadInput where they are not as many, or a deviation is not positive.
    """

    of: Featuriser
    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.mean) != len(self.deviation) or not np.isfinite(self.mean + self.deviation).all():
            raise BadInput(
                f"There are {len(self.mean)} means and {len(self.deviation)} deviations; give one of each a feature."
            )
        if min(self.deviation, default=1.0) <= 0:
            raise BadInput("A deviation is 0 or less; leave out what never changes, or give 1.")

    @classmethod
    def fitted(cls, of: Featuriser, X: Array, hertz: float | None = None) -> Normalise:
        """Return the normalisation of what a featuriser makes of recordings [n, *raw]."""
        values = transform(of, X, hertz).astype(np.float64)
        rows = values.reshape(-1, values.shape[-1])
        deviation = rows.std(axis=0)
        deviation = np.where(deviation < SMALLEST_DEVIATION, 1.0, deviation)
        return cls(of, tuple(map(float, rows.mean(axis=0))), tuple(map(float, deviation)))

    def shape(self, raw: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of the other featuriser's features. Raises BadData, and BadInput where they are not as many."""
        shape = self.of.shape(raw)
        if shape[-1] != len(self.mean):
            raise BadInput(f"There are {shape[-1]} features, and {len(self.mean)} means.")
        return shape

    def add_to(self, builder: Builder, x: str) -> str:
        """Append the nodes and return the features."""
        deviation = np.asarray(self.deviation)
        scale = builder.constant("feature_scale", 1 / deviation)
        offset = builder.constant("feature_offset", -np.asarray(self.mean) / deviation)
        return builder.node("standardise", "normalised", x=self.of.add_to(builder, x), scale=scale, offset=offset)

    def check(self, recordings: Array, hertz: float | None) -> None:
        """Look at recordings as the other featuriser does."""
        self.of.check(recordings, hertz)


ENTRY = Normalise
