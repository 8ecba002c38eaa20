"""Activities of daily life, told by an accelerometer on the wrist."""

from __future__ import annotations

import numpy as np

from edgewright.data import Dataset, Split
from edgewright.data._cut import Recordings, split_windows
from edgewright.data._local import Place, Stored, load, read_npz

HERTZ = 32.0
SIZE, STRIDE = 128, 64  # windows of 4 s, each 2 s after the one before
KEYS = ("x", "offset", "y", "classes", "name", "volunteer")
# The activities that ten or so volunteers were recorded in; the other seven have fewer recordings or too few volunteers to be split.
ACTIVITIES = (
    "Climb_stairs",
    "Drink_glass",
    "Getup_bed",
    "Pour_water",
    "Sitdown_chair",
    "Standup_chair",
    "Walk",
)
TEST_VOLUNTEERS = ("f3", "m1", "m2", "m6")  # a quarter of the recordings, some of each activity
STORED = Stored(
    name="hmp_adl_wrist",
    keys=KEYS,
    sha256="38cee418523e57984a0c5fb9ae5acd8eed9539c9d9df3c7a778a0b1a3179b5a7",
    how_to_get=(
        "Get HMP_Dataset.zip from https://archive.ics.uci.edu/dataset/283 and save it by numpy.savez as hmp_adl_wrist/hmp_adl_wrist.npz "
        "in the folder that EDGEWRIGHT_DATA names, without the folders that end in _MODEL: x uint8 [446529, 3], all samples of all "
        "recordings, ordered by activity and file name; offset int64 [840], where each begins, and the end; y uint8 [839], its activity "
        "in classes [14]; name and volunteer as in the file names."
    ),
    places=(Place(("hmp_adl_wrist/hmp_adl.npz",), lambda paths: read_npz(paths[0], KEYS)),),
)


def recordings() -> Recordings:
    """Return all 839 recordings of the 14 activities: x, y and z of the acceleration, 0..63 for -1.5 g..1.5 g; groups: volunteers.

    Raises BadData.
    """
    arrays = load(STORED)
    y = arrays["classes"][arrays["y"]]
    return Recordings(arrays["x"].astype(np.float32), arrays["offset"], y, arrays["volunteer"], HERTZ)


def load_split(size: int = SIZE, stride: int = STRIDE) -> Split:
    """Return windows of the seven common activities, [n, size, 3], split by volunteer. Raises BadData."""
    every = recordings()
    common = every.only(np.isin(every.y, ACTIVITIES))
    return split_windows(common, np.isin(common.groups, TEST_VOLUNTEERS), size, stride)


ENTRY = Dataset(
    doc="Accelerometer on the wrist, 32 Hz, 7 activities of 16 volunteers, windows of 128 steps of 3; split by volunteer.",
    source="B. Bruno, F. Mastrogiovanni, A. Sgorbissa, ADL Recognition with Wrist-worn Accelerometer, UCI, 2012",
    licence="CC BY 4.0",
    load=load_split,
)
