"""Where the benchmark's models, rows and test helpers come from."""

from __future__ import annotations

import importlib
import io
import os
import sys
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from edgewright import frontends
from edgewright.compiler.pipeline import to_integers
from edgewright.errors import MissingTool
from edgewright.ir.graph import Graph
from edgewright.ir.types import Array, dequantise_array, quantise_array

ROOT = Path(__file__).resolve().parents[2]
TRAINING_IMAGES = 200  # that calibrate: the first of the training part
SEED = 0


@dataclass(frozen=True)
class Network:
    """A reference network of MLPerf Tiny.

    integer, real: its int8 and its float file. rival_instructions, rival_ram_bytes: of LiteRT Micro with CMSIS-NN on an emulated M4.
    classifies: whether its outputs are classes.
    """

    doc: str
    integer: str
    real: str
    rival_instructions: float
    rival_ram_bytes: int
    classifies: bool = True


NETWORKS = {
    "AD": Network("anomaly detection", "ad01_int8", "ad01_fp32", 583e3, 2_580, classifies=False),
    "KWS": Network("keyword spotting", "kws_ref_model", "kws_ref_model_float32", 7.70e6, 22_820),
    "IC": Network("image classification", "pretrainedResnet_quant", "pretrainedResnet", 29.9e6, 54_996),
    "VWW": Network("visual wake words", "vww_96_int8", "vww_96_float", 24.1e6, 100_708),
}


def tests(folder: str, module: str) -> Any:
    """Return a module of a folder of the tests, which say how cases are counted and how files are damaged."""
    for place in (ROOT / "tests", ROOT / "tests" / "conformance", ROOT / "tests" / folder):
        if str(place) not in sys.path:
            sys.path.append(str(place))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(module)


def data_file(folder: str, name: str) -> Path:
    """Return a file of the data folder. Raises MissingTool."""
    place = os.environ.get("EDGEWRIGHT_DATA")
    if not place or not (Path(place) / folder / name).is_file():
        raise MissingTool(f"This part needs {folder}/{name} in the folder that EDGEWRIGHT_DATA names.")
    return Path(place) / folder / name


def network_file(stem: str) -> Path:
    """Return a network's file. Raises MissingTool."""
    return data_file("mlperf_tiny", f"{stem}.tflite")


@cache
def integer_graph(name: str) -> Graph:
    """Return the integers of a network from its int8 file, after all passes. Raises MissingTool."""
    return to_integers(frontends.read(network_file(NETWORKS[name].integer)))


@cache
def real_graph(name: str) -> Graph:
    """Return a network from its float file. Raises MissingTool."""
    return frontends.read(network_file(NETWORKS[name].real))


@cache
def quantised_graph(name: str) -> Graph:
    """Return the integers of a network that our own calibration gives its float file, with the default settings."""
    return to_integers(real_graph(name), calibration_rows(name))


def sounds() -> Array:
    """Return the windows of a real machine's sound, float32 [40, 640]. Raises MissingTool."""
    return np.fromfile(data_file("mlperf_tiny", "normal_id_01_00000000_hist_librosa.bin"), "<f4").reshape(-1, 640)


def photographs(part: str, count: int) -> tuple[Array, Array]:
    """Return the first images [count, 32, 32, 3], uint8, of the "train" or "test" part in file order, and their classes."""
    import PIL.Image

    with np.load(data_file("cifar10_jpeg", f"cifar10_{part}.npz"), allow_pickle=False) as file:
        jpeg, offset, classes = file["jpeg"], file["offset"], file["y"]
    pieces = (io.BytesIO(jpeg[offset[n] : offset[n + 1]].tobytes()) for n in range(count))
    return np.stack([np.asarray(PIL.Image.open(piece)) for piece in pieces]), classes[:count]


def seeded_rows(name: str, count: int, seed: int) -> Array:
    """Return uniform float inputs [count, *shape] between the least and the greatest input that the int8 file can tell."""
    type = integer_graph(name).input_type
    low, high = dequantise_array(np.array(type.range), type)
    return np.random.default_rng(seed).uniform(low, high, (count, *type.shape))


def calibration_rows(name: str) -> Array:
    """Return the float rows that calibrate a network: training images, every other window of the sound, or seeded ones."""
    if name == "IC":
        return photographs("train", TRAINING_IMAGES)[0].astype(np.float64)
    return sounds()[::2] if name == "AD" else seeded_rows(name, 50, SEED + 1)


def integer_rows(name: str, count: int) -> tuple[Array, str]:
    """Return int8 inputs [count, *shape] for a network's int8 file, and what they are: real ones as far as there are some."""
    type = frontends.read(network_file(NETWORKS[name].integer)).input_type
    seeded = np.random.default_rng(SEED).integers(-128, 128, (count, *type.shape)).astype(np.int8)
    if name == "AD":
        real = quantise_array(sounds(), type).astype(np.int8)[:count]
        return np.concatenate(
            [real, seeded[len(real) :]]
        ), f"{len(real)} of a machine's sound, {count - len(real)} seeded"
    if name == "IC":
        return quantise_array(photographs("test", count)[0], type).astype(np.int8), "cifar10_jpeg test, the first"
    return seeded, "seeded"
