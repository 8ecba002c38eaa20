"""MNIST handwritten digits of 28 x 28 pixels."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import numpy.typing as npt

from edgewright.data import Dataset
from edgewright.data._download import Arrays, File, Source, unpacked
from edgewright.data._local import load_images

SHA256 = "8fc8fc4f0343f34ece1fcfdfb65f0801fac48030ce7c70e62bbb62f64ee2e65b"
SIDE, TRAIN, TEST = 28, 60_000, 10_000
SUFFIX = "-ubyte.gz"
IMAGES, LABELS = 2051, 2049  # what an idx file of bytes in three dimensions, or one, begins with
HOW_TO_GET = (
    "Get the four idx files from http://yann.lecun.com/exdb/mnist, or the images from https://github.com/rasbt/mnist-pngs, and "
    "save them by numpy.savez as mnist/mnist.npz in the folder that EDGEWRIGHT_DATA names: x_train uint8 [60000, 28, 28], "
    "y_train uint8 [60000], x_test uint8 [10000, 28, 28], y_test uint8 [10000], in the published order."
)


def arrays(files: Mapping[str, bytes]) -> Arrays:
    """Return the arrays of the four idx files. Raises ValueError, EOFError, OSError."""
    found = {}
    for part, name, rows in (("train", "train", TRAIN), ("test", "t10k", TEST)):
        found[f"x_{part}"] = _idx(files[f"{name}-images-idx3{SUFFIX}"], IMAGES, (rows, SIDE, SIDE))
        found[f"y_{part}"] = _idx(files[f"{name}-labels-idx1{SUFFIX}"], LABELS, (rows,))
    return found


def _idx(packed: bytes, kind: int, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """Return the bytes of an idx file of a known shape. Raises ValueError for another."""
    header = b"".join(number.to_bytes(4, "big") for number in (kind, *shape))
    data = unpacked(packed, len(header) + int(np.prod(shape)))
    if data[: len(header)] != header or len(data) != len(header) + np.prod(shape):
        raise ValueError(f"it is no idx file of {' x '.join(map(str, shape))} bytes")
    return np.frombuffer(data, np.uint8, offset=len(header)).reshape(shape)


SOURCE = Source(
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "http://yann.lecun.com/exdb/mnist/",
    ),
    files=(
        File(
            f"train-images-idx3{SUFFIX}",
            9_912_422,
            "sha256:440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        ),
        File(
            f"train-labels-idx1{SUFFIX}",
            28_881,
            "sha256:3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        ),
        File(
            f"t10k-images-idx3{SUFFIX}",
            1_648_877,
            "sha256:8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        ),
        File(
            f"t10k-labels-idx1{SUFFIX}",
            4_542,
            "sha256:f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
    ),
    read=arrays,
)
ENTRY = Dataset(
    doc="MNIST handwritten digits, 28 x 28 pixels in 0..255, 10 classes, 60,000 training and 10,000 test rows.",
    source="Y. LeCun, C. Cortes, C. J. C. Burges, The MNIST database of handwritten digits",
    licence="CC BY-SA 3.0",
    load=partial(load_images, "mnist", HOW_TO_GET, SHA256, (SOURCE,)),
)
