import numpy as np
import pytest
import torch

from edgewright import nn
from edgewright.compress import int8
from edgewright.nn import _clusters
from edgewright.nn.bonsai import Bonsai
from edgewright.nn.protonn import ProtoNN, shares

FAMILIES = {
    "bonsai": {"projection": 5, "depth": 2},
    "protonn": {"projection": 5, "prototypes": 8},
    "recurrent": {"hidden": 6},
    "emi": {"hidden": 6, "window": 2, "stride": 1},
    "sharnn": {"hidden": 6, "hidden_upper": 4, "brick": 2},
    "msc": {"hidden": 6, "hidden_upper": 4, "window": 2, "stride": 1, "clutter": 0},
}
TABLES = ("bonsai", "protonn")


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def make(name, seed=0):
    return nn.get(name)(features=7, classes=3, generator=generator(seed), **FAMILIES[name])


def inputs(name, n=20):
    x = torch.randn(n, 4, 7, generator=generator(9))
    return x[:, 0] if name in TABLES else x


def arrays(module):
    return {name: value.detach().double().numpy() for name, value in module.named_parameters()}


def test_every_family_is_tested_here():
    assert set(nn.names()) == set(FAMILIES)


@pytest.mark.parametrize("name", FAMILIES)
def test_scores_have_a_column_for_each_class(name):
    assert make(name)(inputs(name)).shape == (20, 3)
    assert make(name)(inputs(name), hard=True).shape == (20, 3)


@pytest.mark.parametrize("name", FAMILIES)
def test_chance_comes_from_the_generator_alone(name):
    before = torch.get_rng_state()
    assert torch.equal(make(name)(inputs(name)), make(name)(inputs(name)))
    assert not torch.equal(make(name)(inputs(name)), make(name, seed=1)(inputs(name)))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_rounded_module_scores_as_the_one_whose_matrices_were_rounded(name):
    module = make(name)
    plain = module(inputs(name), hard=True)
    module.rounded = True
    seen = module(inputs(name), hard=True)
    module.round_matrices()
    assert not module.rounded
    assert torch.equal(module(inputs(name), hard=True), seen)
    assert not torch.equal(seen, plain)
    for matrix in module.matrices:
        value = module.get_parameter(matrix)
        integers = value / int8.scale(value, int8.Int8(shared=matrix in module.shared_scale))
        assert torch.equal(integers, integers.round())


@pytest.mark.parametrize("name", FAMILIES)
def test_all_parameters_learn_in_8_bits_too(name):
    module = make(name)
    module.rounded = True
    y = torch.arange(20) % 3
    module.loss(inputs(name), y, module.labels(y), lambda scores, labels: scores.square().mean()).backward()
    for parameter, value in module.named_parameters():
        if value.requires_grad:
            assert value.grad.abs().max() > 0, parameter


@pytest.mark.parametrize("name", FAMILIES)
def test_left_out_features_do_not_count(name):
    module = make(name)
    out = torch.tensor([True, False, False, True, False, False, False])
    module.leave_out(out)
    x = inputs(name)
    assert torch.allclose(module(x), module(torch.where(out, torch.full((), 50.0), x)), atol=1e-5)
    assert not torch.allclose(module(x), module(torch.where(out, x, torch.full((), 50.0))), atol=1e-2)


def bonsai_by_hand(p, x, classes, depth):
    """Follow the published path, one row at a time."""
    scores = []
    for row in x:
        z = p["Z"] @ row + p["bias"]
        node, score = 0, np.zeros(classes)
        for level in range(depth + 1):
            rows = slice(node * classes, (node + 1) * classes)
            score += (p["W"][rows] @ z) * np.tanh(p["V"][rows] @ z)
            if level < depth:
                node = 2 * node + 1 if p["theta"][node] @ z > 0 else 2 * node + 2
        scores.append(score)
    return np.array(scores)


@pytest.mark.parametrize("depth", [0, 1, 2, 3])
def test_bonsai_follows_one_path(depth):
    module = Bonsai(7, 3, 5, depth, generator())
    x = inputs("bonsai")
    expected = bonsai_by_hand(arrays(module), x.double().numpy(), 3, depth)
    assert np.allclose(module(x, hard=True).detach().numpy(), expected, atol=1e-5)


def test_bonsai_goes_to_the_second_child_at_a_tie():
    module = Bonsai(7, 3, 5, 1, generator())
    with torch.no_grad():
        module.theta.zero_()
    x = inputs("bonsai")
    expected = bonsai_by_hand(arrays(module), x.double().numpy(), 3, 1)
    with torch.no_grad():
        module.W[3:6] = 0  # the first child
    assert np.allclose(module(x, hard=True).detach().numpy(), expected, atol=1e-5)


def test_training_sees_the_path_that_the_device_takes():
    module = Bonsai(7, 3, 5, 3, generator())
    x = inputs("bonsai")
    for sharpness in (0.1, 10.0, 1e6):
        module.sharpness = sharpness
        assert torch.equal(module(x), module(x, hard=True))


def gradient_of_branches(module, x, hard=False):
    module.theta.grad = None
    scores = module(x, hard=hard)
    if scores.grad_fn is not None:
        scores.square().sum().backward()
    return module.theta.grad


