"""Sets of the UCR and UEA archive of time series: .ts files, with the archive's own split."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgewright.data import Split
from edgewright.data._download import Arrays, File, Source
from edgewright.data._local import Place, Stored, load

PARTS = ("TRAIN", "TEST")
MOST_BYTES = 16 * 1024 * 1024  # of a packed set, and of one of its texts
KEYS = ("x_train", "y_train", "x_test", "y_test")


def stored(name: str, official: str, sha256: str) -> Stored:
    """Return where a set is found. name: ours; official: the archive's, as GunPoint."""
    page = f"https://timeseriesclassification.com/description.php?Dataset={official}"
    packed = f"{official}.zip"
    return Stored(
        name=name,
        keys=KEYS,
        sha256=sha256,
        how_to_get=(
            f"Get {packed} from {page} and put {official}/{official}_TRAIN.ts and {official}/{official}_TEST.ts, as they are, into "
            f"ucr_small/ucr_small.zip in the folder that EDGEWRIGHT_DATA names."
        ),
        sources=(
            Source(
                mirrors=("https://timeseriesclassification.com/aeon-toolkit/",),
                files=(File(packed, MOST_BYTES),),  # no checksum is published; that of the arrays is checked
                read=lambda files: _read_zip(io.BytesIO(files[packed]), official, ""),
            ),
        ),
        places=(Place(("ucr_small/ucr_small.zip",), lambda paths: _read_place(paths, official)),),
    )


def load_split(place: Stored, hertz: float | None = None) -> Split:
    """Return the archive's own split of a set: x float32 [n, steps] of one channel, else [n, steps, channels]. Raises BadData."""
    arrays = load(place)
    x_train, x_test = arrays["x_train"], arrays["x_test"]
    _, steps, channels = x_train.shape
    sequence = None
    if channels == 1:
        x_train, x_test, sequence = x_train[..., 0], x_test[..., 0], (steps, 1)
    labels: Sequence[str] = list(map(str, np.unique(arrays["y_train"])))
    return Split(x_train, arrays["y_train"], x_test, arrays["y_test"], tuple(labels), sequence, hertz=hertz)


def _read_place(paths: Sequence[Path], official: str) -> Arrays:
    with paths[0].open("rb") as file:
        return _read_zip(file, official, f"{official}/")


def _read_zip(file: io.BufferedIOBase, official: str, folder: str) -> Arrays:
    """Return the arrays of both parts. Raises ValueError, KeyError, OSError, zipfile.BadZipFile."""
    texts = {}
    with zipfile.ZipFile(file) as archive:
        for part in PARTS:
            with archive.open(f"{folder}{official}_{part}.ts") as member:
                text = member.read(MOST_BYTES + 1)
            if len(text) > MOST_BYTES:
                raise ValueError(f"the text of {part} is larger than {MOST_BYTES:,} bytes")
            texts[part] = text.decode("utf-8-sig")
    return read_texts(texts)


def read_texts(texts: Mapping[str, str]) -> Arrays:
    """Return the arrays of the texts TRAIN and TEST: x float32 [n, steps, channels], y int64 or text [n].

    A line of data is CHANNEL:CHANNEL:...:CLASS, each channel numbers between commas. Series that are shorter than the longest of both
    parts are padded at their end with their last step. Raises ValueError.
    """
    series = {part: _series(texts[part]) for part in PARTS}
    steps = max(len(one) for found, _ in series.values() for one in found)
    arrays: dict[str, npt.NDArray[np.generic]] = {}
    for part, (found, classes) in series.items():
        padded = [np.concatenate([one, np.repeat(one[-1:], steps - len(one), axis=0)]) for one in found]
        arrays[f"x_{part.lower()}"] = np.stack(padded)
        whole = all(label.removeprefix("-").isdigit() for label in classes)
        arrays[f"y_{part.lower()}"] = np.array(classes, np.int64 if whole else np.str_)
    return arrays


def _series(text: str) -> tuple[list[npt.NDArray[np.float32]], list[str]]:
    """Return the series of a .ts text, each [steps, channels], and their classes. Raises ValueError."""
    found: list[npt.NDArray[np.float32]] = []
    classes: list[str] = []
    lines = iter(text.splitlines())
    for line in lines:
        if line.strip().lower() == "@data":
            break
    for line in lines:
        if not line.strip():
            continue
        *channels, label = line.split(":")
        columns = [np.array(channel.split(","), np.float32) for channel in channels]
        if not columns or len({len(column) for column in columns}) > 1 or not len(columns[0]):
            raise ValueError(f"series {len(found)} has channels of different lengths, or none")
        one = np.stack(columns, axis=1)
        if not np.isfinite(one).all():
            raise ValueError(f"series {len(found)} has missing values")
        found.append(one)
        classes.append(label.strip())
    if not found:
        raise ValueError("it holds no @data")
    return found, classes
