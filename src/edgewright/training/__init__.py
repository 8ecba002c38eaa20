"""Training: the one schedule that every learner uses."""

from edgewright.training.holdout import held_out_rows
from edgewright.training.progress import Progress
from edgewright.training.schedule import Schedule, train

__all__ = ["Progress", "Schedule", "held_out_rows", "train"]
