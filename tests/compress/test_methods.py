import pytest
import torch

from edgewright import compress
from edgewright.compress import hard_threshold, int8, low_rank
from edgewright.compress.hard_threshold import HardThreshold
from edgewright.compress.int8 import Int8
from edgewright.compress.low_rank import LowRank
from edgewright.errors import BadInput


@pytest.fixture
def weight():
    return torch.randn(7, 13, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", compress.names())
def test_a_method_keeps_the_shape_and_changes_nothing_twice(name, weight):
    method = compress.get(name)
    once = method.apply(weight, method.settings())
    assert once.shape == weight.shape
    assert once.dtype == torch.float32
    assert not torch.equal(once, weight)
    assert torch.equal(method.apply(once, method.settings()), once)


@pytest.mark.parametrize("density", [0.001, 0.3, 0.5, 1.0])
def test_the_largest_entries_stay(weight, density):
    kept = hard_threshold.apply(weight, HardThreshold(density))
    count = max(1, int(density * 91))
    assert int((kept != 0).sum()) == count == hard_threshold.kept(91, HardThreshold(density))
    assert kept[kept != 0].abs().min() >= weight[kept == 0].abs().max() if density < 1 else torch.equal(kept, weight)


def test_equal_entries_do_not_add_to_the_support():
    assert int(hard_threshold.support(torch.ones(4, 5), HardThreshold(0.3)).sum()) == 6


@pytest.mark.parametrize("density", [0, -0.1, 1.5, float("nan")])
def test_a_density_is_a_share(density):
    with pytest.raises(BadInput, match="A density is a share above 0 and at most 1"):
        HardThreshold(density)


def test_the_scale_is_the_smallest_power_of_two_that_holds_the_row():
    weight = torch.tensor([[127.0, 3], [127.5, 0], [63.5, 1], [0, 0], [1e-20, 0]])
    assert int8.scale(weight, Int8()).flatten().tolist() == [1, 2, 0.5, 2.0**-30, 2.0**-30]
    assert int8.scale(weight, Int8(shared=True)).tolist() == [[2]]


@pytest.mark.parametrize("shared", [False, True])
def test_rounded_weights_are_small_integers_times_the_scale(weight, shared):
    settings = Int8(shared)
    rounded = int8.apply(weight, settings)
    scale = int8.scale(rounded, settings)
    assert torch.equal(scale, int8.scale(weight, settings))
    integers = rounded / scale
    assert torch.equal(integers, integers.round())
    assert 64 <= integers.abs().max() <= 127
    assert (rounded - weight).abs().max() <= scale.max() / 2


def test_halves_are_rounded_up():
    weight = torch.tensor([[127.0, 2.5, -2.5, 0.49]])
    assert int8.apply(weight, Int8()).tolist() == [[127, 3, -2, 0]]


def test_the_gradient_passes_the_rounding(weight):
    weight.requires_grad_()
    (int8.straight_through(weight, Int8()) * torch.arange(13.0)).sum().backward()
    assert torch.equal(weight.grad, torch.arange(13.0).expand(7, 13))
    assert torch.equal(int8.straight_through(weight, Int8()), int8.apply(weight, Int8()))


@pytest.mark.parametrize("rank", range(1, 8))
def test_the_approximation_misses_only_the_smallest_singular_values(weight, rank):
    left, right = low_rank.factors(weight, LowRank(rank))
    assert (left.shape, right.shape) == ((7, rank), (rank, 13))
    assert left.dtype == right.dtype == torch.float32
    missed = torch.linalg.svdvals(weight)[rank:].square().sum().item()
    for found in (left @ right, low_rank.apply(weight, LowRank(rank))):
        assert torch.linalg.matrix_rank(found) == rank
        assert (found - weight).square().sum().item() == pytest.approx(missed, rel=1e-4, abs=1e-9)


def test_both_factors_are_of_one_size(weight):
    left, right = low_rank.factors(weight * 100, LowRank(3))
    assert left.norm().item() == pytest.approx(right.norm().item(), rel=1e-5)


@pytest.mark.parametrize("zeros", [(5, 3), (3, 5)])
def test_a_matrix_of_zeros_has_factors_too(zeros):
    left, right = low_rank.factors(torch.zeros(zeros), LowRank(2))
    assert torch.equal(left @ right, torch.zeros(zeros))


@pytest.mark.parametrize("rank", [0, -1, 8, 2.0, True, None])
def test_a_rank_is_at_most_the_smaller_side(weight, rank):
    for function in (low_rank.apply, low_rank.factors):
        with pytest.raises(BadInput, match=r"rank is .*; allowed: a whole number from 1 to 7, the smaller side"):
            function(weight, LowRank(rank))
