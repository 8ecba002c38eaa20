import dataclasses

import numpy as np
import pytest
import torch

from edgewright.compress import int8
from edgewright.errors import BadData, BadInput, TrainingStopped
from edgewright.nn.bonsai import Bonsai
from edgewright.nn.protonn import ProtoNN
from edgewright.training import (
    DEFAULT_PHASES,
    Examples,
    Phase,
    Progress,
    Schedule,
    evaluate,
    held_out_rows,
    loop,
    score,
    train,
)
from edgewright.training.objectives import classification

QUICK = Schedule(epochs=9, batch_rows=20)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def blobs(n=150, seed=5):
    y = torch.arange(n) % 3
    x = torch.randn(n, 6, generator=generator(seed)) * 0.5
    x[:, 1] += 2.0 * (y == 1)
    x[:, 4] += 2.0 * (y == 2)
    return x, y


def bonsai(seed=0):
    return Bonsai(6, 3, 4, 1, generator(seed))


def fit(learner, x, y, settings, **more):
    return train(learner, Examples(x, y), settings, objective=classification(0.1), **more)


def weights(learner):
    return torch.cat([value.detach().flatten() for value in learner.parameters()])


def accuracy(learner, x, y):
    return float((score(learner, x).argmax(1) == y).float().mean())


@pytest.mark.parametrize("make", [bonsai, lambda: ProtoNN(6, 3, 4, 6, generator())], ids=["bonsai", "protonn"])
def test_training_learns(make):
    learner = make()
    history = fit(learner, *blobs(), Schedule(epochs=40, batch_rows=20), generator=generator())
    assert accuracy(learner, *blobs(seed=6)) > 0.85
    assert history[-1]["loss"] < history[0]["loss"]


def test_each_phase_has_a_third_of_the_epochs():
    history = fit(bonsai(), *blobs(), QUICK, generator=generator())
    assert [record["phase"] for record in history] == ["dense"] * 3 + ["thresholding"] * 3 + ["fixed"] * 3
    assert [record["epoch"] for record in history] == list(range(9))


def test_the_rate_rises_and_falls():
    settings = Schedule(learning_rate=0.5, warm_up=0.1, last_rate=0.01)
    rates = [settings.rate(done) for done in np.linspace(0, 1, 101)]
    assert rates[0] == 0
    assert np.argmax(rates) == 10
    assert 0.4 < max(rates) <= 0.5
    assert all(np.diff(rates[10:]) < 0)
    assert rates[-1] == pytest.approx(0.005)


def test_the_matrices_end_on_the_grid_and_within_their_density():
    learner = bonsai()
    fit(learner, *blobs(), QUICK, generator=generator(), densities={"Z": 0.3, "W": 0.5})
    for name in learner.matrices:
        weight = getattr(learner, name)
        integers = weight / int8.scale(weight, int8.Int8())
        assert torch.equal(integers, integers.round())
        assert integers.abs().max() <= 127
    assert 1 <= int((learner.Z != 0).sum()) <= int(0.3 * 24)
    assert int((learner.W != 0).sum()) <= int(0.5 * 36)
    assert int((learner.V != 0).sum()) > 0.9 * 36
    assert not learner.rounded


class Watched(Bonsai):
    """Notes, before each batch, which entries of Z are not zero."""

    def __init__(self):
        super().__init__(6, 3, 4, 1, generator())
        self.supports = []

    def begin_step(self, phase_progress):
        super().begin_step(phase_progress)
        self.supports.append((self.Z != 0).clone())


def test_the_support_is_kept_between_trims_and_to_the_end():
    learner = Watched()
    settings = Schedule(epochs=9, batch_rows=10, trim_every=15)
    fit(learner, *blobs(), settings, generator=generator(), densities={"Z": 0.4})
    supports = torch.stack(learner.supports)
    third = len(supports) // 3
    assert supports[: third + 1].all()
    changed = [
        batch for batch in range(third + 1, len(supports)) if not torch.equal(supports[batch], supports[batch - 1])
    ]
    assert changed
    # A batch sees what was trimmed after the batch before it
    assert all(batch == third + 1 or (batch - 1) % settings.trim_every == 0 for batch in changed)
    assert max(changed) <= 2 * third
    assert int(supports[-1].sum()) <= int(0.4 * 24)


def test_the_optimiser_forgets_what_was_trimmed():
    learner = bonsai()
    x, y = blobs()
    run = loop.Run(learner, Examples(x, y), QUICK, classification(), {"Z": 0.4}, generator())
    while run.phase == 0:
        run.step(torch.arange(20))
    outside = ~run.masks["Z"]
    for _ in range(5):
        run.step(torch.arange(20))
        moments = run.optimiser.state[learner.Z]
        for tensor in (learner.Z, moments["exp_avg"], moments["exp_avg_sq"]):
            assert tensor[outside].abs().max() == 0
            assert tensor[~outside].abs().max() > 0


