"""Operators of .tflite models one by one: in integers against LiteRT's reference kernels, in float too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tflite
from litert import reference
from small_tflite import SmallOperator, SmallTensor, one_operator, small_tflite, whole_numbers

from edgewright.errors import BadModelFile, UnsupportedModel
from edgewright.frontends._tflite_file import ACTIVATION
from edgewright.frontends.tflite import LOWER, to_graph
from edgewright.ir.types import Array, dequantise_array, quantise_array
from edgewright.runtime.integer import run_integer
from edgewright.runtime.interpret import run_float

SAME, VALID = 0, 1
RELU, RELU_N1_TO_1, RELU6 = 1, 2, 3
IMAGE = (1, 6, 7, 4)
GENERATOR = np.random.default_rng(5)


def filters(shape: tuple[int, ...], axis: int, *, several: bool = True) -> list[SmallTensor]:
    """Weights and bias; the factor of the last filter is so small that LiteRT takes it for 0."""
    rows = shape[axis]
    scales = GENERATOR.uniform(0.001, 0.01, rows) if several else np.array([0.004])
    if several:
        scales[-1] = 1e-13
    weights = GENERATOR.integers(-127, 128, shape).astype(np.int8)
    bias = GENERATOR.integers(-3000, 3000, rows).astype(np.int32)
    return [
        SmallTensor("weights", shape, "int8", tuple(scales), (0,), weights, axis),
        SmallTensor("bias", (rows,), "int32", tuple(scales * 0.05), (0,), bias),
    ]


def numbers(shape: tuple[int, ...], low: float = -2.0, high: float = 2.0) -> SmallTensor:
    return SmallTensor("numbers", shape, "float32", data=GENERATOR.uniform(low, high, shape).astype(np.float32))


def integers(shape: tuple[int, ...]) -> SmallTensor:
    return SmallTensor("integers", shape, "int8", (0.03,), (11,), GENERATOR.integers(-128, 128, shape).astype(np.int8))


def differences(path: Path, count: int = 12) -> Array:
    """Return how far our integers lie from LiteRT's, on random inputs and on the extremes."""
    graph = to_graph(path)
    shape = graph.input_type.shape
    x = np.random.default_rng(0).integers(-128, 128, (count, *shape)).astype(np.int8)
    x[0], x[1] = -128, 127
    expected = reference(path, x)
    assert np.unique(expected).size > 1
    return np.asarray(run_integer(graph, x).astype(int) - expected)


def conv(y: tuple[int, ...], constants: list[SmallTensor], **options: int) -> dict[str, object]:
    defaults = {"Padding": SAME, "StrideH": 1, "StrideW": 1}
    return {
        "name": "CONV_2D",
        "x": IMAGE,
        "y": y,
        "options": {**defaults, **options},
        "constants": constants,
        "scales": (0.05, 0.2),
    }


def pool(name: str, y: tuple[int, ...], size: tuple[int, int], **options: int) -> dict[str, object]:
    defaults = {"Padding": SAME, "StrideH": 1, "StrideW": 1, "FilterHeight": size[0], "FilterWidth": size[1]}
    return {"name": name, "x": IMAGE, "y": y, "options": {**defaults, **options}}


