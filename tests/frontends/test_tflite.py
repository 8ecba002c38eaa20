"""TensorFlow Lite models: the integers are those of LiteRT's reference kernels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from litert import on_host, reference
from small_tflite import (
    CEIL,
    DEQUANTIZE,
    FLOOR,
    FULLY_CONNECTED,
    QUANTIZE,
    RELU,
    RELU6,
    RELU_OPERATOR,
    RESHAPE,
    SOFTMAX,
    TANH,
    SmallOperator,
    SmallTensor,
    one_layer,
    small_tflite,
)

from edgewright.errors import BadModelFile, UnsupportedModel
from edgewright.frontends.tflite import to_graph
from edgewright.ir.graph import Graph
from edgewright.ir.types import Array, dequantise_array
from edgewright.runtime.integer import run_integer


def write(path: Path, tensors: list[SmallTensor], operators: list[SmallOperator], last: int | None = None) -> Path:
    path.write_bytes(small_tflite(tensors, operators, [0], [len(tensors) - 1 if last is None else last]))
    return path


def random_inputs(graph: Graph, count: int = 200) -> Array:
    return np.random.default_rng(0).integers(-128, 128, (count, *graph.input_type.shape)).astype(np.int8)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"activation": RELU},
        {"activation": RELU6},
        {"activation": RELU6, "output_scale": 0.01},
        {"bias": False},
        {"zero_points": (127, -128)},
        {"weight_scales": (0.02, 0.011, 0.2, 0.0031, 0.05)},
        {"weight_scales": (0.02, 0.011, 0.2, 0.0031, 0.05), "activation": RELU},
        {"output_scale": 0.0003},  # the factor is above 1
        {"rows": 1, "columns": 1},
    ],
    ids=str,
)
def test_a_layer_equals_the_reference_kernel(changes: dict[str, object], tmp_path: Path) -> None:
    path = write(tmp_path / "layer.tflite", *one_layer(**changes))  # type: ignore[arg-type]
    graph = to_graph(path)
    x = random_inputs(graph)
    expected = reference(path, x)
    assert np.array_equal(run_integer(graph, x), expected)
    assert len(np.unique(expected)) > 1


def test_c_equals_the_reference_kernel_with_a_scale_a_row(tmp_path: Path) -> None:
    path = write(tmp_path / "layer.tflite", *one_layer(weight_scales=(0.02, 0.011, 0.2, 0.0031, 0.05)))
    graph = to_graph(path)
    x = random_inputs(graph)
    assert np.array_equal(on_host(graph, x), reference(path, x))


def test_a_fused_relu_is_the_range_of_the_output(tmp_path: Path) -> None:
    graph = to_graph(write(tmp_path / "m.tflite", *one_layer(activation=RELU6)))
    assert graph.output_type.range == (11, 127)
    graph = to_graph(write(tmp_path / "m.tflite", *one_layer(activation=RELU6, output_scale=0.1)))
    assert graph.output_type.range == (11, 71)


def test_reshape_before_and_after_a_layer(tmp_path: Path) -> None:
    tensors, (layer,) = one_layer()
    shape = SmallTensor("shape", (2,), "int32", (), (0,), np.array([1, 8], np.int32))
    tensors[0] = replace(tensors[0], shape=(1, 2, 4))
    tensors += [shape, replace(tensors[0], name="flat", shape=(1, 8))]
    path = write(
        tmp_path / "m.tflite", tensors, [SmallOperator(RESHAPE, (0, 4), (5,)), replace(layer, inputs=(5, 1, 2))], 3
    )
    graph = to_graph(path)
    assert graph.input_type.shape == (2, 4)
    x = random_inputs(graph)
    assert np.array_equal(run_integer(graph, x), reference(path, x))


def test_float_borders_are_left_to_the_host(tmp_path: Path) -> None:
    tensors, (layer,) = one_layer()
    tensors = [
        replace(tensors[0], name="float input", dtype="float32", scale=()),
        *tensors[1:],
        replace(tensors[0], name="quantised"),
        replace(tensors[3], name="float output", dtype="float32", scale=()),
    ]
    operators = [
        SmallOperator(QUANTIZE, (0,), (4,)),
        replace(layer, inputs=(4, 1, 2)),
        SmallOperator(DEQUANTIZE, (3,), (5,)),
    ]
    path = write(tmp_path / "m.tflite", tensors, operators)
    graph = to_graph(path)
    x = random_inputs(graph)
    floats = dequantise_array(x, graph.input_type).astype(np.float32)
    outputs = dequantise_array(run_integer(graph, x), graph.output_type).astype(np.float32)
    assert np.array_equal(outputs, reference(path, floats))


def test_quantize_between_two_scales(tmp_path: Path) -> None:
    tensors, (layer,) = one_layer()
    tensors = [replace(tensors[0], scale=(0.09,), zero_point=(5,)), *tensors[1:], replace(tensors[0], name="rescaled")]
    operators = [SmallOperator(QUANTIZE, (0,), (4,)), replace(layer, inputs=(4, 1, 2))]
    path = write(tmp_path / "m.tflite", tensors, operators, 3)
    graph = to_graph(path)
    x = random_inputs(graph)
    assert np.array_equal(run_integer(graph, x), reference(path, x))


def test_all_unsupported_operators_are_listed_at_once(tmp_path: Path) -> None:
    tensors, (layer,) = one_layer()
    tensors += [replace(tensors[3], name=name) for name in ("a", "b", "c")]
    strange = [SmallOperator(FLOOR, (3,), (4,)), SmallOperator(FLOOR, (4,), (5,)), SmallOperator(CEIL, (5,), (6,))]
    with pytest.raises(UnsupportedModel, match=r"FLOOR \(2 times\), CEIL\. Those that are: ADD, .*TRANSPOSE"):
        to_graph(write(tmp_path / "m.tflite", tensors, [layer, *strange]))


def test_a_model_that_mixes_float_and_integers_is_refused_with_the_way_to_convert_it(tmp_path: Path) -> None:
    tensors, (layer,) = one_layer()
    tensors += [replace(tensors[3], name="real", dtype="float32", scale=()), replace(tensors[3], name="back")]
    operators = [layer, SmallOperator(DEQUANTIZE, (3,), (4,)), SmallOperator(QUANTIZE, (4,), (5,))]
    with pytest.raises(
        UnsupportedModel, match=r"(?s)Operator 1, DEQUANTIZE: .*representative_dataset.*Operator 2, QUANTIZE"
    ):
        to_graph(write(tmp_path / "m.tflite", tensors, operators))


def test_an_output_that_is_made_twice_is_damage(tmp_path: Path) -> None:
    tensors, (layer,) = one_layer()
    tensors += [replace(tensors[3], name="real", dtype="float32", scale=())]
    operators = [layer, *[SmallOperator(DEQUANTIZE, (3,), (4,))] * 2]
    with pytest.raises(BadModelFile, match="made twice"):
        to_graph(write(tmp_path / "m.tflite", tensors, operators))


def test_several_outputs_are_refused(tmp_path: Path) -> None:
    tensors, operators = one_layer()
    (tmp_path / "m.tflite").write_bytes(small_tflite(tensors, operators, [0], [3, 3]))
    with pytest.raises(UnsupportedModel, match="2 outputs"):
        to_graph(tmp_path / "m.tflite")


def test_names_do_not_matter(tmp_path: Path) -> None:
    """Tensors without names, with the same name, and with names that are no names of anything in C."""
    tensors, (layer,) = one_layer()
    graphs = [
        to_graph(write(tmp_path / "m.tflite", [replace(tensor, name=name) for tensor in tensors], [layer]))
        for name in ("", "same", '*/ system("x"); /*', "../" * 50, "é\n" * 10_000)
    ]
    assert len({graph.hash for graph in graphs}) == 1


def test_a_hostile_name_is_cut_in_the_message(tmp_path: Path) -> None:
    tensors, operators = one_layer()
    tensors[0] = replace(tensors[0], name="n\n" * 10_000, dtype="uint8")
    with pytest.raises(UnsupportedModel, match="uint8") as caught:
        to_graph(write(tmp_path / "m.tflite", tensors, operators))
    assert len(str(caught.value)) < 3000


@pytest.mark.parametrize(
    ("position", "changes", "message"),
    [
        (0, {"dtype": "uint8"}, "is uint8, and only int8"),
        (0, {"dtype": "float32"}, "float"),
        (0, {"shape": (2, 4)}, "a batch of 1"),
        (0, {"scale": ()}, "has 0 scales"),
        (0, {"shape": (1, 2, 8)}, "one vector at a time"),
        (1, {"zero_point": (3,)}, "zero points of 0"),
        (1, {"scale": (0.1, 0.2)}, "one a row"),
        (1, {"data": None}, "a constant int8 matrix"),
        (1, {"scale": (float("nan"),)}, "not positive and finite"),
        (2, {"dtype": "float32"}, "float"),
        (2, {"shape": (4,)}, r"a constant int32\[5\]"),
        (3, {"zero_point": (1000,)}, "zero point 1000"),
        (3, {"scale": (1e-30,)}, "factor"),
    ],
)
def test_what_cannot_be_compiled_is_named(
    position: int, changes: dict[str, object], message: str, tmp_path: Path
) -> None:
    tensors, operators = one_layer()
    tensors[position] = replace(tensors[position], **changes)  # type: ignore[arg-type]
    with pytest.raises(UnsupportedModel, match=message):
        to_graph(write(tmp_path / "m.tflite", tensors, operators))


def test_several_problems_come_in_one_message(tmp_path: Path) -> None:
    tensors, (layer,) = one_layer(activation=TANH)
    tensors[1] = replace(tensors[1], zero_point=(3,))
    tensors[2] = replace(tensors[2], shape=(4,))
    strange = SmallOperator(FLOOR, (3,), (4,))
    softmax = SmallOperator(SOFTMAX, (4,), (5,), {"Beta": 3.0})
    last = [replace(tensors[3], name=name) for name in ("floor", "last")]
    path = write(tmp_path / "m.tflite", [*tensors, *last], [layer, strange, softmax])
    with pytest.raises(UnsupportedModel) as caught:
        to_graph(path)
    words = ("FLOOR", "TANH", "zero points of 0", "its bias", "Operator 2, SOFTMAX: its beta is 3")
    assert all(word in str(caught.value) for word in words)


@pytest.mark.parametrize(
    ("position", "changes"),
    [
        (1, {"shape": (5, 9)}),  # more weights than bytes
        (1, {"shape": (2**30, 2**30)}),  # must not be allocated
        (1, {"shape": (-5, -8)}),
        (2, {"data": np.zeros(4, np.int32)}),
    ],
)
def test_a_constant_that_is_not_what_it_says_is_damage(
    position: int, changes: dict[str, object], tmp_path: Path
) -> None:
    tensors, operators = one_layer()
    tensors[position] = replace(tensors[position], **changes)  # type: ignore[arg-type]
    with pytest.raises((BadModelFile, UnsupportedModel)):
        to_graph(write(tmp_path / "m.tflite", tensors, operators))


@pytest.mark.parametrize(
    "operators",
    [
        [SmallOperator(FULLY_CONNECTED, (99, 1, 2), (3,))],
        [SmallOperator(FULLY_CONNECTED, (3, 1, 2), (3,))],  # reads what it makes
        [SmallOperator(FULLY_CONNECTED, (0,), (3,))],
        [SmallOperator(FULLY_CONNECTED, (0, 1, 2), ())],
        [SmallOperator(FULLY_CONNECTED, (0, 1, 2), (3,))] * 2,
        [SmallOperator(RELU_OPERATOR, (3,), (4,)), SmallOperator(RELU_OPERATOR, (4,), (3,))],  # a circle
        [SmallOperator(FULLY_CONNECTED, (0, 1, 2), (4,))],  # the output is never made
    ],
)
def test_wrong_wiring_is_damage(operators: list[SmallOperator], tmp_path: Path) -> None:
    with pytest.raises((BadModelFile, UnsupportedModel)):
        to_graph(write(tmp_path / "m.tflite", [*one_layer()[0], one_layer()[0][3]], operators, 3))
