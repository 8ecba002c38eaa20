"""A user's own table: CSV or NPZ, checked, with one clear message for whatever is wrong."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgewright.data import Split
from edgewright.errors import BadData, list_problems

LARGEST_BYTES = 512 * 1024 * 1024  # of the values as float32
LISTED = 8  # problems of one kind that a message lists

Labels = npt.NDArray[Any]


@dataclass(frozen=True)
class Table:
    """Checked data for a classifier.

    x: float32 [n, features] or [n, steps, features], finite. y: [n], int64 or text, at least two classes. label_names: the
    classes as text, in the order of `np.unique(y)`. warnings: what a user should know but what is no error.
    """

    x: npt.NDArray[np.float32]
    y: Labels
    feature_names: tuple[str, ...]
    label_names: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def read_table(path: str | Path, target: str | None = None) -> Table:
    """Return the table in a CSV file (header, numbers, one label column) or an NPZ file (X, y).

    target: the label column of a CSV; the key of the labels in an NPZ ("y" unless given). A CSV may be separated by commas,
    semicolons or tabs and is UTF-8. Raises BadData, which names all bad columns at once, the first bad row of each, and the fix.
    """
    from edgewright.data import _csv, _npz

    readers: dict[str, Callable[[Path, str | None], Table]] = {".csv": _csv.read, ".tsv": _csv.read, ".npz": _npz.read}
    path = Path(path)
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise BadData(f"{path} is no table that we read: its name must end in {', '.join(readers)}.")
    if not path.is_file():
        near = difflib.get_close_matches(path.name, _names_in(path.parent), n=1)
        hint = f" Did you mean {path.parent / near[0]}?" if near else ""
        raise BadData(f"There is no file {path}.{hint}")
    try:
        return reader(path, target)
    except OSError as error:
        raise BadData(f"{path} cannot be read: {error.strerror or error}.") from error


def split_table(table: Table, test_share: float = 0.25, random_state: int = 0) -> Split:
    """Return a stratified split of a table. Raises BadData where a class has fewer than two rows or the test part no room for all."""
    from sklearn.model_selection import train_test_split

    classes, counts = np.unique(table.y, return_counts=True)
    rare = [f"{label!s} ({count})" for label, count in zip(classes, counts, strict=True) if count < 2]
    if rare:
        raise BadData(
            f"Each class needs at least 2 rows to be split; too few: {shorten(rare)}. Add rows or leave the class out."
        )
    test_rows = max(round(test_share * len(table.y)), len(classes))
    if len(table.y) - test_rows < len(classes):
        raise BadData(
            f"{len(table.y)} rows are too few for {len(classes)} classes: training and test part need one row of each at least, "
            f"better ten. Add rows."
        )
    x_train, x_test, y_train, y_test = train_test_split(
        table.x, table.y, test_size=test_rows, stratify=table.y, random_state=random_state
    )
    return Split(x_train, y_train, x_test, y_test, table.label_names)


def finish(
    path: Path, x: npt.NDArray[np.float32], y: Labels, feature_names: tuple[str, ...], warnings: Iterable[str] = ()
) -> Table:
    """Return the table of finite values and labels. Raises BadData where the labels make no classification."""
    if len(x) < 2:
        raise BadData(
            f"{path} holds {'one row' if len(x) else 'no rows'}; at least two rows of each of two classes are needed."
        )
    classes, counts = np.unique(y, return_counts=True)
    if len(classes) < 2:
        raise BadData(f"{path} holds one class only, {classes[0]!s}; a classifier needs at least two.")
    if counts.max() == 1:
        raise BadData(
            f"{path}: every one of the {len(y)} rows has a label of its own ({classes[0]!s}, {classes[1]!s}, ...), so the labels "
            f"are no classes. Name the column that holds the class as the target."
        )
    features = x.reshape(-1, x.shape[-1])
    constant = [name for name, same in zip(feature_names, (features == features[0]).all(0), strict=True) if same]
    notes = [f"{path}: constant features carry no information: {shorten(constant)}."] if constant else []
    return Table(x, y, feature_names, tuple(map(str, classes)), (*warnings, *notes))


def refuse(path: Path, problems: Iterable[str]) -> BadData:
    """Return one error that lists all problems of a file."""
    return BadData(list_problems(f"{path} cannot be used:", problems))


def too_large(path: Path, found: str) -> BadData:
    """Return the error for more values than are taken, with the limit."""
    return BadData(
        f"{path} is too large: {found}, and at most {LARGEST_BYTES // 1024**2} MiB of values ({LARGEST_BYTES // 4:,} numbers as "
        f"float32) are taken. Give a sample of the rows; models of kilobytes seldom need more."
    )


def shorten(names: list[str]) -> str:
    """Return names as a list that stays readable."""
    more = len(names) - LISTED
    return ", ".join(names[:LISTED]) + (f" and {more} more" if more > 0 else "")


def _names_in(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in folder.iterdir()]
    except OSError:
        return []
