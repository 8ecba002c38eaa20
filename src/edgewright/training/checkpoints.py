"""Checkpoints: all that decides how training goes on, in one safetensors file."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as as_bytes

from edgewright.errors import BadInput, BadModelFile, list_problems
from edgewright.files import write_file
from edgewright.nn import Learner
from edgewright.training.examples import Examples
from edgewright.training.schedule import Schedule

FORMAT, VERSION = "edgewright-checkpoint", 1
LARGEST_FILE = 256 * 1024 * 1024

Purpose = dict[str, Any]


@dataclass(frozen=True)
class State:
    """A moment between two epochs. tensors: by a dotted name; numbers: what JSON can hold."""

    tensors: dict[str, torch.Tensor]
    numbers: dict[str, Any]

    def within(self, prefix: str) -> dict[str, torch.Tensor]:
        """Return copies of the tensors whose names begin so, by the rest of their names."""
        return {
            name.removeprefix(prefix): value.clone() for name, value in self.tensors.items() if name.startswith(prefix)
        }


def attributes(learner: Learner) -> dict[str, Any]:
    """Return the plain attributes of a learner, such as a sharpness, by name."""
    return {name: value for name, value in vars(learner).items() if isinstance(value, bool | int | float | str)}


def purpose(
    learner: Learner,
    examples: Examples,
    schedule: Schedule,
    objective: Mapping[str, str | float],
    densities: Mapping[str, float],
    validation: tuple[torch.Tensor, torch.Tensor] | None,
    generator: torch.Generator,
) -> Purpose:
    """Return what a training is of: model, data, settings and seed, as JSON, to be called before it begins."""
    settings = asdict(schedule)
    phases = {f"phase {number}": phase for number, phase in enumerate(settings.pop("phases"))}
    parts = {
        "x": examples.x,
        "y": examples.y,
        "teacher": examples.teacher,
        "mean": examples.mean,
        "scale": examples.scale,
    }
    held_out = dict(zip(("x", "y"), validation or (None, None), strict=True))
    weights = dict(learner.named_parameters())
    found = {
        "model": {
            "class": type(learner).__name__,
            "attributes": attributes(learner),
            **{name: list(value.shape) for name, value in weights.items()},
        },
        "data": {
            "rows_per_epoch": examples.drawn,
            **{name: _print(part) for name, part in parts.items()},
            **{f"validation {name}": _print(part) for name, part in held_out.items()},
        },
        "settings": {**settings, **phases, **objective, "densities": dict(densities)},
        "seed": {
            "generator": _print(generator.get_state()),
            "weights": _print(torch.cat([value.detach().flatten() for value in weights.values()])),
        },
    }
    return dict(json.loads(json.dumps(found)))


def save(path: Path, purpose: Purpose, state: State) -> None:
    """Write a checkpoint, whole or not at all. Raises CannotWrite."""
    document = {"format": FORMAT, "version": VERSION, "purpose": purpose, "numbers": state.numbers}
    tensors = {name: value.contiguous() for name, value in state.tensors.items()}
    write_file(path, as_bytes(tensors, {"edgewright": json.dumps(document)}))


def load(path: Path, purpose: Purpose) -> State | None:
    """Return the state in a checkpoint, None where there is no file.

    Raises BadModelFile for a file that is damaged or something else, BadInput for the checkpoint of another training.
    """
    if not path.exists():
        return None
    with sound(path):
        if path.stat().st_size > LARGEST_FILE:
            raise ValueError(f"it is larger than {LARGEST_FILE:,} bytes")
        with safe_open(path, framework="pt") as file:
            document = json.loads((file.metadata() or {}).get("edgewright", "null"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no mapping)
        if not isinstance(document, dict) or (document.get("format"), document.get("version")) != (FORMAT, VERSION):
            raise ValueError(f"it is no checkpoint of version {VERSION}")
        theirs, state = dict(document["purpose"]), State(tensors, dict(document["numbers"]))
    if theirs != purpose:
        raise BadInput(
            list_problems(
                f"The checkpoint {path} belongs to another training. Remove it, give another file, or train as then:",
                _differences(theirs, purpose),
            )
        )
    return state


@contextlib.contextmanager
def sound(path: Path) -> Iterator[None]:
    """Raise BadModelFile for what goes wrong in this block, which reads a checkpoint."""
    try:
        yield
    except OSError as error:
        raise BadModelFile(f"{path} cannot be read: {error.strerror or error}.") from error
    except (SafetensorError, KeyError, TypeError, ValueError, AttributeError, RuntimeError, RecursionError) as error:
        raise BadModelFile(f"{path} is not a sound checkpoint: {error}. Remove it to train from the start.") from error


def _differences(theirs: Purpose, ours: Purpose) -> list[str]:
    found = []
    for kind in ours:
        before, now = theirs.get(kind, {}), ours[kind]
        for name in sorted({*before, *now}):
            if before.get(name) != now.get(name):
                found.append(f"{kind}: {name} was {before.get(name)}, is {now.get(name)}.")
    return found


def _print(tensor: torch.Tensor | None) -> str | None:
    """Return the shape and a fingerprint of a tensor."""
    if tensor is None:
        return None
    values = np.ascontiguousarray(tensor.detach().numpy())
    return f"{list(values.shape)} {values.dtype} {hashlib.sha256(values.data).hexdigest()[:16]}"
