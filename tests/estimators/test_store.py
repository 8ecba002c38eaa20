import json
import struct

import numpy as np
import pytest
from learners import fewest_epochs, reads_sequences
from sklearn.exceptions import NotFittedError

from edgewright import data, estimators
from edgewright.errors import BadInput, BadModelFile, CannotWrite
from edgewright.estimators import (
    BonsaiClassifier,
    BonsaiRegressor,
    ProtoNNClassifier,
    load_estimator,
    save_estimator,
)

DIGITS = data.get("digits").load()
X, Y = DIGITS.x_train[:200], DIGITS.y_train[:200]
ROWS = np.array(["nought", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "model.safetensors"
    save_estimator(BonsaiClassifier(size_kb=1, epochs=3, random_state=0).fit(X, Y), path)
    return path


@pytest.mark.parametrize(
    "labels", [Y, ROWS[Y], ROWS[Y].astype(object), Y > 4, Y * 1.0], ids=["int", "text", "object", "bool", "float"]
)
@pytest.mark.parametrize("name", [name for name in estimators.names() if not name.endswith("regressor")])
def test_a_saved_estimator_comes_back_the_same(tmp_path, name, labels):
    x = X.reshape(-1, 8, 8) if reads_sequences(name) else X
    model = estimators.get(name)(size_kb=1, epochs=fewest_epochs(name), random_state=0).fit(x, labels)
    save_estimator(model, tmp_path / "model")
    loaded = load_estimator(tmp_path / "model")
    assert type(loaded) is type(model)
    assert loaded.get_params() == model.get_params()
    assert loaded.classes_.dtype == model.classes_.dtype
    assert np.array_equal(loaded.predict(x), model.predict(x))
    assert np.array_equal(loaded.predict_proba(x), model.predict_proba(x))
    assert loaded.size_bytes() == model.size_bytes()
    assert loaded.history_ == model.history_
    save_estimator(loaded, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "model").read_bytes()


@pytest.mark.parametrize("targets", [Y * 2.5 - 7, np.stack([Y, -Y], 1)], ids=["one", "two"])
def test_a_saved_regressor_comes_back_the_same(tmp_path, targets):
    model = BonsaiRegressor(size_kb=1, epochs=3, random_state=0).fit(X, targets)
    save_estimator(model, tmp_path / "model")
    loaded = load_estimator(tmp_path / "model")
    assert np.array_equal(loaded.predict(X), model.predict(X))
    assert loaded.predict(X).shape == targets.shape
    assert loaded.size_bytes() == model.size_bytes()


def test_a_saved_model_of_several_labels_comes_back_the_same(tmp_path):
    model = ProtoNNClassifier(size_kb=1, epochs=3, random_state=0).fit(X, (Y[:, None] >> np.arange(3)) & 1)
    save_estimator(model, tmp_path / "model")
    loaded = load_estimator(tmp_path / "model")
    assert np.array_equal(loaded.predict_proba(X), model.predict_proba(X))
    assert loaded.predict(X).shape == (len(X), 3)


def test_a_loaded_estimator_checks_its_input_and_can_be_fitted_again(saved):
    loaded = load_estimator(saved)
    with pytest.raises(ValueError, match="X has 9 features, but BonsaiClassifier is expecting 64 features"):
        loaded.predict(X[:, :9])
    expected = loaded.predict_proba(X)
    assert np.array_equal(loaded.fit(X, Y).predict_proba(X), expected)


def test_only_fitted_estimators_are_saved(tmp_path):
    with pytest.raises(NotFittedError):
        save_estimator(BonsaiClassifier(), tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_what_json_cannot_hold_is_refused(tmp_path):
    model = BonsaiClassifier(size_kb=1, epochs=3, random_state=np.random.RandomState(0)).fit(X, Y)
    with pytest.raises(BadInput, match="cannot be saved, only numbers, text and None: random_state"):
        save_estimator(model, tmp_path / "model")


def test_an_estimator_of_somebody_else_is_refused(tmp_path):
    class Mine(BonsaiClassifier):
        pass

    with pytest.raises(BadInput, match="Mine is none of our estimators"):
        save_estimator(Mine(size_kb=1, epochs=3, random_state=0).fit(X, Y), tmp_path / "model")


def test_a_place_that_cannot_be_written_is_one_message(saved, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotWrite):
        save_estimator(load_estimator(saved), tmp_path / "file" / "model")


def edited(path, folder, change_document=None, change_arrays=None):
    """A copy of a saved file with another description or other arrays."""
    from safetensors import safe_open
    from safetensors.numpy import save

    with safe_open(path, framework="numpy") as file:
        document = json.loads(file.metadata()["edgewright"])
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if change_document:
        change_document(document)
    if change_arrays:
        change_arrays(arrays)
    copy = folder / "copy"
    copy.write_bytes(save(arrays, {"edgewright": json.dumps(document)}))
    return copy


def test_the_copy_of_a_sound_file_is_sound(saved, tmp_path):
    assert np.array_equal(load_estimator(edited(saved, tmp_path)).predict(X), load_estimator(saved).predict(X))


BAD_DOCUMENTS = {
    "another format": lambda d: d.update(format="other"),
    "a later version": lambda d: d.update(version=3),
    "an unknown estimator": lambda d: d.update(estimator="os"),
    "another estimator": lambda d: d.update(estimator="protonn"),
    "unknown parameters": lambda d: d["parameters"].update(evil=1),
    "no parameters": lambda d: d.pop("parameters"),
    "huge settings": lambda d: d["settings"].update(projection=10**12),
    "a huge tree": lambda d: d["settings"].update(depth=60000),
    "fractional settings": lambda d: d["settings"].update(projection=1.5),
    "unknown settings": lambda d: d["settings"].update(evil=1),
    "other settings": lambda d: d["settings"].update(projection=1),
    "one class": lambda d: d.update(classes=[1]),
    "equal classes": lambda d: d.update(classes=[1] * 10),
    "nested classes": lambda d: d.update(classes=[[1]] * 10),
    "other classes": lambda d: d.update(classes=list("abcdefghij")),
    "classes of a strange dtype": lambda d: d.update(classes_dtype="V8"),
    "no standardisation": lambda d: d.update(standardise="none"),
    "another number of features": lambda d: d.update(n_features_in_=63),
    "no history": lambda d: d.update(history=None),
    "strange feature names": lambda d: d.update(feature_names=[1]),
}


@pytest.mark.parametrize("case", BAD_DOCUMENTS)
def test_a_bad_description_is_refused(saved, tmp_path, case):
    path = edited(saved, tmp_path, change_document=BAD_DOCUMENTS[case])
    with pytest.raises(BadModelFile, match="is not a sound estimator file"):
        load_estimator(path)


BAD_ARRAYS = {
    "a missing matrix": lambda a: a.pop("module.Z"),
    "another matrix": lambda a: a.update({"module.evil": np.zeros(3, np.float32)}),
    "another shape": lambda a: a.update({"module.bias": np.zeros(3, np.float32)}),
    "another dtype": lambda a: a.update({"module.bias": a["module.bias"].astype(np.float64)}),
    "not finite weights": lambda a: a.update({"module.bias": a["module.bias"] * np.float32(np.nan)}),
    "a scale of zero": lambda a: a.update(scale=a["scale"] * 0),
    "a missing mean": lambda a: a.pop("mean"),
}


@pytest.mark.parametrize("case", BAD_ARRAYS)
def test_bad_arrays_are_refused(saved, tmp_path, case):
    path = edited(saved, tmp_path, change_arrays=BAD_ARRAYS[case])
    with pytest.raises(BadModelFile, match="is not a sound estimator file"):
        load_estimator(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(BadModelFile, match="cannot be read"):
        load_estimator(tmp_path / "nothing")
    with pytest.raises(BadModelFile):
        load_estimator(tmp_path)


@pytest.mark.parametrize(
    "content",
    [b"", b"\x80\x04}.", b"{}", struct.pack("<Q", 2**62) + b"{}", struct.pack("<Q", 2) + b"{}"],
    ids=["empty", "pickle", "json", "header longer than the file", "no description"],
)
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "model"
    path.write_bytes(content)
    with pytest.raises(BadModelFile):
        load_estimator(path)


def test_damaged_files_never_escape_as_other_errors(saved, tmp_path):
    sound = saved.read_bytes()
    generator = np.random.default_rng(0)
    path = tmp_path / "model"
    refused = 0
    for _ in range(200):
        damaged = bytearray(sound)
        for position in generator.integers(0, min(len(sound), 3000), 3):
            damaged[position] = generator.integers(256)
        path.write_bytes(damaged[: generator.integers(len(sound))] if generator.random() < 0.3 else damaged)
        try:
            load_estimator(path)
        except BadModelFile:
            refused += 1
    assert refused > 100
