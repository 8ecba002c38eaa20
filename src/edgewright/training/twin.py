"""What the integers of a learner answer, while it trains."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from edgewright.compiler.pipeline import prepare
from edgewright.compiler.quantise import quantise
from edgewright.compiler.settings import default_settings
from edgewright.ir.graph import Graph
from edgewright.ir.types import Array, dequantise_array, quantise_array
from edgewright.nn import Learner
from edgewright.runtime.integer import run_integer

CALIBRATION_ROWS = 256
ROWS = 2000  # at a time, to bound the memory

Lower = Callable[[Learner], Graph]


@dataclass(frozen=True)
class Twin:
    """The integer twin of a learner as it is now.

    lower: gives the float graph of a learner, from raw features to its scores. calibration: raw rows [n, ...] that fix the scales.
    """

    lower: Lower
    calibration: Array

    @torch.no_grad()
    def scores(self, learner: Learner, x: torch.Tensor) -> torch.Tensor:
        """Return the real meaning, float32 [n, outputs], of what the device would compute for raw rows x: exactly its rounding."""
        rounded = copy.deepcopy(learner)
        rounded.round_matrices()
        graph = self.lower(rounded)
        settings = default_settings(graph)
        integers = quantise(prepare(graph, self.calibration, settings), self.calibration, settings)
        parts = []
        for rows in torch.split(x, ROWS):
            given = quantise_array(rows.numpy().astype(np.float64), integers.input_type)
            made = run_integer(integers, given.astype(integers.input_type.dtype))
            parts.append(dequantise_array(made, integers.output_type).reshape(len(rows), -1))
        return torch.tensor(np.concatenate(parts), dtype=torch.float32)

    def straight_through(self, learner: Learner, scores: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Return the twin's scores of raw rows x with the gradient of the float view's; the latter where they are not finite."""
        real = scores.detach()
        return self.scores(learner, x) + (scores - real) if bool(real.isfinite().all()) else scores


def calibration_rows(x: torch.Tensor) -> Array:
    """Return some of the raw rows, evenly spread."""
    return x[:: max(1, len(x) // CALIBRATION_ROWS)][:CALIBRATION_ROWS].numpy()
