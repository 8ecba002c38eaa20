"""Saving and loading: the same graph comes back, and nothing but errors of ours comes from damaged files."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from small_graphs import dense_tanh, float_graphs, integers, node, plain, recurrent, rows_for, running_sum, scanned

from edgewright import ops
from edgewright.compiler.emit import emit
from edgewright.compiler.pipeline import to_integers
from edgewright.errors import BadGraph, BadModelFile, EdgewrightError
from edgewright.ir import Graph, load, save
from edgewright.ir.document import FORMAT, LARGEST_DEPTH, from_document, to_document
from edgewright.runtime.integer import run_integer


def equal(one: Graph, other: Graph) -> bool:
    return to_document(one)[0] == to_document(other)[0] and one.hash == other.hash


@given(graph=float_graphs())
@settings(max_examples=30)
def test_a_document_gives_the_graph_back(graph: Graph) -> None:
    again = from_document(*to_document(graph))
    assert equal(ops.verify(again), graph)
    assert all(np.array_equal(again.constants[value], array) for value, array in graph.constants.items())


@pytest.mark.parametrize("graph", [dense_tanh(), recurrent("stacked", reverse=True)], ids=lambda graph: graph.name)
def test_a_file_gives_the_integers_and_their_c_back(graph: Graph, tmp_path: Path) -> None:
    quantised = to_integers(graph, rows_for(graph))
    save(quantised, tmp_path / "model.edgewright")
    again = load(tmp_path / "model.edgewright")
    assert equal(again, quantised)
    assert emit({"m": again}).files == emit({"m": quantised}).files


def test_the_hash_names_the_integers() -> None:
    graph = to_integers(dense_tanh(), rows_for(dense_tanh()))
    assert replace(graph, name="another").hash == graph.hash
    for value, array in graph.constants.items():
        changed = array.copy()
        changed.flat[-1] -= 1
        assert replace(graph, constants={**graph.constants, value: changed}).hash != graph.hash
    coarser = replace(graph.types["scores"], scale=2 * float(graph.types["scores"].scales))
    assert replace(graph, types={**graph.types, "scores": coarser}).hash != graph.hash


def test_the_hash_sees_the_bodies_of_scans() -> None:
    assert scanned(running_sum([1, 2])).hash != scanned(running_sum([1, 3])).hash
    assert len(scanned(running_sum()).hash) == 16


def nested(depth: int) -> Graph:
    graph = running_sum(width=1)
    for _ in range(depth - 1):
        graph = scanned(graph, steps=1)
        graph = replace(graph, inputs=("x",))
    return scanned(graph, steps=1)


def test_scans_nest_to_the_limit(tmp_path: Path) -> None:
    save(nested(LARGEST_DEPTH), tmp_path / "deep.edgewright")
    assert run_integer(load(tmp_path / "deep.edgewright"), np.full((1, *[1] * LARGEST_DEPTH, 1), 5)).tolist() == [[5]]
    save(nested(LARGEST_DEPTH + 1), tmp_path / "deeper.edgewright")
    with pytest.raises(BadModelFile, match=f"more than {LARGEST_DEPTH}"):
        load(tmp_path / "deeper.edgewright")


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    graph = recurrent("stacked")
    save(to_integers(graph, rows_for(graph)), tmp_path / "model.edgewright")
    return tmp_path / "model.edgewright"


def test_what_is_no_graph_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "it.edgewright"
    with pytest.raises(BadModelFile, match="There is no file"):
        load(place)
    with pytest.raises(BadModelFile):
        load(tmp_path)
    for content in (b"", b"\0" * 8, b"{}", np.random.default_rng(0).bytes(500)):
        place.write_bytes(content)
        with pytest.raises(BadModelFile, match="not a graph"):
            load(place)
    for size in (2**62, 2**40, 10**8):
        place.write_bytes(struct.pack("<Q", size) + b"{}")
        with pytest.raises(BadModelFile, match="not a graph"):
            load(place)


def test_another_format_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "it.edgewright"
    for metadata in (None, {"format": "pt"}, {"graph": "{}"}):
        place.write_bytes(safetensors.numpy.save({"a": np.zeros(2)}, metadata))
        with pytest.raises(BadModelFile, match=FORMAT):
            load(place)


def test_a_file_cut_short_is_refused(saved: Path) -> None:
    whole = saved.read_bytes()
    for length in [*range(0, 200, 7), len(whole) // 2, len(whole) - 1]:
        saved.write_bytes(whole[:length])
        with pytest.raises(BadModelFile):
            load(saved)


def test_constants_of_other_dtypes_and_values_are_refused(tmp_path: Path) -> None:
    graph = dense_tanh()
    document, arrays = to_document(graph)
    place = tmp_path / "it.edgewright"
    for changed in (arrays["w"].astype(np.float64), arrays["w"] * np.float32("nan"), arrays["w"][:1]):
        place.write_bytes(safetensors.numpy.save({**arrays, "w": np.ascontiguousarray(changed)}, {FORMAT: document}))
        with pytest.raises(BadGraph, match="'w'"):
            load(place)
    place.write_bytes(safetensors.numpy.save({"v": arrays["v"]}, {FORMAT: document}))
    with pytest.raises(BadModelFile, match="damaged"):
        load(place)


def test_a_broken_body_is_refused(tmp_path: Path) -> None:
    document, arrays = to_document(recurrent())
    broken = {key: np.full_like(array, np.inf) if key == "loop/u" else array for key, array in arrays.items()}
    (tmp_path / "it").write_bytes(safetensors.numpy.save(broken, {FORMAT: document}))
    with pytest.raises(BadGraph, match="'u' holds NaN or infinity"):
        load(tmp_path / "it")


def compile_file(place: Path) -> None:
    graph = ops.verify(load(place))
    emit({"m": to_integers(graph, None)})


def test_no_mutation_of_bytes_escapes_our_errors(saved: Path) -> None:
    whole, generator = saved.read_bytes(), np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        changed = bytearray(whole)
        for _ in range(generator.integers(1, 4)):
            changed[generator.integers(len(changed))] = generator.integers(256)
        saved.write_bytes(changed)
        try:
            compile_file(saved)
        except EdgewrightError:
            refused += 1
    assert refused > 100


SUBSTITUTES = (
    *(None, True, -1, 0, 3, 2**31, 10**30, 1.5, float("nan"), float("inf")),
    *("", "x", "int8", "\ud800", [], [1], {}, {"graph": {}}),
)


def places_in(item: object, path: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    inner = list(item.items()) if isinstance(item, dict) else list(enumerate(item)) if isinstance(item, list) else []
    return [path, *(found for key, value in inner for found in places_in(value, (*path, key)))]


def test_no_mutation_of_the_document_escapes_our_errors(saved: Path) -> None:
    graph = load(saved)
    document, arrays = to_document(graph)
    places, generator = places_in(json.loads(document))[1:], np.random.default_rng(1)
    refused = 0
    for number in range(600):
        changed = json.loads(document)
        *path, last = places[number % len(places)]
        holder = changed
        for key in path:
            holder = holder[key]
        holder[last] = SUBSTITUTES[generator.integers(len(SUBSTITUTES))]
        try:
            emit({"m": to_integers(ops.verify(from_document(json.dumps(changed), arrays)), None)})
        except EdgewrightError:
            refused += 1
    assert refused > 300


@pytest.mark.parametrize(
    "text", ["", "[]", "5", "{", '{"nodes":1}', "[" * 100_000, '{"nodes":[],"inputs":[' + "9" * 5000 + "]}"]
)
def test_documents_that_are_none(text: str) -> None:
    with pytest.raises(BadModelFile, match="damaged"):
        from_document(text, {})


def test_a_table_that_leaves_the_range_of_its_output_is_refused() -> None:
    graph = plain(
        [node("lookup", "y", x="x", table="t", attributes={"lowest": 0, "shift": 2})],
        ("y",),
        {"x": integers(1), "t": integers(3), "y": integers(1, limits=(0, 9))},
        constants={"t": np.array([0, 5, 10], np.int16)},
    )
    with pytest.raises(BadGraph, match=r"0\.\.9.*0\.\.10"):
        emit({"m": graph})
