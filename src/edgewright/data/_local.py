"""Finding the arrays of a public dataset: on this machine, else at their official places; and checking that they are the published ones."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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
IMAGES = ("x_train", "y_train", "x_test", "y_test")
UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class Place:
    """Files of a data folder that hold a dataset otherwise than as NAME/NAME.npz.

    files: their paths inside the folder. read: paths -> arrays; raises one of UNREADABLE for what is damaged.
    """

    files: tuple[str, ...]
    read: Callable[[Sequence[Path]], Arrays]


@dataclass(frozen=True)
class Stored:
    """A dataset as arrays, and where they are found.

    keys: the names of the arrays. sha256: their `digest`. how_to_get: what to do where they are nowhere. sources: official places to
    download from. places: other files that hold them.
    """

    name: str
    keys: tuple[str, ...]
    sha256: str
    how_to_get: str
    sources: tuple[Source, ...] = ()
    places: tuple[Place, ...] = ()


def folders() -> tuple[Path, ...]:
    """Return where datasets are looked for, in order: the folder that EDGEWRIGHT_DATA names, then the user's cache."""
    named = os.environ.get(VARIABLE)
    return (*((Path(named),) if named else ()), cache_folder())


def cache_folder() -> Path:
    """Return where datasets are kept that were downloaded: in the folder that EDGEWRIGHT_CACHE names, else in the user's cache."""
    return Path(os.environ.get(CACHE_VARIABLE) or platformdirs.user_cache_path("edgewright")) / "data"


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


def load(stored: Stored) -> Arrays:
    """Return the arrays of a dataset, checked. They are downloaded where they are not on this machine, and kept in the cache.

    Raises BadData, CannotWrite.
    """
    for place, paths in _candidates(stored):
        if all(path.is_file() for path in paths):
            return _read(stored, place, paths)
    return _downloaded(stored)


def load_images(name: str, how_to_get: str, sha256: str, sources: Sequence[Source] = ()) -> Split:
    """Return the split of an image set: x_train, y_train, x_test, y_test with images [n, height, width], classes 0 to 9.

    Images become rows of float32 that can be read as sequences of lines. Raises BadData, CannotWrite.
    """
    arrays = load(Stored(name, IMAGES, sha256, how_to_get, tuple(sources)))
    _, height, width = arrays["x_train"].shape
    x_train, x_test = (arrays[key].reshape(-1, height * width).astype(np.float32) for key in ("x_train", "x_test"))
    y_train, y_test = (arrays[key].astype(np.int64) for key in ("y_train", "y_test"))
    return Split(x_train, y_train, x_test, y_test, tuple(map(str, range(10))), (height, width))


def read_npz(path: Path, keys: Sequence[str]) -> Arrays:
    """Return named arrays of an NPZ file. Raises one of UNREADABLE."""
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
        return {key: file[key] for key in keys}


def _candidates(stored: Stored) -> list[tuple[Place, tuple[Path, ...]]]:
    own = Place((f"{stored.name}/{stored.name}.npz",), lambda paths: read_npz(paths[0], stored.keys))
    return [
        (place, tuple(folder / file for file in place.files)) for folder in folders() for place in (own, *stored.places)
    ]


def _read(stored: Stored, place: Place, paths: Sequence[Path]) -> Arrays:
    said = " and ".join(map(str, paths))
    try:
        arrays = place.read(paths)
    except UNREADABLE as error:
        raise BadData(f"{said} cannot be read as the dataset {stored.name}: {error}. {stored.how_to_get}") from error
    if wrong := _wrong(arrays, stored.sha256):
        raise BadData(f"{said} does not hold the published arrays of {stored.name}: {wrong}. {stored.how_to_get}")
    return arrays


def _wrong(arrays: Arrays, sha256: str) -> str | None:
    found = digest(arrays)
    return None if found == sha256 else f"their SHA-256 is {found}, expected {sha256}"


def _downloaded(stored: Stored) -> Arrays:
    name = stored.name
    looked = " or ".join(" with ".join(map(str, paths)) for _, paths in _candidates(stored))
    unset = "" if os.environ.get(VARIABLE) else f" ({VARIABLE} is not set)"
    missing = f"The dataset {name} is not on this machine: there is no {looked}{unset}."
    if not stored.sources:
        raise BadData(f"{missing} {stored.how_to_get}")
    if os.environ.get(OFFLINE_VARIABLE):
        raise BadData(f"{missing} Nothing is downloaded while {OFFLINE_VARIABLE} is set. {stored.how_to_get}")
    try:
        arrays = download(name, stored.sources, lambda found: _wrong(found, stored.sha256))
    except BadData as error:
        raise BadData(f"{missing} It cannot be downloaded: {error}. {stored.how_to_get}") from error
    packed = io.BytesIO()
    np.savez_compressed(packed, allow_pickle=False, **arrays)
    write_file(cache_folder() / name / f"{name}.npz", packed.getvalue())
    return arrays
