import dataclasses

import pytest
import torch

from edgewright.errors import BadInput, TrainingStopped
from edgewright.nn.emi import EMIRNN
from edgewright.nn.msc import MSCRNN
from edgewright.nn.protonn import ProtoNN
from edgewright.training import Examples, Phase, Progress, Schedule, train
from edgewright.training.objectives import classification, cross_entropy

PHASES = (
    Phase("windows"),
    Phase("round", relabel=True),
    Phase("every step", every_step=True),
    Phase("fixed", rounding="weights", every_step=True),
)
SETTINGS = Schedule(epochs=8, batch_rows=10, input_noise=0.1, phases=PHASES)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def rows(n=40, seed=3):
    y = torch.arange(n) % 3
    x = torch.randn(n, 12, 2, generator=generator(seed))
    x[:, 4:8, 0] += 2.0 * (y == 1)[:, None]
    x[:, 4:8, 1] += 2.0 * (y == 2)[:, None]
    return x, y


def emi(seed=0, **more):
    return EMIRNN(2, 3, 4, generator(seed), window=4, stride=4, **more)


def msc(seed=0):
    return MSCRNN(2, 3, 4, generator(seed), hidden_upper=3, window=4, stride=4, clutter=0)


def fit(learner, settings=SETTINGS, **more):
    examples = Examples(*rows())
    return train(
        learner,
        examples,
        settings,
        objective=classification(),
        generator=generator(7),
        validation=rows(12, seed=9),
        **more,
    )


def same(first, second):
    mine, theirs = first.state_dict(), second.state_dict()
    return mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in mine)


class Interrupt(Progress):
    def __init__(self, at):
        self.at = at

    def epoch(self, record):
        if record["epoch"] == self.at:
            raise KeyboardInterrupt


@pytest.mark.parametrize("make", [emi, msc, lambda: emi(policy="prune-ends"), lambda: emi(background=0)])
@pytest.mark.parametrize("at", [0, 2, 5])
def test_an_interrupted_training_with_new_labels_goes_on_bit_for_bit(make, at, tmp_path):
    whole, parts = make(), make()
    history = fit(whole)
    with pytest.raises(KeyboardInterrupt):
        fit(parts, checkpoint=tmp_path / "state", progress=Interrupt(at))
    resumed = make()
    assert fit(resumed, checkpoint=tmp_path / "state") == history
    assert same(whole, resumed)


def test_a_checkpoint_without_the_new_labels_would_end_elsewhere(tmp_path, monkeypatch):
    from edgewright.training import loop

    whole, resumed = emi(), emi()
    fit(whole)
    with pytest.raises(KeyboardInterrupt):
        fit(emi(), checkpoint=tmp_path / "state", progress=Interrupt(3))
    restore = loop.Run.restore

    def forgets(run, state):
        restore(run, state)
        run.labels = run.given_labels

    monkeypatch.setattr(loop.Run, "restore", forgets)
    fit(resumed, checkpoint=tmp_path / "state")
    assert not same(whole, resumed)


def test_the_history_counts_changed_labels_in_the_epoch_in_which_they_were_made_anew():
    history = fit(emi())
    changed = {record["epoch"]: record["labels_changed"] for record in history if "labels_changed" in record}
    assert list(changed) == [2]
    assert changed[2] == 40 * 2  # of three windows one keeps its class


def test_new_labels_feed_back_into_what_is_learned():
    with_labels, without = emi(), emi()
    fit(with_labels)
    fit(without, dataclasses.replace(SETTINGS, phases=(Phase("windows"), Phase("round"), *PHASES[2:])))
    assert not same(with_labels, without)


