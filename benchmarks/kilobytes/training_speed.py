"""One training step of FastGRNN beside torch.nn.GRU, turn by turn, and its gradients beside autograd in float64."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from edgewright import records
from edgewright.errors import CheckFailed
from edgewright.nn import recurrence
from edgewright.records import Record

STEP = "training step"
MODEL = "fastgrnn"
REPETITIONS = 100
QUICK_REPETITIONS = 3
SEED = 0
ROOT = Path(__file__).resolve().parents[2]

# The bar is on the first. With weights of both signs the gradient of zeta or nu is now and then a million terms that cancel to nearly
# nothing, and what float32 then leaves of it is rounding, torch's own float32 autograd no better: it is in the table beside.
LOSSES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "squares": lambda states: states.square() / 2,
    "random weights": lambda states: states * random_like(states),
}


@dataclass(frozen=True)
class Shape:
    """Of a batch and a cell."""

    rows: int
    steps: int
    features: int
    hidden: int


TIMED = Shape(rows=100, steps=99, features=32, hidden=100)  # a second of speech, as in the papers
CHECKED = (
    TIMED,
    Shape(rows=100, steps=16, features=16, hidden=32),
    Shape(rows=13, steps=5, features=3, hidden=13),
    Shape(rows=3, steps=20, features=4, hidden=17),
    Shape(rows=2, steps=1, features=5, hidden=9),
    Shape(rows=1, steps=30, features=8, hidden=24),
)
PARAMETERS = ("W", "U", "gate_bias", "candidate_bias", "zeta", "nu")

Tensors = list[torch.Tensor]


def training_speed_records(quick: bool) -> list[Record]:
    """Return one record: times as parts of the GRU's in the same run, on one thread, and the largest error of any gradient.

    The process is one of its own, so that neither threads nor memory of others are in the way. A time is the least of many
    repetitions, in processor seconds: other work on this computer does not count, whichever step it falls on.
    """
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    environ = os.environ | one_thread | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")])}
    program = f"from benchmarks.kilobytes import training_speed as s; s.print_measured({QUICK_REPETITIONS if quick else REPETITIONS})"
    command = [sys.executable, "-c", program]
    finished = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    if finished.returncode:
        raise CheckFailed(f"The training steps could not be timed:\n{finished.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(finished.stdout)
    return [records.make(STEP, MODEL, threads=1, seed=SEED, **found)]


def print_measured(repetitions: int) -> None:
    """Print as JSON what is measured in this process."""
    print(json.dumps(measured(repetitions)))


def measured(repetitions: int) -> dict[str, Any]:
    """Return settings, numbers and tables of the record, in this process."""
    torch.set_num_threads(1)
    chosen = recurrence.choice()
    implementations = [name for name in recurrence.IMPLEMENTATIONS if name != "compiled" or chosen.name == "compiled"]
    seconds = times(implementations, repetitions)
    errors = {loss: {name: largest_errors(name, loss) for name in implementations} for loss in LOSSES}
    by_hand = [error for name in implementations if name != "plain" for error in errors["squares"][name].values()]
    numbers: dict[str, float | int | None] = {
        "gru_seconds": seconds["gru"],
        "gradient_error": max(by_hand),
        "repetitions": repetitions,
    }
    for name in recurrence.IMPLEMENTATIONS:
        numbers[f"{name}_seconds"] = seconds.get(name)
        numbers[f"{name}_to_gru"] = seconds[name] / seconds["gru"] if name in seconds else None
    settings = vars(TIMED) | {"implementation": chosen.name, "why_not_compiled": chosen.why_not}
    return {
        "settings": settings,
        "numbers": numbers,
        "tables": {f"largest error of a gradient, loss of {loss}": errors[loss] for loss in LOSSES},
    }


def times(implementations: list[str], repetitions: int) -> dict[str, float]:
    """Return the least processor seconds of a training step: forward, a loss on the last state, backward to the weights."""
    x, *parameters = values(TIMED)
    parameters = [parameter.requires_grad_() for parameter in parameters]
    target = torch.randn(TIMED.rows, TIMED.hidden)
    gru = torch.nn.GRU(TIMED.features, TIMED.hidden)
    steps_first = x.transpose(0, 1).contiguous()

    def fastgrnn(name: str) -> None:
        (recurrence.fastgrnn(x, *parameters, implementation=name) * target).sum().backward()

    def step_of(name: str) -> Callable[[], None]:
        return lambda: fastgrnn(name)

    turns = {name: step_of(name) for name in implementations}
    turns["gru"] = lambda: (gru(steps_first)[0][-1] * target).sum().backward()
    found: dict[str, list[float]] = {name: [] for name in turns}
    for _ in range(repetitions + 1):  # one to warm up
        for name, turn in turns.items():
            began = time.process_time()
            turn()
            found[name].append(time.process_time() - began)
    return {name: min(every[1:]) for name, every in found.items()}


def largest_errors(implementation: str, loss: str) -> dict[str, float]:
    """Return for each parameter the norm of the difference to float64 over the norm, the largest of all shapes and outputs."""
    found = dict.fromkeys(PARAMETERS, 0.0)
    for shape in CHECKED:
        for every_step in (False, True):
            given = values(shape)
            exact = gradients("plain", [value.double() for value in given], every_step, loss)
            ours = gradients(implementation, given, every_step, loss)
            for name, one, other in zip(PARAMETERS, ours, exact, strict=True):
                if norm := float(other.norm()):
                    found[name] = max(found[name], float((one.double() - other).norm()) / norm)
    return found


def gradients(implementation: str, given: Tensors, every_step: bool, loss: str) -> Tensors:
    """Return the gradients of the parameters for a loss on the last state or on every state."""
    x, *parameters = given
    parameters = [parameter.clone().requires_grad_() for parameter in parameters]
    states = recurrence.fastgrnn(x, *parameters, every_step=every_step, implementation=implementation)
    return list(torch.autograd.grad(LOSSES[loss](states).sum(), parameters))


def random_like(states: torch.Tensor) -> torch.Tensor:
    """Return weights from a normal distribution, the same in every dtype."""
    return torch.randn(states.shape, generator=torch.Generator().manual_seed(SEED + 1)).to(states.dtype)


def values(shape: Shape) -> Tensors:
    """Return x and the parameters as a FastGRNN starts, its biases made different."""
    generator = torch.Generator().manual_seed(SEED)

    def normal(*size: int, deviation: float) -> torch.Tensor:
        return torch.randn(*size, generator=generator) * deviation

    return [
        normal(shape.rows, shape.steps, shape.features, deviation=1.0),
        normal(shape.hidden, shape.features, deviation=0.2),
        normal(shape.hidden, shape.hidden, deviation=0.1),
        1 + normal(shape.hidden, deviation=0.1),
        normal(shape.hidden, deviation=0.1),
        torch.sigmoid(torch.tensor(1.0)),
        torch.sigmoid(torch.tensor(-4.0)),
    ]
