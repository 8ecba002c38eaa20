"""Damaged files: whatever is changed in them, the answer is a graph or one clear error."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from small_tflite import RELU, one_layer, small_tflite

from edgewright import frontends
from edgewright.compiler.emit import emit
from edgewright.errors import EdgewrightError
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


def test_the_damaged_anomaly_detection_model(tmp_path: Path) -> None:
    folder = os.environ.get("EDGEWRIGHT_DATA")
    path = Path(folder or "") / "mlperf_tiny" / "ad01_int8.tflite"
    if not folder or not path.is_file():
        pytest.skip("EDGEWRIGHT_DATA names no folder with mlperf_tiny")
    data = path.read_bytes()
    # The tables of the schema are at both ends, the weights between them
    ends = data[:4000] + data[-12000:]
    messages = []
    for number, damaged in enumerate(mutations(ends, 60, 1)):
        whole = damaged[:4000] + data[4000:-12000] + damaged[4000:]
        (tmp_path / "m.tflite").write_bytes(whole if number % 4 else whole[: len(damaged) * 8])
        try:
            to_graph(tmp_path / "m.tflite")
        except EdgewrightError as error:
            messages.append(str(error))
    assert len(messages) > 20
    assert all(str(tmp_path) in message for message in messages)


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
