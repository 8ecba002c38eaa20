"""MLPerf Tiny's reference models: our integers against LiteRT's reference kernels, layer by layer and from end to end."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from litert import on_host, reference, reference_layers

from edgewright import frontends, ops
from edgewright.ir.graph import Graph, Node
from edgewright.ir.types import Array, quantise_array
from edgewright.runtime.integer import run_integer
from edgewright.runtime.interpret import run_float

VECTORS = 6
MODELS = {"ad01_int8": 10, "kws_ref_model": 13, "pretrainedResnet_quant": 16, "vww_96_int8": 31, "str_ww_ref_model": 11}
# The largest difference from LiteRT's float outputs. LiteRT itself quantises the activations before int8 weights.
FLOAT_MODELS = {"ad01_fp32": 1e-3, "kws_ref_model_float32": 0.05, "pretrainedResnet": 1e-4, "vww_96_float": 1e-4}


@pytest.fixture(scope="module")
def data() -> Path:
    folder = Path(os.environ.get("EDGEWRIGHT_DATA", ""))
    if not os.environ.get("EDGEWRIGHT_DATA") or not (folder / "mlperf_tiny").is_dir():
        pytest.skip("EDGEWRIGHT_DATA names no folder with mlperf_tiny")
    return folder


def real_inputs(data: Path, model: str) -> Array | None:
    """Return real inputs [n, *shape] of a model as floats, where the data hold some."""
    if model.startswith("ad01"):
        bands = np.fromfile(data / "mlperf_tiny" / "normal_id_01_00000000_hist_librosa.bin", np.float32).reshape(
            -1, 128
        )
        windows = np.lib.stride_tricks.sliding_window_view(bands, 5, axis=0).swapaxes(1, 2)
        return windows.reshape(-1, 640)[:VECTORS]
    photographs = data / "cifar10_jpeg" / "cifar10_test.npz"
    if model.startswith("pretrainedResnet") and photographs.is_file():
        with np.load(photographs, allow_pickle=False) as file:
            jpeg, offset = file["jpeg"], file["offset"]
        pieces = [jpeg[offset[number] : offset[number + 1]].tobytes() for number in range(VECTORS)]
        return np.stack([np.asarray(PIL.Image.open(io.BytesIO(piece)), np.float32) for piece in pieces])
    return None


def inputs_of(data: Path, model: str, graph: Graph) -> Array:
    """Return int8 inputs: the corners, random ones, and real ones where there are some."""
    x = np.random.default_rng(0).integers(-128, 128, (VECTORS, *graph.input_type.shape)).astype(np.int8)
    x[0], x[1] = -128, 127
    real = real_inputs(data, model)
    return x if real is None else np.concatenate([x, quantise_array(real, graph.input_type).astype(np.int8)])


def layer(graph: Graph, node: Node, inputs: list[Array]) -> Array:
    """Return what one node makes of LiteRT's own inputs."""
    given = iter(inputs)
    values = {
        port: (graph.constants[value] if value in graph.constants else next(given)).astype(np.int64)
        for port, value in node.inputs.items()
    }
    shaped = {
        port: array
        if node.inputs[port] in graph.constants
        else array.reshape(-1, *graph.types[node.inputs[port]].shape)
        for port, array in values.items()
    }
    meaning = ops.get(node.op).integer
    assert meaning is not None
    return meaning(shaped, graph.types_of(node), node.attributes)


@pytest.mark.parametrize("model", MODELS)
def test_every_layer_equals_the_reference_kernel(model: str, data: Path) -> None:
    path = data / "mlperf_tiny" / f"{model}.tflite"
    graph = frontends.read(path)
    layers = reference_layers(path, inputs_of(data, model, graph))
    assert len(graph.nodes) == len(layers) == MODELS[model]
    different = {}
    for node, (name, inputs, expected) in zip(graph.nodes, layers, strict=True):
        made = layer(graph, node, inputs).reshape(expected.shape)
        if count := int(np.count_nonzero(made != expected)):
            different[f"{node.output} ({name})"] = (count, int(np.abs(made - expected).max()))
    assert different == {}


@pytest.mark.parametrize("model", MODELS)
def test_outputs_equal_the_reference_kernels(model: str, data: Path) -> None:
    path = data / "mlperf_tiny" / f"{model}.tflite"
    graph = frontends.read(path)
    x = inputs_of(data, model, graph)
    expected = reference(path, x)
    assert np.array_equal(run_integer(graph, x), expected)
    assert len(np.unique(expected)) > 1


@pytest.mark.parametrize("model", ["ad01_int8", "kws_ref_model", "str_ww_ref_model"])
def test_c_equals_the_reference_kernels(model: str, data: Path) -> None:
    path = data / "mlperf_tiny" / f"{model}.tflite"
    graph = frontends.read(path)
    x = inputs_of(data, model, graph)
    assert np.array_equal(on_host(graph, x), reference(path, x))


@pytest.mark.parametrize("model", FLOAT_MODELS)
def test_float_models_mean_the_same(model: str, data: Path) -> None:
    path = data / "mlperf_tiny" / f"{model}.tflite"
    graph = frontends.read(path)
    real = real_inputs(data, model)
    x = np.random.default_rng(0).uniform(0, 1, (3, *graph.input_type.shape)) if real is None else real[:3]
    expected = reference(path, x.astype(np.float32))
    assert not graph.is_quantised
    assert np.abs(run_float(graph, x) - expected).max() <= FLOAT_MODELS[model]
    assert np.abs(np.diff(expected, axis=0)).max() > 10 * 1e-4  # no constant answer
