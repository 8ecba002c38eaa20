"""Every operator on every board: C equals the integer twin on the corners of what its inputs may hold."""

import sys

import numpy as np
import pytest
from comparison import differences, graphs_of, images_for, vectors_for

from edgewright import boards, engines, ops
from edgewright.compiler.emit import emit
from edgewright.errors import DoesNotFit
from edgewright.ir.graph import Graph, Node
from edgewright.ir.types import Type
from edgewright.ops import arithmetic
from edgewright.runtime.integer import run_integer_many
from edgewright.runtime.ranges import accumulator_bounds

OPERATORS = [name for name in ops.names() if ops.get(name).cases]


@pytest.mark.parametrize("op", OPERATORS)
@pytest.mark.parametrize("board", boards.names())
def test_c_equals_twin(op, board):
    engine = boards.get(board).engine
    if reason := engines.get(engine).why_not(boards.get(board)):
        pytest.skip(reason)
    graphs = graphs_of(op)
    try:
        images = images_for(graphs, board, engine)
    except DoesNotFit as error:
        pytest.skip(str(error))
    assert sum(len(image.program.entries) for image in images) == len(graphs)
    for image in images:
        assert differences(graphs, image) == []


FEATURES = sorted(
    {(name, kernel.needs or "") for name in OPERATORS for kernel in ops.get(name).kernels}
    | {(name, "") for name in OPERATORS if not ops.get(name).kernels}
)


@pytest.mark.slow
@pytest.mark.parametrize(("op", "feature"), FEATURES)
def test_c_has_no_undefined_behaviour(op, feature):
    host = engines.get("host")
    if reason := host.why_not(boards.get("host"), sanitize=True):
        pytest.skip(reason)
    graphs = graphs_of(op)
    image = host.build(emit(graphs, op, features=[feature]), "host", sanitize=True)
    assert differences(graphs, image) == []


@pytest.mark.parametrize("op", OPERATORS)
def test_every_kernel_has_a_case(op):
    kernels = ops.get(op).kernels
    used = {
        ops.kernel_of(graph, node, features).name
        for features in (frozenset[str](), *(frozenset({kernel.needs}) for kernel in kernels if kernel.needs))
        for graph in graphs_of(op).values()
        for node in graph.nodes
        if kernels
    }
    assert used == {kernel.name for kernel in kernels}


@pytest.mark.parametrize("op", [name for name in OPERATORS if ops.get(name).accumulator])
def test_sums_stay_within_their_bound(op, monkeypatch):
    sums = []

    def watch(acc, factors, type):
        sums.append((int(acc.min()), int(acc.max())))
        return arithmetic.requantise(acc, factors, type)

    for name, module in list(sys.modules.items()):
        if name.startswith("edgewright.ops.") and name != arithmetic.__name__ and hasattr(module, "requantise"):
            monkeypatch.setattr(module, "requantise", watch)
    for name, graph in graphs_of(op).items():
        sums.clear()
        (bound,) = accumulator_bounds(graph)
        run_integer_many(graph, vectors_for(graph, np.random.default_rng(3)))
        for lowest, highest in sums:
            assert bound.lowest <= lowest, name
            assert highest <= bound.highest, name


@pytest.mark.parametrize("op", OPERATORS)
def test_twin_stays_within_the_range_of_its_output(op):
    for name, graph in graphs_of(op).items():
        low, high = graph.output_type.range
        outputs = run_integer_many(graph, vectors_for(graph, np.random.default_rng(3)))[graph.outputs[0]]
        assert low <= outputs.min(), name
        assert outputs.max() <= high, name


def test_the_comparison_can_fail():
    type = Type((2,), "int8", 1.0)
    plus = Graph(("x",), ("y",), (Node("rescale", {"x": "x"}, "y"),), {"x": type, "y": type}, name="same")
    other = Graph(
        ("x",), ("y",), (Node("rescale", {"x": "x"}, "y", {"highest": 5}),), {"x": type, "y": type}, name="same"
    )
    (image,) = images_for({"same": other}, "host", "host")
    assert differences({"same": other}, image) == []
    (difference,) = differences({"same": plus}, image)
    assert difference.twin == [127, 127]
    assert difference.engine == [5, 5]
