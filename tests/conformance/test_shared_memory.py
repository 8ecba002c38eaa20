"""Operators whose output may lie over an input: what is computed there, with as little memory as they allow, is right."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from comparison import differences, graphs_of, images_for

from edgewright import boards, engines, ops
from edgewright.compiler.memory import Plan, plan_memory
from edgewright.ir.graph import Graph, Node

OPERATORS = [name for name in ops.names() if any(kernel.overlap for kernel in ops.get(name).kernels)]
BOARDS = ("host", "stm32f405")  # the second has kernels of its own


def inside(graph: Graph) -> Graph | None:
    """Return the graph of a case with copies of its inputs and of its output around, so that its values lie in the arena.

    None where a value cannot be copied, as it has several scales or is no activation.
    """
    (node,) = graph.nodes
    copied = (*graph.inputs, node.output)
    if any(graph.types[value].axis is not None or graph.types[value].dtype not in ops.INTEGERS for value in copied):
        return None
    types = dict(graph.types) | {f"{value}_outside": graph.types[value] for value in copied}
    before = [Node("rescale", {"x": f"{value}_outside"}, value) for value in graph.inputs]
    after = Node("rescale", {"x": node.output}, f"{node.output}_outside")
    inputs = tuple(f"{value}_outside" for value in graph.inputs)
    return ops.verify(replace(graph, inputs=inputs, outputs=(after.output,), nodes=(*before, node, after), types=types))


def cases_inside(op: str) -> dict[str, Graph]:
    return {name: graph for name, case in graphs_of(op).items() if (graph := inside(case))}


def lies_over(plan: Plan) -> bool:
    """Whether the output of the case has memory in common with an input of it."""
    y = plan.block("y")
    return any(
        dying.offset < y.offset + y.size and y.offset < dying.offset + dying.size
        for dying in (plan.block(pair.dying) for pair in plan.sharing if pair.made == "y")
    )


@pytest.mark.parametrize("op", OPERATORS)
@pytest.mark.parametrize("board", BOARDS)
def test_an_output_over_an_input_is_right(op: str, board: str) -> None:
    engine = boards.get(board).engine
    if reason := engines.get(engine).why_not(boards.get(board)):
        pytest.skip(reason)
    features = frozenset(boards.get(board).cpu.features)
    graphs = {name: graph for name, graph in cases_inside(op).items() if lies_over(plan_memory(graph, features))}
    assert graphs, "no case has an output that lies over an input"
    for image in images_for(graphs, board, engine):
        assert differences(graphs, image) == []


@pytest.mark.parametrize("op", OPERATORS)
def test_no_more_memory_is_taken_than_the_operator_needs(op: str) -> None:
    for name, graph in cases_inside(op).items():
        plan = plan_memory(graph)
        assert plan.certificate.startswith("optimal"), name


@pytest.mark.parametrize("op", ["concatenate", "conv2d", "add"])
def test_an_operator_that_allows_too_much_is_found(op: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if reason := engines.get("host").why_not(boards.get("host")):
        pytest.skip(reason)
    kernel_of = ops.kernel_of

    def careless(graph: Graph, node: Node, features: frozenset[str] = frozenset()) -> ops.Kernel:
        kernel = kernel_of(graph, node, features)
        return replace(kernel, overlap=lambda types, attributes: dict.fromkeys(types, 0)) if node.op == op else kernel

    monkeypatch.setattr(ops, "kernel_of", careless)
    graphs = cases_inside(op)
    assert [one for image in images_for(graphs, "host", "host") for one in differences(graphs, image)]


def test_copies_change_nothing() -> None:
    """The cases themselves are the ones of the conformance tests."""
    for name, graph in cases_inside("concatenate").items():
        case = graphs_of("concatenate")[name]
        assert case.nodes[0] in graph.nodes
        assert all(np.array_equal(array, graph.constants[value]) for value, array in case.constants.items())
