"""Finding the arrays of a public dataset: on this machine, else at their official places; and checking that they are the published ones."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import platformdirs

from edgewright.data import Split
from edgewright.data._download import Arrays, Source, download
from edgewright.errors import BadData
from edgewright.files import write_file

VARIABLE = "EDGEWRIGHT_DATA"
CACHE_VARIABLE = "EDGEWRIGHT_CACHE"
OFFLINE_VARIABLE = "EDGEWRIGHT_OFFLINE"
KEYS = ("x_train", "y_train", "x_test", "y_test")


def folders() -> tuple[Path, ...]:
    """Return where datasets are looked for, in order: the folder that EDGEWRIGHT_DATA names, then the user's cache."""
    named = os.environ.get(VARIABLE)
    return (*((Path(named),) if named else ()), cache_folder())


def cache_folder() -> Path:
    """Return where datasets are kept that were downloaded: in the folder that EDGEWRIGHT_CACHE names, else in the user's cache."""
    return Path(os.environ.get(CACHE_VARIABLE) or platformdirs.user_cache_path("edgewright")) / "data"


def find(name: str) -> Path | None:
    """Return the path of NAME/NAME.npz on this machine, or None."""
    return next((path for path in _candidates(name) if path.is_file()), None)


def digest(arrays: Mapping[str, npt.NDArray[np.generic]]) -> str:
    """Return the SHA-256 of arrays: their names, dtypes, shapes and bytes, in the order of the names.

    It covers what is in the arrays, not how the file was packed, so that anybody's conversion of the same data passes.
    """
    total = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        total.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        total.update(array.data)
    return total.hexdigest()


def load_images(name: str, how_to_get: str, sha256: str, sources: Sequence[Source] = ()) -> Split:
    """Return the split of an image set: x_train, y_train, x_test, y_test with images [n, height, width], classes 0 to 9.

    It is downloaded from its sources where it is not on this machine, and kept in the cache. Images become rows of float32 that can
    be read as sequences of lines. Raises BadData, CannotWrite.
    """
    path = find(name)
    arrays = _downloaded(name, how_to_get, sha256, sources) if path is None else _read(path, name, how_to_get, sha256)
    _, height, width = arrays["x_train"].shape
    x_train, x_test = (arrays[key].reshape(-1, height * width).astype(np.float32) for key in ("x_train", "x_test"))
    y_train, y_test = (arrays[key].astype(np.int64) for key in ("y_train", "y_test"))
    return Split(x_train, y_train, x_test, y_test, tuple(map(str, range(10))), (height, width))


def _candidates(name: str) -> tuple[Path, ...]:
    return tuple(folder / name / f"{name}.npz" for folder in folders())


def _read(path: Path, name: str, how_to_get: str, sha256: str) -> Arrays:
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            arrays = {key: file[key] for key in KEYS}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise BadData(f"{path} cannot be read as the dataset {name}: {error}. {how_to_get}") from error
    if wrong := _wrong(arrays, sha256):
        raise BadData(f"{path} does not hold the published arrays of {name}: {wrong}. {how_to_get}")
    return arrays


def _wrong(arrays: Arrays, sha256: str) -> str | None:
    found = digest(arrays)
    return None if found == sha256 else f"their SHA-256 is {found}, expected {sha256}"


def _downloaded(name: str, how_to_get: str, sha256: str, sources: Sequence[Source]) -> Arrays:
    looked = " or ".join(map(str, _candidates(name)))
    unset = "" if os.environ.get(VARIABLE) else f" ({VARIABLE} is not set)"
    missing = f"The dataset {name} is not on this machine: there is no {looked}{unset}."
    if os.environ.get(OFFLINE_VARIABLE):
        raise BadData(f"{missing} Nothing is downloaded while {OFFLINE_VARIABLE} is set. {how_to_get}")
    try:
        arrays = download(name, sources, lambda found: _wrong(found, sha256))
    except BadData as error:
        raise BadData(f"{missing} It cannot be downloaded: {error}. {how_to_get}") from error
    packed = io.BytesIO()
    np.savez_compressed(packed, allow_pickle=False, **arrays)
    write_file(cache_folder() / name / f"{name}.npz", packed.getvalue())
    return arrays
