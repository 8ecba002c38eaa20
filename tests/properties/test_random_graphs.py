"""Random graphs: the integers of the twin and those of the C on this computer are the same, bit for bit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from small_graphs import float_graphs, rows_for

from edgewright.compiler.emit import emit
from edgewright.compiler.pipeline import to_integers
from edgewright.compiler.quantise import Settings
from edgewright.ir import Graph, quantise_array
from edgewright.ir.types import Array
from edgewright.runtime.integer import run_integer

CHOICES = st.sampled_from([Settings(), Settings("int8", "int8"), Settings("int8", "int16"), Settings("int16", "int8")])


def vectors(graph: Graph) -> Array:
    """All lowest, all highest, zero, mixtures of corners, uniform and typical integers."""
    type, generator = graph.input_type, np.random.default_rng(0)
    low, high = type.range
    fixed = [np.full(type.shape, value) for value in (low, high, 0, 1, -1)]
    corners = generator.choice([low, 0, high], (30, *type.shape))
    uniform = generator.integers(low, high + 1, (30, *type.shape))
    typical = quantise_array(rows_for(graph, 30, seed=2), type)
    return np.concatenate([np.stack(fixed), corners, uniform, typical])


# Many graphs make one program, as building is what takes time
@given(drawn=st.lists(st.tuples(float_graphs(), CHOICES), min_size=12, max_size=12))
@settings(max_examples=10, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
def test_twin_equals_c(drawn: list[tuple[Graph, Settings]], host: Callable[..., list[Array]]) -> None:
    graphs = {
        f"graph{number}": to_integers(graph, rows_for(graph), chosen) for number, (graph, chosen) in enumerate(drawn)
    }
    program = emit(graphs, "random")
    for name, graph in graphs.items():
        x = vectors(graph)
        (computed,) = host(program, x, model=name)
        assert np.array_equal(computed, run_integer(graph, x)), f"{name}: {[node.op for node in graph.nodes]}"
