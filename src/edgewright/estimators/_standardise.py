"""Standardising features: each by itself, or all by one scale that folds into the first matrix."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgewright.errors import BadInput

CHOICES = ("auto", "common", "feature")
LARGEST_RATIO = 32  # of the ranges of two features, up to which one scale serves all


@dataclass(frozen=True)
class Standardiser:
    """x -> (x - mean) / scale; mean and scale: float32 [features]. kind: "common" (one power of two) or "feature"."""

    kind: str
    mean: npt.NDArray[np.float32]
    scale: npt.NDArray[np.float32]

    def __call__(self, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return standardised features [..., features], float32."""
        standardised: npt.NDArray[np.float32] = (x - self.mean) / self.scale
        return standardised


def fit(x: npt.NDArray[np.float32], standardise: str) -> Standardiser:
    """Return the standardiser for training data [..., features].

    "auto" is "common" unless the ranges (max - min) of the features that are not constant differ by more than a factor of 32.
    The common scale is the power of two nearest to the deviation over all features, so that folding it into weights on
    power-of-two scales is exact. Constant features keep the scale 1. Raises BadInput for other words.
    """
    if standardise not in CHOICES:
        raise BadInput(f"standardise is {standardise!r}; allowed: {', '.join(CHOICES)}.")
    rows = x.reshape(-1, x.shape[-1]).astype(np.float64)
    mean = rows.mean(0)
    spans = np.ptp(rows, axis=0)
    varies = spans > 0
    if standardise == "auto":
        uneven = varies.any() and spans[varies].max() > LARGEST_RATIO * spans[varies].min()
        standardise = "feature" if uneven else "common"
    deviation = rows.std(0)
    if standardise == "feature":
        scale = np.where(varies, deviation, 1.0)
    else:
        common = math.sqrt(float((deviation[varies] ** 2).mean())) if varies.any() else 1.0
        scale = np.full(len(mean), 2.0 ** round(math.log2(common)))
    return Standardiser(standardise, mean.astype(np.float32), scale.astype(np.float32))
