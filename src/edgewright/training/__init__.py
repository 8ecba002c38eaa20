"""Training: the one schedule that every learner uses."""

from edgewright.training.progress import Progress
from edgewright.training.schedule import Schedule, train

__all__ = ["Progress", "Schedule", "train"]
