import dataclasses

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.frozen import FrozenEstimator

from edgewright import data
from edgewright.errors import BadData, BadInput, TrainingStopped, UnknownName
from edgewright.estimators import (
    BonsaiClassifier,
    FastGRNNClassifier,
    ProtoNNClassifier,
    load_estimator,
    save_estimator,
)
from edgewright.training import DEFAULT_PHASES, Phase, Progress, augmentations
from edgewright.training.cnn import CNNClassifier

DIGITS = data.get("digits").load()
X, Y = DIGITS.x_train[:400], DIGITS.y_train[:400]
NAMES = np.array([f"digit {number}" for number in range(10)])
LAST_WEIGHTS = {"label_smoothing": 0, "input_noise": 0, "validation_share": 0}
QUICK = {"epochs": 3, "random_state": 0}


@pytest.fixture(scope="module")
def cnn():
    return CNNClassifier(channels=8, epochs=4).fit(DIGITS.x_train, NAMES[DIGITS.y_train], (8, 8))


def test_copies_make_robust_and_a_teacher_is_imitated(cnn):
    settings = {"projection": 8, "prototypes": 20, "epochs": 20, "batch_rows": 20, "random_state": 0, "copies": 4}
    distort = {"augmentation": "affine", "image_shape": (8, 8)}
    plain, copied, taught = (
        ProtoNNClassifier(size_kb=None, **settings, **LAST_WEIGHTS, **more).fit(X, NAMES[Y])
        for more in ({}, distort, {**distort, "teacher": cnn})
    )
    apply = augmentations.get("affine").apply
    harder = apply(torch.tensor(DIGITS.x_test), 1.2, torch.Generator().manual_seed(0), (8, 8)).numpy()
    right = [model.score(harder, NAMES[DIGITS.y_test]) for model in (plain, copied)]
    assert right[1] > right[0] + 0.03
    theirs = np.log(cnn.predict_proba(DIGITS.x_test))
    apart = [
        (np.exp(theirs) * (theirs - np.log(model.predict_proba(DIGITS.x_test)))).sum(1).mean()
        for model in (copied, taught)
    ]
    assert apart[1] < 0.7 * apart[0]


def test_rows_of_an_image_as_steps_are_distorted_and_taught_as_images(cnn):
    settings = {"augmentation": "affine", "image_shape": (8, 8), "teacher": cnn, "copies": 2}
    model = FastGRNNClassifier(hidden=8, epochs=20, batch_rows=20, random_state=0, **LAST_WEIGHTS, **settings)
    model.fit(X.reshape(-1, 8, 8), NAMES[Y])
    assert model.score(DIGITS.x_test.reshape(-1, 8, 8), NAMES[DIGITS.y_test]) > 0.75


def test_the_built_in_teacher_is_trained_within(monkeypatch):
    fitted = []

    class Small(CNNClassifier):
        def fit(self, X, y, image_shape, *, progress=None):
            fitted.append((X.shape, image_shape))
            return self.set_params(epochs=1, channels=2, members=1).__class__.__base__.fit(
                self, X, y, image_shape, progress=progress
            )

    monkeypatch.setattr("edgewright.estimators._base.CNNClassifier", Small)
    model = BonsaiClassifier(teacher="cnn", image_shape=(8, 8), validation_share=0.25, **QUICK).fit(X, NAMES[Y])
    assert fitted[0][1] == (8, 8)
    assert 250 < fitted[0][0][0] < 310  # the validation rows are kept from the teacher too
    assert model.predict(X[:3]).shape == (3,)


def test_any_fitted_classifier_teaches():
    teacher = LinearDiscriminantAnalysis().fit(DIGITS.x_train[:, 20:40], DIGITS.y_train)
    model = ProtoNNClassifier(teacher=teacher, epochs=6, random_state=0)
    first = model.fit(X[:, 20:40], Y).decision_function(X[:, 20:40])
    assert not np.array_equal(
        first, ProtoNNClassifier(epochs=6, random_state=0).fit(X[:, 20:40], Y).decision_function(X[:, 20:40])
    )
    frozen = clone(ProtoNNClassifier(teacher=FrozenEstimator(teacher), epochs=6, random_state=0))
    assert np.array_equal(frozen.fit(X[:, 20:40], Y).decision_function(X[:, 20:40]), first)
    with pytest.raises(BadInput, match=r"is not fitted.*FrozenEstimator"):
        clone(model).fit(X[:, 20:40], Y)


