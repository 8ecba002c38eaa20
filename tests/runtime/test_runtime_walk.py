"""The two meanings of a graph against NumPy by hand: single nodes, scans of every kind, wrong inputs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small_graphs import add, cell, dense_tanh, integers, node, plain, recurrent, running_sum, scanned

from edgewright.errors import BadData, BadGraph
from edgewright.ir import Type
from edgewright.runtime.integer import run_integer, run_integer_many
from edgewright.runtime.interpret import run_float, run_float_many
from edgewright.runtime.walk import layout_hint

X = np.array([[[1, 2], [3, 4], [5, 6]], [[-1, 0], [0, -1], [7, 7]]])


def test_float_equals_numpy() -> None:
    graph, x = dense_tanh(), np.random.default_rng(0).normal(size=(20, 3))
    c = {value: array.astype(np.float64) for value, array in graph.constants.items()}
    wanted = np.tanh(x @ c["w"].T + c["bias"]) @ c["v"].T + c["offset"]
    assert np.allclose(run_float(graph, x), wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("reverse", [False, True])
def test_a_recurrent_graph_equals_a_loop(reverse: bool) -> None:
    x = np.random.default_rng(0).normal(size=(5, 4, 3))
    w, u = (cell().constants[value].astype(np.float64) for value in ("w", "u"))
    h, states = np.zeros((5, 2)), {}
    for step in reversed(range(4)) if reverse else range(4):
        h = np.tanh(x[:, step] @ w.T + h @ u.T)
        states[step] = h
    assert np.allclose(run_float(recurrent("last", reverse=reverse), x), h, rtol=0, atol=1e-12)
    stacked = np.stack([states[step] for step in range(4)], axis=1)
    assert np.allclose(run_float(recurrent("stacked", reverse=reverse), x), stacked, rtol=0, atol=1e-12)


def test_the_twin_of_a_scan() -> None:
    assert run_integer(scanned(running_sum()), X).tolist() == [[9, 12], [6, 6]]
    assert run_integer(scanned(running_sum(), "stacked"), X).tolist() == [
        [[1, 2], [4, 6], [9, 12]],
        [[-1, 0], [-1, -1], [6, 6]],
    ]


def test_a_scan_backwards_is_stacked_in_the_order_of_its_input() -> None:
    assert run_integer(scanned(running_sum(), "stacked", reverse=True), X)[0].tolist() == [[9, 12], [8, 10], [5, 6]]
    assert run_integer(scanned(running_sum(), "last", reverse=True), X)[0].tolist() == [9, 12]


def test_a_state_begins_where_a_constant_says() -> None:
    assert run_integer(scanned(running_sum([100, -100])), X)[0].tolist() == [109, -88]


def test_a_state_begins_at_its_zero_point() -> None:
    type = integers(2, dtype="int8", zero_point=-7)
    body = replace(running_sum(), types=dict.fromkeys(("s", "h", "sum"), type))
    # Real values are integer + 7: 0 + 0 is written -7
    assert run_integer(scanned(body, steps=1), np.full((1, 1, 2), -7)).tolist() == [[-7, -7]]
    assert run_integer(scanned(body, steps=2), np.full((1, 2, 2), -6)).tolist() == [[-5, -5]]


def test_nested_scans() -> None:
    inner = replace(scanned(running_sum(width=2)), name="inner", inputs=("x",))
    x = np.arange(2 * 4 * 3 * 2).reshape(2, 4, 3, 2)
    assert np.array_equal(run_integer(scanned(inner, "stacked", steps=4), x), x.sum(axis=2))
    assert np.array_equal(run_integer(scanned(inner, steps=4), x), x[:, -1].sum(axis=1))


def test_a_delay_carries_the_old_state() -> None:
    types = dict.fromkeys(("s", "before", "h", "sum"), integers(2))
    body = plain(
        [add("s", "h", "sum")],
        ("before",),
        types,
        inputs=("s",),
        state={"h": "sum", "before": "h"},
        constants={"h": np.array([1, 1], np.int16)},
    )
    assert run_integer(scanned(body, "stacked"), X)[0].tolist() == [[0, 0], [1, 1], [2, 3]]


def test_several_inputs_and_outputs() -> None:
    types = dict.fromkeys(("a", "b", "sum", "c"), integers(2))
    constants = {"c": np.array([4, 5], np.int16)}
    graph = plain([add("a", "b", "sum")], ("sum", "a", "c"), types, inputs=("a", "b"), constants=constants)
    outputs = run_integer_many(graph, {"a": X[:, 0], "b": X[:, 1]})
    assert outputs["sum"].tolist() == [[4, 6], [-1, -1]]
    assert outputs["a"].tolist() == X[:, 0].tolist()
    assert outputs["c"].tolist() == [[4, 5], [4, 5]]
    assert {array.dtype for array in outputs.values()} == {np.dtype("int16")}
    with pytest.raises(BadData, match=r"'b'.*missing"):
        run_integer_many(graph, {"a": X[:, 0]})
    with pytest.raises(BadData, match=r"\[2, 1\] rows"):
        run_integer_many(graph, {"a": X[:, 0], "b": X[:1, 0]})


@pytest.mark.parametrize("value", [-101, 101])
def test_the_twin_refuses_what_its_type_does_not_hold(value: int) -> None:
    type = integers(2, dtype="int8", limits=(-100, 100))
    graph = plain([add("x", "x", "y")], ("y",), {"x": type, "y": integers(2)})
    assert run_integer(graph, np.full((1, 2), np.sign(value) * 100)).tolist() == [[np.sign(value) * 200] * 2]
    with pytest.raises(BadData, match=r"'x'.*-100\.\.100"):
        run_integer(graph, np.full((1, 2), value))


def test_the_twin_refuses_floats() -> None:
    with pytest.raises(BadData, match="float64"):
        run_integer(scanned(running_sum()), X + 0.5)


@pytest.mark.parametrize("shape", [(3,), (2, 4), (2, 3, 1), ()])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(BadData, match=r"'x'.*must be \[n, 3\]"):
        run_float(dense_tanh(), np.zeros(shape))


def test_a_meaning_that_is_missing_is_named() -> None:
    graph = dense_tanh()
    types = {value: Type(type.shape, "int32", 1.0) for value, type in graph.types.items()}
    tanh = replace(graph, types=types, nodes=graph.nodes[1:2], inputs=("hidden",))
    with pytest.raises(BadGraph, match=r"'active'.*'tanh'.*quantise"):
        run_integer_many(tanh, {"hidden": np.zeros((1, 2), int)})
    lookup = plain(
        [node("lookup", "y", x="x", table="t", attributes={"lowest": 0, "shift": 0})],
        ("y",),
        {"x": integers(1), "t": integers(2), "y": integers(1)},
        constants={"t": np.array([0, 5], np.int16)},
    )
    with pytest.raises(BadGraph, match=r"'y'.*'lookup'.*integers"):
        run_float(lookup, np.zeros((1, 1)))


@pytest.mark.parametrize("run", [run_float_many, run_integer_many])
def test_state_between_runs_is_refused(run: object) -> None:
    with pytest.raises(BadGraph, match=r"h .*scan"):
        run(running_sum(), {"s": np.zeros((1, 2), np.int64)})


def test_rows_that_may_be_laid_out_otherwise_get_a_hint() -> None:
    assert "(0, 2, 3, 1)" in layout_hint((8, 6, 3), (3, 8, 6))
    assert "[height, width, channels]" in layout_hint((8, 6, 1), (8, 6))
    assert "reshape them to (-1, 8, 6, 3)" in layout_hint((8, 6, 3), (144,))
    assert "reshape them to (-1, 64)" in layout_hint((64,), (8, 8))
    assert layout_hint((8, 6, 3), (8, 6, 4)) == ""
    assert layout_hint((64,), (63,)) == ""
