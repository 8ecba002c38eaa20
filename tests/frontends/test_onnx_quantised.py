"""Quantised ONNX models keep their integers: QDQ and QLinear, against the NumPy backend on the same file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx_oracle import saved, steps_apart
from small_onnx import Small, chain, floats, integers

from edgewright.compiler.emit import emit
from edgewright.errors import UnsupportedModel
from edgewright.frontends.onnx import to_graph
from edgewright.ir.types import Array
from edgewright.runtime.integer import run_integer

IMAGE = (3, 6, 6)
DTYPES = {"int8": np.int8, "uint8": np.uint8}


class Writer:
    """Writes a QDQ model node by node, as a quantiser does."""

    def __init__(self, dtype: str) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, Any] = {}
        self.dtype = DTYPES[dtype]
        self.generator = np.random.default_rng(4)

    def constant(self, name: str, value: Any) -> str:
        self.constants[name] = value
        return name

    def pair(self, value: str, scale: float, zero_point: int) -> str:
        """Return a value behind a QuantizeLinear and a DequantizeLinear. zero_point: as int8."""
        shift = 128 if self.dtype is np.uint8 else 0
        grid = [
            self.constant(f"{value}.scale", np.float32(scale)),
            self.constant(f"{value}.zero", np.array(zero_point + shift, self.dtype)),
        ]
        self.nodes.append(helper.make_node("QuantizeLinear", [value, *grid], [f"{value}.q"]))
        self.nodes.append(helper.make_node("DequantizeLinear", [f"{value}.q", *grid], [f"{value}.d"]))
        return f"{value}.d"

    def weights(self, name: str, shape: tuple[int, ...], axis: int | None) -> tuple[str, Array]:
        """Return int8 weights behind a DequantizeLinear, and their scales."""
        count = 1 if axis is None else shape[axis]
        scale = self.generator.uniform(0.004, 0.02, count).astype(np.float32)
        whole = self.generator.integers(-127, 128, shape).astype(np.int8)
        zeros = np.zeros(count, np.int8)
        inputs = [
            self.constant(f"{name}.q", whole),
            self.constant(f"{name}.scale", scale if axis is not None else scale[0]),
            self.constant(f"{name}.zero", zeros if axis is not None else zeros[0]),
        ]
        attributes = {} if axis is None else {"axis": axis}
        self.nodes.append(helper.make_node("DequantizeLinear", inputs, [name], **attributes))
        return name, scale

    def bias(self, name: str, scale: Array, x_scale: float, count: int) -> str:
        whole = self.generator.integers(-3000, 3000, count).astype(np.int32)
        steps = np.broadcast_to(scale * np.float32(x_scale), count).astype(np.float32)
        inputs = [self.constant(f"{name}.q", whole), self.constant(f"{name}.scale", steps)]
        self.nodes.append(helper.make_node("DequantizeLinear", inputs, [name], axis=0))
        return name

    def node(self, op: str, inputs: str, output: str, **attributes: Any) -> str:
        self.nodes += chain((op, inputs, output, attributes))
        return output

    def proto(self, shape: tuple[int, ...], batch: int | str = "n") -> onnx.ModelProto:
        return Small(self.nodes, self.constants, shape, 13, batch).proto(self.nodes[-1].output[0])


def inputs(shape: tuple[int, ...], scale: float, zero_point: int) -> Array:
    """Return rows that lie on the input's grid, so that both sides begin with the same integers."""
    whole = np.random.default_rng(5).integers(-128, 128, (8, *shape))
    return ((whole - zero_point) * np.float32(scale)).astype(np.float32)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("axis", [None, 0])
@pytest.mark.parametrize("activation", ["", "Relu", "Clip"])
@pytest.mark.parametrize(
    ("shape", "attributes"),
    [
        ((4, 3, 3, 3), {"pads": [1, 1, 1, 1], "strides": [2, 1]}),
        ((6, 1, 3, 3), {"group": 3, "pads": [0, 1, 1, 0]}),
        ((5, 3, 1, 1), {}),
    ],
    ids=str,
)
def test_convolutions_are_equal(
    dtype: str, axis: int | None, activation: str, shape: tuple[int, ...], attributes: dict[str, Any], tmp_path: Path
) -> None:
    file = Writer(dtype)
    x = file.pair("in", 0.0371, -5)
    w, scale = file.weights("w", shape, axis)
    y = file.node("Conv", f"{x} {w} {file.bias('b', scale, 0.0371, shape[0])}", "c", **attributes)
    if activation == "Clip":
        bounds = [file.constant("low", np.float32(0.0)), file.constant("high", np.float32(6.0))]
        y = file.node("Clip", f"{y} {' '.join(bounds)}", "a")
    elif activation:
        y = file.node(activation, y, "a")
    file.pair(y, 0.0713, -128 if activation else 17)
    graph, steps = steps_apart(file.proto(IMAGE), inputs(IMAGE, 0.0371, -5), tmp_path)
    assert not steps.any()
    assert len([node for node in graph.nodes if node.op != "reshape"]) == 1
    whole = next(entry for name, entry in file.constants.items() if name == "w.q")
    w_name = graph.nodes[-1].inputs["w"]
    assert sorted(graph.constants[w_name].ravel()) == sorted(whole.ravel())


