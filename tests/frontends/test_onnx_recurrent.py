"""Recurrent ONNX models: the scan computes what the file's layer does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnx_oracle import saved
from small_onnx import Small, chain, floats, integers

from edgewright.compiler.emit import emit
from edgewright.compiler.quantise import quantise
from edgewright.errors import UnsupportedModel
from edgewright.frontends.onnx import to_graph
from edgewright.ir.types import Array, quantise_array
from edgewright.numpy_backend.execute import run_model
from edgewright.runtime.integer import run_integer
from edgewright.runtime.interpret import run_float

STEPS, FEATURES, HIDDEN = 6, 3, 4
GATES = {"RNN": 1, "LSTM": 4, "GRU": 3}


def layer(op: str, directions: int = 1, features: int = FEATURES) -> dict[str, Array]:
    size, generator = GATES[op] * HIDDEN, np.random.default_rng(11)
    shapes = {"w": (directions, size, features), "r": (directions, size, HIDDEN), "b": (directions, 2 * size)}
    return {name: generator.normal(0.0, 0.7, shape).astype(np.float32) for name, shape in shapes.items()}


def model(nodes: list[onnx.NodeProto], constants: dict[str, Any], shape: tuple[int | str, ...]) -> onnx.ModelProto:
    proto = Small(nodes, constants).proto()
    proto.graph.input[0].CopyFrom(helper.make_tensor_value_info("in", TensorProto.FLOAT, shape))
    return proto


def one_layer(
    op: str, outputs: str, constants: dict[str, Any], inputs: str = "in w r b", **attributes: Any
) -> onnx.ModelProto:
    """One layer over an input [steps, batch, features]."""
    nodes = chain((op, inputs, outputs, {"hidden_size": HIDDEN, **attributes}))
    return model(nodes, constants, (STEPS, "n", FEATURES))


def sequences() -> Array:
    return np.random.default_rng(3).normal(0.0, 1.0, (5, STEPS, FEATURES)).astype(np.float32)


def error(proto: onnx.ModelProto, folder: Path, batch_at: int, input_at: int = 1) -> float:
    """Return how far a graph is from the NumPy backend; the batch axis of the file's input and output as given."""
    graph = to_graph(saved(proto, folder))
    assert graph.input_type.shape == (STEPS, FEATURES)
    (expected,) = run_model(proto, {"in": np.moveaxis(sequences(), 0, input_at)})
    expected = np.moveaxis(expected, batch_at, 0)
    actual = run_float(graph, sequences())
    assert actual.shape == expected.shape
    assert np.unique(expected).size > 6
    return float(np.abs(actual - expected).max())


@pytest.mark.parametrize("op", GATES)
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("before_reset", [0, 1])
@pytest.mark.parametrize("whole", [True, False])
def test_all_states_and_the_last(op: str, direction: str, before_reset: int, whole: bool, tmp_path: Path) -> None:
    constants = layer(op, 2 if direction == "bidirectional" else 1)
    attributes: dict[str, Any] = {"direction": direction}
    if op == "GRU":
        attributes["linear_before_reset"] = before_reset
    proto = one_layer(op, "out" if whole else " out", constants, **attributes)
    assert error(proto, tmp_path, 2 if whole else 1) < 1e-5


@pytest.mark.parametrize("op", GATES)
def test_states_that_do_not_begin_at_zero(op: str, tmp_path: Path) -> None:
    start = {name: np.repeat(floats(1, 1, HIDDEN), 5, axis=1) for name in ("h", "c")}
    inputs = "in w r b  h c" if op == "LSTM" else "in w r b  h"
    assert error(one_layer(op, " out", {**layer(op), **start}, inputs), tmp_path, 1) < 1e-5


@pytest.mark.parametrize("whole", [True, False])
def test_the_batch_first(whole: bool, tmp_path: Path) -> None:
    nodes = chain(("GRU", "in w r b", "out" if whole else " out", {"hidden_size": HIDDEN, "layout": 1}))
    proto = model(nodes, layer("GRU"), ("n", STEPS, FEATURES))
    assert error(proto, tmp_path, 0, input_at=0) < 1e-5


def test_activations_that_are_named(tmp_path: Path) -> None:
    assert error(one_layer("RNN", " out", layer("RNN"), activations=["Relu"]), tmp_path, 1) < 1e-5


@pytest.mark.parametrize("op", GATES)
@pytest.mark.parametrize("directions", [1, 2])
def test_layers_as_exporters_write_them(op: str, directions: int, tmp_path: Path) -> None:
    """The batch first, two layers, the last step into a dense layer."""
    first, second = layer(op, directions), layer(op, directions, directions * HIDDEN)
    constants = {
        **first,
        **{f"{name}2": entry for name, entry in second.items()},
        "s": integers(0, 0, -1),
        "last": np.array(-1, np.int64),
        "g": floats(directions * HIDDEN, 2),
    }
    attributes = {"hidden_size": HIDDEN, "direction": "bidirectional" if directions > 1 else "forward"}
    nodes = chain(
        ("Transpose", "in", "t", {"perm": [1, 0, 2]}),
        (op, "t w r b", "y", attributes),
        ("Transpose", "y", "z", {"perm": [0, 2, 1, 3]}),
        ("Reshape", "z s", "j"),
        (op, "j w2 r2 b2", "y2", attributes),
        ("Transpose", "y2", "z2", {"perm": [0, 2, 1, 3]}),
        ("Reshape", "z2 s", "j2"),
        ("Transpose", "j2", "k", {"perm": [1, 0, 2]}),
        ("Gather", "k last", "l", {"axis": 1}),
        ("MatMul", "l g", "out"),
    )
    proto = model(nodes, constants, ("n", STEPS, FEATURES))
    assert error(proto, tmp_path, 0, input_at=0) < 1e-5


def test_c_equals_the_integers(tmp_path: Path, host: Callable[..., list[Array]]) -> None:
    graphs = {}
    for op in GATES:
        proto = one_layer(op, "out", layer(op, 2), direction="bidirectional")
        graphs[op.lower()] = quantise(to_graph(saved(proto, tmp_path)), sequences())
    program = emit(graphs)
    for name, graph in graphs.items():
        x = quantise_array(sequences(), graph.input_type).astype(graph.input_type.dtype)
        found = run_integer(graph, x)
        assert np.unique(found).size > 8
        assert np.array_equal(host(program, x, model=name)[0], found), name


@pytest.mark.parametrize(
    ("inputs", "outputs", "constants", "attributes", "reason"),
    [
        ("in w r b", "  out", {}, {}, "Y_c"),
        ("in w r b n", "out", {"n": np.full(5, 2, np.int32)}, {}, "sequence_lens"),
        ("in w r b    p", "out", {"p": floats(1, 3 * HIDDEN)}, {}, "peephole"),
        ("in w r b", "out", {}, {"clip": 1.0}, "clip"),
        ("in w r b", "out", {}, {"input_forget": 1}, "input_forget"),
        ("in w r b", "out", {}, {"activations": ["Affine", "Tanh", "Tanh"]}, "activations are affine"),
        ("in w r b  h", "out", {"h": floats(1, 5, HIDDEN)}, {}, "the same for every row"),
    ],
)
def test_what_is_refused(
    inputs: str, outputs: str, constants: dict[str, Any], attributes: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    proto = one_layer("LSTM", outputs, {**layer("LSTM"), **constants}, inputs, **attributes)
    with pytest.raises(UnsupportedModel, match=reason):
        to_graph(saved(proto, tmp_path))
