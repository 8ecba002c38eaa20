import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from sklearn.exceptions import NotFittedError

from edgewright import data
from edgewright.errors import BadData, BadInput, BadModelFile
from edgewright.training import Progress
from edgewright.training.cnn import CNNClassifier, load_cnn, save_cnn

DIGITS = data.get("digits").load()
NAMES = np.array([f"digit {number}" for number in range(10)])
QUICK = {"channels": 4, "epochs": 1, "batch_rows": 20, "members": 1}


@pytest.fixture(scope="module")
def teacher():
    return CNNClassifier(channels=8, epochs=4, batch_rows=50).fit(DIGITS.x_train, NAMES[DIGITS.y_train], (8, 8))


def test_it_learns_digits(teacher):
    assert (teacher.predict(DIGITS.x_test) == NAMES[DIGITS.y_test]).mean() > 0.9
    assert len(teacher.history_) == 8
    assert teacher.history_[3]["loss"] < teacher.history_[0]["loss"]
    assert teacher.n_features_in_ == 64


def test_its_scores_are_the_mean_of_its_networks(teacher):
    rows = DIGITS.x_test[:5]
    images = torch.tensor((rows - teacher.level_) / teacher.span_, dtype=torch.float32).view(-1, 1, 8, 8)
    own = [network(images) for network in teacher.networks_]
    assert not torch.allclose(own[0], own[1])
    assert np.allclose(teacher.scores(rows), (own[0] + own[1]) / 2, atol=1e-5)
    assert np.allclose(teacher.predict_proba(rows).sum(1), 1, atol=1e-6)
    assert np.allclose(teacher.scores(rows.reshape(-1, 8, 8)), teacher.scores(rows), atol=1e-6)


@pytest.mark.parametrize("shape", [(8, 8), (16, 16), (12, 20), (28, 28)])
def test_any_size_of_image(shape):
    x = np.random.default_rng(0).integers(0, 256, (60, *shape), dtype=np.uint8)
    teacher = CNNClassifier(**QUICK).fit(x, np.arange(60) % 3, shape)
    assert teacher.scores(x).shape == (60, 3)


def test_the_same_seed_gives_the_same_teacher_and_the_world_is_left_alone():
    x, y = DIGITS.x_train[:100], DIGITS.y_train[:100]
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    first, second, other = (CNNClassifier(**QUICK, random_state=seed).fit(x, y, (8, 8)).scores(x) for seed in (0, 0, 1))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads


def test_it_is_saved_and_loaded(teacher, tmp_path):
    path = tmp_path / "teacher.safetensors"
    save_cnn(teacher, path)
    loaded = load_cnn(path)
    assert np.array_equal(loaded.scores(DIGITS.x_test), teacher.scores(DIGITS.x_test))
    assert loaded.classes_.tolist() == NAMES.tolist()
    assert loaded.get_params() == teacher.get_params()
    assert loaded.history_ == teacher.history_


def test_files_that_are_no_teacher_are_refused(teacher, tmp_path):
    path = tmp_path / "teacher.safetensors"
    with pytest.raises(BadModelFile, match="cannot be read"):
        load_cnn(path)
    save_cnn(teacher, path)
    content, random = path.read_bytes(), np.random.default_rng(0)
    for _ in range(40):
        damaged = bytearray(content)
        for place in random.integers(0, 1500, 3):
            damaged[place] = random.integers(256)
        path.write_bytes(bytes(damaged))
        try:
            load_cnn(path)  # a digit of the history may have changed
        except BadModelFile:
            continue
    path.write_bytes(content[:-5])
    with pytest.raises(BadModelFile, match="not a sound teacher file"):
        load_cnn(path)
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(BadModelFile, match="does not come from save_cnn"):
        load_cnn(path)


def test_weights_that_are_not_finite_are_refused(teacher, tmp_path):
    from safetensors import safe_open

    path = tmp_path / "teacher.safetensors"
    save_cnn(teacher, path)
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    tensors = load_file(path)
    tensors["0.0.weight"][0] = torch.nan
    save_file(tensors, path, metadata)
    with pytest.raises(BadModelFile, match="a weight is not finite"):
        load_cnn(path)


def test_progress_is_told_and_an_interruption_leaves_nothing():
    class Stop(Progress):
        calls = ()

        def begin(self, epochs):
            self.calls += (epochs,)

        def epoch(self, record):
            self.calls += (record["epoch"],)
            if record["epoch"] == 2:
                raise KeyboardInterrupt

        def end(self):
            self.calls += ("end",)

    listener, teacher = Stop(), CNNClassifier(channels=2, epochs=2, members=2)
    with pytest.raises(KeyboardInterrupt):
        teacher.fit(DIGITS.x_train[:60], DIGITS.y_train[:60], (8, 8), progress=listener)
    assert listener.calls == (4, 0, 1, 2, "end")
    with pytest.raises(NotFittedError):
        teacher.scores(DIGITS.x_test)


@pytest.mark.parametrize(
    ("x", "y", "shape", "message"),
    [
        (np.zeros((4, 64)), [0, 1, 0, 1], (8, 7), r"8 x 7 values an image; its shape is \(4, 64\)"),
        (np.zeros((4, 6)), [0, 1, 0, 1], (2, 3), r"image_shape is \(2, 3\); allowed: sides from 4"),
        (np.full((4, 64), np.nan), [0, 1, 0, 1], (8, 8), "NaN or infinity"),
        (np.zeros((4, 64)), [0, 1, 0], (8, 8), "one label for each of the 4 images"),
        (np.zeros((4, 64)), [1, 1, 1, 1], (8, 8), "one class only"),
        ([["a"] * 64] * 4, [0, 1, 0, 1], (8, 8), "does not hold numbers"),
    ],
)
def test_data_that_cannot_be_used_are_refused(x, y, shape, message):
    with pytest.raises(BadData, match=message):
        CNNClassifier(**QUICK).fit(x, y, shape)


def test_bad_parameters_are_all_named():
    with pytest.raises(
        BadInput, match=r"members is 0; (.|\n)*epochs is 0; (.|\n)*peak_rate is nan; (.|\n)*dropout is 1;"
    ):
        CNNClassifier(members=0, epochs=0, peak_rate=float("nan"), dropout=1).fit(np.zeros((2, 64)), [0, 1], (8, 8))


def test_a_teacher_that_goes_astray_says_so():
    with pytest.raises(BadInput, match=r"the loss is (nan|inf) in epoch 0. Give a smaller peak_rate than 1e\+30"):
        CNNClassifier(channels=2, epochs=2, peak_rate=1e30, batch_rows=10).fit(
            DIGITS.x_train[:100], DIGITS.y_train[:100], (8, 8)
        )
