"""Spoken words of one second, as raw samples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgewright.data import Dataset, Split
from edgewright.data._download import Arrays
from edgewright.data._local import Place, Stored, load, read_npz
from edgewright.data.tables import Table, split_table

KEYS = ("x", "y", "words", "name", "speaker", "rate")
ROWS = ("x", "y", "name", "speaker")
TEST_SHARE, SEED = 0.25, 0
HALVES = tuple(f"speech_commands_v2_test12/kws_dev_{half}.npz" for half in "ab")


def read_halves(paths: Sequence[Path]) -> Arrays:
    """Return the arrays of two files that hold half of the words each. Raises KeyError, ValueError, OSError."""
    first, second = (read_npz(path, KEYS) for path in paths)
    return {**first, **{key: np.concatenate([first[key], second[key]]) for key in ROWS}}


STORED = Stored(
    name="speech_commands",
    keys=KEYS,
    sha256="f280740c4a592229528daeb20f47e3974d2833e1fd012a7692c017c258f2f908",
    how_to_get=(
        "It is 1,840 recordings of the official test set of 12 classes, "
        "http://download.tensorflow.org/data/speech_commands_test_set_v0.02.tar.gz, chosen so that their speakers are in no other part: "
        "160 a word, 80 of silence. Unpacked, that set, or any part of Speech Commands, can be given as a folder instead (--data FOLDER): "
        "it is then split by speaker too."
    ),
    places=(Place(HALVES, read_halves),),
)


def load_split() -> Split:
    """Return the words: x int16 [n, 16000], raw samples at 16 kHz; y text; split by speaker, as groups in the training part.

    A recording of silence is a group of its own. Raises BadData.
    """
    arrays = load(STORED)
    y = arrays["words"][arrays["y"]]
    samples = arrays["x"].shape[1]
    table = Table(
        x=arrays["x"],
        y=y,
        feature_names=("amplitude",),
        label_names=tuple(np.unique(y).tolist()),
        sequence=(samples, 1),
        groups=arrays["speaker"],
        hertz=float(arrays["rate"]),
    )
    return split_table(table, TEST_SHARE, SEED)


ENTRY = Dataset(
    doc="Spoken words, 1 s of raw 16-bit samples at 16 kHz, 10 words, unknown and silence; split by speaker.",
    source="P. Warden, Speech Commands v0.02, 2018: 1,840 recordings of its test set of 12 classes",
    licence="CC BY 4.0",
    load=load_split,
)