def test_labels_are_made_anew_from_the_scores_of_that_moment():
    seen = []

    class Spy(EMIRNN):
        def relabelled(self, x, y, labels):
            seen.append((self.output.detach().clone(), labels.shape))
            return super().relabelled(x, y, labels)

    learner = Spy(2, 3, 4, generator(), window=4, stride=4)
    start = learner.output.detach().clone()
    fit(learner, dataclasses.replace(SETTINGS, phases=(Phase("a"), Phase("b", relabel=True), Phase("c", relabel=True))))
    assert [shape for _, shape in seen] == [(40, 1), (40, 3)]
    assert not torch.equal(seen[0][0], start)
    assert not torch.equal(seen[0][0], seen[1][0])


def test_a_learner_without_labels_of_its_own_cannot_make_them_anew():
    learner = ProtoNN(2, 3, 4, 6, generator())
    examples = Examples(rows()[0][:, 0], rows()[1])
    settings = dataclasses.replace(SETTINGS, phases=(Phase("a"), Phase("b", relabel=True)))
    with pytest.raises(BadInput, match="ProtoNN has no labels to make anew"):
        train(learner, examples, settings, objective=classification(), generator=generator())


def test_a_phase_trains_its_parts_and_leaves_the_others():
    learner = msc()
    fit(learner, Schedule(epochs=2, batch_rows=10, phases=(Phase("upper", trains=("upper",)),)))
    rounded = msc()
    rounded.round_matrices()
    now = dict(rounded.named_parameters())
    for name, value in learner.named_parameters():
        changed = not torch.equal(value, now[name])
        assert changed == name.startswith("upper"), name
        assert value.requires_grad


def test_a_part_that_a_learner_does_not_have_is_refused():
    with pytest.raises(BadInput, match=r"the phase 'x' trains 'middle'.*Its parts: lower, upper"):
        fit(msc(), Schedule(epochs=1, phases=(Phase("x", trains=("middle",)),)))


def test_a_phase_scales_the_learning_rate():
    phases = (Phase("a"), Phase("b", rate=0.25))
    plain = fit(emi(), Schedule(epochs=4, batch_rows=10, phases=(Phase("a"), Phase("b"))))
    slower = fit(emi(), Schedule(epochs=4, batch_rows=10, phases=phases))
    shares = [mine["rate"] / theirs["rate"] for mine, theirs in zip(slower, plain, strict=True)]
    assert shares == [1.0, 1.0, 0.25, 0.25]
    with pytest.raises(BadInput, match="rate is 0"):
        Phase("a", rate=0)


def test_after_a_loss_that_is_not_finite_the_labels_are_those_of_the_last_good_epoch():
    class Breaks(EMIRNN):
        calls = 0

        def loss(self, x, y, labels, criterion):
            Breaks.calls += 1
            value = super().loss(x, y, labels, criterion)
            return value * float("nan") if Breaks.calls == 22 else value  # in the epoch after the labels were made anew

    learner = Breaks(2, 3, 4, generator(), window=4, stride=4)
    with pytest.warns(TrainingStopped, match="The model is that of epoch 4"):
        history = fit(learner)
    assert len(history) == 5


def test_cross_entropy_leaves_out_places_and_spreads_targets_over_inner_axes():
    scores = torch.randn(4, 3, 5, 2, generator=generator())
    targets = torch.tensor([[0, 1, -1], [1, 1, 0], [-1, -1, -1], [0, 0, 1]])
    per_place = torch.nn.functional.cross_entropy(
        scores.permute(0, 3, 1, 2), targets[:, :, None].expand(-1, -1, 5), ignore_index=-1, reduction="none"
    )
    kept = (targets >= 0)[:, :, None].expand(-1, -1, 5)
    assert torch.allclose(cross_entropy(scores, targets), per_place[kept].mean())
    assert cross_entropy(scores, torch.full((4,), -1)) == 0


def test_a_teacher_of_rows_cannot_teach_their_windows():
    examples = Examples(*rows(), teacher=torch.zeros(40, 3))
    with pytest.raises(BadInput, match="a teacher says nothing"):
        train(emi(), examples, SETTINGS, objective=classification(), generator=generator())
