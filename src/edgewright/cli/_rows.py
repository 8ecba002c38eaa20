"""Rows that users name: a dataset of the catalogue, a CSV or an NPZ; with labels or without."""

from __future__ import annotations

import math
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from edgewright import data
from edgewright.data import Split
from edgewright.data.tables import LARGEST_BYTES, read_table, split_table
from edgewright.errors import BadData, UnknownName

DELIMITERS = ",;\t"


@dataclass(frozen=True)
class Rows:
    """x: float32 [n, ...], finite. y: labels [n], or None."""

    x: npt.NDArray[np.float32]
    y: npt.NDArray[Any] | None = None


def read_split(source: str, target: str | None, test_share: float, seed: int) -> tuple[Split, tuple[str, ...]]:
    """Return the split of a dataset, or of a table by a seeded stratified draw, and what the user should know.

    Raises UnknownName, BadData.
    """
    if _is_file(source):
        table = read_table(source, target)
        return split_table(table, test_share, seed), table.warnings
    return data.get(source).load(), ()


def read_rows(source: str, target: str | None, part: Literal["train", "test"]) -> Rows:
    """Return rows to calibrate by or to run; labels only where they are there. Raises UnknownName, BadData.

    A CSV has labels where `target` names their column, an NPZ where it holds "y" (or the key `target`); of a dataset one part is
    taken.
    """
    if not _is_file(source):
        split = data.get(source).load()
        return Rows(split.x_train, split.y_train) if part == "train" else Rows(split.x_test, split.y_test)
    path = Path(source)
    suffix = path.suffix.lower()
    if suffix in (".csv", ".tsv") and target is None and path.is_file():
        return Rows(_finite(path, _read_csv(path)))
    if suffix == ".npz" and target is None and _lacks_labels(path):
        return Rows(_finite(path, _read_npz(path)))
    table = read_table(path, target)
    return Rows(table.x, table.y)


def named(source: str | None) -> str:
    """Return how records call the rows that a user named, or the random ones: without the folders of this machine."""
    return "random" if source is None else Path(source).name


def _is_file(source: str) -> bool:
    """Whether a text means a file rather than a dataset. Raises UnknownName where it can be neither."""
    if source.replace("-", "_") in [name.replace("-", "_") for name in data.names()]:
        return False
    if Path(source).suffix or "/" in source or Path(source).exists():
        return True
    raise UnknownName("dataset or file", source, data.names())


def _read_csv(path: Path) -> npt.NDArray[np.float32]:
    """Return the numbers of a CSV without labels, with or without a header."""
    if path.stat().st_size > LARGEST_BYTES:
        raise BadData(f"{path} is larger than {LARGEST_BYTES // 1024**2} MiB. Give a sample of the rows.")
    try:
        with path.open(encoding="utf-8-sig") as file:
            first = file.readline()
            delimiter = max(DELIMITERS, key=first.count)
            header = not _is_numbers(first.split(delimiter))
            file.seek(0)
            return np.loadtxt(file, np.float32, delimiter=delimiter, skiprows=int(header), ndmin=2, comments=None)
    except (ValueError, UnicodeDecodeError) as error:
        raise BadData(
            f"{path} cannot be read as rows of numbers: {error}. If it has a column of labels, name it by --target."
        ) from error


def _is_numbers(cells: list[str]) -> bool:
    try:
        return bool([float(cell) for cell in cells])
    except ValueError:
        return False


def _lacks_labels(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return "y.npy" not in archive.namelist() and "X.npy" in archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False  # the reader of tables says what is wrong


def _read_npz(path: Path) -> npt.NDArray[np.float32]:
    """Return X of an NPZ without labels; its header is checked against what is stored before it is loaded."""
    try:
        with zipfile.ZipFile(path) as archive:
            stored = archive.getinfo("X.npy").file_size
            with archive.open("X.npy") as member:
                version = np.lib.format.read_magic(member)
                read_header = (
                    np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
                )
                shape, _, dtype = read_header(member)
        if dtype.kind not in "biuf" or len(shape) < 2 or 0 in shape:
            raise BadData(
                f"{path}: 'X' is {dtype}{list(shape)}; numbers [n, features] or [n, steps, features] are needed."
            )
        if not 0 < math.prod(shape) * dtype.itemsize <= min(stored, LARGEST_BYTES):
            raise BadData(
                f"{path}: 'X' claims the shape {shape}, which is more than is stored or than {LARGEST_BYTES // 1024**2} MiB."
            )
        with np.load(path, allow_pickle=False) as file:
            return np.ascontiguousarray(file["X"], np.float32)
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, KeyError, NotImplementedError) as error:
        if isinstance(error, BadData):
            raise
        raise BadData(f"{path} is not a sound NPZ file: {error}. Save it by numpy.savez(path, X=...).") from error


def _finite(path: Path, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    if not x.size:
        raise BadData(f"{path} holds no rows; give at least one, better a hundred.")
    bad = ~np.isfinite(x)
    if bad.any():
        place = ", ".join(map(str, np.argwhere(bad)[0]))
        raise BadData(
            f"{path} holds NaN or infinity: {int(bad.sum())} values, the first at [{place}]. Clean the rows first."
        )
    return x
