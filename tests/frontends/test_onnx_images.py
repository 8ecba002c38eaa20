"""ONNX models over images and series: the graph, whose channels lie last, computes what the file says."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx_oracle import channels_last, difference, saved
from small_onnx import Small, chain, floats, integers, one

from edgewright.compiler.emit import emit
from edgewright.compiler.quantise import quantise
from edgewright.frontends.onnx import to_graph
from edgewright.ir.types import Array
from edgewright.runtime.integer import run_integer
from edgewright.runtime.interpret import run_float

TOLERANCE = 1e-5


def rows(*shape: int) -> Array:
    return np.random.default_rng(2).normal(0.0, 1.0, (3, *shape)).astype(np.float32)


CONVOLUTIONS: list[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    ((3, 7, 6), (4, 3, 3, 2), {}),
    ((3, 7, 6), (4, 3, 3, 3), {"pads": [1, 0, 2, 1], "strides": [2, 1]}),
    ((2, 8, 9), (3, 2, 2, 3), {"dilations": [2, 3], "pads": [0, 1, 2, 3]}),
    ((4, 6, 6), (4, 1, 3, 3), {"group": 4, "pads": [1, 1, 1, 1]}),
    ((3, 6, 5), (6, 1, 2, 3), {"group": 3, "strides": [1, 2]}),
    ((4, 5, 5), (6, 2, 3, 3), {"group": 2, "pads": [1, 1, 1, 1]}),
    ((5, 4, 4), (7, 5, 1, 1), {}),
    ((3, 9), (4, 3, 3), {"pads": [2, 1], "strides": [2]}),
    ((3, 9), (6, 1, 4), {"group": 3, "dilations": [2]}),
    *(
        ((2, 7, 5), (3, 2, *kernel), {"auto_pad": auto, "strides": strides})
        for auto, kernel, strides in product(
            ("SAME_UPPER", "SAME_LOWER", "VALID"), ((3, 3), (2, 4), (1, 2)), ([1, 1], [2, 3])
        )
    ),
]


@pytest.mark.parametrize(("image", "weights", "attributes"), CONVOLUTIONS, ids=str)
@pytest.mark.parametrize("biased", [True, False])
def test_convolution(
    image: tuple[int, ...], weights: tuple[int, ...], attributes: dict[str, Any], biased: bool, tmp_path: Path
) -> None:
    constants = {"w": floats(*weights)} | ({"b": floats(weights[0])} if biased else {})
    small = Small(one("Conv", *constants, **attributes), constants, image)
    graph, error = difference(small.proto(), rows(*image), tmp_path)
    assert error < TOLERANCE
    assert graph.input_type.shape == (*image[1:], image[0])
    assert "transpose" not in {node.op for node in graph.nodes}


@pytest.mark.parametrize("op", ["MaxPool", "AveragePool"])
@pytest.mark.parametrize(
    "attributes",
    [
        {"kernel_shape": [2, 2]},
        {"kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 0, 1, 1]},
        {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1},
        {"kernel_shape": [3, 3], "strides": [3, 2], "pads": [1, 1, 1, 1], "ceil_mode": 1},
        {"kernel_shape": [2, 3], "strides": [2, 2], "auto_pad": "SAME_UPPER"},
        {"kernel_shape": [2, 3], "strides": [2, 2], "auto_pad": "SAME_LOWER"},
        {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": 1},
    ],
    ids=str,
)
@pytest.mark.parametrize("image", [(3, 7, 8), (2, 8, 6)])
def test_pools(op: str, attributes: dict[str, Any], image: tuple[int, ...], tmp_path: Path) -> None:
    given = {name: value for name, value in attributes.items() if op != "MaxPool" or name != "count_include_pad"}
    small = Small(one(op, **given), {}, image, opset=19)
    assert difference(small.proto(), rows(*image), tmp_path)[1] < TOLERANCE


NORMAL = {name: np.abs(floats(3)) + 0.5 for name in "somv"}
FILTERS = {"w": floats(3, 2, 3, 3), "b": floats(3)}
CONV = ("Conv", "in w b", "c")
IMAGE = (2, 6, 6)
NETWORKS: dict[str, Small] = {
    "a series pooled": Small(
        chain(("Conv", "in w", "c"), ("MaxPool", "c", "out", {"kernel_shape": [2], "strides": [2]})),
        {"w": floats(4, 2, 3)},
        (2, 9),
    ),
    "GlobalAveragePool": Small(chain(CONV, ("GlobalAveragePool", "c", "out")), FILTERS, IMAGE),
    "GlobalMaxPool": Small(one("GlobalMaxPool"), {}, IMAGE),
    "BatchNormalization": Small(chain(CONV, ("BatchNormalization", "c s o m v", "out")), {**FILTERS, **NORMAL}, IMAGE),
    "BatchNormalization of an image": Small(
        one("BatchNormalization", *"somv"), {name: np.abs(floats(2)) + 0.5 for name in "somv"}, IMAGE
    ),
    "a classifier": Small(
        chain(
            CONV, ("BatchNormalization", "c s o m v", "n"), ("Relu", "n", "r"),
            ("MaxPool", "r", "p", {"kernel_shape": [2, 2], "strides": [2, 2]}), ("Flatten", "p", "f"),
            ("Gemm", "f g h", "out"),
        ),
        {**FILTERS, **NORMAL, "g": floats(12, 4), "h": floats(4)}, IMAGE,
    ),
    "a vector scaled entry by entry": Small(
        chain(CONV, ("Flatten", "c", "f"), ("Mul", "f k", "m"), ("Add", "m a", "out")),
        {**FILTERS, "k": floats(48), "a": floats(1, 48)}, IMAGE,
    ),
    "a pooled vector": Small(
        chain(CONV, ("GlobalAveragePool", "c", "p"), ("Reshape", "p s", "f"), ("MatMul", "f g", "out")),
        {**FILTERS, "s": integers(0, -1), "g": floats(3, 5)}, IMAGE,
    ),
    "an image flattened and given out": Small(chain(CONV, ("Flatten", "c", "out")), FILTERS, IMAGE),
    "pixels as steps": Small(
        chain(CONV, ("Reshape", "c s", "r"), ("Transpose", "r", "t", {"perm": [0, 2, 1]}), ("MatMul", "t g", "m"),
              ("ReduceMax", "m", "out", {"axes": [1], "keepdims": 0})),
        {**FILTERS, "s": integers(0, 3, -1), "g": floats(3, 2)}, IMAGE,
    ),
    "channels shuffled": Small(
        chain(("Conv", "in w4", "c"), ("Reshape", "c s", "r"), ("Transpose", "r", "t", {"perm": [0, 2, 1, 3, 4]}),
              ("Reshape", "t z", "d"), ("Conv", "d k", "out")),
        {"w4": floats(4, 2, 3, 3), "s": integers(0, 2, 2, 4, 4), "z": integers(0, 4, 4, 4), "k": floats(2, 4, 1, 1)}, IMAGE,
    ),
    "a residual": Small(
        chain(CONV, ("Relu", "c", "r"), ("Conv", "r v", "d"), ("Add", "d r", "s"), ("Relu", "s", "out")),
        {**FILTERS, "v": floats(3, 3, 1, 1)}, IMAGE,
    ),
    "squeeze and excitation": Small(
        chain(CONV, ("GlobalAveragePool", "c", "p"), ("Conv", "p v", "q"), ("Sigmoid", "q", "g"), ("Mul", "g c", "out")),
        {**FILTERS, "v": floats(3, 3, 1, 1)}, IMAGE,
    ),
    "branches": Small(
        chain(CONV, ("Tanh", "c", "t"), ("Concat", "c t", "j", {"axis": 1}), ("Slice", "j f l a", "out")),
        {**FILTERS, "f": integers(2), "l": integers(5), "a": integers(1)}, IMAGE,
    ),
    "rows joined": Small(chain(CONV, ("Abs", "c", "t"), ("Concat", "c t", "out", {"axis": 2})), FILTERS, IMAGE),
    "Split": Small(
        chain(CONV, ("Split", "c n", "p q", {"axis": 1}), ("Tanh", "p", "t"), ("Concat", "q t", "out", {"axis": 1})),
        {**FILTERS, "n": integers(1, 2)}, IMAGE,
    ),
    "Pad before": Small(
        chain(("Pad", "in p", "w1"), ("Conv", "w1 w b", "out")), {**FILTERS, "p": integers(0, 0, 1, 2, 0, 0, 0, 1)}, IMAGE
    ),
    "Pad with a number": Small(
        chain(CONV, ("Pad", "c p n", "out")),
        {**FILTERS, "p": integers(0, 1, 1, 2, 0, 0, 0, 1), "n": np.float32(0.5)}, IMAGE,
    ),
    "Pad of some axes": Small(
        chain(CONV, ("Pad", "c p  a", "out")), {**FILTERS, "p": integers(1, 2), "a": integers(-1)}, IMAGE, opset=18
    ),
    "ReduceMean of pixels": Small(
        chain(CONV, ("ReduceMean", "c", "m", {"axes": [2, 3], "keepdims": 0}), ("Gemm", "m g", "out")),
        {**FILTERS, "g": floats(3, 2)}, IMAGE,
    ),
    "ReduceMax of channels": Small(chain(CONV, ("ReduceMax", "c", "out", {"axes": [1], "keepdims": 1})), FILTERS, IMAGE),
    "ReduceSum of columns and channels": Small(
        chain(CONV, ("ReduceSum", "c a", "out", {"keepdims": 0})), {**FILTERS, "a": integers(1, 3)}, IMAGE
    ),
    "ReduceMean of rows, kept": Small(chain(CONV, ("ReduceMean", "c", "out", {"axes": [2]})), FILTERS, IMAGE),
    "PRelu": Small(chain(CONV, ("PRelu", "c k", "out")), {**FILTERS, "k": floats(3, 1, 1)}, IMAGE),
    "a scale a channel": Small(chain(CONV, ("Mul", "c k", "out")), {**FILTERS, "k": floats(1, 3, 1, 1)}, IMAGE),
    "an offset a pixel": Small(chain(CONV, ("Add", "c k", "out")), {**FILTERS, "k": floats(4, 4)}, IMAGE),
    "Softmax of channels": Small(chain(CONV, ("Softmax", "c", "out", {"axis": 1})), FILTERS, IMAGE),
    "Transpose": Small(chain(CONV, ("Transpose", "c", "t", {"perm": [0, 2, 3, 1]}), ("Relu", "t", "r"),
                             ("Reshape", "r s", "f"), ("Gemm", "f g", "out")),
                       {**FILTERS, "s": integers(0, -1), "g": floats(48, 2)}, IMAGE),
    **{
        f"{mode} {how} {size}": Small(
            chain(CONV, ("Resize", "c   z", "out", {"mode": mode, "coordinate_transformation_mode": how, "nearest_mode": "floor"})),
            {**FILTERS, "z": integers(3, 3, *size)}, IMAGE,
        )
        for mode, how, size in (
            ("nearest", "asymmetric", (8, 12)), ("nearest", "asymmetric", (2, 4)), ("linear", "half_pixel", (8, 8)),
            ("linear", "align_corners", (7, 5)), ("linear", "asymmetric", (8, 6)), ("linear", "pytorch_half_pixel", (3, 9)),
        )
    },
    "Resize by scales": Small(
        chain(CONV, ("Resize", "c  k", "out", {"mode": "nearest"})), {**FILTERS, "k": np.array([1, 1, 2, 2], np.float32)}, IMAGE
    ),
    "Upsample": Small(
        chain(CONV, ("Upsample", "c k", "out", {"mode": "nearest"})), {**FILTERS, "k": np.array([1, 1, 2, 3], np.float32)}, IMAGE,
        opset=9,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_a_graph_computes_what_the_network_does(name: str, tmp_path: Path) -> None:
    small = NETWORKS[name]
    batch = 3 if any(node.op_type == "Resize" for node in small.nodes) else "batch"
    proto = Small(small.nodes, small.constants, small.shape, small.opset, batch).proto()
    graph, error = difference(proto, rows(*small.shape), tmp_path)
    assert error < TOLERANCE
    moved = ("an image flattened and given out", "a vector scaled entry by entry", "channels shuffled")
    assert ("transpose" in {node.op for node in graph.nodes}) == (name in moved)


def test_c_equals_the_integers(tmp_path: Path, host: Callable[..., list[Array]]) -> None:
    graphs = {}
    for number, small in enumerate(NETWORKS.values()):
        batch = 1 if any(node.op_type == "Resize" for node in small.nodes) else "batch"
        proto = Small(small.nodes, small.constants, small.shape, small.opset, batch).proto()
        constants = {name: entry for name, entry in small.constants.items() if name != "z"}
        if batch == 1 and "z" in small.constants:
            sizes = integers(1, *small.constants["z"][1:])
            proto = Small(small.nodes, {**constants, "z": sizes}, small.shape, small.opset, 1).proto()
        graphs[f"m{number}"] = quantise(to_graph(saved(proto, tmp_path)), channels_last(rows(*small.shape)))
    program = emit(graphs)
    for name, graph in graphs.items():
        low, high = graph.input_type.range
        x = (
            np.random.default_rng(3)
            .integers(low, high + 1, (5, *graph.input_type.shape))
            .astype(graph.input_type.dtype)
        )
        assert np.array_equal(host(program, x, model=name)[0], run_integer(graph, x)), name


def test_a_network_of_torch(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    nn = torch.nn
    network = nn.Sequential(
        *(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU6(), nn.MaxPool2d(2)),
        *(nn.Conv2d(4, 4, 3, padding=1, groups=4), nn.Hardswish(), nn.Conv2d(4, 6, 1), nn.GELU(), nn.AvgPool2d(2)),
        *(nn.Flatten(), nn.Linear(24, 5), nn.Softmax(1)),
    ).eval()
    path, x = tmp_path / "torch.onnx", torch.randn(7, 1, 8, 8)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                network, (x[:1],), str(path), dynamo=False, input_names=["x"], dynamic_axes={"x": {0: "n"}}
            )
    except (ImportError, TypeError, RuntimeError) as error:
        pytest.skip(f"torch.onnx cannot export here: {error}")
    graph = to_graph(path)
    with torch.no_grad():
        expected = network[:-1](x).numpy()
    assert graph.input_type.shape == (8, 8, 1)
    assert "transpose" not in {node.op for node in graph.nodes}
    assert np.abs(run_float(graph, channels_last(x.numpy())) - expected).max() < 1e-5
