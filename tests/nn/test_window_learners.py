"""EMI-RNN, ShaRNN and MSC-RNN: what they mean in torch, as graphs and in integers."""

import itertools
import math

import numpy as np
import pytest
import torch

from edgewright.compiler.pipeline import prepare
from edgewright.compiler.quantise import quantise
from edgewright.compiler.settings import default_settings
from edgewright.compiler.stream import to_stream
from edgewright.errors import BadInput
from edgewright.ir.types import Type, quantise_array
from edgewright.lowering import Builder
from edgewright.nn._instances import SURE_PROBABILITY, Instances
from edgewright.nn._learner import Inputs
from edgewright.nn.emi import EMIRNN
from edgewright.nn.msc import CLUTTER_SCORE, MSCRNN
from edgewright.nn.sharnn import ShaRNN
from edgewright.runtime.integer import run_integer
from edgewright.runtime.interpret import run_float
from edgewright.runtime.steps import executed_steps
from edgewright.runtime.stream import run_stream

STEPS, FEATURES, CLASSES = 26, 3, 4


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def rows(n=30, steps=STEPS):
    return 1.5 * torch.randn(n, steps, FEATURES, generator=generator(1))


def emi(confidence=1.0, sure_by=math.inf, seed=3, sharp=12.0, cell="fastgrnn", **more):
    module = EMIRNN(FEATURES, CLASSES, 6, generator(seed), window=8, stride=3, cell=cell, **more)
    module.confidence.fill_(confidence)
    module.lead.fill_(sure_by)
    return sharpened(module, "output", sharp)


def msc(confidence=1.0, exits="window", consecutive=1, clutter=2):
    module = MSCRNN(
        FEATURES,
        CLASSES,
        6,
        generator(3),
        hidden_upper=5,
        window=8,
        stride=3,
        clutter=clutter,
        consecutive=consecutive,
        exits=exits,
    )
    module.confidence.fill_(confidence)
    return sharpened(sharpened(module, "lower.output", 8.0), "upper.output", 5.0)


def sharnn(cell="fastgrnn"):
    return sharpened(ShaRNN(FEATURES, CLASSES, 6, generator(2), hidden_upper=5, brick=7, cell=cell), "output", 12.0)


@torch.no_grad()
def sharpened(module, name, factor):
    module.get_parameter(name).mul_(factor)
    module.round_matrices()
    return module.eval().requires_grad_(False)


def graph_of(module, steps=STEPS, folds=True):
    builder = Builder("model")
    x = builder.input("x", Type((steps, FEATURES)))
    return builder.finish(module.add_to(builder, x, Inputs(np.zeros(FEATURES), np.ones(FEATURES), folds)))


EVERY = {
    "emi": emi,
    "emi of a gru": lambda: emi(cell="gru"),
    "emi, runs of 2": lambda: emi(consecutive=2),
    "emi, background": lambda: emi(consecutive=2, background=1),
    "emi, windows left": lambda: emi(0.8, exits="window", consecutive=3),
    "emi, windows left, background": lambda: emi(0.9, exits="window", background=0),
    "emi, windows and rows left": lambda: emi(0.7, 0.6),
    "emi, rows left": lambda: emi(sure_by=0.6),
    "emi of an lstm, rows left": lambda: emi(0.8, 0.7, cell="lstm"),
    "emi, rows left by the lead of 3": lambda: emi(0.7, 0.9, consecutive=3),
    "emi, rows left, background": lambda: emi(0.8, 0.3, consecutive=2, background=3),
    "emi, rows left, windows whole": lambda: emi(sure_by=0.3, background=3),
    "emi, all windows added up": lambda: emi(pooling="sum"),
    "emi, added up, windows left": lambda: emi(0.8, pooling="sum", exits="window"),
    "emi, added up, rows left": lambda: emi(0.8, 3.0, pooling="sum"),
    "sharnn": sharnn,
    "sharnn of a gru": lambda: sharnn("gru"),
    "msc": msc,
    "msc, runs of 2": lambda: msc(consecutive=2),
    "msc, windows left": lambda: msc(0.9),
    "msc, clutter first": lambda: msc(0.9, clutter=0),
}


@pytest.mark.parametrize("name", EVERY)
def test_torch_and_graph_agree_to_rounding_and_the_twin_says_the_same_classes(name):
    module, x = EVERY[name](), rows()
    expected = module(x, hard=True).numpy()
    graph = graph_of(module)
    assert np.abs(run_float(graph, x.numpy().astype(np.float64)) - expected).max() < 1e-5
    settings = default_settings(graph)
    integers = quantise(prepare(graph, x.numpy(), settings), x.numpy(), settings)
    given = quantise_array(x.numpy(), integers.input_type)
    answers = run_integer(integers, given.astype(integers.input_type.dtype))
    ranked = np.sort(expected, axis=1)
    clear = ranked[:, -1] - ranked[:, -2] > 0.02
    assert clear.mean() > 0.6
    assert (answers.argmax(1) == expected.argmax(1))[clear].mean() > 0.95


