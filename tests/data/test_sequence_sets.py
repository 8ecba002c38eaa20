import numpy as np
import pytest

from edgewright import data
from edgewright.data import _cut, _ts, hmp_adl_wrist, radhar
from edgewright.errors import BadData

RECORDINGS = _cut.Recordings(
    x=np.arange(14, dtype=np.float32)[:, None],
    offset=np.array([0, 9, 11, 14]),
    y=np.array(["a", "b", "a"]),
    groups=np.array(["p", "q", "q"]),
    hertz=10.0,
)


def test_windows_end_inside_their_recording_and_short_ones_are_padded():
    x, numbers = _cut.windows(RECORDINGS, 4, 2)
    assert numbers.tolist() == [0, 0, 0, 1, 2]
    assert x[2, :, 0].tolist() == [4, 5, 6, 7]
    assert x[3, :, 0].tolist() == [9, 10, 10, 10]
    with pytest.raises(BadData, match="Windows of 0 steps"):
        _cut.windows(RECORDINGS, 0, 2)


def test_recordings_of_a_test_part_give_no_window_to_training():
    split = _cut.split_windows(RECORDINGS, np.array([True, False, False]), 3, 3)
    assert split.y_train.tolist() == ["b", "a"]
    assert split.groups_train.tolist() == ["q", "q"]
    assert split.x_test[:, 0, 0].tolist() == [0, 3, 6]
    assert (split.labels, split.hertz) == (("a", "b"), 10.0)


@pytest.mark.parametrize("name", ["hmp-adl-wrist", "speech-commands", "radhar"])
def test_a_set_of_people_or_recordings_says_whom_training_rows_are_from(name, data_folder):
    data_folder({"hmp-adl-wrist": "hmp_adl_wrist", "speech-commands": "speech_commands_v2_test12"}.get(name, name))
    split = data.get(name).load()
    assert split.groups_train.shape == split.y_train.shape
    assert len(np.unique(split.groups_train)) > 10


def test_volunteers_who_are_tested_on_are_in_no_training_row(data_folder):
    data_folder("hmp_adl_wrist")
    split = data.get("hmp-adl-wrist").load()
    assert not set(split.groups_train) & set(hmp_adl_wrist.TEST_VOLUNTEERS)
    assert 0 <= split.x_train.min() < split.x_train.max() <= 63


def test_a_frame_of_the_radar_is_told_by_its_points(data_folder):
    data_folder("radhar")
    found = radhar.recordings()
    assert found.x.shape[1] == len(radhar.FEATURES)
    steps = np.diff(found.offset)
    assert steps.min() > 590
    assert steps.max() < 610
    arrays = radhar.load(radhar.STORED)
    first = int(np.flatnonzero(arrays["point_id"] == 0)[1])
    velocity = arrays["velocity"][:first].astype(np.float64)
    frame = found.x[0]
    assert frame[0] == first
    assert frame[3] == pytest.approx(arrays["xyz512"][:first, 2].mean() / 512, abs=1e-5)
    assert frame[7:11] == pytest.approx([velocity.mean(), velocity.std(), velocity.min(), velocity.max()], abs=1e-3)


def test_a_set_of_the_archive_is_read_line_by_line():
    train = "# a comment\n@problemName x\n@data\n1,2,3:4,5,6:2\n\n1,2:3,4:1\n"
    arrays = _ts.read_texts({"TRAIN": train, "TEST": "@data\n7:8:1\n"})
    assert arrays["x_train"].tolist() == [[[1, 4], [2, 5], [3, 6]], [[1, 3], [2, 4], [2, 4]]]
    assert arrays["x_test"].tolist() == [[[7, 8]] * 3]
    assert arrays["y_train"].tolist() == [2, 1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("@data\n", "holds no @data"),
        ("1,2:a\n", "holds no @data"),
        ("@data\n1,2:3:a\n", "channels of different lengths"),
        ("@data\na\n", "or none"),
        ("@data\n1,?:a\n", "could not convert"),
        ("@data\n1,nan:a\n", "missing values"),
    ],
)
def test_a_damaged_set_of_the_archive_is_refused(text, said):
    with pytest.raises(ValueError, match=said):
        _ts.read_texts({"TRAIN": text, "TEST": "@data\n1:a\n"})
