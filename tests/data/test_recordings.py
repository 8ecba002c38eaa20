import os

import numpy as np
import pytest
from scipy.io import wavfile

from edgewright.data import _wav, tables
from edgewright.data.recordings import read_recordings
from edgewright.data.tables import split_table
from edgewright.errors import BadData

NOISE = np.random.default_rng(0)


def wav(path, samples=400, hertz=16_000):
    path.parent.mkdir(parents=True, exist_ok=True)
    values = samples if isinstance(samples, np.ndarray) else NOISE.integers(-9000, 9000, samples).astype(np.int16)
    wavfile.write(path, hertz, values)
    return values


@pytest.fixture
def folder(tmp_path):
    """Two words of four speakers each, as Speech Commands names them."""
    for word in ("no", "yes"):
        for speaker in "abcd":
            for take in range(2):
                wav(tmp_path / "words" / word / f"{speaker}_nohash_{take}.wav")
    return tmp_path / "words"


def refused(folder, *said, **settings):
    with pytest.raises(BadData) as caught:
        read_recordings(folder, **settings)
    for text in said:
        assert text in str(caught.value)


def test_audio_stays_as_16_bit_samples_with_class_speaker_and_rate(folder):
    samples = wav(folder / "yes" / "d_nohash_1.wav")
    table = read_recordings(folder)
    assert table.x.dtype == np.int16
    assert np.array_equal(table.x[-1], samples)
    assert table.x.shape == (16, 400)
    assert (table.sequence, table.hertz) == ((400, 1), 16_000.0)
    assert table.label_names == ("no", "yes")
    assert table.groups.tolist() == list("aabbccdd") * 2


def test_no_speaker_is_in_both_parts_of_the_split(folder):
    table = read_recordings(folder)
    split = split_table(table, 0.25, random_state=3)
    seen_in_training = {samples.tobytes() for samples in split.x_train}
    speakers = {group for x, group in zip(table.x, table.groups, strict=True) if x.tobytes() not in seen_in_training}
    assert len(split.x_test) == 4
    assert set(split.groups_train) | speakers == set("abcd")
    assert not set(split.groups_train) & speakers
    assert np.array_equal(split_table(table, 0.25, random_state=3).x_test, split.x_test)
    assert split.hertz == 16_000.0


def test_a_class_of_one_speaker_cannot_be_split(folder):
    for speaker in "bcd":
        for take in range(2):
            (folder / "no" / f"{speaker}_nohash_{take}.wav").unlink()
    with pytest.raises(BadData, match="at least 2 groups; of one group only: no"):
        split_table(read_recordings(folder))


def test_a_table_of_labels_rules_over_the_subfolders(tmp_path):
    for number in range(4):
        np.save(tmp_path / f"{number}.npy", np.arange(30.0).reshape(10, 3) + number)
    (tmp_path / "labels.csv").write_text("file,label,group\n0.npy,up,x\n1.npy,down,x\n2.npy,up,y\n3.npy,down,y\n")
    table = read_recordings(tmp_path, hertz=50)
    assert table.x.dtype == np.float32
    assert table.x.shape == (4, 10, 3)
    assert table.y.tolist() == ["up", "down", "up", "down"]
    assert table.groups.tolist() == ["x", "x", "y", "y"]
    assert (table.sequence, table.hertz) == (None, 50)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,label\n0.npy,up\n", "has the columns name, label; file,label or"),
        ("file,label\n0.npy,\n", "line 2 lacks a file or a label"),
        ("file,label\n../0.npy,up\n", "line 2: ../0.npy lies outside the folder"),
        ("file,label\n0.npy,up\n0.npy,down\n", "line 3: 0.npy was named before"),
        ("file,label\n0.mp3,up\n", "0.mp3 does not end in .wav, .csv, .npy"),
        ("file,label\n0.npy,up\n7.npy,down\n", "7.npy cannot be read: No such file"),
        ("file,label\n", "names no recordings"),
    ],
)
def test_a_bad_table_of_labels_says_the_line(tmp_path, text, said):
    np.save(tmp_path / "0.npy", np.arange(10.0))
    (tmp_path / "labels.csv").write_text(text)
    refused(tmp_path, said)


def test_lengths_that_differ_need_a_length(folder):
    long = wav(folder / "yes" / "d_nohash_1.wav", 500)
    short = wav(folder / "no" / "a_nohash_0.wav", 300)
    refused(
        folder, "shortest is no/a_nohash_0.wav (300", "longest yes/d_nohash_1.wav (500", "14 of 16 have 400", "--length"
    )
    table = read_recordings(folder, length=450)
    assert np.array_equal(table.x[-1], long[:450])
    assert np.array_equal(table.x[0], [*short, *[0] * 150])
    assert any("1 recordings were cut to 450 samples, 15 were padded" in warning for warning in table.warnings)


def test_sensors_are_padded_with_their_last_step(tmp_path):
    for number, label in enumerate("abab"):
        (tmp_path / label).mkdir(exist_ok=True)
        rows = np.arange(2 * (3 + number)).reshape(-1, 2)
        (tmp_path / label / f"{number}.csv").write_text("x,y\n" + "\n".join(f"{x},{y}" for x, y in rows))
    table = read_recordings(tmp_path, length=5)
    assert table.x[0].tolist() == [[0, 1], [2, 3], [4, 5], [4, 5], [4, 5]]


def test_rates_that_differ_or_are_not_those_asked_for(folder):
    refused(folder, "16,000 samples a second, 8,000 are asked for", hertz=8000)
    wav(folder / "no" / "z.wav", hertz=8000)
    refused(folder, "numbers of samples a second differ", "8,000 in 1 (no/z.wav)", "16,000 in 16", "Resample")


