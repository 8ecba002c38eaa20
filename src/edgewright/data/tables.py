"""A user's own table: CSV or NPZ, checked, with one clear message for whatever is wrong."""

from __future__ import annotations

import difflib
import math
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
GROUP_DRAWS = 256

Labels = npt.NDArray[Any]
Drawn = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]  # rows to train on, rows to test on


@dataclass(frozen=True)
class Table:
    """Checked data for a classifier.

    x: float32 [n, features] or [n, steps, features], finite; of recordings also int16. y: [n], int64 or text, at least two classes.
    label_names: the classes as text, in the order of `np.unique(y)`. warnings: what a user should know but what is no error.
    sequence, hertz: as in Split. groups: [n], whom each row is from, where that is known.
    """

    x: npt.NDArray[Any]
    y: Labels
    feature_names: tuple[str, ...]
    label_names: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    sequence: tuple[int, int] | None = None
    groups: Labels | None = None
    hertz: float | None = None


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
    """Return a seeded split of a table: by groups where they are known, so that nobody is in both parts, else stratified.

    Raises BadData where a class has fewer than two rows (groups) or the test part no room for all.
    """
    x, y, groups = table.x, table.y, table.groups
    if groups is None:
        train, test = _draw_rows(y, test_share, random_state)
    else:
        train, test = _draw_groups(y, groups, test_share, random_state)
        groups = groups[train]
    return Split(
        x[train], y[train], x[test], y[test], table.label_names, table.sequence, groups_train=groups, hertz=table.hertz
    )


def _draw_rows(y: Labels, test_share: float, random_state: int) -> Drawn:
    """Return the numbers of the rows to train and to test on, each class in its share. Raises BadData."""
    from sklearn.model_selection import train_test_split

    classes, counts = np.unique(y, return_counts=True)
    rare = [f"{label!s} ({count})" for label, count in zip(classes, counts, strict=True) if count < 2]
    if rare:
        raise BadData(
            f"Each class needs at least 2 rows to be split; too few: {shorten(rare)}. Add rows or leave the class out."
        )
    test_rows = max(round(test_share * len(y)), len(classes))
    if len(y) - test_rows < len(classes):
        raise BadData(
            f"{len(y)} rows are too few for {len(classes)} classes: training and test part need one row of each at least, "
            f"better ten. Add rows."
        )
    train, test = train_test_split(np.arange(len(y)), test_size=test_rows, stratify=y, random_state=random_state)
    return train, test


def _draw_groups(y: Labels, groups: Labels, test_share: float, random_state: int) -> Drawn:
    """Return the numbers of the rows to train and to test on, each group on one side. Raises BadData.

    Of many seeded draws that take whole groups until the share is reached, the one whose classes come nearest to it is taken.
    """
    classes, of_class = np.unique(y, return_inverse=True)
    names, of_group = np.unique(groups, return_inverse=True)
    table = np.zeros((len(names), len(classes)))
    np.add.at(table, (of_group, of_class), 1)
    alone = [str(label) for label, people in zip(classes, (table > 0).sum(0), strict=True) if people < 2]
    if alone:
        raise BadData(
            f"Rows are split by group, so each class needs rows of at least 2 groups; of one group only: {shorten(alone)}. Record "
            f"these classes of somebody else too, or leave them out."
        )
    generator = np.random.default_rng(random_state)
    best, nearest = None, math.inf
    for _ in range(GROUP_DRAWS):
        order = generator.permutation(len(names))
        taken = np.searchsorted(np.cumsum(table[order].sum(1)), test_share * len(y)) + 1
        shares = table[order[:taken]].sum(0) / table.sum(0)
        distance = float(np.abs(shares - test_share).sum())
        if shares.min() > 0 and shares.max() < 1 and distance < nearest:
            best, nearest = order[:taken], distance
    if best is None:
        raise BadData(
            f"These {len(names)} groups could not be split so that training and test part hold all {len(classes)} classes. Record more "
            f"classes of each group, or change the share of the test part."
        )
    test = np.isin(of_group, best)
    return np.flatnonzero(~test), np.flatnonzero(test)


def finish(
    path: Path, x: npt.NDArray[np.float32], y: Labels, feature_names: tuple[str, ...], warnings: Iterable[str] = ()
) -> Table:
    """Return the table of finite values and labels. Raises BadData where the labels make no classification."""
    if len(x) < 2:
        raise BadData(
            f"{path} holds {'one row' if len(x) else 'no rows'}; at least two rows of each of two classes are needed."
        )
    classes = check_classes(path, y)
    features = x.reshape(-1, x.shape[-1])
    constant = [name for name, same in zip(feature_names, (features == features[0]).all(0), strict=True) if same]
    notes = [f"{path}: constant features carry no information: {shorten(constant)}."] if constant else []
    return Table(x, y, feature_names, classes, (*warnings, *notes))


def check_classes(path: Path, y: Labels) -> tuple[str, ...]:
    """Return the classes as text. Raises BadData where the labels make no classification."""
    classes, counts = np.unique(y, return_counts=True)
    if len(classes) < 2:
        raise BadData(f"{path} holds one class only, {classes[0]!s}; a classifier needs at least two.")
    if counts.max() == 1:
        raise BadData(
            f"{path}: every one of the {len(y)} rows has a label of its own ({classes[0]!s}, {classes[1]!s}, ...), so the labels "
            f"are no classes. Name the column that holds the class as the target."
        )
    return tuple(map(str, classes))


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
