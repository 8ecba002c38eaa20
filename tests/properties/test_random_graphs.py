"""Random graphs: the twin, the C on this computer and the C on two emulated cores give the same integers, bit for bit.

EDGEWRIGHT_RANDOM_GRAPHS: how many, 500 unless given. EDGEWRIGHT_RANDOM_START: the number of the first chunk, which is its seed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from comparison import differences, images_for
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from imported_graphs import imported_graphs
from random_graphs import image_graphs, vector_graphs
from random_sequences import sequence_graphs
from small_graphs import float_graphs, rows_for

from edgewright import boards, engines, ops
from edgewright.compiler.pipeline import to_integers
from edgewright.compiler.settings import CHOICES, Settings
from edgewright.ir import Graph, Node
from edgewright.ir.text import to_text
from edgewright.ir.types import Array

COUNT = int(os.environ.get("EDGEWRIGHT_RANDOM_GRAPHS", "500"))
START = int(os.environ.get("EDGEWRIGHT_RANDOM_START", "0"))
CHUNK = 50  # graphs of one program, as building is what takes time
BOARDS = ("host", "stm32f405", "mkr1000")  # the second has kernels of its own, the third has none
SYMMETRIC = ("tree_path", "gather_dense")  # operators that take no zero points

GRAPHS = st.one_of(float_graphs(), image_graphs(), vector_graphs(), sequence_graphs(), imported_graphs())
SETTINGS = st.builds(
    Settings,
    **{field: st.sampled_from(allowed) for field, allowed in CHOICES.items()},
    zero_points=st.booleans(),
    bias_correction=st.booleans(),
    equalise=st.booleans(),
    wide_share=st.sampled_from((0.1, 0.5)),
)
READINGS = st.sampled_from(("typical", "large", "bytes", "a scale each"))


def rows_of(graph: Graph, kind: str) -> Array:
    """Return rows to calibrate with: of about 2, of about 60, integers in 0..255, or features of very different sizes."""
    rows = rows_for(graph)
    if kind == "a scale each":
        return rows * np.logspace(-2, 2, rows.shape[-1])
    if kind == "bytes":
        return np.clip(np.round(rows * 64 + 128), 0, 255)
    return rows * 30 if kind == "large" else rows


def nodes_of(graph: Graph) -> Iterator[Node]:
    """All nodes, those of bodies too."""
    for node in graph.nodes:
        yield node
        for item in node.attributes.values():
            if isinstance(item, Graph):
                yield from nodes_of(item)


def drawn_graphs(count: int, number: int) -> dict[str, tuple[Graph, Graph]]:
    """Return random graphs by name, as drawn and in integers; another number gives others."""
    found: dict[str, tuple[Graph, Graph]] = {}

    @seed(number)
    @given(GRAPHS, SETTINGS, READINGS)
    @settings(max_examples=count, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
    def draw(graph: Graph, chosen: Settings, readings: str) -> None:
        if any(node.op in SYMMETRIC for node in nodes_of(graph)):
            chosen = replace(chosen, zero_points=False)
            readings = "typical" if readings == "bytes" else readings
        rows = None if graph.is_quantised else rows_of(graph, readings)
        found[f"graph{len(found)}"] = graph, to_integers(graph, rows, chosen)

    draw()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(START, START - (-COUNT // CHUNK)))
def test_twin_equals_c_on_every_core(chunk: int) -> None:
    count = min(CHUNK, COUNT - (chunk - START) * CHUNK)
    graphs = {name: integers for name, (_, integers) in drawn_graphs(count, chunk).items()}
    for board in BOARDS:
        engine = boards.get(board).engine
        if reason := engines.get(engine).why_not(boards.get(board)):
            pytest.skip(reason)
        for image in images_for(graphs, board, engine):
            wrong = differences(graphs, image)
            assert not wrong, f"{board}: {wrong[0]} in\n{to_text(graphs[wrong[0].model])}"


# A learner's cell carries a state of its own, and featurisers stand before all else, on raw samples: their own tests draw what they take
DRAWN_ELSEWHERE = {"fastgrnn_cell", "fft", "log_band_energy", "cosine_transform", "standardise", "statistics"}
DRAWN_ELSEWHERE |= {"histogram", "longest_run"}


@pytest.mark.slow
def test_random_graphs_reach_every_operator() -> None:
    """Those that a table or `rescale` takes the place of are drawn; all that have kernels are there in integers too."""
    drawn, integers = set(DRAWN_ELSEWHERE), set(DRAWN_ELSEWHERE)
    for graph, quantised in drawn_graphs(2000, 1000).values():
        drawn |= {node.op for node in nodes_of(graph)}
        integers |= {node.op for node in nodes_of(quantised)}
    assert drawn | integers == set(ops.names())
    assert {name for name in ops.names() if ops.get(name).kernels} <= integers