def test_clipped_and_silent_audio_is_named(folder):
    loud = np.clip(NOISE.normal(0, 40_000, 400), -32768, 32767).astype(np.int16)
    loud[10:14] = 32767
    wav(folder / "no" / "loud.wav", loud)
    wav(folder / "yes" / "quiet.wav", np.zeros(400, np.int16))
    said = [warning.removeprefix(f"{folder}: ") for warning in read_recordings(folder).warnings]
    assert "audio that seems clipped (recorded too loudly): no/loud.wav." in said
    assert "audio that is silent: yes/quiet.wav." in said


def test_all_unreadable_files_are_named_at_once(folder):
    (folder / "no" / "text.wav").write_text("no audio")
    whole = (folder / "no" / "a_nohash_0.wav").read_bytes()
    (folder / "no" / "cut.wav").write_bytes(whole[:20])
    (folder / "yes" / "broken.wav").symlink_to(folder / "nowhere.wav")
    (folder / "yes" / "loop.wav").symlink_to("loop.wav")
    wav(folder / "yes" / "empty.wav", np.zeros(0, np.int16))
    wav(folder / "yes" / "three.wav", np.zeros((400, 3), np.int16))
    refused(folder, "no/text.wav", "no/cut.wav", "yes/broken.wav", "yes/loop.wav", "yes/empty.wav", "3 channels")


def test_a_wav_that_claims_more_than_it_holds_is_not_believed(folder):
    path = folder / "no" / "a_nohash_0.wav"
    whole = bytearray(path.read_bytes())
    whole[40:44] = (0x7FFF_FF00).to_bytes(4, "little")
    path.write_bytes(whole)
    assert read_recordings(folder).x.shape == (16, 400)


def test_pickled_and_too_large_arrays_are_refused(tmp_path):
    (tmp_path / "a").mkdir()
    np.save(tmp_path / "a" / "0.npy", np.array([{}], object), allow_pickle=True)
    header = (
        b"\x93NUMPY\x01\x00\x76\x00" + b"{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999,), }".ljust(117)
    )
    (tmp_path / "a" / "1.npy").write_bytes(header + b"\n")
    np.save(tmp_path / "a" / "2.npy", np.array([1.0, np.nan]))
    refused(tmp_path, "a/0.npy cannot be read: it holds object", "a/1.npy", "more than is stored", "a/2.npy", "NaN")


def test_too_much_is_refused_before_it_is_read(folder, monkeypatch):
    monkeypatch.setattr(tables, "LARGEST_BYTES", 10_000)
    monkeypatch.setattr(_wav, "read", lambda path: pytest.fail("it was read"))
    refused(folder, "too large", "16 recordings")
    monkeypatch.undo()
    refused(folder, "too large", length=10**9)


def test_folders_that_are_no_set_of_classes(tmp_path, folder):
    empty = tmp_path / "empty"
    empty.mkdir()
    refused(empty, "holds no recordings", "labels.csv", "subfolder")
    one = tmp_path / "one"
    wav(one / "yes" / "0.wav")
    wav(one / "yes" / "1.wav")
    refused(one, "one class only, yes")
    wav(one / "loose.wav")
    refused(one, "in no subfolder, so of no class: loose.wav")
    (folder / "yes" / "again").symlink_to(folder, target_is_directory=True)
    refused(folder, "nested too deeply", "yes/again")


def test_kinds_and_channels_that_differ(folder):
    np.save(folder / "no" / "x.npy", np.arange(400.0))
    refused(folder, "16 .wav, 1 .npy", "units differ")


def test_other_files_are_left_out_with_a_word(folder):
    (folder / "README.md").write_text("words")
    (folder / "no" / ".DS_Store").write_text("")
    assert any("were not read: README.md" in warning for warning in read_recordings(folder).warnings)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_folder_without_permission_is_named(folder):
    (folder / "no").chmod(0)
    try:
        refused(folder, "cannot be read")
    finally:
        (folder / "no").chmod(0o755)


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (np.array([0, 128, 255], np.uint8), [-32768, 0, 32512]),
        (np.array([-(2**31), 0x7FFF, 0x8000, 2**31 - 1], np.int32), [-32768, 0, 1, 32767]),
        (np.array([-1.5, -1.0, 0.5, 1.0], np.float32), [-32768, -32768, 16384, 32767]),
        (np.array([[100, 101], [-100, -101]], np.int16), [101, -100]),
    ],
    ids=["8 bits", "32 bits", "floats", "two channels"],
)
def test_every_width_is_put_on_the_scale_of_16_bits(tmp_path, stored, expected):
    wavfile.write(tmp_path / "x.wav", 8000, stored)
    audio = _wav.read(tmp_path / "x.wav")
    assert audio.samples.tolist() == expected
    assert audio.mixed == (stored.ndim == 2)


def test_24_bits_are_rounded(tmp_path):
    values = (-(2**23), 255, 2**23 - 1)
    data = b"".join(value.to_bytes(3, "little", signed=True) for value in values)
    header = b"fmt " + (16).to_bytes(4, "little") + bytes((1, 0, 1, 0)) + (8000).to_bytes(4, "little")
    header += (24_000).to_bytes(4, "little") + bytes((3, 0, 24, 0)) + b"data" + len(data).to_bytes(4, "little")
    body = b"WAVE" + header + data + b"\0"
    (tmp_path / "x.wav").write_bytes(b"RIFF" + len(body).to_bytes(4, "little") + body)
    assert _wav.read(tmp_path / "x.wav").samples.tolist() == [-32768, 1, 32767]