EQUAL = {
    "convolution": conv((1, 6, 7, 5), filters((5, 3, 3, 4), 0)),
    "strides": conv((1, 3, 3, 5), filters((5, 2, 3, 4), 0), StrideH=2, StrideW=3),
    "valid": conv((1, 4, 5, 5), filters((5, 3, 3, 4), 0), Padding=VALID),
    "dilations": conv((1, 6, 7, 5), filters((5, 3, 2, 4), 0), DilationHFactor=2, DilationWFactor=3),
    "one scale": conv((1, 6, 7, 5), filters((5, 1, 1, 4), 0, several=False)),
    "fused relu": conv((1, 6, 7, 5), filters((5, 1, 2, 4), 0), **{ACTIVATION: RELU}),
    "fused relu6": conv((1, 6, 7, 5), filters((5, 2, 1, 4), 0), **{ACTIVATION: RELU6}),
    "fused to -1..1": conv((1, 6, 7, 5), filters((5, 2, 1, 4), 0), **{ACTIVATION: RELU_N1_TO_1}),
    "depthwise": {
        **conv((1, 3, 4, 4), filters((1, 3, 3, 4), 3), StrideH=2, StrideW=2, DepthMultiplier=1),
        "name": "DEPTHWISE_CONV_2D",
    },
    "depth multiplier": {
        **conv((1, 6, 7, 12), filters((1, 2, 3, 12), 3), DepthMultiplier=3, **{ACTIVATION: RELU6}),
        "name": "DEPTHWISE_CONV_2D",
    },
    "average": pool("AVERAGE_POOL_2D", (1, 3, 4, 4), (2, 2), StrideH=2, StrideW=2),
    "average at borders": pool("AVERAGE_POOL_2D", (1, 6, 7, 4), (3, 4)),
    "average of all": pool("AVERAGE_POOL_2D", (1, 1, 1, 4), (6, 7), Padding=VALID),
    "average and relu": pool("AVERAGE_POOL_2D", (1, 5, 6, 4), (2, 2), Padding=VALID, **{ACTIVATION: RELU}),
    "maximum": pool("MAX_POOL_2D", (1, 3, 4, 4), (3, 2), StrideH=2, StrideW=2),
    "maximum and relu6": pool("MAX_POOL_2D", (1, 6, 7, 4), (2, 2), **{ACTIVATION: RELU6}),
    "reshape": {"name": "RESHAPE", "x": IMAGE, "y": (1, 168), "constants": [whole_numbers([1, 168])]},
    "expand": {"name": "EXPAND_DIMS", "x": (1, 5), "y": (1, 1, 5), "constants": [whole_numbers([1])]},
    "pad": {
        "name": "PAD",
        "x": IMAGE,
        "y": (1, 9, 7, 5),
        "constants": [whole_numbers([[0, 0], [1, 2], [0, 0], [0, 1]])],
    },
    "transpose": {"name": "TRANSPOSE", "x": IMAGE, "y": (1, 4, 6, 7), "constants": [whole_numbers([0, 3, 1, 2])]},
    "slice": {
        "name": "SLICE",
        "x": IMAGE,
        "y": (1, 2, 7, 3),
        "constants": [whole_numbers([0, 3, 0, 1]), whole_numbers([1, 2, -1, 3])],
    },
    "strided slice": {
        "name": "STRIDED_SLICE",
        "x": IMAGE,
        "y": (1, 3, 4),
        "options": {"BeginMask": 1, "EndMask": 0b1001, "ShrinkAxisMask": 0b100},
        "constants": [whole_numbers([0, -4, 2, 0]), whole_numbers([0, -1, 3, 0]), whole_numbers([1, 1, 1, 1])],
    },
    "nearest": {
        "name": "RESIZE_NEAREST_NEIGHBOR",
        "x": IMAGE,
        "y": (1, 12, 14, 4),
        "constants": [whole_numbers([12, 14])],
    },
    "concatenation": {
        "name": "CONCATENATION",
        "x": IMAGE,
        "y": (1, 6, 7, 8),
        "options": {"Axis": -1},
        "ports": (0, 0),
    },
    "relu": {"name": "RELU", "x": IMAGE, "y": IMAGE},
    "relu6": {"name": "RELU6", "x": IMAGE, "y": IMAGE},
    "sum with itself": {"name": "ADD", "x": IMAGE, "y": IMAGE, "ports": (0, 0), "scales": (0.05, 0.07)},
    "sum and relu": {"name": "ADD", "x": IMAGE, "y": IMAGE, "ports": (0, 0), "options": {ACTIVATION: RELU}},
    "sum with a feature": {
        "name": "ADD",
        "x": IMAGE,
        "y": IMAGE,
        "constants": [integers((4,))],
        "scales": (0.05, 0.07),
    },
    "difference": {"name": "SUB", "x": IMAGE, "y": IMAGE, "constants": [integers((1,))], "scales": (0.05, 0.07)},
}
WITHIN_ONE = {
    "product": {"name": "MUL", "x": IMAGE, "y": IMAGE, "constants": [integers(IMAGE)], "scales": (0.05, 0.1)},
    "softmax": {
        "name": "SOFTMAX",
        "x": (1, 12),
        "y": (1, 12),
        "options": {"Beta": 1.0},
        "scales": (0.1, 1 / 256),
        "zero_points": (9, -128),
    },
    "softmax of rows": {
        "name": "SOFTMAX",
        "x": (1, 3, 40),
        "y": (1, 3, 40),
        "options": {"Beta": 1.0},
        "scales": (0.02, 1 / 256),
        "zero_points": (9, -128),
    },
    "steep softmax": {
        "name": "SOFTMAX",
        "x": (1, 5),
        "y": (1, 5),
        "options": {"Beta": 1.0},
        "scales": (1.7, 1 / 256),
        "zero_points": (-128, -128),
    },
    "mean": {"name": "MEAN", "x": IMAGE, "y": (1, 4), "constants": [whole_numbers([1, 2])], "scales": (0.05, 0.02)},
    "mean in the same scale": {"name": "MEAN", "x": IMAGE, "y": (1, 6, 7), "constants": [whole_numbers([-1])]},
    "logistic": {"name": "LOGISTIC", "x": IMAGE, "y": IMAGE, "scales": (0.05, 1 / 256), "zero_points": (-7, -128)},
    "tanh": {"name": "TANH", "x": IMAGE, "y": IMAGE, "scales": (0.03, 1 / 128), "zero_points": (-7, 0)},
    "hard swish": {"name": "HARD_SWISH", "x": IMAGE, "y": IMAGE, "scales": (0.06, 0.05)},
    "leaky": {"name": "LEAKY_RELU", "x": IMAGE, "y": IMAGE, "options": {"Alpha": 0.3}, "scales": (0.06, 0.05)},
    "bilinear": {
        "name": "RESIZE_BILINEAR",
        "x": IMAGE,
        "y": (1, 12, 14, 4),
        "options": {"HalfPixelCenters": 1},
        "constants": [whole_numbers([12, 14])],
    },
    "quantize": {"name": "QUANTIZE", "x": IMAGE, "y": IMAGE, "scales": (0.05, 0.031), "zero_points": (3, -90)},
}


