"""What every row of the table needs: models trained once and kept in the cache, their integers, what they reach and what they cost."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

import edgewright
from benchmarks.kilobytes import training_code
from benchmarks.kilobytes.accuracy import constant_bytes
from edgewright import boards, deploy, engines, records
from edgewright.compiler.pipeline import prepared_and_integers
from edgewright.compiler.settings import default_settings
from edgewright.engines._cache import cache_folder
from edgewright.errors import BadModelFile, MissingTool
from edgewright.firmware import Firmware
from edgewright.ir import load, save
from edgewright.ir.graph import Graph
from edgewright.ir.types import Array, quantise_array
from edgewright.records import Record
from edgewright.runtime.integer import run_integer
from edgewright.runtime.interpret import run_float

SEEDS = (0, 1, 2)
ACCURACY = "accuracy of a sequence model"
CALIBRATION_ROWS = 1_000  # the first of the training rows
PART = 250  # rows at a time, which bounds the memory
HOST_VECTORS = 200


@dataclass(frozen=True)
class Trained:
    """A model after training. real: its float graph; integers: what the compiler makes of it."""

    name: str
    seed: int
    real: Graph
    integers: Graph

    def rows(self, x: Array) -> Array:
        """Return rows [n, *shape] as the integers of the input."""
        type = self.integers.input_type
        return np.asarray(quantise_array(x.reshape(-1, *type.shape), type)).astype(type.dtype)

    def scores(self, x: Array) -> Array:
        """Return the twin's integer scores [n, classes]."""
        return np.concatenate([run_integer(self.integers, self.rows(part)) for part in parts(x)])

    def real_scores(self, x: Array) -> Array:
        """Return the scores [n, classes] in float."""
        return np.concatenate([run_float(self.real, part) for part in parts(x)])


def parts(x: Array) -> Iterator[Array]:
    """Give rows a part at a time."""
    for start in range(0, len(x), PART):
        yield x[start : start + PART]


def kept(
    name: str, seed: int, learner: str, made_by: Mapping[str, Any], calibration: Array, fit: Callable[[Path], Graph]
) -> Trained:
    """Return a model from the cache, trained where it is not there.

    learner: whose code trains; made_by: all that decides the training beside the code, as JSON. fit: trains, given the file of its
    checkpoint, and returns the float graph. calibration: rows from which the ranges of activations are taken.
    """
    code = training_code.digest(learner, str(made_by.get("augmentation")))
    key = hashlib.sha256(json.dumps([made_by, seed, code], sort_keys=True, default=str).encode()).hexdigest()[:24]
    path = cache_folder() / "sequences" / f"{re.sub('[^a-z0-9]+', '-', name.lower())}-{seed}-{key}.safetensors"
    graph = _read(path)
    if graph is None:
        checkpoint = path.with_suffix(".checkpoint")  # what was interrupted goes on where it stopped
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
        graph = fit(checkpoint)
        save(graph, path)
        checkpoint.unlink(missing_ok=True)
    _, integers = prepared_and_integers(graph, calibration[:CALIBRATION_ROWS], default_settings(graph))
    return Trained(name, seed, graph, integers)


def packed(values: Array) -> bytes:
    """Return an array as the bytes of an NPY file."""
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=False)
    return buffer.getvalue()


def _read(path: Path) -> Graph | None:
    if not path.exists():
        return None
    try:
        return load(path)
    except BadModelFile:
        path.unlink()  # damaged: made anew
        return None


@cache
def digest(*chosen: str) -> str:
    """Return a hash of parts of the package that are named, and of the packages that compute: the cache gives back nothing older."""
    total = hashlib.sha256(f"torch {torch.__version__} numpy {np.__version__}".encode())
    root = Path(edgewright.__file__).parent
    for part in chosen:
        found = root / part
        for path in sorted(found.rglob("*")) if found.is_dir() else [found]:
            if path.suffix in (".py", ".c", ".h"):
                total.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return total.hexdigest()


def places(labels: npt.NDArray[Any], classes: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    """Return the place [n] of each label among the sorted classes, as scores are ordered."""
    return np.searchsorted(classes, labels)


def reached(
    model: Trained,
    x: Array,
    y: npt.NDArray[np.intp],
    *,
    data: str,
    split: str,
    settings: Mapping[str, Any],
    numbers: Mapping[str, float | int | None] | None = None,
) -> Record:
    """Return what a classifier reaches on test rows, in float and in integers, and whether the C on this computer agrees.

    y: places of the classes. split: in words. numbers: further ones. Raises MissingTool.
    """
    twin, real = model.scores(x).argmax(1), model.real_scores(x).argmax(1)
    firmware, wrong, vectors = on_host(model, x)
    return records.make(
        ACCURACY,
        model.name,
        data=data,
        split=split,
        seed=model.seed,
        threads=1,
        engine="host",
        compiler=firmware.image.compiler,
        flags=firmware.image.flags,
        graph_hash=model.integers.hash,
        settings=dict(settings),
        numbers={
            "accuracy_float": float(np.mean(real == y)),
            "accuracy_integer": float(np.mean(twin == y)),
            "answers_unlike_float": int(np.sum(real != twin)),
            "rows": len(y),
            **constant_bytes(firmware.program),
            "vectors": vectors,
            "mismatches": wrong,
            **(numbers or {}),
        },
    )


def on_host(model: Trained, x: Array) -> tuple[Firmware, int, int]:
    """Return the firmware for this computer, how many vectors are unlike the twin's there, and how many ran: rows and corners of the range.

    Raises MissingTool.
    """
    if problem := engines.get("host").why_not(boards.get("host")):
        raise MissingTool(problem)
    firmware = deploy(model.integers, "host")
    (deployed,) = firmware.models.values()
    vectors = (deployed.corners(), model.rows(x[:HOST_VECTORS]))
    return firmware, sum(firmware.compare(part, "host").mismatches for part in vectors), sum(map(len, vectors))