def test_held_out_rows_are_judged_distorted():
    plain = BonsaiClassifier(epochs=12, random_state=0, input_noise=0).fit(DIGITS.x_train, DIGITS.y_train)
    judged = BonsaiClassifier(
        epochs=12, random_state=0, input_noise=0, augmentation="affine", image_shape=(8, 8), copies=2
    ).fit(DIGITS.x_train, DIGITS.y_train)
    assert judged.history_[-1]["validation_accuracy"] < plain.history_[-1]["validation_accuracy"] - 0.02


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"augmentation": "afine"}, UnknownName, "Did you mean 'affine'"),
        ({"augmentation": "affine"}, BadData, "affine distorts images: give image_shape"),
        ({"augmentation": "warp"}, BadData, "warp distorts sequences.*for tables noise"),
        ({"augmentation": "noise", "image_shape": (8, 8)}, BadData, "noise distorts tables.*For images choose affine"),
        ({"augmentation": "noise", "copies": 0}, BadInput, "copies is 0; allowed"),
        ({"augmentation": 3}, UnknownName, "no augmentation named '3'"),
        ({"augmentation": "affine", "image_shape": (-8, -8)}, BadInput, r"image_shape is \(-8, -8\); allowed"),
        ({"image_shape": (8, 9)}, BadInput, r"image_shape is \(8, 9\); allowed: .* product is the 64 values"),
        ({"image_shape": 64}, BadInput, "image_shape is 64; allowed"),
        ({"teacher": "cnn"}, BadInput, 'The teacher "cnn" sorts images into classes: give image_shape'),
        ({"teacher": "dnn"}, BadInput, "teacher is 'dnn'; allowed: a fitted classifier"),
        (
            {"teacher": LinearDiscriminantAnalysis().fit(X[Y < 5], Y[Y < 5])},
            BadInput,
            "knows the classes 0, 1, 2, 3, 4, and the data",
        ),
        (
            {"teacher": LinearDiscriminantAnalysis().fit(X[:, :9], Y)},
            BadInput,
            "fitted on 9 features, and these rows have 64",
        ),
        ({"phases": ("dense",)}, BadInput, "phases is .*; allowed: one Phase or more"),
        ({"phases": (Phase("dense"),), "density": 0.2}, BadInput, "no phase of the schedule trims"),
        ({"label_smoothing": 1}, BadInput, "label_smoothing is 1; allowed"),
    ],
)
@pytest.mark.filterwarnings("ignore:Variables are collinear")
def test_what_cannot_be_is_refused_by_name(parameters, error, message):
    with pytest.raises(error, match=message):
        BonsaiClassifier(**QUICK).set_params(**parameters).fit(X, Y)


def test_an_augmentation_for_tables_does_not_fit_sequences():
    sequences = X.reshape(-1, 8, 8)
    with pytest.raises(BadData, match=r"noise distorts tables.*for sequences warp"):
        FastGRNNClassifier(hidden=4, augmentation="noise", **QUICK).fit(sequences, Y)
    FastGRNNClassifier(hidden=4, augmentation="warp", copies=1, **QUICK).fit(sequences, Y)
    BonsaiClassifier(augmentation="noise", copies=1, **QUICK).fit(X, Y)


class Interrupt(Progress):
    def epoch(self, record):
        if record["epoch"] == 3:
            raise KeyboardInterrupt


@pytest.mark.parametrize("kind", [BonsaiClassifier, ProtoNNClassifier, FastGRNNClassifier])
def test_an_interrupted_fit_resumes_to_the_same_model(kind, tmp_path):
    x = X.reshape(-1, 8, 8) if kind is FastGRNNClassifier else X
    settings = {"augmentation": "affine", "image_shape": (8, 8), "copies": 1, "epochs": 6, "random_state": 0}
    whole = kind(**settings).fit(x, Y)
    path = tmp_path / "fit.checkpoint"
    model = kind(**settings)
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, Y, progress=Interrupt(), checkpoint=path)
    model.fit(x, Y, checkpoint=str(path))
    assert model.history_ == whole.history_
    assert np.array_equal(model.predict_proba(x), whole.predict_proba(x))
    with pytest.raises(BadInput, match=r"settings: learning_rate was 0.01, is 0.02"):
        kind(**settings, learning_rate=0.02).fit(x, Y, checkpoint=path)
    with pytest.raises(BadInput, match=r"data: x was .*\n.*|seed"):
        kind(**settings | {"random_state": 1}).fit(x, Y, checkpoint=path)


def test_a_fit_that_goes_astray_keeps_the_last_good_epoch():
    class Spoil(Progress):
        """Makes the weights NaN after the fourth epoch, as a division gone wrong would."""

        def epoch(self, record):
            if record["epoch"] == 3:
                learners[-1].W.data[:] = torch.nan

    learners = []

    class Watched(BonsaiClassifier.learner):
        def __init__(self, *args, **settings):
            super().__init__(*args, **settings)
            learners.append(self)

    model = type("Watched", (BonsaiClassifier,), {"learner": Watched})(epochs=9, random_state=0)
    with pytest.warns(TrainingStopped, match="epoch 4, batch 0: the loss is nan.*The model is that of epoch 3"):
        model.fit(X, Y, progress=Spoil())
    assert len(model.history_) == 4
    assert np.isfinite(model.decision_function(X)).all()
    assert model.size_bytes() <= 4096


def test_parameters_are_saved_but_for_the_fitted_teacher(cnn, tmp_path):
    phases = (*DEFAULT_PHASES[:2], dataclasses.replace(DEFAULT_PHASES[2], share=2.0, restart=True))
    settings = {"augmentation": "affine", "image_shape": (8, 8), "copies": 1, "phases": phases}
    model = BonsaiClassifier(teacher=cnn, **settings, **QUICK).fit(X, NAMES[Y])
    save_estimator(model, tmp_path / "model.estimator")
    loaded = load_estimator(tmp_path / "model.estimator")
    assert loaded.get_params() == model.get_params(deep=False) | {"teacher": None}
    assert np.array_equal(loaded.decision_function(X), model.decision_function(X))
