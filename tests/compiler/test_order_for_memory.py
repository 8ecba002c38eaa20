"""The pass that orders nodes: the same integers in the least memory, held against every order there is."""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_graphs import add, float_graphs, integers, node, plain, rows_for, scanned

from edgewright import ops
from edgewright.compiler.memory import plan_memory
from edgewright.compiler.passes.order_for_memory import order_for_memory
from edgewright.compiler.pipeline import to_integers
from edgewright.ir import Graph, Node
from edgewright.lowering import Builder
from edgewright.runtime.integer import run_integer, run_integer_many

Draw = Callable[[st.SearchStrategy[Any]], Any]


def resized(builder: Builder, x: str, entries: int) -> str:
    """A node that makes another number of entries and may write over nothing."""
    (columns,) = builder.type(x).shape
    w = builder.constant(
        "w", np.arange(entries * columns).reshape(entries, columns) % 7 - 3, integers(entries, columns, dtype="int8")
    )
    bias = builder.constant("bias", np.zeros(entries), integers(entries, dtype="int32"))
    return builder.node("dense", None, integers(entries), x=x, w=w, bias=bias)


@st.composite
def branches(draw: Draw) -> Graph:
    """Values of several sizes made from others; those that nothing reads are outputs."""
    builder = Builder("branches")
    values = [builder.input("x", integers(draw(st.integers(1, 4))))]
    read: set[str] = set()
    for _ in range(draw(st.integers(2, 6))):
        x = draw(st.sampled_from(values))
        alike = [value for value in values if builder.type(value).shape == builder.type(x).shape]
        read.add(x)
        if draw(st.booleans()):
            values.append(resized(builder, x, draw(st.integers(1, 12))))
        elif draw(st.integers(0, 3)) == 0:
            values.append(
                builder.node("reshape", None, builder.type(x), x=x, attributes={"shape": builder.type(x).shape})
            )
        else:
            read.add(other := draw(st.sampled_from(alike)))
            values.append(builder.node("add", None, builder.type(x), a=x, b=other))
    outputs = [value for value in values[1:] if value not in read]
    return builder.finish(*outputs)


def orders(graph: Graph) -> Iterator[Graph]:
    """The graph in every order in which it can run."""
    made = {node.output for node in graph.nodes}
    for nodes in itertools.permutations(graph.nodes):
        known: set[str] = set()
        for one in nodes:
            if not set(one.inputs.values()) & made <= known:
                break
            known.add(one.output)
        else:
            yield replace(graph, nodes=nodes)


@given(graph=branches())
@settings(max_examples=60)
def test_no_order_keeps_fewer_bytes_alive(graph: Graph) -> None:
    before, after = plan_memory(graph), plan_memory(order_for_memory(graph))
    assert after.arena_bytes <= before.arena_bytes
    least = min(plan_memory(one).lower_bound_bytes for one in orders(graph))
    # Where the plan does not become smaller the order stays
    assert after.lower_bound_bytes == least or after.arena_bytes == before.arena_bytes


@given(graph=float_graphs())
@settings(max_examples=40)
def test_the_integers_stay(graph: Graph) -> None:
    graph = to_integers(graph, rows_for(graph, 20))
    x = np.random.default_rng(0).integers(*graph.input_type.range, (20, *graph.input_type.shape))
    assert np.array_equal(run_integer(order_for_memory(graph), x), run_integer(graph, x))


def two_branches(name: str = "two", entries: int = 64) -> Graph:
    """Two large values that are both made before either becomes small."""
    builder = Builder(name)
    x = builder.input("x", integers(4))
    large = [resized(builder, x, entries) for _ in range(2)]
    small = [resized(builder, value, 4) for value in large]
    return builder.finish(builder.node("add", None, integers(4), a=small[0], b=small[1]))


def test_a_branch_ends_before_the_next_begins() -> None:
    graph = two_branches()
    ordered = ops.verify(order_for_memory(graph))
    assert plan_memory(graph).arena_bytes == 2 * (64 + 64 + 4)
    assert plan_memory(ordered).arena_bytes == 2 * (4 + 64 + 4)
    assert sorted(one.output for one in ordered.nodes) == sorted(one.output for one in graph.nodes)
    x = {"x": np.arange(40).reshape(10, 4)}
    (y,) = graph.outputs
    assert np.array_equal(run_integer_many(ordered, x)[y], run_integer_many(graph, x)[y])


def test_bodies_of_scans_are_ordered() -> None:
    body = two_branches("body")
    graph = scanned(body)
    ordered = ops.verify(order_for_memory(graph))
    assert ordered.nodes[0].attributes["body"].nodes != body.nodes
    assert plan_memory(ordered).arena_bytes < plan_memory(graph).arena_bytes


