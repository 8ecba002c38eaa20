"""Random graphs: the twin, the C on this computer and the C on two emulated cores give the same integers, bit for bit."""

from __future__ import annotations

import os

import pytest
from comparison import differences, images_for
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from random_graphs import image_graphs
from small_graphs import float_graphs, rows_for

from edgewright import boards, engines
from edgewright.compiler.pipeline import to_integers
from edgewright.compiler.quantise import Settings
from edgewright.ir import Graph

COUNT = int(os.environ.get("EDGEWRIGHT_RANDOM_GRAPHS", "500"))
CHUNK = 50  # graphs of one program, as building is what takes time
BOARDS = ("host", "stm32f405", "mkr1000")  # the second has kernels of its own, the third has none
CHOICES = st.sampled_from(
    [
        Settings(),
        Settings("int8", "int8"),
        Settings("int8", "int16"),
        Settings("int16", "int8"),
        Settings("int8", "int8", scales="any", zero_points=True),
    ]
)


def drawn_graphs(count: int, number: int) -> dict[str, Graph]:
    """Return quantised random graphs by name; another number gives others."""
    found: dict[str, Graph] = {}

    @seed(number)
    @given(st.one_of(float_graphs(), image_graphs()), CHOICES)
    @settings(max_examples=count, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
    def draw(graph: Graph, chosen: Settings) -> None:
        found[f"graph{len(found)}"] = to_integers(graph, rows_for(graph), chosen)

    draw()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(-(-COUNT // CHUNK)))
def test_twin_equals_c_on_every_core(chunk: int) -> None:
    graphs = drawn_graphs(min(CHUNK, COUNT - chunk * CHUNK), chunk)
    for board in BOARDS:
        engine = boards.get(board).engine
        if reason := engines.get(engine).why_not(boards.get(board)):
            pytest.skip(reason)
        images = images_for(graphs, board, engine)
        for image in images:
            wrong = differences(graphs, image)
            operators = {one.model: [node.op for node in graphs[one.model].nodes] for one in wrong}
            assert not wrong, f"{board}: {operators}: {wrong[0]}"


def test_random_graphs_reach_every_operator_that_they_are_made_of() -> None:
    reached = {node.op for graph in drawn_graphs(300, 0).values() for node in graph.nodes}
    assert {"conv2d", "depthwise_conv2d", "dense", "scan", "add", "lookup", "transpose", "pad"} <= reached
