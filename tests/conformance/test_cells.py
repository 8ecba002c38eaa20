"""Every recurrent cell that the catalogue finds: torch equals its graph, and C on every board equals the integer twin."""

import numpy as np
import pytest
import torch
from comparison import differences, images_for

from edgewright import boards, engines
from edgewright.compiler.pipeline import to_integers
from edgewright.compress import int8
from edgewright.errors import DoesNotFit
from edgewright.ir.types import Type, dequantise_array, quantise_array
from edgewright.lowering import Builder
from edgewright.nn import cells
from edgewright.nn._layer import Layer
from edgewright.nn._learner import Inputs
from edgewright.nn.recurrent import Recurrent
from edgewright.runtime.integer import run_integer
from edgewright.runtime.interpret import run_float

STEPS, FEATURES, HIDDEN = 7, 3, 4
VARIANTS = {
    "whole": {},
    "low_rank": {"rank_w": 2, "rank_u": 3},
    "hard": {"activations": "hard"},
    "view": {"view_bits": 8},
}
ON_BOARDS = ("whole", "hard")  # the others only have more products
CASES = [(cell, variant) for cell in cells.names() for variant in VARIANTS]


def make(cell, variant):
    layer = Layer(cell, FEATURES, HIDDEN, torch.Generator().manual_seed(5), **VARIANTS[variant])
    with torch.no_grad():
        for name in layer.matrices:
            layer.get_parameter(name).mul_(4)
    return layer.requires_grad_(False)


def rows(n=64):
    return torch.randn(n, STEPS, FEATURES, generator=torch.Generator().manual_seed(6))


def float_graph(layer, **more):
    builder = Builder(layer.cell_name)
    return builder.finish(layer.add_scan(builder, builder.input("x", Type((STEPS, FEATURES))), **more))


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("output", ["last", "stacked"])
@pytest.mark.parametrize(("cell", "variant"), CASES)
def test_the_graph_is_the_layer(cell, variant, output, reverse):
    layer = make(cell, variant)
    expected = layer(rows(), every_step=output == "stacked", reverse=reverse).numpy()
    assert np.allclose(
        run_float(float_graph(layer, output=output, reverse=reverse), rows().numpy()), expected, atol=1e-6
    )
    assert expected.std() > 0.05


@pytest.mark.parametrize(("cell", "variant"), CASES)
def test_the_integers_are_near(cell, variant):
    layer = make(cell, variant)
    expected = layer(rows(), every_step=True, rounded=True).numpy()
    graph = to_integers(float_graph(layer, output="stacked"), rows().numpy())
    found = dequantise_array(run_integer(graph, quantise_array(rows().numpy(), graph.input_type)), graph.output_type)
    assert np.abs(found - expected).max() < (0.05 if variant == "view" else 0.004)


@pytest.fixture(scope="module")
def graphs():
    made = {
        f"{cell}_{variant}".replace("-", "_"): to_integers(float_graph(make(cell, variant)), rows().numpy())
        for cell, variant in CASES
        if variant in ON_BOARDS
    }
    module = Recurrent(FEATURES, 3, 2, torch.Generator().manual_seed(7), cell="gru", layers=2, bidirectional=True)
    builder = Builder("layers")
    x = builder.input("x", Type((STEPS, FEATURES)))
    inputs = Inputs(np.array([0.5, -1.0, 0.0]), np.array([1.0, 0.3, 2.0]), folds=False)
    return made | {"layers": to_integers(builder.finish(module.add_to(builder, x, inputs)), rows().numpy())}


@pytest.mark.parametrize("board", boards.names())
def test_c_equals_twin(graphs, board):
    engine = boards.get(board).engine
    if reason := engines.get(engine).why_not(boards.get(board)):
        pytest.skip(reason)
    try:
        images = images_for(graphs, board, engine)
    except DoesNotFit as error:
        pytest.skip(str(error))
    assert sum(len(image.program.entries) for image in images) == len(graphs)
    for image in images:
        assert differences(graphs, image) == []


SLOW = {"fastrnn": "beta", "fastgrnn": "gate_bias", "ugrnn": "gate_bias", "gru": "update_bias", "lstm": "forget_bias"}
LONG = 784


@pytest.mark.parametrize("cell", cells.names())
def test_slow_gates_lose_no_small_updates(cell):
    layer = Layer(cell, 2, 4, torch.Generator().manual_seed(0)).requires_grad_(False)
    for name in layer.matrices:
        weight = layer.get_parameter(name)
        weight.copy_(int8.apply(weight * 0.3, int8.Int8()))
    layer.get_parameter(SLOW[cell]).fill_(5.0)  # a gate of .993
    for name, value in (("alpha", -5.0), ("nu", -5.0), ("bias", 0.0)):
        if name in layer.cell.vectors:
            layer.get_parameter(name).fill_(value)
    chance = torch.Generator().manual_seed(1)
    x = torch.randn(40, 1, 2, generator=chance) + 0.3 * torch.randn(40, LONG, 2, generator=chance)
    builder = Builder(cell)
    graph = builder.finish(layer.add_scan(builder, builder.input("x", Type((LONG, 2)))))
    graph = to_integers(graph, x.numpy())
    found = dequantise_array(run_integer(graph, quantise_array(x.numpy(), graph.input_type)), graph.output_type)
    expected = layer(x).numpy()
    missed = found - expected
    assert np.abs(missed).mean() < 0.005 * expected.std()
    assert abs(missed.mean()) < 0.002 * expected.std()