@pytest.mark.parametrize("name", EVERY)
def test_a_row_alone_scores_as_within_a_batch_and_chance_plays_no_part(name):
    module, x = EVERY[name]().train(), rows()
    together = module(x, hard=True)
    assert torch.equal(module(x, hard=True), together)
    alone = torch.cat([module(row[None], hard=True) for row in x])
    assert alone.shape == together.shape == (30, CLASSES)
    assert torch.allclose(alone, together, atol=1e-6)


@pytest.mark.parametrize("name", [name for name in EVERY if name.startswith(("emi", "msc"))])
def test_steps_are_counted_in_torch_as_the_graph_takes_them(name):
    module, x = EVERY[name](), rows()
    assert np.array_equal(
        executed_steps(graph_of(module), x.numpy().astype(np.float64)), module.steps_executed(x).numpy()
    )


def test_steps_of_integers_are_counted_where_loops_end_and_branches_do_not_run():
    for make in (lambda: emi(0.7, 0.6), lambda: emi(sure_by=0.3, background=3), lambda: msc(0.9)):
        module, x = make(), rows(60)
        graph = graph_of(module)
        settings = default_settings(graph)
        integers = quantise(prepare(graph, x.numpy(), settings), x.numpy(), settings)
        given = quantise_array(x.numpy(), integers.input_type).astype(integers.input_type.dtype)
        counted, real = executed_steps(integers, given), module.steps_executed(x).numpy()
        assert (counted == real).mean() > 0.9
        assert counted.max() > counted.min()
    whole = graph_of(sharnn())
    assert (executed_steps(whole, rows(3).numpy().astype(np.float64)) == 3 * 7 + 3).all()


def test_an_early_exit_saves_steps_and_the_more_the_less_sure_it_has_to_be():
    x = rows(80)

    def steps(*thresholds, **more):
        return float(emi(*thresholds, sharp=30.0, **more).steps_executed(x).double().mean())

    assert steps() == 7 * 8
    for ladder in ([(1.0,), (0.8,), (0.6,)], [(1.0, lead) for lead in (math.inf, 0.95, 0.8, 0.3)]):
        found = [steps(*thresholds) for thresholds in ladder]
        assert all(later < earlier for earlier, later in itertools.pairwise(found))
    assert steps(0.8, 0.6) < min(steps(0.8), steps(1.0, 0.6))
    assert steps(0.8, 0.6, exits="window") == steps(0.8)
    assert steps(0.8, 0.6, exits="none") == 7 * 8


def test_a_row_is_never_left_early_for_the_background():
    module, x = emi(sure_by=0.3, background=3), rows(80)
    found = module.leave(x)
    background = found.scores.argmax(1) == 3
    assert (found.steps[background] == 7 * 8).all()
    assert 0 < background.double().mean() < 1
    assert found.steps[~background].min() < 7 * 8


def test_where_nothing_is_left_early_the_bag_is_its_best_run():
    module, x = emi(consecutive=2), rows()
    shares = torch.softmax(module.window_scores(x), -1)
    sums = torch.stack([shares[:, first] + shares[:, first + 1] for first in range(6)], 1)
    assert torch.allclose(module(x), sums.amax(1))
    assert shares.shape == (30, 7, CLASSES)
    one = module.layer(x[:, 6:14]) @ module.output.t() + module.output_bias
    assert torch.allclose(module.window_scores(x)[:, 2], one, atol=1e-6)


def test_windows_that_are_added_up_leave_once_the_evidence_leads():
    module, x = emi(sure_by=4.0, pooling="sum"), rows()
    sums = module.window_scores(x).cumsum(1)
    assert torch.allclose(module(x), sums[:, -1], atol=1e-5)
    found = module.leave(x)
    for row, scores, steps in zip(sums, found.scores, found.steps, strict=True):
        best = row.topk(2, -1).values
        (sure,) = torch.nonzero(best[:, 0] - best[:, 1] >= 4.0, as_tuple=True)
        last = int(sure[0]) if len(sure) else 6
        assert int(steps) == 8 * (last + 1)
        assert torch.allclose(scores, row[last], atol=1e-5)
    assert len(found.steps.unique()) > 2


def test_a_row_is_background_unless_another_class_has_more_than_the_level():
    module, x = emi(background=1), rows()
    shares = torch.softmax(module.window_scores(x), -1)
    others = shares[:, :, [0, 2, 3]].amax((1, 2))
    for level in (0.1, 0.5, 0.9):
        module.level.fill_(level)
        assert torch.equal(module(x).argmax(1) == 1, others < level)


