"""Layers and the learner of them: published cells, low rank, depth, both directions, packed sequences."""

import copy
import pickle

import numpy as np
import pytest
import torch
from torch.nn.utils.rnn import pack_sequence

from edgewright.compress import int8
from edgewright.errors import BadInput, UnknownName
from edgewright.ir.types import Type
from edgewright.lowering import Builder
from edgewright.nn import cells
from edgewright.nn._layer import Layer
from edgewright.nn._learner import Inputs
from edgewright.nn.recurrent import Recurrent
from edgewright.runtime.interpret import run_float


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def make(**settings):
    return Recurrent(7, 3, 6, generator(), **settings)


def inputs(n=20, steps=4):
    return torch.randn(n, steps, 7, generator=generator(9))


def arrays(module):
    return {name: value.detach().double().numpy() for name, value in module.named_parameters()}


def sigmoid(value):
    return 1 / (1 + np.exp(-value))


def test_fastgrnn_is_the_published_cell():
    module = make()
    x, p = inputs().double().numpy(), arrays(module)
    cell = {name.removeprefix("layers.0."): value for name, value in p.items()}
    h = np.zeros((len(x), 6))
    for step in range(x.shape[1]):
        total = x[:, step] @ cell["W"].T + h @ cell["U"].T
        z, c = sigmoid(total + cell["gate_bias"]), np.tanh(total + cell["candidate_bias"])
        h = z * h + (sigmoid(cell["zeta"]) * (1 - z) + sigmoid(cell["nu"])) * c
    expected = h @ p["output"].T + p["output_bias"]
    assert np.allclose(module(torch.tensor(x, dtype=torch.float32)).detach().numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("kind", ["gru", "lstm"])
def test_layers_are_those_of_torch_with_its_weights(kind, bidirectional):
    theirs = {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[kind](7, 6, 2, batch_first=True, bidirectional=bidirectional)
    ours = make(cell=kind, layers=2, bidirectional=bidirectional)
    orders = {"gru": ("reset_bias", "update_bias", "candidate_bias"), "lstm": tuple(cells.get("lstm").vectors)}
    with torch.no_grad():
        for direction, end in (("layers", ""), ("reversed", "_reverse"))[: 1 + bidirectional]:
            for place in range(2):
                layer = getattr(ours, direction)[place]
                given = {
                    name: getattr(theirs, f"{name}_l{place}{end}")
                    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
                }
                layer.W.copy_(given["weight_ih"])
                layer.U.copy_(given["weight_hh"])
                bias = given["bias_ih"] + given["bias_hh"]
                if kind == "gru":
                    layer.hidden_bias.copy_(given["bias_hh"][12:])
                    bias[12:] = given["bias_ih"][12:]
                for name, part in zip(orders[kind], bias.split(6), strict=True):
                    layer.get_parameter(name).copy_(part)
    last = theirs(inputs())[1]
    last = last[0] if kind == "lstm" else last
    shown = torch.cat(list(last[-2:]), 1) if bidirectional else last[-1]
    expected = shown @ ours.output.t() + ours.output_bias
    assert torch.allclose(ours(inputs()), expected, atol=1e-5)


@pytest.mark.parametrize("settings", [{}, {"layers": 2, "bidirectional": True}])
@pytest.mark.parametrize("cell", cells.names())
def test_packed_rows_score_as_each_row_alone(cell, settings):
    module = make(cell=cell, **settings)
    rows = [inputs()[k, : 1 + k % 4] for k in range(9)]
    alone = torch.cat([module(row[None]) for row in rows])
    assert torch.allclose(module(pack_sequence(rows, enforce_sorted=False)), alone, atol=1e-5)


@pytest.mark.parametrize("activations", cells.ACTIVATIONS)
@pytest.mark.parametrize("cell", cells.names())
def test_the_graph_of_two_layers_in_both_directions_is_the_module(cell, activations):
    module = make(cell=cell, layers=2, bidirectional=True, rank_u=3, activations=activations)
    with torch.no_grad():
        for name in module.matrices:
            module.get_parameter(name).mul_(3)
    for folds in (True, False):
        given = Inputs(np.linspace(-1, 1, 7), np.full(7, 2.0) if folds else np.linspace(1, 3, 7), folds)
        builder = Builder()
        graph = builder.finish(module.add_to(builder, builder.input("x", Type((4, 7))), given))
        standardised = (inputs() - torch.tensor(given.mean).float()) / torch.tensor(given.scale).float()
        expected = module(standardised).detach().numpy()
        assert np.allclose(run_float(graph, inputs().numpy()), expected, atol=1e-5)
        assert expected.std() > 0.01


def test_all_parameters_of_all_layers_learn_and_their_matrices_round():
    module = make(cell="lstm", layers=2, bidirectional=True, rank_w=3)
    assert len(module.matrices) == 13
    plain = module(inputs())
    module.rounded = True
    seen = module(inputs())
    seen.square().sum().backward()
    assert all(value.grad is not None and value.grad.abs().max() > 0 for value in module.parameters())
    module.round_matrices()
    assert torch.equal(module(inputs()), seen)
    assert not torch.equal(seen, plain)
    for name in module.matrices:
        value = module.get_parameter(name)
        integers = value / int8.scale(value, int8.Int8())
        assert torch.equal(integers, integers.round())


def test_features_are_left_out_of_both_directions():
    module = make(layers=2, bidirectional=True, rank_w=3)
    out = torch.tensor([True, False, False, True, False, False, False])
    module.leave_out(out)
    x = inputs()
    assert torch.allclose(module(x), module(torch.where(out, torch.full((), 50.0), x)), atol=1e-5)
    assert not torch.allclose(module(x), module(torch.where(out, x, torch.full((), 50.0))), atol=1e-2)


def test_a_module_can_be_copied_and_pickled():
    module = make(cell="gru")
    for other in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert torch.equal(other(inputs()), module(inputs()))


LOW_RANKS = [{"rank_w": 3}, {"rank_u": 2}, {"rank_w": 2, "rank_u": 4}, {"rank_w": 6, "rank_u": 6}]


@pytest.mark.parametrize("cell", ["fastgrnn", "gru"])
@pytest.mark.parametrize("ranks", LOW_RANKS)
def test_a_cell_of_low_rank_scores_and_learns_as_the_product_of_its_factors(ranks, cell):
    module, whole = Layer(cell, 7, 6, generator(), **ranks), Layer(cell, 7, 6, generator())
    values = dict(module.named_parameters())
    products = {name: values[f"{name}1"] @ values[f"{name}2"] for name in "WU" if f"rank_{name.lower()}" in ranks}
    own = {name: value for name, value in values.items() if name[0] not in products}
    whole.load_state_dict({name: value.detach() for name, value in (own | products).items()})
    x = inputs()
    assert torch.allclose(module(x), whole(x), atol=1e-6)
    for layer in (module, whole):
        layer(x).square().sum().backward()
    for name in products:
        left, right = getattr(module, f"{name}1"), getattr(module, f"{name}2")
        outer = getattr(whole, name).grad
        assert left.grad.abs().max() > 0
        assert torch.allclose(left.grad, outer @ right.t(), rtol=1e-3, atol=1e-5)
        assert torch.allclose(right.grad, left.t() @ outer, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("ranks", LOW_RANKS)
def test_a_cell_of_low_rank_starts_nearest_to_that_of_full_rank(ranks):
    module, full = make(**ranks), make()
    assert torch.equal(module.output, full.output)
    for name, rank in (("W", ranks.get("rank_w")), ("U", ranks.get("rank_u"))):
        drawn = getattr(full.layers[0], name)
        if rank is None:
            assert torch.equal(getattr(module.layers[0], name), drawn)
        else:
            missed = drawn - getattr(module.layers[0], f"{name}1") @ getattr(module.layers[0], f"{name}2")
            rest = torch.linalg.svdvals(drawn)[rank:].square().sum()
            assert missed.square().sum().item() == pytest.approx(rest.item(), rel=1e-3, abs=1e-9)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rank_w": 7}, "rank_w is 7; allowed: a whole number from 1 to 6"),
        ({"rank_u": 0}, "rank_u is 0; allowed: a whole number from 1 to 6"),
        ({"rank_w": 2.5}, "rank_w is 2.5"),
        ({"cell": "gru", "rank_w": 8}, "rank_w is 8; allowed: a whole number from 1 to 7"),
        ({"cell": "gru", "rank_u": 7}, "rank_u is 7; allowed: a whole number from 1 to 6"),
        ({"activations": "relu"}, "activations is 'relu'; allowed: smooth and hard"),
        ({"view_bits": 4}, "view_bits is 4; allowed: 16 and 8"),
        ({"layers": 0}, "layers is 0; allowed: a whole number from 1 on"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, message):
    with pytest.raises(BadInput, match=message):
        make(**settings)


def test_a_cell_that_there_is_not_is_refused():
    with pytest.raises(UnknownName, match="fastgrnn"):
        make(cell="fastgrn")