def test_the_same_seed_gives_the_same_model_and_the_world_is_left_alone():
    torch_state, numpy_state, threads = torch.get_rng_state(), np.random.get_state()[1].copy(), torch.get_num_threads()  # noqa: NPY002
    results = []
    for seed in (0, 0, 1):
        learner = bonsai()
        fit(learner, *blobs(), QUICK, generator=generator(seed))
        results.append(weights(learner))
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002
    assert torch.get_num_threads() == threads


def test_the_last_phase_gives_its_best_epoch():
    x, y = blobs(60)
    validation = blobs(30, seed=8)
    learner = bonsai()
    history = fit(learner, x, y, Schedule(epochs=60, batch_rows=20), generator=generator(), validation=validation)
    losses = [record["validation_loss"] for record in history if record["phase"] == "fixed"]
    assert min(losses) < losses[-1]
    assert evaluate(learner, classification(), *validation)["validation_loss"] == pytest.approx(min(losses), rel=1e-6)


def test_patience_ends_training_early():
    x, y = blobs(60)
    settings = Schedule(epochs=60, batch_rows=20, patience=2)
    history = fit(bonsai(), x, y, settings, generator=generator(), validation=blobs(30, seed=8))
    losses = [record["validation_loss"] for record in history if record["phase"] == "fixed"]
    assert 40 < len(history) < 60
    assert min(losses[-2:]) > min(losses[:-2])


class Listener(Progress):
    def __init__(self, interrupt_at=None):
        self.calls = []
        self.interrupt_at = interrupt_at

    def begin(self, epochs):
        self.calls.append(("begin", epochs))

    def epoch(self, record):
        self.calls.append(("epoch", record["epoch"]))
        if record["epoch"] == self.interrupt_at:
            raise KeyboardInterrupt

    def end(self):
        self.calls.append(("end",))


def test_a_listener_hears_every_epoch():
    listener = Listener()
    fit(bonsai(), *blobs(), QUICK, generator=generator(), progress=listener)
    assert listener.calls == [("begin", 9), *(("epoch", number) for number in range(9)), ("end",)]


def test_ctrl_c_passes_through_and_the_listener_hears_the_end():
    threads = torch.get_num_threads()
    listener = Listener(interrupt_at=1)
    with pytest.raises(KeyboardInterrupt):
        fit(bonsai(), *blobs(), QUICK, generator=generator(), progress=listener)
    assert listener.calls == [("begin", 9), ("epoch", 0), ("epoch", 1), ("end",)]
    assert torch.get_num_threads() == threads


def test_constant_features_get_no_weight():
    x, y = blobs()
    x[:, 3] = 0
    learner = bonsai()
    fit(learner, x, y, QUICK, generator=generator())
    assert learner.Z[:, 3].abs().max() == 0
    assert learner.Z[:, 2].abs().max() > 0


def test_training_that_goes_astray_says_so():
    with pytest.raises(
        BadInput, match=r"epoch 0, batch \d+: the loss is (nan|inf)\. Give a smaller learning_rate than 1e\+30"
    ):
        fit(bonsai(), *blobs(), dataclasses.replace(QUICK, learning_rate=1e30), generator=generator())


def test_a_bad_schedule_lists_all_that_is_wrong():
    with pytest.raises(BadInput) as caught:
        Schedule(epochs=2, batch_rows=0, learning_rate=-1, input_noise=float("nan"), patience=0)
    message = str(caught.value)
    for name in (
        "epochs is 2",
        "batch_rows is 0",
        "learning_rate is -1",
        "input_noise is nan",
        "patience is 0",
    ):
        assert name in message


def test_held_out_rows_are_the_same_share_of_each_class():
    classes = np.repeat([0, 1, 2], [100, 50, 25])
    held_out = held_out_rows(classes, 0.1, np.random.RandomState(0))
    assert np.bincount(classes[held_out]).tolist() == [10, 5, 2]
    assert not np.array_equal(held_out, held_out_rows(classes, 0.1, np.random.RandomState(1)))


def test_nothing_is_held_out_where_a_class_is_too_small():
    classes = np.repeat([0, 1], [100, 9])
    assert not held_out_rows(classes, 0.1, np.random.RandomState(0)).any()
    assert not held_out_rows(classes, 0, np.random.RandomState(0)).any()
    with pytest.raises(BadInput, match="validation_share is 1; allowed"):
        held_out_rows(classes, 1, np.random.RandomState(0))