@pytest.mark.parametrize("op", ["Gemm", "Gemm turned", "MatMul"])
@pytest.mark.parametrize("per_row", [True, False])
def test_dense_layers_are_equal(op: str, per_row: bool, tmp_path: Path) -> None:
    file = Writer("int8")
    x = file.pair("in", 0.05, 3)
    turned = op == "Gemm turned"
    w, scale = file.weights("w", (5, 8) if turned else (8, 5), (0 if turned else 1) if per_row else None)
    if op == "MatMul":
        file.node("MatMul", f"{x} {w}", "c")
    else:
        file.node("Gemm", f"{x} {w} {file.bias('b', scale, 0.05, 5)}", "c", transB=int(turned))
    file.pair("c", 0.21, -9)
    graph, steps = steps_apart(file.proto((8,)), inputs((8,), 0.05, 3), tmp_path)
    assert not steps.any()
    assert [node.op for node in graph.nodes] == ["dense"]


def network(dtype: str = "int8") -> Writer:
    """Two convolutions with a residual, pools, a flattened image and a dense layer."""
    file = Writer(dtype)
    x = file.pair("in", 0.04, -3)
    w, scale = file.weights("w", (4, 3, 3, 3), 0)
    c = file.node("Conv", f"{x} {w} {file.bias('b', scale, 0.04, 4)}", "c", pads=[1, 1, 1, 1])
    r = file.pair(file.node("Relu", c, "r"), 0.031, -128)
    v, scale = file.weights("v", (4, 1, 3, 3), 0)
    d = file.pair(
        file.node("Conv", f"{r} {v} {file.bias('b2', scale, 0.031, 4)}", "d", pads=[1, 1, 1, 1], group=4), 0.05, 4
    )
    a = file.pair(file.node("Add", f"{d} {r}", "a"), 0.061, -20)
    m = file.pair(file.node("MaxPool", a, "m", kernel_shape=[2, 2], strides=[2, 2]), 0.061, -20)
    f = file.node("Flatten", m, "f")
    g, scale = file.weights("g", (36, 5), 1)
    file.pair(file.node("Gemm", f"{f} {g} {file.bias('b3', scale, 0.061, 5)}", "y"), 0.3, 7)
    return file


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_network(dtype: str, tmp_path: Path) -> None:
    graph, steps = steps_apart(network(dtype).proto(IMAGE), inputs(IMAGE, 0.04, -3), tmp_path)
    assert np.abs(steps).max() <= 1
    assert np.mean(steps != 0) < 0.05
    assert "rescale" not in {node.op for node in graph.nodes}


def test_c_equals_the_integers(tmp_path: Path, host: Any) -> None:
    graph = to_graph(saved(network().proto(IMAGE), tmp_path))
    rows = np.random.default_rng(6).integers(-128, 128, (9, *graph.input_type.shape)).astype(np.int8)
    assert np.array_equal(host(emit({"model": graph}), rows)[0], run_integer(graph, rows))


@pytest.mark.parametrize(
    ("op", "attributes", "grid"),
    [
        ("Sigmoid", {}, (1 / 256, -128)),
        ("Tanh", {}, (1 / 128, 0)),
        ("HardSwish", {}, (0.03, -100)),
        ("LeakyRelu", {"alpha": 0.1}, (0.03, -90)),
        ("GlobalAveragePool", {}, (0.02, 5)),
        ("AveragePool", {"kernel_shape": [2, 2], "strides": [2, 2]}, (0.03, 2)),
        ("Relu", {}, (0.04, -128)),
    ],
)
def test_single_operators(op: str, attributes: dict[str, Any], grid: tuple[float, int], tmp_path: Path) -> None:
    file = Writer("int8")
    x = file.pair("in", 0.04, -3)
    p = file.pair(file.node("MaxPool", x, "p", kernel_shape=[1, 1]), 0.04, -3)
    file.pair(file.node(op, p, "y", **attributes), *grid)
    proto = file.proto(IMAGE)
    proto.opset_import[0].version = 14
    _, steps = steps_apart(proto, inputs(IMAGE, 0.04, -3), tmp_path)
    assert np.abs(steps).max() <= 1


