"""USPS handwritten digits of 16 x 16 pixels."""

from __future__ import annotations

import bz2
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from edgewright.data import Dataset
from edgewright.data._download import Arrays, File, Source, table, unpacked
from edgewright.data._local import load_images

SHA256 = "72053ab01c0eb823f2927e010cc18280e5f6ba82b6b4676e9e0e8585c0f015c6"
SIDE, TRAIN, TEST = 16, 7_291, 2_007
MOST_PACKED, MOST_TEXT = 16 * 1024**2, 64 * 1024**2
HOW_TO_GET = (
    "Get zip.train.gz and zip.test.gz from https://hastie.su.domains/ElemStatLearn/data.html, or usps.h5 from "
    "https://github.com/niuers/Learning-From-Data-A-Short-Course (data/usps.h5), and save them by numpy.savez as usps/usps.npz in the "
    "folder that EDGEWRIGHT_DATA names: x_train float32 [7291, 16, 16] in 0..1, y_train uint8 [7291], x_test float32 [2007, 16, 16], "
    "y_test uint8 [2007]. The files hold -1..1; 0..1 is (x + 1) / 2 in float32."
)


def plain_tables(files: Mapping[str, bytes]) -> Arrays:
    """Return the arrays of zip.train.gz and zip.test.gz: a digit a line, its class and 256 pixels in -1..1. Raises ValueError, OSError."""
    found: dict[str, npt.NDArray[Any]] = {}
    for part, name, rows in (("train", "zip.train.gz", TRAIN), ("test", "zip.test.gz", TEST)):
        numbers = table(unpacked(files[name], MOST_TEXT), rows, 1 + SIDE * SIDE)
        found |= _part(part, numbers[:, 0], numbers[:, 1:])
    return found


def indexed_tables(files: Mapping[str, bytes]) -> Arrays:
    """Return the arrays of usps.bz2 and usps.t.bz2: a digit a line, its class from 1, 256 times INDEX:PIXEL. Raises as above."""
    found: dict[str, npt.NDArray[Any]] = {}
    for part, name, rows in (("train", "usps.bz2", TRAIN), ("test", "usps.t.bz2", TEST)):
        text = unpacked(files[name], MOST_TEXT, bz2.open).replace(b":", b" ")
        numbers = table(text, rows, 1 + 2 * SIDE * SIDE)
        if not np.array_equal(numbers[:, 1::2], np.broadcast_to(np.arange(1, SIDE * SIDE + 1), (rows, SIDE * SIDE))):
            raise ValueError("it does not state every pixel in its place")
        found |= _part(part, numbers[:, 0] - 1, numbers[:, 2::2])
    return found


def _part(part: str, classes: npt.NDArray[np.float64], pixels: npt.NDArray[np.float64]) -> dict[str, npt.NDArray[Any]]:
    images = (pixels.astype(np.float32) + np.float32(1)) / np.float32(2)
    return {f"x_{part}": images.reshape(-1, SIDE, SIDE), f"y_{part}": classes.astype(np.uint8)}


SOURCES = (
    Source(
        mirrors=(
            "https://hastie.su.domains/ElemStatLearn/datasets/",
            "https://web.stanford.edu/~hastie/ElemStatLearn/datasets/",
        ),
        # No checksum is published; that of the arrays is checked.
        files=(File("zip.train.gz", MOST_PACKED), File("zip.test.gz", MOST_PACKED)),
        read=plain_tables,
    ),
    Source(
        mirrors=("https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass/",),
        files=(
            File("usps.bz2", MOST_PACKED, "md5:ec16c51db3855ca6c91edd34d0e9b197"),
            File("usps.t.bz2", MOST_PACKED, "md5:8ea070ee2aca1ac39742fdd1ef5ed118"),
        ),
        read=indexed_tables,
    ),
)
ENTRY = Dataset(
    doc="USPS handwritten digits, 16 x 16 pixels in 0..1, 10 classes, 7,291 training and 2,007 test rows.",
    source="J. J. Hull, A database for handwritten text recognition research, 1994",
    licence="no formal licence; distributed freely for research with The Elements of Statistical Learning",
    load=partial(load_images, "usps", HOW_TO_GET, SHA256, SOURCES),
)
