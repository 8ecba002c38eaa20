"""Real networks from their float files, quantised with the default settings, on data that calibration has not seen."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgewright import frontends
from edgewright.compiler.pipeline import to_integers
from edgewright.ir import Graph, dequantise_array, quantise_array
from edgewright.runtime.integer import run_integer
from edgewright.runtime.interpret import run_float


@pytest.fixture(scope="module")
def folder() -> Path:
    given = os.environ.get("EDGEWRIGHT_DATA")
    if not given or not (Path(given) / "mlperf_tiny").is_dir() or not (Path(given) / "cifar10_jpeg").is_dir():
        pytest.skip("EDGEWRIGHT_DATA names no folder with mlperf_tiny and cifar10_jpeg")
    return Path(given)


def pictures(folder: Path, part: str, count: int) -> np.ndarray:
    """Images [count, 32, 32, 3] of bytes, spread over a part of the data."""
    data = np.load(folder / "cifar10_jpeg" / f"cifar10_{part}.npz", allow_pickle=False)
    jpeg, offset = data["jpeg"], data["offset"]
    chosen = np.linspace(0, len(offset) - 2, count).astype(int)
    files = (io.BytesIO(jpeg[offset[index] : offset[index + 1]].tobytes()) for index in chosen)
    return np.stack([np.asarray(Image.open(file)) for file in files])


def both(graph: Graph, calibration: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the float graph and the integers answer."""
    quantised = to_integers(graph, calibration)
    ours = run_integer(quantised, quantise_array(rows, quantised.input_type))
    return run_float(graph, rows), dequantise_array(ours, quantised.output_type)


def test_image_classification_answers_as_in_float(folder: Path) -> None:
    graph = frontends.read(folder / "mlperf_tiny" / "pretrainedResnet.tflite")
    real, ours = both(graph, pictures(folder, "train", 50), pictures(folder, "test", 60))
    assert np.mean(real.argmax(axis=1) == ours.argmax(axis=1)) >= 0.93  # the int8 file of the same network: 0.95


def test_reconstruction_errors_of_machine_sounds_are_those_of_float(folder: Path) -> None:
    sound = np.fromfile(folder / "mlperf_tiny" / "normal_id_01_00000000_hist_librosa.bin", "<f4").reshape(-1, 640)
    rows = sound[1::2]
    real, ours = both(frontends.read(folder / "mlperf_tiny" / "ad01_fp32.tflite"), sound[::2], rows)
    errors = [((rows - output) ** 2).mean(axis=1) for output in (real, ours)]
    assert np.abs(errors[1] / errors[0] - 1).max() < 0.02