@pytest.mark.parametrize("op", ["Mul", "Concat", "Sub"])
def test_pairs(op: str, tmp_path: Path) -> None:
    file = Writer("uint8")
    x = file.pair("in", 0.04, -3)
    m = file.pair(file.node("MaxPool", x, "m", kernel_shape=[3, 3], pads=[1, 1, 1, 1]), 0.04, -3)
    n = file.pair(file.node("Relu", x, "n"), 0.027, -128)
    file.pair(file.node(op, f"{m} {n}", "y", **({"axis": 1} if op == "Concat" else {})), 0.09, -11)
    _, steps = steps_apart(file.proto(IMAGE), inputs(IMAGE, 0.04, -3), tmp_path)
    assert np.abs(steps).max() <= 1


def qlinear() -> onnx.ModelProto:
    """QLinearConv and QLinearMatMul between integers, as ONNX Runtime's operator format has them."""
    generator = np.random.default_rng(7)
    constants = {
        "xs": np.float32(0.04),
        "xz": np.int8(-3),
        "ws": np.array([0.01, 0.02, 0.007, 0.013], np.float32),
        "w": generator.integers(-127, 128, (4, 3, 3, 3)).astype(np.int8),
        "wz": np.zeros(4, np.int8),
        "ys": np.float32(0.09),
        "yz": np.int8(-7),
        "b": generator.integers(-999, 999, 4).astype(np.int32),
        "s": integers(0, -1),
        "gs": np.float32(0.011),
        "gz": np.int8(0),
        "g": generator.integers(-127, 128, (64, 5)).astype(np.int8),
        "os": np.float32(0.7),
        "oz": np.int8(2),
    }
    nodes = chain(
        ("QuantizeLinear", "in xs xz", "x"),
        ("QLinearConv", "x xs xz w ws wz ys yz b", "c"),
        ("Reshape", "c s", "f"),
        ("QLinearMatMul", "f ys yz g gs gz os oz", "m"),
        ("DequantizeLinear", "m os oz", "out"),
    )
    return Small(nodes, constants, IMAGE, 13).proto()


def test_qlinear_operators(tmp_path: Path) -> None:
    graph, steps = steps_apart(qlinear(), inputs(IMAGE, 0.04, -3), tmp_path)
    assert not steps.any()
    assert [node.op for node in graph.nodes if node.op in ("conv2d", "dense")] == ["conv2d", "dense"]


def test_integers_at_the_border(tmp_path: Path) -> None:
    """An input and an output that are uint8 themselves: the graph takes and gives them less 128."""
    file = network("uint8")
    proto = file.proto(IMAGE)
    del proto.graph.node[0]
    proto.graph.node[0].input[0] = "in"
    proto.graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8
    graph = to_graph(saved(proto, tmp_path))
    assert (graph.input_type.dtype, graph.input_type.zero_point) == ("int8", -3)


def test_what_is_quantised_in_parts_is_told_at_once(tmp_path: Path) -> None:
    file = Writer("int8")
    x = file.pair("in", 0.04, 0)
    w = file.constant("w", floats(4, 3, 1, 1))
    c = file.pair(file.node("Conv", f"{x} {w}", "c"), 0.1, 0)
    s = file.node("Sigmoid", c, "s")
    t = file.node("Tanh", s, "t")
    file.pair(t, 1 / 128, 0)
    with pytest.raises(
        UnsupportedModel, match=r"(?s)weights of .* are float.*result 'sigmoid' of sigmoid has no scale"
    ):
        to_graph(saved(file.proto(IMAGE), tmp_path))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("float input", "behind its input"),
        ("asymmetric weights", "Quantise weights symmetrically"),
        ("another grid", "differs from that of the QuantizeLinear"),
        ("a scale of 0", "its scale is 0"),
    ],
)
def test_what_is_refused(change: str, reason: str, tmp_path: Path) -> None:
    proto = network().proto(IMAGE)
    if change == "float input":
        for node in proto.graph.node:
            node.input[:] = ["in" if name == "in.d" else name for name in node.input]
    for tensor in proto.graph.initializer:
        if change == "asymmetric weights" and tensor.name == "w.zero":
            tensor.CopyFrom(numpy_helper.from_array(np.full(4, 9, np.int8), tensor.name))
        if change == "a scale of 0" and tensor.name == "r.scale":
            tensor.CopyFrom(numpy_helper.from_array(np.float32(0.0), tensor.name))
    if change == "another grid":
        proto.graph.initializer.append(numpy_helper.from_array(np.float32(0.5), "other"))
        proto.graph.node[1].input[1] = "other"
    with pytest.raises(UnsupportedModel, match=reason):
        to_graph(saved(proto, tmp_path))