def test_states_and_what_replaces_them_stay_alive() -> None:
    """The successor of the state is made before the branches, which changes nothing about what it holds."""
    builder = Builder("body")
    s, h = builder.input("s", integers(4)), builder.state("h", integers(4))
    large = [resized(builder, s, 32) for _ in range(2)]
    small = [resized(builder, value, 4) for value in large]
    total = builder.node(
        "add", None, integers(4), a=builder.node("add", None, integers(4), a=small[0], b=small[1]), b=h
    )
    builder.carry(h, total)
    graph = scanned(builder.finish(total))
    ordered = ops.verify(order_for_memory(graph))
    assert plan_memory(ordered).arena_bytes < plan_memory(graph).arena_bytes
    x = np.random.default_rng(0).integers(-3, 4, (5, *graph.input_type.shape))
    assert np.array_equal(run_integer(ordered, x), run_integer(graph, x))


def test_what_replaces_a_state_is_alive_until_the_end_of_the_step() -> None:
    builder = Builder("body")
    s, h = builder.input("s", integers(4)), builder.state("h", integers(16))
    builder.carry(h, resized(builder, h, 16))  # best made last, as it stays
    small = resized(builder, resized(builder, s, 32), 4)
    ordered = order_for_memory(scanned(builder.finish(small)))
    assert plan_memory(ordered).arena_bytes == 2 * (16 + 32 + 4)


def test_what_lies_over_its_input_counts_once() -> None:
    builder = Builder("over")
    x = builder.input("x", integers(4))
    a = resized(builder, x, 10)
    b = builder.node("add", None, integers(10), a=a, b=a)
    c = resized(builder, resized(builder, x, 6), 4)
    ordered = order_for_memory(
        builder.finish(builder.node("concatenate", None, integers(14), a=b, b=c, attributes={"axis": 0}))
    )
    assert plan_memory(ordered).arena_bytes == 2 * (4 + 10)


def test_a_value_lives_until_its_last_reader_in_the_new_order() -> None:
    builder = Builder("readers")
    x = builder.input("x", integers(4))
    first = resized(builder, x, 15)
    a = resized(builder, x, 10)
    p, q = resized(builder, a, 5), resized(builder, a, 1)
    last = resized(builder, resized(builder, q, 20), 5)
    both = builder.node("add", None, integers(5), a=p, b=last)
    graph = builder.finish(builder.node("add", None, integers(5), a=both, b=resized(builder, first, 1)))
    least = min(plan_memory(one).arena_bytes for one in orders(graph))
    # `first` becomes small at once; both readers of `a` come before 20 entries are made
    assert plan_memory(order_for_memory(graph)).arena_bytes == least < plan_memory(graph).arena_bytes


def test_an_order_that_gains_nothing_stays() -> None:
    types = dict.fromkeys("xabcdy", integers(8))
    pairs: list[Node] = [add("x", "x", "a"), add("x", "x", "b"), add("b", "b", "d"), add("a", "d", "y")]
    graph = plain(pairs, ("y",), types)
    assert order_for_memory(graph) == graph


def test_an_alias_does_not_end_the_life_of_its_source() -> None:
    types = {
        "x": integers(8),
        "a": integers(8),
        "b": integers(2, 4),
        "c": integers(8),
        "d": integers(8),
        "y": integers(8),
    }
    nodes = [
        add("x", "x", "a"),
        node("reshape", "b", x="a", attributes={"shape": (2, 4)}),
        add("x", "a", "d"),
        node("reshape", "c", x="b", attributes={"shape": (8,)}),
        add("c", "d", "y"),
    ]
    graph = plain(nodes, ("y",), types)
    assert plan_memory(order_for_memory(graph)).arena_bytes == 2 * 16


def test_wide_graphs_are_ordered_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten branches make more sets of finished nodes than are followed."""
    monkeypatch.setattr(importlib.import_module(order_for_memory.__module__), "WIDTH", 8)
    builder = Builder("wide")
    x = builder.input("x", integers(4))
    large = [resized(builder, x, 40 + number) for number in range(10)]
    small = [resized(builder, value, 1) for value in large]
    total = small[0]
    for value in small[1:]:
        total = builder.node("add", None, integers(1), a=total, b=value)
    graph = builder.finish(total)
    assert plan_memory(graph).arena_bytes > 2 * 445
    assert plan_memory(order_for_memory(graph)).arena_bytes <= 2 * (49 + 10)
