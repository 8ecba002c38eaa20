"""One training step of each cell beside torch's own layers, turn by turn, and its gradients beside autograd in float64."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from edgewright import records
from edgewright.errors import CheckFailed
from edgewright.nn import cells, recurrence
from edgewright.records import Record

STEP = "training step"
REPETITIONS = 100
QUICK_REPETITIONS = 3
SEED = 0
ROOT = Path(__file__).resolve().parents[2]

# The bar is on the first. With weights of both signs the gradient of a single number is now and then a million terms that cancel to
# nearly nothing, and what float32 then leaves of it is rounding, torch's own float32 autograd no better: it is in the table beside.
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

Tensors = list[torch.Tensor]


def rival(cell: str) -> str:
    """Return which of torch's own layers a cell stands beside: the name of one of `torch.nn`, in small letters."""
    return "lstm" if cell == "lstm" else "gru"


def ratio(cell: str, implementation: str) -> str:
    """Return the key of an implementation's time as a part of the rival's."""
    return f"{implementation}_to_{rival(cell)}"


def training_speed_records(cell: str, quick: bool) -> list[Record]:
    """Return one record: times as parts of torch's own layer in the same run, on one thread, and the largest error of any gradient.

    The process is one of its own, so that neither threads nor memory of others are in the way. Times are processor seconds, so that
    other work on this computer counts as little as it can: the least of many repetitions. A ratio is the median of the ratios of steps
    that ran one after the other.
    """
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    environ = os.environ | one_thread | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")])}
    repetitions = QUICK_REPETITIONS if quick else REPETITIONS
    program = f"from benchmarks.kilobytes import training_speed as s; s.print_measured({cell!r}, {repetitions})"
    command = [sys.executable, "-c", program]
    finished = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    if finished.returncode:
        raise CheckFailed(f"The training steps of {cell} could not be timed:\n{finished.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(finished.stdout)
    return [records.make(STEP, cell, threads=1, seed=SEED, **found)]


def print_measured(cell: str, repetitions: int) -> None:
    """Print as JSON what is measured in this process."""
    print(json.dumps(measured(cell, repetitions)))


def measured(cell: str, repetitions: int) -> dict[str, Any]:
    """Return settings, numbers and tables of the record, in this process."""
    torch.set_num_threads(1)
    chosen = recurrence.choice(cell)
    implementations = [name for name in recurrence.IMPLEMENTATIONS if name != "compiled" or chosen.name == "compiled"]
    seconds = times(cell, implementations, repetitions)
    of_rival = seconds.pop(rival(cell))
    errors = {loss: {name: largest_errors(cell, name, loss) for name in implementations} for loss in LOSSES}
    by_hand = [error for name in implementations if name != "plain" for error in errors["squares"][name].values()]
    numbers: dict[str, float | int | None] = {
        f"{rival(cell)}_seconds": min(of_rival),
        "gradient_error": max(by_hand),
        "repetitions": repetitions,
    }
    for name in recurrence.IMPLEMENTATIONS:
        own = seconds.get(name)
        numbers[f"{name}_seconds"] = min(own) if own else None
        pairs = [one / other for one, other in zip(own, of_rival, strict=True)] if own else None
        numbers[ratio(cell, name)] = statistics.median(pairs) if pairs else None
    settings = vars(TIMED) | {"implementation": chosen.name, "why_not_compiled": chosen.why_not}
    return {
        "settings": settings,
        "numbers": numbers,
        "tables": {f"largest error of a gradient, loss of {loss}": errors[loss] for loss in LOSSES},
    }


def times(cell: str, implementations: Sequence[str], repetitions: int) -> dict[str, list[float]]:
    """Return processor seconds of training steps: forward, a loss on the last state, backward to the weights."""
    x, *parameters = values(cell, TIMED)
    parameters = [parameter.requires_grad_() for parameter in parameters]
    target = torch.randn(TIMED.rows, TIMED.hidden)
    own_layer = {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[rival(cell)](TIMED.features, TIMED.hidden)
    steps_first = x.transpose(0, 1).contiguous()

    def step_of(name: str) -> Callable[[], None]:
        return lambda: (last_state(cell, x, parameters, implementation=name) * target).sum().backward()

    turns = {name: step_of(name) for name in implementations}
    turns[rival(cell)] = lambda: (own_layer(steps_first)[0][-1] * target).sum().backward()
    found: dict[str, list[float]] = {name: [] for name in turns}
    for _ in range(repetitions + 1):  # one to warm up
        for name, turn in turns.items():
            began = time.process_time()
            turn()
            found[name].append(time.process_time() - began)
    return {name: every[1:] for name, every in found.items()}


def last_state(cell: str, x: torch.Tensor, parameters: Tensors, **how: Any) -> torch.Tensor:
    """Return the last state, or what `how` asks for, of the parameters in the order of `values`."""
    W, U, *vectors = parameters
    return recurrence.run(cell, x, W, U, dict(zip(cells.get(cell).vectors, vectors, strict=True)), **how)


def largest_errors(cell: str, implementation: str, loss: str) -> dict[str, float]:
    """Return for each parameter the norm of the difference to float64 over the norm, the largest of all shapes and outputs."""
    names = ("W", "U", *cells.get(cell).vectors)
    found = dict.fromkeys(names, 0.0)
    for shape in CHECKED:
        for every_step in (False, True):
            given = values(cell, shape)
            exact = gradients(cell, "plain", [value.double() for value in given], every_step, loss)
            ours = gradients(cell, implementation, given, every_step, loss)
            for name, one, other in zip(names, ours, exact, strict=True):
                if norm := float(other.norm()):
                    found[name] = max(found[name], float((one.double() - other).norm()) / norm)
    return found


def gradients(cell: str, implementation: str, given: Tensors, every_step: bool, loss: str) -> Tensors:
    """Return the gradients of the parameters for a loss on the last state or on every state."""
    x, *parameters = given
    parameters = [parameter.clone().requires_grad_() for parameter in parameters]
    states = last_state(cell, x, parameters, every_step=every_step, implementation=implementation)
    return list(torch.autograd.grad(LOSSES[loss](states).sum(), parameters))


def random_like(states: torch.Tensor) -> torch.Tensor:
    """Return weights from a normal distribution, the same in every dtype."""
    return torch.randn(states.shape, generator=torch.Generator().manual_seed(SEED + 1)).to(states.dtype)


def values(cell: str, shape: Shape) -> Tensors:
    """Return x and the parameters as a cell starts, its biases made different."""
    generator = torch.Generator().manual_seed(SEED)
    definition = cells.get(cell)

    def normal(*size: int, deviation: float) -> torch.Tensor:
        return torch.randn(*size, generator=generator) * deviation

    return [
        normal(shape.rows, shape.steps, shape.features, deviation=1.0),
        normal(definition.gates * shape.hidden, shape.features, deviation=0.2),
        normal(definition.gates * shape.hidden, shape.hidden, deviation=0.1),
        *(
            vector.start + normal(vector.rows * shape.hidden, deviation=0.1)
            if vector.rows
            else torch.sigmoid(torch.tensor(vector.start))
            for vector in definition.vectors.values()
        ),
    ]
