"""Training: the one schedule that every learner uses."""

from edgewright.training.examples import Examples
from edgewright.training.holdout import held_out_rows
from edgewright.training.loop import evaluate, score, train
from edgewright.training.objectives import Objective
from edgewright.training.progress import Progress
from edgewright.training.schedule import DEFAULT_PHASES, Phase, Schedule
from edgewright.training.threads import threads

__all__ = [
    "DEFAULT_PHASES",
    "Examples",
    "Objective",
    "Phase",
    "Progress",
    "Schedule",
    "evaluate",
    "held_out_rows",
    "score",
    "threads",
    "train",
]
