"""Passes: the rules of each, and that the integers of a model stay."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from small_graphs import dense_tanh, float_graphs, rows_for

from edgewright.compiler.passes import run_passes
from edgewright.compiler.passes.store_sparse import storable, store_sparse, with_storage
from edgewright.compiler.quantise import quantise
from edgewright.errors import BadGraph, UnknownName
from edgewright.ir import Graph, Node, Type, quantise_array
from edgewright.lowering import Builder
from edgewright.runtime.integer import run_integer


def products(w: np.ndarray, readers: int = 1) -> Graph:
    """A quantised graph of one matrix that several nodes read."""
    builder = Builder("products")
    x, weights = builder.input("x", Type(w.shape[1:])), builder.constant("w", w)
    bias = builder.constant("bias", np.ones(len(w)))
    y = builder.node("dense", x=x, w=weights, bias=bias)
    for _ in range(readers - 1):
        y = builder.node("add", a=y, b=builder.node("dense", x=x, w=weights, bias=bias))
    graph = builder.finish(y)
    return quantise(graph, rows_for(graph))


def sparse_matrix(share: float) -> np.ndarray:
    generator = np.random.default_rng(0)
    return generator.normal(size=(6, 40)) * (generator.random((6, 40)) < share)


def operators(graph: Graph) -> list[str]:
    return [node.op for node in graph.nodes]


def test_sparse_weights_are_stored_sparse() -> None:
    graph = products(sparse_matrix(0.2))
    stored = store_sparse(graph)
    assert operators(stored) == ["sparse_dense"]
    assert set(stored.constants) == {"w.values", "w.gaps", "w.counts", "bias"}
    assert sum(array.nbytes for array in stored.constants.values()) < sum(map(np.size, graph.constants.values()))


def test_rule_1_weights_that_others_read_stay() -> None:
    assert operators(store_sparse(products(sparse_matrix(0.2), readers=2))) == ["dense", "dense", "add"]


@pytest.mark.parametrize("share", [1.0, 0.95, 0.7, 0.0])
def test_rule_2_what_saves_little_stays(share: float) -> None:
    graph = products(sparse_matrix(share))
    assert store_sparse(graph) == graph


def test_rule_2_is_exact() -> None:
    """6 x 4 bytes as a matrix; 6 bytes of bits and one a value: with 12 values a quarter is saved, with 13 less."""
    for values, op in ((12, "sparse_dense"), (13, "dense")):
        w = np.zeros(24)
        w[:values] = 1.0
        assert operators(store_sparse(products(w.reshape(6, 4)))) == [op]


def test_rule_3_bodies_are_treated_alike() -> None:
    body = Builder("body")
    s, bias = body.input("s", Type((40,))), body.constant("bias", np.ones(6))
    inner = body.finish(body.node("dense", x=s, w=body.constant("w", sparse_matrix(0.2)), bias=bias))
    builder = Builder("scan")
    attributes = {"body": inner, "output": "last"}
    graph = builder.finish(builder.node("scan", x=builder.input("x", Type((2, 40))), attributes=attributes))
    quantised = quantise(graph, rows_for(graph))
    stored = store_sparse(quantised)
    assert operators(stored.nodes[0].attributes["body"]) == ["sparse_dense"]
    rows = quantise_array(rows_for(graph, seed=1), quantised.input_type)
    assert np.array_equal(run_integer(stored, rows), run_integer(quantised, rows))


@given(graph=float_graphs())
@settings(max_examples=30)
def test_passes_keep_the_integers(graph: Graph) -> None:
    quantised = quantise(graph, rows_for(graph))
    low, high = quantised.input_type.range
    corners = np.random.default_rng(0).choice([low, 0, high], (40, *quantised.input_type.shape))
    rows = np.concatenate([corners, quantise_array(rows_for(graph, seed=1), quantised.input_type)])
    assert np.array_equal(run_integer(run_passes(quantised), rows), run_integer(quantised, rows))


def test_the_pass_that_breaks_a_graph_is_named() -> None:
    def harmless(graph: Graph) -> Graph:
        return graph

    def loses_its_output(graph: Graph) -> Graph:
        return replace(graph, nodes=graph.nodes[:-1])

    graph = quantise(dense_tanh(), rows_for(dense_tanh()))
    with pytest.raises(BadGraph, match=r"loses_its_output after harmless, store_sparse .*'scores' is never made"):
        run_passes(graph, (harmless, store_sparse, loses_its_output))
    with pytest.raises(BadGraph, match="pass loses_its_output left"):
        run_passes(graph, (loses_its_output,))


def test_rule_2_yields_to_what_was_chosen() -> None:
    thin, full = (products(sparse_matrix(share)) for share in (0.2, 0.9))
    kept, made = store_sparse(with_storage(thin, {"w": "dense"})), store_sparse(with_storage(full, {"w": "sparse"}))
    assert operators(kept) == ["dense"]
    assert operators(made) == ["sparse_dense"]
    for graph, stored in ((thin, kept), (full, made)):
        x = quantise_array(rows_for(graph), graph.input_type)
        assert np.array_equal(run_integer(stored, x), run_integer(graph, x))
    assert operators(store_sparse(kept)) == ["dense"]  # the choice is in the graph, so that it survives being saved


def test_storage_is_chosen_for_matrices_that_are_there_and_can_be_either() -> None:
    with pytest.raises(UnknownName, match=r"'ww'.*Did you mean 'w'"):
        with_storage(products(sparse_matrix(0.2)), {"ww": "dense"})
    with pytest.raises(UnknownName, match="dense or sparse"):
        with_storage(products(sparse_matrix(0.2), readers=2), {"w": "sparse"})


def test_storage_is_chosen_in_the_body_of_a_scan() -> None:
    inner = products(sparse_matrix(0.2))
    types = {"rows": replace(inner.input_type, shape=(5, *inner.input_type.shape)), "last": inner.output_type}
    graph = Graph(
        ("rows",), ("last",), (Node("scan", {"x": "rows"}, "last", {"body": inner, "output": "last"}),), types
    )
    assert list(storable(graph)) == ["last/w"]
    (plain,), (kept,) = (store_sparse(with_storage(graph, storage)).nodes for storage in ({}, {"last/w": "dense"}))
    assert operators(plain.attributes["body"]) == ["sparse_dense"]
    assert operators(kept.attributes["body"]) == ["dense"]