def test_phases_have_their_shares_and_none_is_left_out():
    phases = (Phase("a", share=2), Phase("b", share=1), Phase("c", share=1e-9))
    settings = Schedule(epochs=8, batch_rows=20, phases=phases)
    assert settings.starts(90) == [0, 60, 89, 90]
    assert Schedule().starts(90) == [0, 30, 60, 90]
    history = fit(bonsai(), *blobs(), settings, generator=generator())
    assert [record["phase"] for record in history] == ["a"] * 5 + ["b"] * 2 + ["c"]


def test_a_phase_that_restarts_warms_up_anew():
    phases = (*DEFAULT_PHASES[:2], Phase("fixed", trim="keep", rounding="weights", restart=True))
    settings = Schedule(epochs=30, batch_rows=50, warm_up=0.1, phases=phases)
    rates = [record["rate"] for record in fit(bonsai(), *blobs(), settings, generator=generator())]
    assert np.argmax(rates[:20]) == 2  # warmed up after a tenth of the two phases before the restart
    assert rates[19] < 0.1 * max(rates) < rates[21]
    assert rates[29] < 0.1 * max(rates[20:])


def test_a_phase_that_cannot_be_is_refused():
    with pytest.raises(
        BadInput, match=r"The phase 'x' cannot be used:\n  - share is 0; allowed: above 0.\n  - trim is 'all'"
    ):
        Phase("x", share=0, trim="all")
    with pytest.raises(BadInput, match=r"phases is .*; allowed: one Phase or more"):
        Schedule(phases=("dense",))
    settings = Schedule(epochs=3, phases=(Phase("dense"),))
    with pytest.raises(BadInput, match="densities of Z ask for trimming, and no phase of the schedule trims"):
        fit(bonsai(), *blobs(), settings, generator=generator(), densities={"Z": 0.3})


class Spoilt(Bonsai):
    """Has a weight that is not finite after some batches."""

    def __init__(self, batches):
        super().__init__(6, 3, 4, 1, generator())
        self.left = batches

    def begin_step(self, phase_progress):
        super().begin_step(phase_progress)
        self.left -= 1
        if self.left == 0:
            self.Z.data[0, 0] = torch.nan


@pytest.mark.parametrize("batches", [20, 60])
def test_a_loss_that_is_not_finite_leaves_the_last_good_epoch(batches):
    learner, heard = Spoilt(batches), Listener()
    epoch = (batches - 1) // 8
    with pytest.warns(
        TrainingStopped, match=rf"epoch {epoch}, batch {(batches - 1) % 8}: the loss is nan.*that of epoch {epoch - 1}"
    ):
        history = fit(learner, *blobs(), QUICK, generator=generator(), densities={"Z": 0.4}, progress=heard)
    assert len(history) == epoch
    assert heard.calls[-1] == ("end",)
    good = Bonsai(6, 3, 4, 1, generator())
    stopping = Listener(interrupt_at=epoch - 1)
    with pytest.raises(KeyboardInterrupt):
        fit(good, *blobs(), QUICK, generator=generator(), densities={"Z": 0.4}, progress=stopping)
    assert 1 <= int((learner.Z != 0).sum()) <= int(0.4 * 24)  # thresholded, whatever the phase was
    kept = learner.Z != 0
    good.round_matrices()
    assert torch.allclose(learner.W, good.W)
    assert torch.allclose(learner.Z[kept], good.Z[kept])


def test_rows_that_are_not_finite_are_named():
    x, y = blobs()
    x[[17, 60]] = torch.nan
    with pytest.raises(BadData, match=r"NaN or infinity in the training rows 17, 60; clean them"):
        fit(bonsai(), x, y, QUICK, generator=generator())
    examples = Examples(torch.cat([blobs()[0], x]), y.repeat(2), rows_per_epoch=150)
    with pytest.raises(
        BadData, match=r"epoch 0, batch \d: the loss is nan. NaN or .* training rows (17|60) \(copy 1\)"
    ):
        train(bonsai(), examples, QUICK, objective=classification(), generator=generator())
    teacher = torch.zeros(150, 3)
    teacher[:8] = torch.inf
    examples = Examples(*blobs(), teacher)
    with pytest.raises(BadData, match=r"training rows 0, 1, 2, 3, 4 and 3 more; clean them, or what the teacher says"):
        train(bonsai(), examples, Schedule(epochs=3, batch_rows=150), objective=classification(), generator=generator())


def test_an_epoch_with_copies_is_no_longer():
    x, y = blobs()
    counts = []

    class Counting(Bonsai):
        def forward(self, x, hard=False):
            counts.append(len(x))
            return super().forward(x, hard)

    examples = Examples(x.repeat(5, 1), y.repeat(5), rows_per_epoch=150)
    train(Counting(6, 3, 4, 1, generator()), examples, QUICK, objective=classification(), generator=generator())
    assert sum(counts) == 9 * 150