def test_settling_keeps_every_right_answer_of_the_validation_rows():
    x = rows(80)
    module = emi()
    y = module(x).argmax(1)
    module.settle(x, y)
    assert float(module.confidence) < 1.0
    assert float(module.lead) < 1.0
    assert torch.equal(module(x, hard=True).argmax(1), y)
    assert module.steps_executed(x).double().mean() < 7 * 8 - 1
    fixed = emi(exits="none")
    fixed.settle(x, y)
    assert float(fixed.confidence) == 1.0


def test_few_rows_do_not_settle_a_low_threshold():
    steady = 3 * rows(60)[:, :1].expand(-1, STEPS, -1)  # every window says the same, so that any lead will do
    for n, low in ((5, False), (60, True)):
        module = emi()
        module.settle(steady[:n], module(steady[:n]).argmax(1))
        assert (float(module.lead) < 0.55) == low
        assert low or float(module.confidence) > SURE_PROBABILITY - 0.01


def test_thresholds_that_are_given_are_taken():
    x = rows(20)
    module = emi()
    module.given = {"confidence": 0.65, "lead": 0.35}
    module.settle(x, module(x).argmax(1))
    assert (round(float(module.confidence), 6), round(float(module.lead), 6)) == (0.65, 0.35)


def test_settling_finds_the_level_of_the_background():
    module, x = emi(background=1, exits="none"), rows(80)
    others = torch.softmax(module.window_scores(x), -1)[:, :, [0, 2, 3]]
    best = others.amax(1)
    y = torch.where(best.amax(1) > 0.9, torch.tensor([0, 2, 3])[best.argmax(1)], 1)
    module.settle(x, y)
    assert float(module.level) > 0.8
    assert (module(x).argmax(1) == y).double().mean() > 0.9


def refined(shares, y, policy="top-k", labels=None, **more):
    instances = Instances(shares.shape[-1], window=2, stride=1, **more)
    labels = y[:, None].expand(shares.shape[:2]) if labels is None else labels
    return instances.refined(shares, y, labels, policy).tolist()


def of_second(*shares):
    second = torch.tensor([shares])
    return torch.stack([1 - second, second], -1)


def test_top_k_keeps_the_run_with_the_largest_sum():
    shares, y = of_second(0.9, 0.1, 0.6, 0.7, 0.2), torch.tensor([1])
    assert refined(shares, y, consecutive=2) == [[-1, -1, 1, 1, -1]]
    assert refined(shares, y, consecutive=1, background=0) == [[1, 0, 0, 0, 0]]
    assert refined(shares, torch.tensor([0]), consecutive=1, background=0) == [[0, 0, 0, 0, 0]]


def test_prune_ends_takes_denied_instances_from_the_ends_the_least_probable_first():
    y = torch.tensor([1])
    assert refined(of_second(0.4, 0.1, 0.9, 0.2, 0.9, 0.3), y, "prune-ends") == [[-1, -1, 1, 1, 1, -1]]
    assert refined(of_second(0.1, 0.2, 0.3, 0.4, 0.45, 0.9), y, "prune-ends", background=0) == [[0, 0, 0, 1, 1, 1]]
    assert refined(of_second(0.1, 0.2, 0.3), y, "prune-ends", consecutive=2) == [[-1, 1, 1]]
    again = refined(of_second(0.1, 0.2, 0.9, 0.1), y, "prune-ends", labels=torch.tensor([[-1, 1, 1, -1]]))
    assert again == [[-1, -1, 1, -1]]


def test_the_upper_tier_does_not_speak_for_clutter():
    module, x = msc(), rows(60)
    found = module.cascade(x)
    assert 0 < found.targets.double().mean() < 1
    clutter = torch.zeros(CLASSES)
    clutter[2] = CLUTTER_SCORE
    assert (found.scores[~found.targets] == clutter).all()
    with torch.no_grad():
        module.upper.output.mul_(-1)
    other = module.cascade(x)
    assert torch.equal(other.scores[~found.targets], found.scores[~found.targets])
    assert not torch.equal(other.scores[found.targets], found.scores[found.targets])


def test_the_upper_tier_is_not_run_for_clutter():
    module, x = msc(), rows(60)
    targets = module.cascade(x).targets.numpy()
    graph = graph_of(module)
    (branch,) = [node for node in graph.nodes if node.op == "when"]
    assert [node.op for node in branch.attributes["body"].nodes] == ["scan", "dense"]
    steps = executed_steps(graph, x.numpy().astype(np.float64))
    assert np.array_equal(steps, 7 * 8 + 7 * targets)


