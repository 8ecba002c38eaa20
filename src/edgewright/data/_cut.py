"""Long recordings, and windows of one length cut out of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from edgewright.data import Split
from edgewright.errors import BadData


@dataclass(frozen=True)
class Recordings:
    """Recordings of different lengths, one after another.

    x: float32 [steps of all, features]; recording i is x[offset[i]:offset[i + 1]]. offset: [n + 1]. y, groups: [n], its class as text
    and whom it is from. hertz: steps a second.
    """

    x: npt.NDArray[np.float32]
    offset: npt.NDArray[np.int64]
    y: npt.NDArray[np.str_]
    groups: npt.NDArray[np.str_]
    hertz: float

    def __len__(self) -> int:
        """Return how many recordings there are."""
        return len(self.y)

    def steps(self, number: int) -> npt.NDArray[np.float32]:
        """Return one recording, [steps, features]."""
        return self.x[self.offset[number] : self.offset[number + 1]]

    def only(self, chosen: npt.NDArray[np.bool_]) -> Recordings:
        """Return some of the recordings. chosen: [n]."""
        numbers = np.flatnonzero(chosen)
        parts = [self.steps(number) for number in numbers.tolist()]
        offset = np.cumsum([0, *map(len, parts)])
        return replace(self, x=np.concatenate(parts), offset=offset, y=self.y[chosen], groups=self.groups[chosen])


def windows(recordings: Recordings, size: int, stride: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Return all windows of `size` steps, each `stride` steps after the one before, and the number of the recording of each.

    Windows end inside their recording; one that is shorter than a window becomes one window, padded at its end with its last step.
    x: float32 [windows, size, features]; numbers: [windows]. Raises BadData.
    """
    if size < 1 or stride < 1:
        raise BadData(
            f"Windows of {size} steps, each {stride} further on, cannot be cut; both are whole numbers from 1 on."
        )
    found, numbers = [], []
    for number in range(len(recordings)):
        steps = recordings.steps(number)
        if len(steps) < size:
            steps = np.concatenate([steps, np.repeat(steps[-1:], size - len(steps), axis=0)])
        starts = range(0, len(steps) - size + 1, stride)
        found += [steps[start : start + size] for start in starts]
        numbers += [number] * len(starts)
    return np.stack(found), np.array(numbers, np.int64)


def split_windows(recordings: Recordings, test: npt.NDArray[np.bool_], size: int, stride: int) -> Split:
    """Return windows of recordings as a split. test: [n recordings], which of them are tested on. Raises BadData."""
    parts: list[Any] = []
    for chosen in (recordings.only(~test), recordings.only(test)):
        x, numbers = windows(chosen, size, stride)
        parts.append((x, chosen.y[numbers], chosen.groups[numbers]))
    (x_train, y_train, groups_train), (x_test, y_test, _) = parts
    labels: Sequence[str] = np.unique(recordings.y).tolist()
    return Split(x_train, y_train, x_test, y_test, tuple(labels), groups_train=groups_train, hertz=recordings.hertz)
