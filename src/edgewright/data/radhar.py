"""Activities in front of a millimetre-wave radar, as features of its point clouds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgewright.data import Dataset, Split
from edgewright.data._cut import Recordings, split_windows
from edgewright.data._download import Arrays
from edgewright.data._local import Place, Stored, load, read_npz

HERTZ = 30.0  # frames
SIZE, STRIDE = 60, 10  # windows of 2 s, each a third of a second after the one before, as published
KEYS = ("xyz512", "velocity", "intensity", "time", "point_id", "offset", "y", "classes", "name")
TEST_EVERY = 4  # of the recordings of each activity, the first and every fourth after it
FEATURES = (
    "points",
    "mean x",
    "mean y",
    "mean z",
    "spread x",
    "spread y",
    "spread z",
    "mean velocity",
    "spread velocity",
    "lowest velocity",
    "highest velocity",
    "mean intensity",
)
STORED = Stored(
    name="radhar",
    keys=KEYS,
    sha256="a92794f4186fa872e482d552f359bc2b0b26c2c3da2fd03e346f85dd6523231e",
    how_to_get=(
        "Get the 55 recordings of Data/Train that `name` lists (11 an activity) from https://github.com/nesl/RadHAR and save them by "
        "numpy.savez as radhar/radhar.npz in the folder that EDGEWRIGHT_DATA names, a point of the clouds a row: xyz512 int16 [694722, 3], "
        "metres times 512; velocity float16, m/s; intensity float16, dB; time float32, seconds from the start; point_id uint8, 0 begins "
        "a frame; offset int64 [56], where each recording begins, and the end; y uint8 [55], its activity in classes [5]; name [55]."
    ),
    places=(Place(("radhar/radhar_train.npz",), lambda paths: read_npz(paths[0], KEYS)),),
)


def recordings() -> Recordings:
    """Return the 55 recordings of about 20 s, a frame of the radar a step, with FEATURES of its points; groups: the recordings.

    Spreads are standard deviations. Metres, m/s and dB. Raises BadData.
    """
    arrays = load(STORED)
    x, first = _frames(arrays)
    offset = np.searchsorted(first, arrays["offset"]).astype(np.int64)
    return Recordings(x, offset, arrays["classes"][arrays["y"]], arrays["name"], HERTZ)


def _frames(arrays: Arrays) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Return the features of all frames [frames, 12], and the first point of each frame."""
    first = np.unique(np.concatenate([np.flatnonzero(arrays["point_id"] == 0), arrays["offset"][:-1]]))
    columns = np.column_stack([arrays["xyz512"] / 512, arrays["velocity"], arrays["intensity"]]).astype(np.float64)
    points = np.diff(np.append(first, len(columns)))[:, None]
    means = np.add.reduceat(columns, first) / points
    spreads = np.sqrt(np.maximum(np.add.reduceat(columns**2, first) / points - means**2, 0))
    velocity = columns[:, 3]
    extremes = (np.minimum.reduceat(velocity, first), np.maximum.reduceat(velocity, first))
    parts = (points, means[:, :3], spreads[:, :3], means[:, 3], spreads[:, 3], *extremes, means[:, 4])
    return np.column_stack(parts).astype(np.float32), first


def load_split(size: int = SIZE, stride: int = STRIDE) -> Split:
    """Return windows [n, size, 12], split by recording. Raises BadData."""
    every = recordings()
    place = np.concatenate([np.arange(np.sum(every.y == activity)) for activity in np.unique(every.y)])
    order = np.argsort(every.y, kind="stable")
    test = np.zeros(len(every), np.bool_)
    test[order] = place % TEST_EVERY == 0
    return split_windows(every, test, size, stride)


ENTRY = Dataset(
    doc="Millimetre-wave radar, 30 frames a second, 5 activities, windows of 60 frames of 12 features; split by recording.",
    source="A. D. Singh, S. S. Sandha, L. Garcia, M. Srivastava, RadHAR, 2019: 55 recordings of its training part",
    licence="BSD-3-Clause",
    load=load_split,
)
