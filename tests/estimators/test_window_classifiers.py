"""The classifiers that read windows of a sequence: EMI-RNN, ShaRNN and MSC-RNN."""

import numpy as np
import pytest
import torch
from sklearn.base import clone

from edgewright.errors import BadData, BadInput
from edgewright.estimators import (
    EMIClassifier,
    GRUClassifier,
    MSCClassifier,
    ShaRNNClassifier,
    load_estimator,
    save_estimator,
)
from edgewright.firmware import deploy
from edgewright.lowering import lower
from edgewright.nn._instances import NO_LEAD

STEPS, WINDOW = 48, 8
CLASSES = np.array(["noise", "up", "down"])
KINDS = np.array([0, 1, 2, 1, 2, 1, 2, 1, 2, 2])
MOSTLY_UP = np.array([0, 1, 1, 0, 1, 1, 0, 1, 1, 1])
QUICK = {"epochs": 16, "learning_rate": 0.03, "batch_rows": 20, "input_noise": 0.0, "random_state": 0}
WINDOWS = {"window": WINDOW, "stride": WINDOW, "consecutive": 1}


def signatures(n, seed, noise=0.6, kinds=KINDS):
    """Return rows of noise, all but the first class with a signature in one window, their classes, and those of the windows."""
    random = np.random.default_rng(seed)
    kinds = kinds[np.arange(n) % len(kinds)]
    x = random.normal(0, noise, (n, STEPS, 1)).astype(np.float32)
    at = random.integers(0, STEPS // WINDOW, n)
    for row, (place, kind) in enumerate(zip(at, kinds, strict=True)):
        x[row, place * WINDOW : (place + 1) * WINDOW, 0] += (0.0, 1.0, -1.0)[kind]
    of_windows = np.zeros((n, STEPS // WINDOW), np.intp)
    of_windows[np.arange(n), at] = kinds
    return x, CLASSES[kinds], of_windows


def emi(**more):
    return EMIClassifier(**{"hidden": 6, "background": "noise", **WINDOWS, **QUICK, **more})


def msc(**more):
    return MSCClassifier(**{"hidden": 4, "hidden_upper": 6, "clutter": "noise", **WINDOWS, **QUICK, **more})


MAKES = {
    "emi": emi,
    "emi, prune-ends": lambda: emi(policy="prune-ends"),
    "sharnn": lambda: ShaRNNClassifier(hidden=6, brick=WINDOW, **QUICK),
    "sharnn of a gru": lambda: ShaRNNClassifier(cell="gru", hidden=6, brick=WINDOW, **QUICK),
    "msc": msc,
}


@pytest.fixture(scope="module")
def fitted():
    x, y, _ = signatures(200, 0)
    return {name: make().fit(x, y) for name, make in MAKES.items()}


@pytest.fixture(scope="module")
def hard():
    """Rows whose windows are mostly noise, of a class that most rows have, and models with and without refinement."""
    x, y, of_windows = signatures(200, 0, noise=0.7, kinds=MOSTLY_UP)
    return x, y, of_windows, *(emi(rounds=rounds, exits="none").fit(x, y) for rounds in (3, 0))


def test_refinement_finds_the_windows_that_tell(hard):
    x, y, of_windows, refined, _ = hard
    learned = np.unique(y, return_inverse=True)[1]
    told = refined.module_.relabelled(
        torch.tensor(refined.standardiser_(x)), torch.tensor(learned), torch.tensor(learned)[:, None]
    )
    right = CLASSES[of_windows] == refined.classes_[told.numpy()]
    assert right.all(1).mean() > 0.85  # by chance one of six
    changed = [record["labels_changed"] for record in refined.history_ if "labels_changed" in record]
    assert len(changed) == 3
    assert changed[0] == 5 * (y == "up")[~_held_out(refined, x, y)].sum()


def _held_out(model, x, y):
    """Return which rows the model held out: those of the same draws."""
    from sklearn.utils import check_random_state

    from edgewright.training import held_out_rows

    random = check_random_state(model.random_state)
    random.randint(2**31 - 1)
    return held_out_rows(np.unique(y, return_inverse=True)[1], model.validation_share, random)


def test_without_refinement_the_accuracy_is_lower(hard):
    _, _, _, refined, plain = hard
    x, y, _ = signatures(600, 100, noise=0.7, kinds=MOSTLY_UP)
    assert refined.score(x, y) > plain.score(x, y) + 0.02
    assert not any("labels_changed" in record for record in plain.history_)
    for model in (refined, plain):
        model.module_.level.fill_(0.5)  # what a probability of a window says by itself
    assert refined.score(x, y) > 0.88
    assert plain.score(x, y) < 0.75  # nothing is noise: of the windows with noise, most come from other rows


def test_a_row_is_left_early_without_costing_accuracy(fitted):
    model = fitted["emi"]
    x, y, _ = signatures(400, 1)
    early, steps = model.score(x, y), model.steps_executed(x)
    assert 0.5 < float(model.module_.confidence) < 1
    assert steps.mean() < 0.75 * STEPS
    model.module_.confidence.fill_(1.0)
    model.module_.lead.fill_(NO_LEAD)
    assert (model.steps_executed(x) == STEPS).all()
    assert early > model.score(x, y) - 0.03


def test_thresholds_are_chosen_unless_given():
    x, y, _ = signatures(40, 0)
    module = emi(confidence=0.75, lead=0.25, epochs=6).fit(x, y).module_
    assert (float(module.confidence), float(module.lead)) == (0.75, 0.25)
    with pytest.raises(BadInput, match="allowed: a probability between 0 and 1"):
        emi(confidence=1.0, epochs=6).fit(x, y)


def test_windows_that_all_tell_are_added_up():
    random = np.random.default_rng(0)
    y = np.arange(400) % 3
    x = (random.normal(0, 1.5, (400, STEPS, 1)) + (y - 1)[:, None, None]).astype(np.float32)
    parameters = {"background": None, "rounds": 0}
    added, best = (emi(pooling=pooling, **parameters).fit(x[:200], y[:200]) for pooling in ("sum", "run"))
    assert added.score(x[200:], y[200:]) > best.score(x[200:], y[200:]) + 0.02
    assert added.steps_executed(x).mean() < 0.75 * STEPS
    shares = added.predict_proba(x[200:])
    assert np.allclose(shares.sum(1), 1, atol=1e-5)
    assert (shares.argmax(1) == added.predict(x[200:])).all()


def test_what_is_never_left_early_is_saved_too(tmp_path):
    x, y, _ = signatures(40, 0)
    model = emi(pooling="sum", exits="window", background=None, rounds=0, epochs=6).fit(x, y)
    save_estimator(model, tmp_path / "model")
    loaded = load_estimator(tmp_path / "model")
    assert (loaded.predict(x) == model.predict(x)).all()
    assert loaded.pooling == "sum"


@pytest.mark.parametrize("name", MAKES)
def test_it_learns(fitted, name):
    x, y, _ = signatures(400, 1)
    assert fitted[name].score(x, y) > 0.8  # the largest class has .5


@pytest.mark.parametrize("name", MAKES)
def test_the_c_says_what_the_twin_says(fitted, name):
    x, _, _ = signatures(40, 2)
    firmware = deploy(fitted[name], "nano33ble", x)
    verified = firmware.verify(x)
    assert verified.mismatches == {"host": 0, "unicorn": 0}
    assert (firmware.predict(x, engine="host") == fitted[name].predict(x)).mean() >= 0.95


@pytest.mark.parametrize("name", MAKES)
def test_it_is_saved_and_loaded(fitted, name, tmp_path):
    x, _, _ = signatures(30, 2)
    save_estimator(fitted[name], tmp_path / "model")
    loaded = load_estimator(tmp_path / "model")
    assert np.array_equal(loaded.decision_function(x), fitted[name].decision_function(x))
    assert loaded.get_params() == fitted[name].get_params()
    assert loaded.size_bytes() == fitted[name].size_bytes()


@pytest.mark.parametrize("name", MAKES)
def test_the_size_is_known_before_training_and_kept(fitted, name):
    model = clone(fitted[name]).set_params(hidden=None, size_kb=0.4, epochs=9)
    if "hidden_upper" in model.get_params():
        model.set_params(hidden_upper=None)
    x, y, _ = signatures(40, 0)
    model.fit(x, y)
    assert 0.2 * 1024 < model.size_bytes() <= 0.4 * 1024
    with pytest.raises(BadInput, match="the smallest takes"):
        model.set_params(size_kb=0.01).fit(x, y)


@pytest.mark.parametrize("name", MAKES)
def test_a_seed_gives_the_same_model_again(fitted, name):
    x, y, _ = signatures(40, 0)
    first, second = (clone(fitted[name]).set_params(epochs=8).fit(x, y) for _ in range(2))
    assert np.array_equal(first.decision_function(x), second.decision_function(x))


def test_probabilities_of_a_sequence_sum_to_one(fitted):
    x, _, _ = signatures(30, 2)
    shares = fitted["emi"].predict_proba(x)
    assert np.allclose(shares.sum(1), 1)
    assert np.array_equal(fitted["emi"].classes_[shares.argmax(1)], fitted["emi"].predict(x))


def test_phases_that_are_given_are_saved_with_the_parts_that_they_train(tmp_path):
    from edgewright.training import Phase

    x, y, _ = signatures(40, 0)
    phases = (Phase("lower", trains=("lower",), relabel=True), Phase("both", every_step=True, rate=0.5))
    model = msc(phases=phases, epochs=2).fit(x, y)
    save_estimator(model, tmp_path / "model")
    assert load_estimator(tmp_path / "model").phases == phases


def test_defaults_follow_from_the_steps():
    x, y, _ = signatures(40, 0)
    module = EMIClassifier(hidden=4, epochs=7).fit(x, y).module_
    assert (module.instances.window, module.instances.stride, module.instances.consecutive) == (16, 5, 2)
    assert module.instances.background is None
    assert ShaRNNClassifier(hidden=4, epochs=3).fit(x, y).module_.brick == 7
    cascade = MSCClassifier(hidden=4, epochs=8).fit(x, y).module_
    assert (cascade.clutter, cascade.upper.layer.hidden) == (0, 4)


def test_less_is_computed_than_by_one_recurrence_over_all_steps():
    x, y, _ = signatures(40, 0)
    shallow = ShaRNNClassifier(hidden=8, brick=WINDOW, epochs=3).fit(x, y)
    whole = GRUClassifier(hidden=8, epochs=3).fit(x, y)
    scans = [node.op for node in lower(shallow).nodes]
    assert scans == ["windows", "scan", "scan", "dense"]
    assert [node.op for node in lower(whole).nodes] == ["scan", "dense"]


def test_what_cannot_be_is_refused_in_words():
    x, y, _ = signatures(20, 0)
    with pytest.raises(BadInput, match="background is 'hum', which is no class of y; the classes are down, noise, up"):
        emi(background="hum").fit(x, y)
    with pytest.raises(BadInput, match="clutter is 'hum', which is no class of y"):
        msc(clutter="hum").fit(x, y)
    with pytest.raises(BadInput, match="A row has 48 steps, and 1 windows of 49 steps"):
        emi(window=49).fit(x, y)
    with pytest.raises(BadInput, match="brick is 49, and a sequence has 48 steps"):
        ShaRNNClassifier(brick=49, epochs=3).fit(x, y)
    with pytest.raises(BadInput, match="rounds is -1"):
        emi(rounds=-1).fit(x, y)
    with pytest.raises(BadInput, match="state_view is 'int4'"):
        emi(state_view="int4").fit(x, y)
    with pytest.raises(BadData, match="reads sequences"):
        emi().fit(x[:, :, 0], y)
    with pytest.raises(BadData, match="one class only"):
        msc().fit(x, np.full(20, "noise"))