def test_branches_learn_from_the_node_that_was_not_taken():
    module = Bonsai(7, 3, 5, 1, generator())
    x, sharpness = inputs("bonsai"), 0.7
    module.sharpness = sharpness
    found = gradient_of_branches(module, x)
    with torch.no_grad():
        z = x @ module.Z.t() + module.bias
        every = (z @ module.W.t()) * torch.tanh(z @ module.V.t())
        root, first, second = every.view(-1, 3, 3).unbind(1)
        branch = (z @ module.theta.t())[:, 0]
        scores = root + torch.where(branch[:, None] > 0, first, second)
        slope = sharpness * (1 - torch.tanh(sharpness * branch) ** 2) / 2
        expected = ((2 * scores * (first - second)).sum(1) * slope) @ z
    assert torch.allclose(found[0], expected, rtol=1e-4, atol=1e-6)
    assert gradient_of_branches(module, x, hard=True) is None


def test_bonsai_starts_from_the_principal_components():
    x = torch.randn(400, 7, generator=generator(2)) * torch.tensor([9.0, 0.1, 0.1, 4.0, 0.1, 0.1, 0.1])
    module = Bonsai(7, 3, 2, 2, generator())
    module.start_from(x, torch.zeros(400, dtype=torch.int64), generator(1))
    share = module.Z.detach()[:, [0, 3]].square().sum() / module.Z.detach().square().sum()
    assert share > 0.99
    assert (x @ module.Z.t()).std().item() == pytest.approx(1, abs=0.05)


def test_bonsai_starts_with_more_dimensions_than_rows_and_features():
    module = Bonsai(2, 3, 5, 2, generator())
    module.start_from(torch.tensor([[0.0, 1.0]]), torch.tensor([0]), generator(1))
    assert all(torch.isfinite(value).all() for value in module.parameters())


def test_branches_sharpen_within_a_phase_and_start_again():
    module = Bonsai(7, 3, 5, 2, generator())
    module(inputs("bonsai"))
    sharpness = []
    for progress in (0.0, 0.5, 1.0, 0.0):
        module.begin_step(progress)
        sharpness.append(module.sharpness)
    assert sharpness[1] == pytest.approx(32 * sharpness[0])
    assert sharpness[2] == pytest.approx(1024 * sharpness[0])
    assert sharpness[3] == sharpness[0]


def test_protonn_is_the_published_formula():
    module = ProtoNN(7, 3, 5, 8, generator())
    with torch.no_grad():
        module.log_gamma.fill_(-0.7)
        module.bias.fill_(0.25)
    x, p = inputs("protonn").double().numpy(), arrays(module)
    z = x @ p["W"].T + p["bias"]
    squares = ((z[:, None] - p["B"]) ** 2).sum(2)
    expected = np.exp(-np.exp(-1.4) * squares) @ p["Z"].T
    assert np.allclose(module(torch.tensor(x, dtype=torch.float32)).detach().numpy(), expected, atol=1e-5)


def blobs(n=120):
    g = generator(3)
    y = torch.arange(n) % 3
    x = torch.randn(n, 7, generator=g) * 0.3
    x[:, 2] += 3.0 * (y == 1)
    x[:, 4] += 3.0 * (y == 2)
    return x, y


def test_protonn_starts_as_a_useful_classifier():
    x, y = blobs()
    module = ProtoNN(7, 3, 2, 6, generator())
    module.start_from(x, y, generator(1))
    assert (module(x).argmax(1) == y).float().mean() > 0.95


def test_protonn_starts_with_few_rows_and_more_dimensions_than_features():
    x = torch.tensor([[0.0, 1.0], [0.0, 1.0], [2.0, 0.0]])
    module = ProtoNN(2, 3, 4, 7, generator())
    module.start_from(x, torch.tensor([0, 0, 2]), generator(1))
    assert all(torch.isfinite(value).all() for value in module.parameters())
    assert module.Z[1].abs().max() == 0  # a class without rows starts without prototypes


def test_protonn_starts_from_clusters_where_rows_have_several_labels():
    x, y = blobs()
    has = torch.stack([y == 0, y != 1, torch.zeros_like(y, dtype=torch.bool)], 1).float()
    module = ProtoNN(7, 3, 2, 6, generator(), label_bias=1)
    module.start_from(x, has, generator(1))
    assert ((module(x) > 0) == has.bool()).float().mean() > 0.95
    assert module.label_bias.requires_grad
    assert not ProtoNN(7, 3, 2, 6, generator()).label_bias.requires_grad


@pytest.mark.parametrize(("prototypes", "classes"), [(10, 3), (2, 5), (6, 3)])
def test_prototypes_are_shared_among_the_classes(prototypes, classes):
    found = shares(prototypes, classes)
    assert sum(found) == prototypes
    assert len(found) == classes
    assert max(found) - min(found) <= 1


def test_clusters_are_found():
    random = np.random.default_rng(0)
    middles = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    rows = np.concatenate([middle + 0.1 * random.normal(size=(30, 2)) for middle in middles])
    found = _clusters.centres(rows, 3, np.random.default_rng(1))
    distances = np.sqrt(_clusters.squared_distances(middles, found))
    assert sorted(distances.argmin(1)) == [0, 1, 2]
    assert distances.min(1).max() < 0.2
    assert np.array_equal(found, _clusters.centres(rows, 3, np.random.default_rng(1)))


def test_fewer_different_rows_than_clusters_are_used_more_than_once():
    rows = np.array([[1.0], [2.0], [1.0], [2.0]])
    assert _clusters.centres(rows, 5, np.random.default_rng(0)).ravel().tolist() == [1, 2, 1, 2, 1]
