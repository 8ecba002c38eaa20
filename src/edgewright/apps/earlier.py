"""What an earlier run of an application made: its integers, deployed anew without training."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgewright import ir, records
from edgewright.errors import BadData, BadInput, BadModelFile
from edgewright.files import GRAPH_FILE, RECORDS_FILE
from edgewright.ir.graph import Graph
from edgewright.ir.types import Type, dequantise_array

NOISE_ROWS = 2  # that show what it costs where there is nothing to listen to


@dataclass(frozen=True)
class Earlier:
    """graph: quantised, of a whole window. every: samples from one answer to the next. hertz: samples a second, None where unknown."""

    graph: Graph
    every: int
    hertz: float | None
    settings: dict[str, Any]


def read(folder: Path, app: str) -> Earlier:
    """Return what lies in the output folder of an application. Raises BadModelFile, BadInput for that of another application."""
    if not folder.is_dir():
        raise BadModelFile(f"There is no folder {folder}. Give the one that `edgewright app {app} --out FOLDER` made.")
    for name in (GRAPH_FILE, RECORDS_FILE):
        if not (folder / name).is_file():
            raise BadModelFile(
                f"{folder} holds no {name}: it is not what `edgewright app {app} --out FOLDER` made. Give such a folder."
            )
    try:
        record = records.read(folder / RECORDS_FILE)[0]
        every = record.tables["stream"]["every"]
        settings = dict(record.settings)
        hertz = settings["hertz"]
    except (BadData, IndexError, LookupError, TypeError, AttributeError, ValueError) as error:
        raise BadModelFile(
            f"{folder / RECORDS_FILE} does not say how often its model answers and how many samples a second it takes ({error}). "
            f"Make the folder anew by `edgewright app {app}`."
        ) from error
    if record.model != app:
        raise BadInput(
            f"{folder} was made for {record.model}, and this is the application {app}. Give a folder of its own."
        )
    graph = ir.load(folder / GRAPH_FILE)
    if (
        not graph.is_quantised
        or type(every) is not int
        or every < 1
        or not (hertz is None or (isinstance(hertz, int | float) and 0 < hertz < float("inf")))
    ):
        raise BadModelFile(
            f"{folder} is damaged: its model is not in integers, or its record states a rate or a number of samples that cannot be. "
            f"Make it anew by `edgewright app {app}`."
        )
    return Earlier(graph, every, None if hertz is None else float(hertz), settings)


def rows_of(samples: npt.NDArray[Any] | None, type: Type) -> npt.NDArray[Any]:
    """Return windows of samples [n, ...] one after the other, or noise within the range of the input where there are none."""
    window = type.shape[0]
    if samples is not None and len(samples) >= window:
        whole = len(samples) // window
        return samples[: whole * window].reshape(whole, *type.shape)
    low, high = type.range
    noise = np.random.default_rng(0).integers(low, high + 1, (NOISE_ROWS, *type.shape))
    return dequantise_array(noise, type)


def called(recording: Path | None) -> str:
    """Return how records call what a model was run on."""
    return "random" if recording is None else recording.name
