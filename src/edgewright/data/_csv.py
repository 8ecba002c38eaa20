"""Reading a CSV table, row by row, in bounded memory."""

from __future__ import annotations

import array
import csv
import difflib
import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgewright.data import tables
from edgewright.data.tables import Labels, Table, finish, refuse, too_large
from edgewright.errors import BadData

DELIMITERS = ",;\t"
MISSING = {"", "na", "n/a", "nan", "null", "none", "?", "-"}


@dataclass
class _Rows:
    """What was read so far: values row after row (bad cells as NaN), labels, line numbers, and what was wrong."""

    values: array.array[float] = field(default_factory=lambda: array.array("f"))
    labels: list[str] = field(default_factory=list)
    lines: array.array[int] = field(default_factory=lambda: array.array("q"))
    ragged: list[tuple[int, int]] = field(default_factory=list)  # line, cells
    text: dict[int, tuple[int, str]] = field(default_factory=dict)  # feature -> first line, cell
    text_cells: set[tuple[int, int]] = field(default_factory=set)  # row, feature


def read(path: Path, target: str | None) -> Table:
    """Return the table of a CSV file. Raises BadData, OSError."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            if not first.strip():
                raise BadData(
                    f"{path} is empty: a header with the column names, then a row for each example, are needed."
                )
            file.seek(0)
            reader = csv.reader(file, delimiter=max(DELIMITERS, key=first.count), strict=True)
            header = [name.strip() for name in next(reader)]
            position = _target(path, header, target)
            names = tuple(name for column, name in enumerate(header) if column != position)
            rows = _read_rows(path, ((reader.line_num, cells) for cells in reader), len(header), position)
    except UnicodeDecodeError as error:
        raise BadData(f"{path} is not UTF-8 text ({error.reason}). Save it as CSV in UTF-8.") from error
    except csv.Error as error:
        raise BadData(
            f"{path}, line {reader.line_num}: {error}. Check the quotes there, or save the table again."
        ) from error
    x = np.frombuffer(rows.values, np.float32).reshape(-1, len(names))
    problems = [*_ragged(rows, len(header)), *_cells(rows, x, names), *_missing_labels(rows, header[position])]
    if problems:
        raise refuse(path, problems)
    return finish(path, x, typed(rows.labels), names)


def read_numbers(path: Path) -> npt.NDArray[np.float32]:
    """Return the numbers of a CSV without labels, [rows, columns], with or without a header; blanks may separate the cells too.

    Raises BadData, OSError.
    """
    if path.stat().st_size > tables.LARGEST_BYTES:
        raise BadData(f"{path} is larger than {tables.LARGEST_BYTES // 1024**2} MiB. Give a sample of the rows.")
    try:
        with path.open(encoding="utf-8-sig") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of no rows; the caller says what is needed
            first = file.readline()
            delimiter = max(DELIMITERS, key=first.count) if any(mark in first for mark in DELIMITERS) else None
            header = not all(map(_is_number, first.split(delimiter)))
            file.seek(0)
            return np.loadtxt(file, np.float32, delimiter=delimiter, skiprows=int(header), ndmin=2, comments=None)
    except (ValueError, UnicodeDecodeError) as error:
        raise BadData(
            f"{path} cannot be read as rows of numbers: {error}. If it has a column of labels, name it by --target."
        ) from error


def _target(path: Path, header: list[str], target: str | None) -> int:
    """Return the position of the label column. Raises BadData for a header that cannot be used."""
    columns = tables.shorten(header)
    if len(header) < 2:
        raise BadData(
            f"{path} has one column only ({columns}). Features and labels are needed, separated by commas, semicolons or tabs."
        )
    if all(_is_number(name) for name in header):
        raise BadData(
            f"{path}: the first line holds numbers ({columns}), not column names. Put a header line before it."
        )
    if "" in header:
        raise BadData(f"{path}: column {header.index('') + 1} of the header has no name. Name it or remove it.")
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise BadData(
            f"{path}: column names are used twice: {tables.shorten(twice)}. Give each column a name of its own."
        )
    if target is None:
        raise BadData(f"{path}: say which column holds the labels (target). Columns: {columns}.")
    if target not in header:
        near = difflib.get_close_matches(target, header, n=1, cutoff=0.5)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise BadData(f"{path} has no target column {target!r}.{hint} Columns: {columns}.")
    return header.index(target)


def _read_rows(path: Path, numbered: Iterator[tuple[int, list[str]]], width: int, position: int) -> _Rows:
    rows = _Rows()
    for line, cells in numbered:
        if not cells:
            continue
        if len(cells) != width:
            rows.ragged.append((line, len(cells)))
            continue
        rows.labels.append(cells.pop(position).strip())
        rows.lines.append(line)
        try:
            rows.values.extend([float(cell) for cell in cells])
        except ValueError:
            rows.values.extend([_value(rows, line, feature, cell) for feature, cell in enumerate(cells)])
        if len(rows.values) * rows.values.itemsize > tables.LARGEST_BYTES:
            raise too_large(path, f"the limit is passed in line {line:,}")
    return rows


def _value(rows: _Rows, line: int, feature: int, cell: str) -> float:
    """Return the number in a cell, or NaN after noting what is there instead."""
    if _is_number(cell):
        return float(cell)
    if cell.strip().lower() not in MISSING:
        rows.text.setdefault(feature, (line, cell.strip()))
        rows.text_cells.add((len(rows.lines) - 1, feature))
    return math.nan


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _ragged(rows: _Rows, width: int) -> Iterator[str]:
    if rows.ragged:
        line, cells = rows.ragged[0]
        others = f" (and {len(rows.ragged) - 1} more such lines)" if len(rows.ragged) > 1 else ""
        yield f"line {line} has {cells} cells, the header has {width}{others}. Make all lines equally long."


def _cells(rows: _Rows, x: npt.NDArray[np.float32], names: tuple[str, ...]) -> list[str]:
    """Return what is wrong in the features, a line for each column."""
    missing = np.isnan(x)
    if rows.text_cells:
        missing[tuple(np.array(sorted(rows.text_cells)).T)] = False
    infinite = np.isinf(x)
    problems = []
    for feature, name in enumerate(names):
        if feature in rows.text:
            line, cell = rows.text[feature]
            problems.append(
                f"column {name!r} holds text, {cell!r} in line {line}. Encode it as numbers (a 0/1 column for each value) or leave "
                f"the column out."
            )
        for found, what, fix in (
            (missing[:, feature], "missing values", "Fill them in or leave those rows out."),
            (infinite[:, feature], "infinite or too large values", "Numbers must be finite and below 3.4e38."),
        ):
            if found.any():
                problems.append(
                    f"column {name!r} has {what}: {int(found.sum())}, the first in line {rows.lines[int(found.argmax())]}. {fix}"
                )
    hidden = len(problems) - tables.LISTED
    return problems if hidden <= 0 else [*problems[: tables.LISTED], f"and {hidden} more problems of this kind."]


def _missing_labels(rows: _Rows, target: str) -> Iterator[str]:
    without = [line for line, label in zip(rows.lines, rows.labels, strict=True) if label.lower() in MISSING]
    if without:
        yield (
            f"the target column {target!r} is empty in {len(without)} rows, the first in line {without[0]}. Label those rows or "
            f"leave them out."
        )


def typed(labels: list[str]) -> Labels:
    """Return the labels as int64 where each is a whole number written plainly, otherwise as text."""
    try:
        integers = [int(label) for label in labels]
        if [str(integer) for integer in integers] == labels:
            return np.array(integers, np.int64)
    except (ValueError, OverflowError):
        pass  # text, or more than 64 bits: as text
    return np.array(labels, np.str_)
