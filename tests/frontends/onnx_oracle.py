"""The oracle of the ONNX front end: the NumPy backend runs the file as it is, in the file's own order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx

from edgewright.frontends.onnx import to_graph
from edgewright.ir.graph import Graph
from edgewright.ir.types import Array, dequantise_array, quantise_array
from edgewright.numpy_backend.execute import run_model
from edgewright.runtime.integer import run_integer
from edgewright.runtime.interpret import run_float


def saved(proto: onnx.ModelProto, folder: Path) -> Path:
    path = folder / "m.onnx"
    path.write_bytes(proto.SerializeToString())
    return path


def channels_last(x: Array) -> Array:
    """Return rows [n, channels, ...] as [n, ..., channels]."""
    return np.moveaxis(x, 1, -1) if x.ndim > 2 else x


def file_order(y: Array, expected: Array, image: bool) -> Array:
    """Return what a graph gave, in the file's order."""
    return np.moveaxis(y, -1, 1) if image and y.ndim == expected.ndim > 2 else y


def difference(proto: onnx.ModelProto, x: Array, folder: Path) -> tuple[Graph, float]:
    """Return the float graph of a model over images and how far it is from the NumPy backend, relative to the largest result."""
    graph = to_graph(saved(proto, folder))
    (expected,) = run_model(proto, {"in": x})
    found = file_order(run_float(graph, channels_last(x)), expected, image=True)
    assert found.shape == expected.shape
    assert np.unique(expected).size > 1
    return graph, float(np.abs(found - expected).max()) / max(1.0, float(np.abs(expected).max()))


def steps_apart(proto: onnx.ModelProto, x: Array, folder: Path) -> tuple[Graph, Array]:
    """Return the integer graph of a quantised model, and how many steps each result is from the NumPy backend."""
    graph = to_graph(saved(proto, folder))
    assert graph.is_quantised
    (expected,) = run_model(proto, {"in": x})
    rows = quantise_array(channels_last(x), graph.input_type).astype(graph.input_type.dtype)
    actual = dequantise_array(run_integer(graph, rows), graph.output_type)
    found = file_order(actual, expected, image=True)
    assert found.shape == expected.shape
    assert np.unique(expected).size > 2
    return graph, np.rint((found - expected) / float(graph.output_type.scales)).astype(int)
