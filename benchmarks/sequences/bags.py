"""Long rows of which only a part tells the class: an activity joined with something else that the same people's wrists did."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import numpy.typing as npt

from edgewright.data import Split
from edgewright.data._cut import Recordings
from edgewright.data.hmp_adl_wrist import TEST_VOLUNTEERS, recordings

NAME = "hmp_adl_wrist, constructed bags"
SHARES = {"Drink_glass": 0.18, "Pour_water": 0.18, "Walk": 0.54}  # of the rows; the others are background throughout
BACKGROUND = ("Brush_teeth", "Comb_hair", "Eat_meat", "Eat_soup", "Use_telephone")
NOTHING = "nothing"  # the class of rows that are background throughout
STEPS, TELLING = 256, 64  # of a row, and of the activity in it
TRAIN_ROWS, TEST_ROWS = 900, 600
SEED = 0


def load_split(test_volunteers: Collection[str] = TEST_VOLUNTEERS) -> Split:
    """Return rows [n, 256, 3] of background with 64 steps of an activity somewhere, or none; the rows of the test are of other people.

    Every row is a stretch of one background recording; in nine of ten, an activity's stretch replaces a part. Raises BadData.
    """
    every = recordings()
    test = np.isin(every.groups, list(test_volunteers))
    random = np.random.default_rng(SEED)
    (x, y), (x_test, y_test) = (
        _rows(every.only(chosen), rows, random) for chosen, rows in ((~test, TRAIN_ROWS), (test, TEST_ROWS))
    )
    return Split(x, y, x_test, y_test, tuple(sorted((*SHARES, NOTHING))), hertz=every.hertz)


def _rows(
    people: Recordings, count: int, random: np.random.Generator
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.str_]]:
    long = np.diff(people.offset) >= STEPS
    background = np.flatnonzero(np.isin(people.y, BACKGROUND) & long)
    x, y = [], []
    for _ in range(count):
        row = _stretch(people, random.choice(background), STEPS, random)
        label = str(random.choice([*SHARES, NOTHING], p=[*SHARES.values(), 1 - sum(SHARES.values())]))
        if label != NOTHING:
            start = random.integers(STEPS - TELLING + 1)
            number = random.choice(np.flatnonzero(people.y == label))
            row[start : start + TELLING] = _stretch(people, number, TELLING, random)
        x.append(row)
        y.append(label)
    return np.stack(x), np.array(y)


def _stretch(people: Recordings, number: int, steps: int, random: np.random.Generator) -> npt.NDArray[np.float32]:
    whole = people.steps(int(number))
    start = random.integers(len(whole) - steps + 1)
    return whole[start : start + steps].copy()
