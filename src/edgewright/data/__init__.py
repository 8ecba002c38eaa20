"""Datasets: one file a dataset; tables (`data.tables`) and folders of recordings (`data.recordings`) that users bring.

Public sets are looked for in the folder that EDGEWRIGHT_DATA names, then in the cache (EDGEWRIGHT_CACHE, else the user's); what is in
neither is downloaded once and checked, unless EDGEWRIGHT_OFFLINE is set.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy.typing as npt

from edgewright import catalog
from edgewright.errors import BadData

NOT_ENTRIES = ("recordings", "tables")


@dataclass(frozen=True)
class Split:
    """A dataset, split once and for all.

    x_train, x_test: float32, or int16 for raw 16-bit samples; [n, features] or [n, steps, features]. y_train, y_test: [n]. labels:
    the classes as text, in the order of `np.unique`. sequence: (steps, features) where a flat row can be read as a sequence, else
    None. groups_train: [n], whom each training row is from (a speaker, a wearer, a recording), where that is known: rows of a group
    belong on one side of a validation split; no group is in both parts. hertz: samples a second, where that is known.
    """

    x_train: npt.NDArray[Any]
    y_train: npt.NDArray[Any]
    x_test: npt.NDArray[Any]
    y_test: npt.NDArray[Any]
    labels: tuple[str, ...]
    sequence: tuple[int, int] | None = None
    groups_train: npt.NDArray[Any] | None = None
    hertz: float | None = None

    def as_sequences(self) -> Split:
        """Return the same data with x as [n, steps, features]. Raises BadData where the rows are no sequences."""
        if self.x_train.ndim == 3:
            return self
        if self.sequence is None:
            raise BadData(
                f"These rows of {self.x_train.shape[1]} features are no sequences; a sequence model needs x of the shape "
                f"[n, steps, features]. Give an NPZ with a 3-D X, or choose a model for tables."
            )
        return replace(
            self,
            x_train=self.x_train.reshape(-1, *self.sequence),
            x_test=self.x_test.reshape(-1, *self.sequence),
            sequence=None,
        )


@dataclass(frozen=True)
class Dataset:
    """A public dataset.

    doc: one line. source: where it comes from. licence: under which terms. load: returns the split, downloaded at first use;
    raises BadData where the files are missing or are not the published ones.
    """

    doc: str
    source: str
    licence: str
    load: Callable[[], Split]


def get(name: str) -> Dataset:
    """Return a dataset by name. Raises UnknownName."""
    return cast(Dataset, catalog.get("edgewright.data", name))


def names() -> tuple[str, ...]:
    """Return the names of all datasets."""
    return tuple(catalog.spelled(name) for name in catalog.names("edgewright.data"))
