"""Reading an NPZ table: the headers are checked before anything is loaded."""

from __future__ import annotations

import math
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgewright.data import tables
from edgewright.data.tables import Labels, Table, finish, refuse, shorten, too_large
from edgewright.errors import BadData

FEATURES, LABELS = "X", "y"
FIX = "Save it by numpy.savez(path, X=..., y=...) with X [n, features] or [n, steps, features] and y [n]."


def read(path: Path, target: str | None) -> Table:
    """Return the table of an NPZ file. Raises BadData, OSError."""
    key = target or LABELS
    try:
        with zipfile.ZipFile(path) as archive:
            headers = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            absent = [name for name in (FEATURES, key) if name not in headers]
            if absent:
                raise BadData(
                    f"{path} lacks {' and '.join(map(repr, absent))}; it holds {shorten(sorted(headers)) or 'nothing'}. {FIX}"
                )
            for name in (FEATURES, key):
                with archive.open(headers[name]) as member:
                    _check_header(path, name, *_header(member), headers[name].file_size)
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            x, y = file[FEATURES], file[key]
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, KeyError, NotImplementedError, RuntimeError) as error:
        if isinstance(error, BadData):
            raise
        raise BadData(f"{path} is not a sound NPZ file: {error}. {FIX}") from error
    _check_shapes(path, x, y, key)
    with np.errstate(over="ignore"):  # what is too large becomes infinite and is reported
        values = np.ascontiguousarray(x, np.float32)
    _check_finite(path, values)
    others = sorted(set(headers) - {FEATURES, key})
    notes = [f"{path}: other arrays are not used: {shorten(others)}."] if others else []
    names = tuple(f"{FEATURES}{column}" for column in range(x.shape[-1]))
    return finish(path, values, _labels(path, y, key), names, notes)


def read_npy(path: Path) -> npt.NDArray[Any]:
    """Return the numbers in an NPY file. Raises ValueError for anything else, EOFError, OSError."""
    with path.open("rb") as stream:
        shape, dtype = _header(stream)
        stored = path.stat().st_size
        if dtype.kind not in "biuf":
            raise ValueError(f"it holds {dtype}; numbers are needed.")
        if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize > stored:
            raise ValueError(f"it claims the shape {shape}, which is more than is stored. The file is damaged.")
        stream.seek(0)
        found: npt.NDArray[Any] = np.load(stream, allow_pickle=False)
    return found


def _header(member: Any) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Return shape and dtype of a .npy stream."""
    version = np.lib.format.read_magic(member)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"version {version[0]}.{version[1]} of the NPY format")
    shape, _, dtype = readers[version](member)
    return shape, dtype


def _check_header(path: Path, name: str, shape: tuple[int, ...], dtype: np.dtype[Any], stored: int) -> None:
    if dtype.hasobject:
        raise BadData(
            f"{path}: {name!r} holds pickled Python objects, which are refused because reading them can run code. "
            f"Save a plain array of numbers (labels may be text)."
        )
    if dtype.kind not in ("biuf" if name == FEATURES else "biufUS"):
        raise BadData(
            f"{path}: {name!r} is of dtype {dtype}; {'numbers' if name == FEATURES else 'whole numbers or text'} are needed. {FIX}"
        )
    needed = math.prod(shape) * max(dtype.itemsize, 4 if name == FEATURES else 1)
    if needed > tables.LARGEST_BYTES:
        raise too_large(path, f"{name!r} of shape {shape} takes {needed / 1024**2:,.0f} MiB")
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize > stored:
        raise BadData(
            f"{path}: {name!r} claims the shape {shape}, which is more than is stored. The file is damaged. {FIX}"
        )


def _check_shapes(path: Path, x: npt.NDArray[Any], y: npt.NDArray[Any], key: str) -> None:
    problems = []
    if x.ndim not in (2, 3):
        problems.append(f"{FEATURES!r} has the shape {x.shape}; [n, features] or [n, steps, features] is needed.")
    elif 0 in x.shape[1:]:
        problems.append(f"{FEATURES!r} has the shape {x.shape}: no features.")
    if y.ndim != 1:
        problems.append(f"{key!r} has the shape {y.shape}; [n] is needed, one label a row.")
    if not problems and len(x) != len(y):
        problems.append(f"{FEATURES!r} has {len(x)} rows, {key!r} has {len(y)}.")
    if problems:
        raise refuse(path, problems)


def _check_finite(path: Path, x: npt.NDArray[np.float32]) -> None:
    problems = []
    for found, what in ((np.isnan(x), "missing values (NaN)"), (np.isinf(x), "infinite or too large values")):
        if found.any():
            first = ", ".join(map(str, np.argwhere(found)[0]))
            problems.append(
                f"{FEATURES!r} has {what}: {int(found.sum())}, the first at [{first}]. Fill them in or leave those rows out."
            )
    if problems:
        raise refuse(path, problems)


def _labels(path: Path, y: npt.NDArray[Any], key: str) -> Labels:
    """Return labels as int64 or text. Raises BadData for fractions."""
    if y.dtype.kind == "S":
        try:
            return np.char.decode(y, "utf-8")
        except UnicodeDecodeError as error:
            raise BadData(
                f"{path}: {key!r} holds bytes that are not UTF-8 text. Save the labels as text or whole numbers."
            ) from error
    if y.dtype.kind == "U":
        return y
    if y.dtype.kind == "f" and not (np.isfinite(y) & (y == np.round(y)) & (np.abs(y) < 2**53)).all():
        where = int(np.argmin(np.isfinite(y) & (y == np.round(y))))
        raise BadData(
            f"{path}: {key!r}[{where}] is {y[where]}; labels are whole numbers or text. This trains classifiers, not regression."
        )
    return y.astype(np.int64)
