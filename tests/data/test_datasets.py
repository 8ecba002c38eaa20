import numpy as np
import pytest

from edgewright import data
from edgewright.data import Split, _local
from edgewright.errors import BadData, UnknownName


def load_or_skip(name):
    try:
        return data.get(name).load()
    except BadData as error:
        if "is not on this machine" not in str(error):
            raise
        pytest.skip(f"the dataset {name} is neither bundled, nor under EDGEWRIGHT_DATA, nor in the cache")


@pytest.mark.parametrize("name", data.names())
def test_a_dataset_is_finite_labelled_and_split(name):
    split = load_or_skip(name)
    assert split.x_train.dtype == split.x_test.dtype
    assert split.x_train.dtype in (np.float32, np.int16)
    assert len(split.x_train) == len(split.y_train) > 0
    assert len(split.x_test) == len(split.y_test) > 0
    assert np.isfinite(split.x_train).all()
    assert np.isfinite(split.x_test).all()
    assert tuple(map(str, np.unique(split.y_train))) == split.labels == tuple(map(str, np.unique(split.y_test)))
    entry = data.get(name)
    assert all((entry.doc, entry.source, entry.licence))


def test_digits_are_split_as_everywhere():
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    x, y = load_digits(return_X_y=True)
    _, x_test, _, y_test = train_test_split(x, y, test_size=540, stratify=y, random_state=0)
    split = data.get("digits").load()
    assert np.array_equal(split.x_test, x_test)
    assert np.array_equal(split.y_test, y_test)
    assert split.x_train.shape == (1257, 64)


def test_rows_are_read_as_sequences_of_lines():
    split = data.get("digits").load()
    sequences = split.as_sequences()
    assert sequences.x_train.shape == (1257, 8, 8)
    assert np.array_equal(sequences.x_test[3, 2], split.x_test[3, 16:24])
    assert sequences.as_sequences() is sequences


def test_rows_without_a_shape_are_no_sequences():
    x, y = np.zeros((4, 5), np.float32), np.arange(4)
    with pytest.raises(BadData, match=r"5 features are no sequences.*\[n, steps, features\]"):
        Split(x, y, x, y, ("0", "1", "2", "3")).as_sequences()


def test_an_unknown_dataset_suggests_the_nearest():
    with pytest.raises(UnknownName, match=r"dataset named 'digit'\. Did you mean 'digits'"):
        data.get("digit")


@pytest.fixture
def no_cache(monkeypatch, tmp_path):
    monkeypatch.setattr(_local.platformdirs, "user_cache_path", lambda name: tmp_path / "cache" / name)
    monkeypatch.delenv("EDGEWRIGHT_CACHE", raising=False)
    monkeypatch.setenv("EDGEWRIGHT_DATA", str(tmp_path))
    return tmp_path


def test_a_missing_dataset_says_where_to_get_it_and_where_to_put_it(no_cache):
    with pytest.raises(BadData) as caught:
        data.get("usps").load()
    message = str(caught.value)
    assert str(no_cache / "usps" / "usps.npz") in message
    assert str(no_cache / "cache" / "edgewright" / "data" / "usps" / "usps.npz") in message
    assert "https://" in message
    assert "numpy.savez" in message


def test_without_the_variable_the_message_names_it(no_cache, monkeypatch):
    monkeypatch.delenv("EDGEWRIGHT_DATA")
    with pytest.raises(BadData, match="EDGEWRIGHT_DATA is not set"):
        data.get("mnist").load()


def save_images(folder, **changes):
    arrays = {
        "x_train": np.zeros((3, 16, 16), np.float32),
        "y_train": np.arange(3, dtype=np.uint8),
        "x_test": np.zeros((2, 16, 16), np.float32),
        "y_test": np.arange(2, dtype=np.uint8),
    } | changes
    (folder / "usps").mkdir()
    np.savez(folder / "usps" / "usps.npz", **arrays)
    return arrays


def test_other_arrays_than_the_published_ones_are_refused(no_cache):
    save_images(no_cache)
    with pytest.raises(BadData, match="does not hold the published arrays of usps: their SHA-256 is"):
        data.get("usps").load()


def test_the_right_arrays_are_taken_from_the_cache_too(no_cache):
    arrays = save_images(no_cache)
    (no_cache / "cache" / "edgewright" / "data").mkdir(parents=True)
    (no_cache / "usps").rename(no_cache / "cache" / "edgewright" / "data" / "usps")
    split = _local.load_images("usps", "", _local.digest(arrays))
    assert split.x_train.shape == (3, 256)
    assert split.sequence == (16, 16)


def test_a_damaged_file_is_one_clear_message(no_cache):
    save_images(no_cache)
    path = no_cache / "usps" / "usps.npz"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(BadData, match="cannot be read as the dataset usps"):
        data.get("usps").load()


def test_the_digest_covers_names_shapes_dtypes_and_values():
    base = {"a": np.arange(6, dtype=np.int16)}
    others = [
        {"b": base["a"]},
        {"a": base["a"].reshape(2, 3)},
        {"a": base["a"].astype(np.int32)},
        {"a": base["a"][::-1]},
    ]
    digests = {_local.digest(arrays) for arrays in [base, *others]}
    assert len(digests) == 5
    assert _local.digest({"a": base["a"].copy()}) == _local.digest(base)
