"""`edgewright build` and training: its history, its checkpoint, and the settings that training takes."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
from command_line import Edgewright

from edgewright import estimators, records
from edgewright.cli import _train
from edgewright.cli._command import guarded
from edgewright.cli._progress import Tracker
from edgewright.errors import TrainingStopped
from edgewright.training import Phase

EPOCHS = 6


def arguments(table: Path, out: Path, *others: object, model: str = "bonsai") -> list[object]:
    given = ["build", "--data", table, "--target", "label", "--model", model, "--board", "host", "--out", out]
    epochs = ["--set", f"epochs={EPOCHS}"] if model not in _train.FORESTS else []
    return [*given, *epochs, *others]


def digits(out: Path, *settings: str, model: str = "bonsai") -> list[object]:
    given = ["build", "--data", "digits", "--model", model, "--board", "host", "--out", out, "--set", "epochs=3"]
    return [*given, *(part for setting in settings for part in ("--set", setting))]


def weights_of(folder: Path) -> bytes:
    return (folder / "model.edgewright").read_bytes()


def test_the_history_is_a_record_and_a_plot(table: Path, tmp_path: Path, edgewright: Edgewright) -> None:
    out = tmp_path / "firmware"
    result = edgewright(*arguments(table, out, "--set", "validation_share=0.2"))
    assert result.code == 0, result.err
    deploy, training = records.read(out / "records.jsonl")
    assert (deploy.what, training.what, training.model) == ("deploy", "training", deploy.model)
    assert training.settings["epochs"] == training.numbers["epochs"] == EPOCHS
    history = estimators.load_estimator(out / "model.estimator").history_
    for key, column in training.tables["history"].items():
        assert column == [epoch[key] for epoch in history]
    wanted = {"epoch", "phase", "rate", "loss", "validation_loss", "validation_accuracy"}
    assert training.tables["history"].keys() == wanted
    page = (out / "report.html").read_text()
    assert "What each phase of gestures reached" in page
    assert "report.html" in result.out


def test_what_has_no_epochs_has_no_history(table: Path, tmp_path: Path, edgewright: Edgewright) -> None:
    out = tmp_path / "firmware"
    assert edgewright(*arguments(table, out, model="random-forest")).code == 0
    assert [record.what for record in records.read(out / "records.jsonl")] == ["deploy"]
    assert not (out / "report.html").exists()


def test_a_loss_that_is_not_finite_is_unknown_in_the_record() -> None:
    class Fitted:
        history_ = ({"phase": "dense", "loss": 1.0, "validation_loss": float("nan")},)

    (record,) = _train.training_records(Fitted(), "net")
    assert record.tables["history"] == {"phase": ["dense"], "loss": [1.0], "validation_loss": [None]}
    record.to_json()


def test_an_interrupted_training_goes_on_to_the_same_model(
    table: Path, tmp_path: Path, edgewright: Edgewright, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = tmp_path / "training.checkpoint"
    assert edgewright(*arguments(table, tmp_path / "whole")).code == 0
    advance, seen = Tracker.advance, []

    def interrupted(self: Tracker, *given: Any) -> None:
        seen.append(given)
        if len(seen) == 3:
            raise KeyboardInterrupt
        advance(self, *given)

    with monkeypatch.context() as patched:
        patched.setattr(Tracker, "advance", interrupted)
        stopped = edgewright(*arguments(table, tmp_path / "resumed", "--checkpoint", checkpoint))
    assert stopped.code == 130
    assert checkpoint.is_file()
    assert not (tmp_path / "resumed").exists()
    losses: list[float] = []
    batches = estimators.get("bonsai").learner.forward
    monkeypatch.setattr(
        estimators.get("bonsai").learner,
        "forward",
        lambda self, x, **more: (losses.append(len(x)), batches(self, x, **more))[1],
    )
    resumed = edgewright(*arguments(table, tmp_path / "resumed", "--checkpoint", checkpoint))
    assert resumed.code == 0, resumed.err
    assert weights_of(tmp_path / "resumed") == weights_of(tmp_path / "whole")
    went_on = len(losses)
    losses.clear()
    assert edgewright(*arguments(table, tmp_path / "again")).code == 0
    assert went_on < len(losses)  # what was done before was not done again


def test_the_checkpoint_of_another_training_is_refused(table: Path, tmp_path: Path, edgewright: Edgewright) -> None:
    checkpoint = tmp_path / "training.checkpoint"
    assert edgewright(*arguments(table, tmp_path / "first", "--checkpoint", checkpoint)).code == 0
    result = edgewright(*arguments(table, tmp_path / "second", "--checkpoint", checkpoint, "--seed", "1"))
    assert result.code == 2
    assert "belongs to another training" in result.err
    checkpoint.write_bytes(b"not one")
    result = edgewright(*arguments(table, tmp_path / "second", "--checkpoint", checkpoint))
    assert result.code == 2
    assert "is not a sound checkpoint" in result.err
    assert not (tmp_path / "second").exists()


@pytest.mark.parametrize("model", ["decision-tree", "random-forest"])
def test_trees_take_no_checkpoint(model: str, table: Path, tmp_path: Path, edgewright: Edgewright) -> None:
    result = edgewright(*arguments(table, tmp_path / "out", "--checkpoint", tmp_path / "file", model=model))
    assert result.code == 2
    assert f"trained in epochs, and {model} is not" in result.err


def test_a_checkpoint_has_its_place(table: Path, tmp_path: Path, edgewright: Edgewright) -> None:
    out = tmp_path / "out"
    inside = edgewright(*arguments(table, out, "--checkpoint", out / "file"))
    assert inside.code == 2
    assert "lies in the output folder" in inside.err
    searched = edgewright(*arguments(table, out, "--checkpoint", tmp_path / "file", "--fit", "flash=4K"))
    assert searched.code == 2
    assert "--fit trains several models" in searched.err


@pytest.mark.parametrize("model", ["bonsai", "fastgrnn"])
def test_augmentation_is_set_by_name(model: str, tmp_path: Path, edgewright: Edgewright) -> None:
    out = tmp_path / "out"
    more = ["hidden=4"] if model == "fastgrnn" else []
    result = edgewright(*digits(out, "augmentation=affine", "image_shape=[8,8]", "copies=1", *more, model=model))
    assert result.code == 0, result.err
    loaded = estimators.load_estimator(out / "model.estimator")
    assert (loaded.augmentation, loaded.image_shape, loaded.copies) == ("affine", (8, 8), 1)


def test_the_built_in_teacher_is_set_by_name(
    tmp_path: Path, edgewright: Edgewright, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edgewright.estimators import _base

    class Quick(_base.CNNClassifier):
        """A teacher of one epoch."""

        def __init__(self) -> None:
            super().__init__(members=1, channels=2, epochs=1)

    monkeypatch.setattr(_base, "CNNClassifier", Quick)
    out = tmp_path / "out"
    result = edgewright(*digits(out, "teacher=cnn", "image_shape=[8,8]"))
    assert result.code == 0, result.err
    assert estimators.load_estimator(out / "model.estimator").teacher == "cnn"


def test_phases_are_set_as_json(table: Path, tmp_path: Path, edgewright: Edgewright) -> None:
    out = tmp_path / "out"
    phases = '[{"name": "dense", "share": 2}, {"name": "thin", "trim": "choose", "rounding": "weights"}]'
    result = edgewright(*arguments(table, out, "--set", f"phases={phases}"))
    assert result.code == 0, result.err
    loaded = estimators.load_estimator(out / "model.estimator")
    assert loaded.phases == (Phase("dense", 2), Phase("thin", trim="choose", rounding="weights"))
    assert [epoch["phase"] for epoch in loaded.history_] == ["dense"] * 4 + ["thin"] * 2


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (["augmentation=afine"], "Did you mean 'affine'?"),
        (["augmentation=3"], "augmentation is 3; allowed: a name"),
        (["augmentation=warp"], "warp distorts sequences"),
        (["augmentation=affine"], "give image_shape=(height, width)"),
        (["augmentation=noise", "image_shape=[8,8]"], "noise distorts tables"),
        (["augmentation=affine", "image_shape=[16,16]"], "whose product is the 64 values of a row"),
        (["image_shape=8,8"], 'image_shape is "8,8"; allowed: [height, width]'),
        (["image_shape=[-8,-8]"], "two whole numbers from 1 on"),
        (["image_shape=[true,64]"], "two whole numbers from 1 on"),
        (["copies=two"], 'copies is "two"; allowed: a whole number'),
        (["copies=1.5"], "copies is 1.5; allowed: a whole number"),
        (["copies=null"], "copies is null; allowed: a whole number"),
        (["teacher=cnn"], "give image_shape=(height, width)"),
        (["teacher=forest"], 'teacher is "forest"; allowed: "cnn"'),
        (["phases=3"], "phases is 3; allowed: a list"),
        (['phases=[{"trim": "keep"}]'], "has no name"),
        (['phases=[{"nam": "dense"}]'], "Did you mean 'name'?"),
        (['phases=[{"name": "dense", "share": "x"}]'], "allowed: a number"),
        (['phases=[{"name": "dense", "trim": "often"}]'], "trim is 'often'"),
    ],
)
def test_a_wrong_setting_is_one_message(settings: list[str], said: str, tmp_path: Path, edgewright: Edgewright) -> None:
    result = edgewright(*digits(tmp_path / "out", *settings))
    assert result.code == 2
    assert said in result.err
    assert result.err.count("edgewright: ") == 1
    assert "Traceback" not in result.err
    assert not (tmp_path / "out").exists()


def test_wrong_settings_are_said_together(tmp_path: Path, edgewright: Edgewright) -> None:
    result = edgewright(*digits(tmp_path / "out", "augmentation=3", "copies=0", "teacher=forest"))
    assert all(name in result.err for name in ("augmentation is", "copies is", "teacher is"))


def test_training_that_stops_early_is_a_warning_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    guarded(lambda: warnings.warn(TrainingStopped("The loss is nan."), stacklevel=1))()
    assert capsys.readouterr().err == "edgewright: warning: The loss is nan.\n"
