"""Damaged files: whatever is changed in them, the answer is a graph or one clear error."""

from __future__ import annotations

import os
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tflite
from small_tflite import RELU, SmallOperator, SmallTensor, one_layer, small_tflite

from edgewright import frontends
from edgewright.compiler.emit import emit
from edgewright.errors import BadModelFile, EdgewrightError, UnsupportedModel
from edgewright.frontends._tflite_file import parse
from edgewright.frontends.tflite import to_graph
from edgewright.ir import save

MUTATIONS = 400


def mutations(data: bytes, count: int, seed: int, region: int | None = None) -> list[bytes]:
    """Return damaged copies: cut off, bytes changed, words set to extremes, pieces moved or repeated."""
    generator = np.random.default_rng(seed)
    changed = []
    extremes = [0, 1, 127, 128, 255, 2**31 - 1, 2**31, 2**32 - 1, 2**24]
    for number in range(count):
        copy = bytearray(data)
        end = min(region or len(data), len(data))
        if number % 4 == 0:
            copy = copy[: int(generator.integers(end))]
        elif number % 4 == 1:
            for _ in range(int(generator.integers(1, 8))):
                copy[int(generator.integers(end))] = int(generator.integers(256))
        elif number % 4 == 2:
            place = 4 * int(generator.integers(end // 4))
            copy[place : place + 4] = int(generator.choice(extremes)).to_bytes(4, "little")
        else:
            first, second = (int(place) for place in generator.integers(end, size=2))
            length = int(generator.integers(1, 32))
            copy[first : first + length] = copy[second : second + length]
        changed.append(bytes(copy))
    return changed


def outcomes_of(path: Path, damaged: list[bytes]) -> dict[str, int]:
    outcomes: dict[str, int] = {}
    for data in damaged:
        path.write_bytes(data)
        try:
            graph = frontends.read(path)
            if graph.is_quantised:
                emit({"model": graph})
            outcome = "graph"
        except EdgewrightError as error:
            outcome = type(error).__name__
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    return outcomes


@pytest.fixture(scope="module")
def small() -> bytes:
    return small_tflite(*one_layer(weight_scales=(0.02, 0.011, 0.2, 0.0031, 0.05), activation=RELU), [0], [3])


def test_damaged_tflite_files(small: bytes, tmp_path: Path) -> None:
    outcomes = outcomes_of(tmp_path / "m.tflite", mutations(small, MUTATIONS, 0))
    assert outcomes["BadModelFile"] > MUTATIONS // 4
    assert {"graph", "UnsupportedModel"} <= set(outcomes)


def test_options_of_another_operator(small: bytes, tmp_path: Path) -> None:
    """LiteRT leaves such options out, so that a layer loses its activation in silence."""
    data = bytearray(small)
    table = tflite.Model.GetRootAs(data, 0).Subgraphs(0).Operators(0)._tab
    place = table.Pos + table.Offset(10)  # where the operator says of which kind its options are
    assert data[place] == tflite.BuiltinOptions.FullyConnectedOptions
    data[place] = tflite.BuiltinOptions.AddOptions
    (tmp_path / "m.tflite").write_bytes(data)
    with pytest.raises(BadModelFile, match="options of FULLY_CONNECTED"):
        frontends.read(tmp_path / "m.tflite")


MODELS = [
    *("ad01_int8", "kws_ref_model", "kws_ref_model_float32", "pretrainedResnet_quant"),
    *("vww_96_int8", "vww_96_float", "str_ww_ref_model"),
]


def tables_of(data: bytes) -> tuple[bytes, int]:
    """Return what lies around the largest weights, and where those begin: damage to them is no damage."""
    model = parse(data)
    weights = max((bytes(tensor.data) for tensor in model.tensors), key=len)
    place = data.index(weights)
    return data[:place] + data[place + len(weights) :], place


@pytest.mark.parametrize("model", MODELS)
def test_damaged_reference_models(model: str, tmp_path: Path) -> None:
    folder = os.environ.get("EDGEWRIGHT_DATA")
    path = Path(folder or "") / "mlperf_tiny" / f"{model}.tflite"
    if not folder or not path.is_file():
        pytest.skip("EDGEWRIGHT_DATA names no folder with mlperf_tiny")
    data = path.read_bytes()
    tables, place = tables_of(data)
    weights = data[place : place + len(data) - len(tables)]
    outcomes, messages = {"graph": 0, "error": 0}, []
    for number, damaged in enumerate(mutations(tables, 40, len(data))):
        (tmp_path / "m.tflite").write_bytes(
            data[: len(damaged)] if number % 4 == 0 else damaged[:place] + weights + damaged[place:]
        )
        began = time.monotonic()
        try:
            graph = to_graph(tmp_path / "m.tflite")
            assert graph.output_type.size < 2**28
            outcomes["graph"] += 1
        except EdgewrightError as error:
            messages.append(str(error))
            outcomes["error"] += 1
        assert time.monotonic() - began < 10
    assert outcomes["error"] >= 10
    assert all(str(tmp_path) in message for message in messages)


def convolutions(count: int) -> bytes:
    """Return a model of convolutions, which all read one constant."""
    weights = SmallTensor("weights", (64, 3, 3, 64), "int8", (0.01,), (0,), np.ones((64, 3, 3, 64), np.int8))
    bias = SmallTensor("bias", (64,), "int32", (0.0005,), (0,), np.zeros(64, np.int32))
    image = SmallTensor("image", (1, 8, 8, 64), "int8", (0.05,), (3,))
    options = {"Padding": 0, "StrideH": 1, "StrideW": 1}
    operators = [
        SmallOperator(tflite.BuiltinOperator.CONV_2D, (2 + number, 0, 1), (3 + number,), options)
        for number in range(count)
    ]
    return small_tflite([weights, bias, *[image] * (count + 1)], operators, [2], [2 + count])


def test_one_constant_read_by_thousands_of_operators(tmp_path: Path) -> None:
    (tmp_path / "m.tflite").write_bytes(convolutions(4000))
    began = time.monotonic()
    with pytest.raises(UnsupportedModel, match="too many for any device"):
        to_graph(tmp_path / "m.tflite")
    assert time.monotonic() - began < 10


def test_more_operators_than_any_model_has(tmp_path: Path) -> None:
    tensors, (layer,) = one_layer()
    (tmp_path / "m.tflite").write_bytes(small_tflite(tensors, [layer] * 6000, [0], [3]))
    with pytest.raises(BadModelFile, match="6000 operators"):
        to_graph(tmp_path / "m.tflite")


@pytest.mark.parametrize("shape", [(2**10, 2**10, 2**10), (2**15, 2**15), (1, 2**30), (2**31 - 1,) * 8])
@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_weights_of_a_billion_entries_in_a_small_file(shape: tuple[int, ...], dtype: str, tmp_path: Path) -> None:
    tensors, operators = one_layer()
    tensors[1] = replace(tensors[1], shape=shape, dtype=dtype)
    (tmp_path / "m.tflite").write_bytes(small_tflite(tensors, operators, [0], [3]))
    tracemalloc.start()
    with pytest.raises((BadModelFile, UnsupportedModel)):
        to_graph(tmp_path / "m.tflite")
    assert tracemalloc.get_traced_memory()[1] < 2**26
    tracemalloc.stop()


@pytest.mark.parametrize("seed", [2, 3])
def test_damaged_saved_graphs(small: bytes, tmp_path: Path, seed: int) -> None:
    (tmp_path / "m.tflite").write_bytes(small)
    path = tmp_path / "m.edgewright"
    save(frontends.read(tmp_path / "m.tflite"), path)
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    outcomes = outcomes_of(
        path, mutations(data, MUTATIONS // 2, seed) + mutations(data, MUTATIONS // 2, seed, 8 + length)
    )
    assert outcomes["BadModelFile"] > MUTATIONS // 4


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'\\"shape\\":[5', b'\\"shape\\":[x'),
        (b'\\"shape\\":[5', b'\\"shape\\":5'),
        (b'\\"shape\\":[5', b'\\"shape\\":["a"'),
        (b'\\"shape\\":[5', b'\\"shape\\":[1e999'),
        (b'\\"shape\\":[5', b'\\"shape\\":[-5'),
        (b'\\"scale\\":0.05', b'\\"scale\\":-1.0'),
        (b'\\"scale\\":0.05', b'\\"scale\\":NaN'),
        (b'\\"scale\\":0.05', b'\\"scale\\":\\"a\\"'),
        (b'\\"op\\":\\"dense\\"', b'\\"op\\":\\"../x\\"'),
        (b'\\"op\\":\\"dense\\"', b'\\"op\\":\\"scan\\"'),
        (b'\\"op\\":\\"dense\\"', b'\\"op\\":\\"arithmetic\\"'),
        (b'\\"zero_point\\":-7', b'\\"zero_point\\":1e9'),
        (b'\\"nodes\\":[', b'\\"nodes\\":[5,'),
        (b'\\"nodes\\":[', b'\\"nodes\\":[[],'),
        (b'\\"labels\\":[', b'\\"labels\\":7,\\"x\\":['),
    ],
    ids=str,
)
def test_a_document_that_lies(small: bytes, tmp_path: Path, before: bytes, after: bytes) -> None:
    """A file that is whole, whose document is not a graph."""
    (tmp_path / "m.tflite").write_bytes(small)
    path = tmp_path / "m.edgewright"
    save(frontends.read(tmp_path / "m.tflite"), path)
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header, rest = data[8 : 8 + length], data[8 + length :]
    assert before in header, header
    header = header.replace(before, after, 1)
    path.write_bytes(len(header).to_bytes(8, "little") + header + rest)
    with pytest.raises(EdgewrightError):
        emit({"model": frontends.read(path)})
