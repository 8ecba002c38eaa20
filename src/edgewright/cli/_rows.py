"""Rows that users name: a dataset of the catalogue, a CSV, an NPZ or a folder of recordings; with labels or without."""

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
from edgewright.data._csv import read_numbers
from edgewright.data.recordings import LABELS_FILE, read_recordings
from edgewright.data.tables import LARGEST_BYTES, Table, read_table, split_table
from edgewright.errors import BadData, UnknownName


@dataclass(frozen=True)
class Rows:
    """x: float32, or int16 for raw 16-bit samples, [n, ...], finite. y: labels [n], or None."""

    x: npt.NDArray[Any]
    y: npt.NDArray[Any] | None = None


def read_split(
    source: str, target: str | None, test_share: float, seed: int, length: int | None = None, hertz: float | None = None
) -> tuple[Split, tuple[str, ...]]:
    """Return the split of a dataset, or of a table or folder by a seeded draw, and what the user should know.

    length, hertz: of the recordings in a folder (`data.recordings`). Raises UnknownName, BadData.
    """
    if not _is_file(source):
        _only_for_folders(source, length, hertz)
        return data.get(source).load(), ()
    if Path(source).is_dir():
        table = _read_folder(source, target, length, hertz)
    else:
        _only_for_folders(source, length, hertz)
        table = read_table(source, target)
    return split_table(table, test_share, seed), table.warnings


def read_rows(
    source: str, target: str | None, part: Literal["train", "test"], shape: tuple[int, ...] | None = None
) -> Rows:
    """Return rows to calibrate by or to run; labels only where they are there. Raises UnknownName, BadData.

    A CSV has labels where `target` names their column, an NPZ where it holds "y" (or the key `target`), a folder of recordings always;
    of a dataset one part is taken. shape: of the model's input: recordings are cut or padded to it, and rows that can be read as
    sequences are where it is one.
    """
    if not _is_file(source):
        split = data.get(source).load()
        x, y = (split.x_train, split.y_train) if part == "train" else (split.x_test, split.y_test)
        return Rows(_as_shape(x, split.sequence, shape), y)
    if Path(source).is_dir():
        table = _read_folder(source, target, shape[0] if shape else None, None)
        return Rows(_as_shape(table.x, table.sequence, shape), table.y)
    path = Path(source)
    suffix = path.suffix.lower()
    if suffix in (".csv", ".tsv") and target is None and path.is_file():
        return Rows(_finite(path, read_numbers(path)))
    if suffix == ".npz" and target is None and _lacks_labels(path):
        return Rows(_finite(path, _read_npz(path)))
    table = read_table(path, target)
    return Rows(table.x, table.y)


def _read_folder(source: str, target: str | None, length: int | None, hertz: float | None) -> Table:
    if target is not None:
        raise BadData(
            f"{source} is a folder of recordings: their subfolders or its {LABELS_FILE} give the classes, so leave the target "
            f"{target!r} out."
        )
    return read_recordings(source, length, hertz)


def _only_for_folders(source: str, length: int | None, hertz: float | None) -> None:
    given = [name for name, value in (("--length", length), ("--rate", hertz)) if value is not None]
    if given:
        raise BadData(f"{' and '.join(given)} can be given for a folder of recordings only, and {source} is none.")


def _as_shape(x: npt.NDArray[Any], sequence: tuple[int, int] | None, shape: tuple[int, ...] | None) -> npt.NDArray[Any]:
    return x.reshape(-1, *sequence) if sequence is not None and sequence == shape else x


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
