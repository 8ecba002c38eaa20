"""One training: accuracy of the real numbers and of the integers, the bytes of the weights, and the C on this computer beside the twin."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.kilobytes import models
from benchmarks.kilobytes.models import Trained
from edgewright import boards, deploy, engines, records
from edgewright.compiler.program import Entry, Program
from edgewright.errors import MissingTool
from edgewright.firmware import Firmware
from edgewright.ir.types import Array
from edgewright.records import Record
from edgewright.runtime.integer import run_integer
from edgewright.runtime.interpret import run_float

ACCURACY = "accuracy"
PART = 1_000  # rows at a time, which bounds the memory
SPLIT = "the published split; the test set is looked at once, at the end"


def unit(name: str, seed: int, quick: bool) -> Iterator[Record]:
    """Train a model of the list with a seed and measure it. Raises BadData where its dataset is missing, MissingTool."""
    model = models.trained(name, seed, quick)
    setting = model.setting
    split = models.split(setting, quick)
    real = np.concatenate([run_float(model.real, part).argmax(axis=1) for part in parts(split.x_test)])
    twin = np.concatenate(
        [run_integer(model.integers, model.rows(part)).argmax(axis=1) for part in parts(split.x_test)]
    )
    firmware = deploy(model.integers, "host")
    if problem := engines.get("host").why_not(boards.get("host")):
        raise MissingTool(problem)
    vectors, wrong = agreement(firmware, model, split.x_test, "host")
    yield records.make(
        ACCURACY,
        setting.name,
        data=setting.data,
        split=SPLIT,
        seed=seed,
        threads=1,
        engine="host",
        compiler=firmware.image.compiler,
        flags=firmware.image.flags,
        graph_hash=model.integers.hash,
        settings={**models.parameters(setting, seed, quick), "teacher": model.teacher, "kilobytes": setting.kilobytes},
        numbers={
            "accuracy_float": float(np.mean(real == split.y_test)),
            "accuracy_integer": float(np.mean(twin == split.y_test)),
            "answers_unlike_float": int(np.sum(real != twin)),
            "rows": len(twin),
            **constant_bytes(firmware.program),
            "arena_bytes": entry_of(firmware.program).arena_bytes,
            "vectors": vectors,
            "mismatches": wrong,
        },
        tables={"constant_bytes": entry_of(firmware.program).constant_bytes},
    )


def agreement(firmware: Firmware, model: Trained, x: Array, engine: str, most: int | None = None) -> tuple[int, int]:
    """Return how many vectors an engine ran, test rows and corners of the proven range, and how many were unlike the twin's."""
    rows = model.rows(x)[:most]
    (deployed,) = firmware.models.values()
    vectors = wrong = 0
    for part in (deployed.corners(), *parts(rows)):
        vectors += len(part)
        wrong += firmware.compare(part, engine).mismatches
    return vectors, wrong


def parts(rows: Array) -> Iterator[Array]:
    """Give rows a part at a time."""
    for start in range(0, len(rows), PART):
        yield rows[start : start + PART]


def entry_of(program: Program) -> Entry:
    """Return the only model of a program."""
    (entry,) = program.entries
    return entry


def constant_bytes(program: Program) -> dict[str, int]:
    """Return weight_bytes and table_bytes of a program of one model, as its C holds them.

    weight_bytes: values, indices, biases and scales. table_bytes: tables of functions.
    """
    entry = entry_of(program)
    tables = sum(entry.constant_bytes[name] for name in entry.tables)
    return {"weight_bytes": sum(entry.constant_bytes.values()) - tables, "table_bytes": tables}
