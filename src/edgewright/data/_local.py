"""Finding the NPZ file of a public dataset on this machine, and checking that it holds the published arrays."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import platformdirs

from edgewright.data import Split
from edgewright.errors import BadData

VARIABLE = "EDGEWRIGHT_DATA"


def folders() -> tuple[Path, ...]:
    """Return where datasets are looked for, in order: the folder that EDGEWRIGHT_DATA names, then the user's cache."""
    named = os.environ.get(VARIABLE)
    return (*((Path(named),) if named else ()), platformdirs.user_cache_path("edgewright") / "data")


def find(name: str, how_to_get: str) -> Path:
    """Return the path of NAME/NAME.npz. Raises BadData, which says where it was looked for and how to get it."""
    candidates = [folder / name / f"{name}.npz" for folder in folders()]
    for path in candidates:
        if path.is_file():
            return path
    looked = " or ".join(map(str, candidates))
    unset = "" if os.environ.get(VARIABLE) else f" ({VARIABLE} is not set)"
    raise BadData(f"The dataset {name} is not on this machine: there is no {looked}{unset}. {how_to_get}")


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


def load_images(name: str, how_to_get: str, sha256: str) -> Split:
    """Return the split of an image set: x_train, y_train, x_test, y_test with images [n, height, width], classes 0 to 9.

    Images become rows of float32 that can be read as sequences of lines. Raises BadData.
    """
    path = find(name, how_to_get)
    keys = ("x_train", "y_train", "x_test", "y_test")
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            arrays = {key: file[key] for key in keys}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise BadData(f"{path} cannot be read as the dataset {name}: {error}. {how_to_get}") from error
    found = digest(arrays)
    if found != sha256:
        raise BadData(
            f"{path} does not hold the published arrays of {name}: their SHA-256 is {found}, expected {sha256}. {how_to_get}"
        )
    _, height, width = arrays["x_train"].shape
    x_train, x_test = (arrays[key].reshape(-1, height * width).astype(np.float32) for key in ("x_train", "x_test"))
    y_train, y_test = (arrays[key].astype(np.int64) for key in ("y_train", "y_test"))
    return Split(x_train, y_train, x_test, y_test, tuple(map(str, range(10))), (height, width))
