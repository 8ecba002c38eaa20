"""The float networks, quantised by our own calibration with the default settings: how well, and at what cost."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.any_model import fixed, sources
from edgewright import records
from edgewright.ir.types import Array, dequantise_array, quantise_array
from edgewright.records import Record
from edgewright.runtime.interpret import run_float

TEST_IMAGES = 2_000
SEEDED_ROWS = 100
PART = 100  # images of one float pass, which bounds the memory


def quality(name: str, quick: bool) -> Iterator[Record]:
    """Measure what calibration costs: accuracy, reconstruction error, or error against float. Raises MissingTool."""
    graph = sources.quantised_graph(name)
    if name == "IC":
        numbers, data = _accuracies(100 if quick else TEST_IMAGES)
    elif name == "AD":
        rows = sources.sounds()[1::2]
        errors = [((rows - output) ** 2).mean(axis=1) for output in _both(name, rows)]
        apart = np.abs(errors[1] / errors[0] - 1)
        numbers = {
            "rows": len(rows),
            "reconstruction_error_float": float(errors[0].mean()),
            "reconstruction_error_integer": float(errors[1].mean()),
            "reconstruction_error_apart_mean": float(apart.mean()),
            "reconstruction_error_apart_largest": float(apart.max()),
        }
        data = "every second window of a machine's sound, calibrated on the others"
    else:
        rows = sources.seeded_rows(name, 10 if quick else SEEDED_ROWS, sources.SEED)
        real, ours = _both(name, rows)
        numbers = {
            "rows": len(rows),
            "error_mean": float(np.abs(ours - real).mean()),
            "error_largest": float(np.abs(ours - real).max()),
            "answers_different": int(np.sum(ours.argmax(axis=1) != real.argmax(axis=1))),
        }
        data = f"uniform, calibrated on 50 of seed {sources.SEED + 1}"
    yield records.make(
        "calibrated",
        name,
        data=data,
        seed=sources.SEED,
        engine="host",
        graph_hash=graph.hash,
        settings={"file": f"{sources.NETWORKS[name].real}.tflite", "quantisation": "the default settings"},
        numbers=numbers,
    )


def cost(name: str, quick: bool) -> Iterator[Record]:
    """Measure the calibrated network on the emulated M4, built by gcc. Raises MissingTool."""
    rows, data = real_rows(name, 1 if quick else fixed.COUNTED_ROWS)
    graph = sources.quantised_graph(name)
    integers = quantise_array(rows, graph.input_type).astype(graph.input_type.dtype)
    yield fixed.cost_on_m4("calibrated cost", name, graph, integers, data)


def real_rows(name: str, count: int) -> tuple[Array, str]:
    """Return float rows for a network that calibration has not seen, and what they are."""
    if name == "IC":
        return sources.photographs("test", count)[0].astype(np.float64), "cifar10_jpeg test, the first"
    if name == "AD":
        return sources.sounds()[1::2][:count], "a machine's sound"
    return sources.seeded_rows(name, count, sources.SEED), "seeded"


def _both(name: str, rows: Array) -> tuple[Array, Array]:
    """Return what the float network and the C of its integers answer."""
    graph = sources.quantised_graph(name)
    integers = quantise_array(rows, graph.input_type).astype(graph.input_type.dtype)
    real = [run_float(sources.real_graph(name), rows[start : start + PART]) for start in range(0, len(rows), PART)]
    return np.concatenate(real), dequantise_array(fixed.on_host(graph, integers), graph.output_type)


def _accuracies(count: int) -> tuple[dict[str, float | int | None], str]:
    images, classes = sources.photographs("test", count)
    file = sources.integer_graph("IC")
    theirs = fixed.on_host(file, quantise_array(images, file.input_type).astype(np.int8))
    real, ours = _both("IC", images.astype(np.float64))
    numbers: dict[str, float | int | None] = {
        "rows": count,
        "accuracy_int8_file": float(np.mean(theirs.argmax(axis=1) == classes)),
        "accuracy_float": float(np.mean(real.argmax(axis=1) == classes)),
        "accuracy_integer": float(np.mean(ours.argmax(axis=1) == classes)),
        "answers_unlike_float": int(np.sum(ours.argmax(axis=1) != real.argmax(axis=1))),
        "answers_of_file_unlike_float": int(np.sum(theirs.argmax(axis=1) != real.argmax(axis=1))),
    }
    return numbers, f"cifar10_jpeg test, calibrated on the first {sources.TRAINING_IMAGES} of train"