@pytest.mark.parametrize("case", EQUAL)
def test_integers_equal_the_reference_kernel(case: str, tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(one_operator(**EQUAL[case]))  # type: ignore[arg-type]
    assert np.count_nonzero(differences(path)) == 0


@pytest.mark.parametrize("case", WITHIN_ONE)
def test_integers_are_within_a_step_of_the_reference_kernel(case: str, tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(one_operator(**WITHIN_ONE[case]))  # type: ignore[arg-type]
    assert np.abs(differences(path)).max() <= 1


def float_weights(shape: tuple[int, ...], axis: int) -> list[SmallTensor]:
    return [numbers(shape), numbers((shape[axis],))]


FLOAT = {
    "convolution": conv((1, 3, 3, 5), float_weights((5, 2, 3, 4), 0), StrideH=2, StrideW=3, **{ACTIVATION: RELU6}),
    "depthwise": {
        **conv((1, 6, 7, 8), float_weights((1, 2, 3, 8), 3), DepthMultiplier=2),
        "name": "DEPTHWISE_CONV_2D",
    },
    "average": pool("AVERAGE_POOL_2D", (1, 6, 7, 4), (3, 4)),
    "maximum": pool("MAX_POOL_2D", (1, 3, 4, 4), (3, 2), StrideH=2, StrideW=2, **{ACTIVATION: RELU_N1_TO_1}),
    "softmax": {"name": "SOFTMAX", "x": (1, 3, 5), "y": (1, 3, 5), "options": {"Beta": 1.0}},
    "mean": {"name": "MEAN", "x": IMAGE, "y": (1, 4), "constants": [whole_numbers([1, 2])]},
    "largest": {"name": "REDUCE_MAX", "x": IMAGE, "y": (1, 6, 4), "constants": [whole_numbers([2])]},
    "pad": {
        "name": "PAD",
        "x": IMAGE,
        "y": (1, 9, 7, 5),
        "constants": [whole_numbers([[0, 0], [1, 2], [0, 0], [0, 1]])],
    },
    "pad with a number": {
        "name": "PADV2",
        "x": (1, 4),
        "y": (1, 6),
        "constants": [
            whole_numbers([[0, 0], [1, 1]]),
            SmallTensor("value", (1,), "float32", data=np.array([2.5], np.float32)),
        ],
    },
    "bilinear": {"name": "RESIZE_BILINEAR", "x": IMAGE, "y": (1, 11, 9, 4), "constants": [whole_numbers([11, 9])]},
    "concatenation": {"name": "CONCATENATION", "x": IMAGE, "y": (1, 6, 14, 4), "options": {"Axis": 2}, "ports": (0, 0)},
    "sum with a feature": {
        "name": "ADD",
        "x": IMAGE,
        "y": IMAGE,
        "constants": [numbers((4,))],
        "options": {ACTIVATION: RELU},
    },
    "difference": {"name": "SUB", "x": IMAGE, "y": IMAGE, "constants": [numbers((4,))]},
    "difference from a constant": {
        "name": "SUB",
        "x": IMAGE,
        "y": IMAGE,
        "constants": [numbers((4,))],
        "ports": (2, 0),
    },
    "product with an image": {"name": "MUL", "x": IMAGE, "y": IMAGE, "constants": [numbers(IMAGE)]},
    "product with a number": {"name": "MUL", "x": IMAGE, "y": IMAGE, "constants": [numbers((1,))]},
    "product with rows": {"name": "MUL", "x": IMAGE, "y": IMAGE, "constants": [numbers((7, 1))]},
    "logistic": {"name": "LOGISTIC", "x": IMAGE, "y": IMAGE},
    "hard swish": {"name": "HARD_SWISH", "x": IMAGE, "y": IMAGE},
    "leaky": {"name": "LEAKY_RELU", "x": IMAGE, "y": IMAGE, "options": {"Alpha": 0.3}},
}


@pytest.mark.parametrize("case", FLOAT)
def test_float_models_mean_the_same(case: str, tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(one_operator(**FLOAT[case], dtype="float32"))  # type: ignore[arg-type]
    graph = to_graph(path)
    x = np.random.default_rng(0).uniform(-3, 3, (5, *graph.input_type.shape)).astype(np.float32)
    assert not graph.is_quantised
    assert np.allclose(run_float(graph, x), reference(path, x), atol=1e-4)


REFUSED = {
    "groups": (conv((1, 6, 7, 4), filters((4, 3, 3, 2), 0)), "groups are not compiled"),
    "no convolution": ({**conv((1, 6, 7, 5), filters((5, 3, 4), 0))}, "array of four axes"),
    "strides": (conv((1, 6, 7, 5), filters((5, 3, 3, 4), 0), StrideH=-1), "strides"),
    "activation": (conv((1, 6, 7, 5), filters((5, 3, 3, 4), 0), **{ACTIVATION: 4}), "TANH"),
    "beta": ({"name": "SOFTMAX", "x": (1, 5), "y": (1, 5), "options": {"Beta": 2.0}}, "beta is 2"),
    "batch": ({"name": "MEAN", "x": IMAGE, "y": (1, 4), "constants": [whole_numbers([0, 1])]}, "batch axis"),
    "apart": ({"name": "MEAN", "x": IMAGE, "y": (1, 7), "constants": [whole_numbers([1, 3])]}, "neighbouring"),
    "transpose": (
        {"name": "TRANSPOSE", "x": (1, 1, 4), "y": (1, 1, 4), "constants": [whole_numbers([1, 0, 2])]},
        "batch axis",
    ),
    "stride": (
        {
            "name": "STRIDED_SLICE",
            "x": (1, 8),
            "y": (1, 4),
            "constants": [whole_numbers([0, 0]), whole_numbers([1, 8]), whole_numbers([1, 2])],
        },
        "strides of 1",
    ),
    "beyond": (
        {"name": "SLICE", "x": (1, 8), "y": (1, 4), "constants": [whole_numbers([0, 6]), whole_numbers([1, 4])]},
        "out of",
    ),
    "padding": (
        {"name": "PAD", "x": (1, 8), "y": (1, 4), "constants": [whole_numbers([[0, 0], [-4, 0]])]},
        "0 or more",
    ),
    "huge window": (pool("AVERAGE_POOL_2D", (1, 6, 7, 4), (32767, 32767)), "window holds"),
    "huge result": (pool("AVERAGE_POOL_2D", (1, 30000, 30000, 4), (2, 2)), "larger than any device"),
    "corners": (
        {
            "name": "RESIZE_NEAREST_NEIGHBOR",
            "x": IMAGE,
            "y": (1, 12, 14, 4),
            "options": {"AlignCorners": 1},
            "constants": [whole_numbers([12, 14])],
        },
        "aligned corners",
    ),
    "constants": ({"name": "ADD", "x": IMAGE, "y": IMAGE, "constants": [integers((3,))]}, "does not fill"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_compiled_is_named(case: str, tmp_path: Path) -> None:
    given, message = REFUSED[case]
    path = tmp_path / "m.tflite"
    path.write_bytes(one_operator(**given))  # type: ignore[arg-type]
    with pytest.raises((UnsupportedModel, BadModelFile), match=message) as caught:
        to_graph(path)
    assert str(path) in str(caught.value)


def test_a_file_that_says_another_shape_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(one_operator(**conv((1, 6, 7, 6), filters((5, 3, 3, 4), 0))))  # type: ignore[arg-type]
    with pytest.raises(BadModelFile, match="damaged"):
        to_graph(path)


@pytest.mark.parametrize("several", [True, False])
def test_int8_weights_of_a_float_model_are_dequantised(several: bool, tmp_path: Path) -> None:
    """LiteRT itself would quantise the activations on the fly, so float weights say what is meant."""
    stored, bias = filters((5, 3, 3, 4), 0, several=several)[0], numbers((5,))
    scales = np.broadcast_to(np.array(stored.scale, np.float32), (5,)).reshape(5, 1, 1, 1)
    meant = SmallTensor("weights", stored.shape, "float32", data=stored.data.astype(np.float32) * scales)
    paths = [tmp_path / "stored.tflite", tmp_path / "meant.tflite"]
    for path, weights in zip(paths, (stored, meant), strict=True):
        path.write_bytes(one_operator(**conv((1, 6, 7, 5), [weights, bias]), dtype="float32"))  # type: ignore[arg-type]
    graph = to_graph(paths[0])
    x = np.random.default_rng(0).uniform(-3, 3, (5, *graph.input_type.shape)).astype(np.float32)
    assert np.allclose(run_float(graph, x), reference(paths[1], x), atol=1e-4)


def test_constants_behind_dequantize_are_read(tmp_path: Path) -> None:
    stored, bias = filters((5, 3, 3, 4), 0)[0], numbers((5,))
    tensors = [
        SmallTensor("x", IMAGE, "float32"),
        SmallTensor("y", (1, 6, 7, 5), "float32"),
        stored,
        bias,
        SmallTensor("weights in float", stored.shape, "float32"),
    ]
    code = tflite.BuiltinOperator
    operators = [
        SmallOperator(code.DEQUANTIZE, (2,), (4,)),
        SmallOperator(code.CONV_2D, (0, 4, 3), (1,), {"Padding": SAME, "StrideH": 1, "StrideW": 1}),
    ]
    path = tmp_path / "m.tflite"
    path.write_bytes(small_tflite(tensors, operators, [0], [1]))
    graph = to_graph(path)
    x = np.random.default_rng(0).uniform(-3, 3, (5, *graph.input_type.shape)).astype(np.float32)
    assert [node.op for node in graph.nodes] == ["conv2d"]
    assert np.allclose(run_float(graph, x), reference(path, x), atol=1e-4)


# LiteRT's reference kernels lack these, or what they give is not what the operator means.
MEANT = {
    "sum of an axis": (
        {"name": "SUM", "x": IMAGE, "y": (1, 7, 4), "constants": [whole_numbers([1])], "scales": (0.05, 0.2)},
        lambda x: x.sum(axis=1),
    ),
    "squeeze": ({"name": "SQUEEZE", "x": (1, 1, 5), "y": (1, 5)}, lambda x: x[:, 0]),
    "elu": ({"name": "ELU", "x": IMAGE, "y": IMAGE}, lambda x: np.where(x > 0, x, np.expm1(x))),
    "exp": ({"name": "EXP", "x": IMAGE, "y": IMAGE, "scales": (0.01, 0.03)}, np.exp),
    "to -1..1": ({"name": "RELU_N1_TO_1", "x": IMAGE, "y": IMAGE}, lambda x: np.clip(x, -1, 1)),
    "no bias": (conv((1, 6, 7, 2), [filters((2, 1, 1, 4), 0, several=False)[0]]), None),
}


@pytest.mark.parametrize("case", MEANT)
def test_integers_are_what_is_meant(case: str, tmp_path: Path) -> None:
    given, meaning = MEANT[case]
    path = tmp_path / "m.tflite"
    path.write_bytes(one_operator(**given))  # type: ignore[arg-type]
    graph = to_graph(path)
    x = np.random.default_rng(0).integers(-128, 128, (5, *graph.input_type.shape)).astype(np.int8)
    real = dequantise_array(x, graph.input_type)
    weights = given["constants"][0].data[:, 0, 0] * 0.004 if meaning is None else None
    wanted = quantise_array(real @ weights.T if weights is not None else meaning(real), graph.output_type)
    assert np.abs(run_integer(graph, x) - wanted).max() <= (1 if meaning is None else 0)


def test_every_operator_is_tried() -> None:
    tried = {case["name"] for cases in (EQUAL, WITHIN_ONE, FLOAT) for case in cases.values()}
    tried |= {case["name"] for case, _ in MEANT.values()}
    assert set(LOWER) - tried == {"FULLY_CONNECTED", "DEQUANTIZE"}