def test_each_tier_learns_from_its_own_loss():
    module, x, y = msc().requires_grad_(True), rows(), torch.arange(30) % CLASSES
    criterion = torch.nn.functional.cross_entropy

    def total(scores, labels):
        return criterion(scores.flatten(0, -2), labels.reshape(-1))

    both = module.loss(x, y, module.labels(y), total)
    module.upper.requires_grad_(False)
    lower = module.loss(x, y, module.labels(y), total)
    module.upper.requires_grad_(True)
    module.lower.requires_grad_(False)
    upper = module.loss(x, y, module.labels(y), total)
    assert torch.allclose(both, lower + upper)
    assert torch.equal(module.labels(y)[:, 0], (y != 2).long())


def test_the_upper_tier_learns_after_every_window_and_from_the_last_as_much_as_from_all():
    module, x, y = msc().requires_grad_(True), rows(), torch.arange(30) % CLASSES
    module.lower.requires_grad_(False)
    seen = []

    def criterion(scores, labels):
        seen.append(tuple(scores.shape))
        return scores.abs().mean()

    module.every_step = True
    found = module.loss(x, y, module.labels(y), criterion)
    after_each = module._upper(module._states(x, every_step=False), every_step=True)
    assert torch.allclose(found, (after_each.abs().mean() + after_each[:, -1].abs().mean()) / 2)
    assert torch.allclose(after_each[:, -1], module._upper(module._states(x, every_step=False)), atol=1e-6)
    assert seen == [(30, 1, 7, CLASSES), (30, 1, CLASSES)]


def test_sharnn_runs_its_first_layer_on_each_brick_from_zero():
    module, x = sharnn(), rows()
    of_bricks = torch.stack([module.lower(x[:, start : start + 7]) for start in (0, 7, 14)], 1)
    expected = module.upper(of_bricks) @ module.output.t() + module.output_bias
    assert torch.allclose(module(x), expected, atol=1e-6)
    shorter = module(x[:, :21])
    assert torch.equal(module(x), shorter)  # of 26 steps, 5 are left over


def test_rows_that_are_too_short_are_refused_in_words():
    with pytest.raises(BadInput, match="A row has 5 steps, and a brick has 7"):
        sharnn()(rows(steps=5))
    with pytest.raises(BadInput, match="5 steps, and a brick has 7"):
        graph_of(sharnn(), steps=5)
    with pytest.raises(BadInput, match="A row has 10 steps, and 2 windows of 8 steps, 3 apart, need 11"):
        emi(consecutive=2)(rows(steps=10))
    with pytest.raises(BadInput, match="need 11"):
        graph_of(emi(consecutive=2), steps=10)
    with pytest.raises(BadInput, match="need 8"):
        msc()(rows(steps=7))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"policy": "best"}, "policy is 'best'; allowed: top-k, prune-ends"),
        ({"exits": "early"}, "exits is 'early'; allowed: none, window, bag"),
        ({"background": 4}, "background is 4; allowed: a class index up to 3"),
        ({"consecutive": 0}, "consecutive is 0"),
        ({"pooling": "max"}, "pooling is 'max'; allowed: run, sum"),
        ({"pooling": "sum", "background": 0}, "Give one of them"),
        ({"lead": 0.0}, "lead is 0.0; allowed: a number above 0"),
        ({"exits": "window", "lead": 0.5}, "lead would change nothing, as exits is 'window'"),
    ],
)
def test_settings_that_cannot_be_are_refused(wrong, told):
    with pytest.raises(BadInput, match=told):
        emi(**wrong)


def test_a_cascade_refuses_a_clutter_class_that_there_is_not():
    with pytest.raises(BadInput, match="clutter is 4; allowed: a class index up to 3"):
        msc(clutter=4)
    with pytest.raises(BadInput, match="exits is 'bag'; allowed: none, window"):
        msc(exits="bag")


def test_a_brick_has_at_least_one_step():
    with pytest.raises(BadInput, match="brick is 0"):
        ShaRNN(2, 2, 4, generator(), hidden_upper=4, brick=0)


@pytest.mark.parametrize("name", EVERY)
def test_the_stream_says_after_each_row_what_the_whole_sequence_says(name):
    module, x = EVERY[name](), rows(4)
    graph = graph_of(module)
    settings = default_settings(graph)
    integers = quantise(prepare(graph, x.numpy(), settings), x.numpy(), settings)
    given = quantise_array(x.numpy(), integers.input_type).astype(integers.input_type.dtype)
    ready, answers = run_stream(to_stream(integers), np.concatenate(list(given)))
    assert ready.sum() == len(x)
    assert np.array_equal(answers, run_integer(integers, given))
