"""What the classes of a model are: the labels of a graph are text, the classes of data numbers, truth values or text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgewright.ir.types import Array


def classes_of(labels: Sequence[str]) -> Array:
    """Return labels [n] as the classes that they were written from.

    Integers where all read as integers do when written out, likewise truth values and other numbers; else the text.
    """
    if all(_written_as(label, int) for label in labels):
        return np.array([int(label) for label in labels], np.int64)
    if all(label in ("False", "True") for label in labels):
        return np.array([label == "True" for label in labels])
    if all(_written_as(label, int) or _written_as(label, float) for label in labels):
        return np.array([float(label) for label in labels])
    return np.array(labels, np.str_)


def as_classes(y: Array, classes: Array) -> Array:
    """Return classes [n], as of a table, such that they compare with those of a model: as text where the model's are text."""
    y = np.asarray(y)
    if classes.dtype.kind not in "biuf":
        return y.astype(str)
    if y.dtype.kind in "biuf":
        return y
    different, places = np.unique(y.astype(str), return_inverse=True)
    return classes_of(tuple(map(str, different)))[places]


def _written_as(label: str, kind: type[int] | type[float]) -> bool:
    """Whether a label is how a number of this kind, within 64 bits, is written."""
    try:
        return str(kind(label)) == label and abs(float(label)) < 2.0**63
    except (ValueError, OverflowError):
        return False
