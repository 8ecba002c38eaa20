"""Handwritten digits of 8 x 8 pixels, bundled with scikit-learn."""

from __future__ import annotations

import numpy as np

from edgewright.data import Dataset, Split

TEST_ROWS = 540


def load() -> Split:
    """Return the digits, split as everywhere: train_test_split(test_size=540, stratify=y, random_state=0).

    1,257 training rows and 540 test rows of 64 features, 0 to 16; as sequences 8 steps of 8 features.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    x, y = load_digits(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(
        x.astype(np.float32), y.astype(np.int64), test_size=TEST_ROWS, stratify=y, random_state=0
    )
    return Split(x_train, y_train, x_test, y_test, tuple(map(str, range(10))), (8, 8))


ENTRY = Dataset(
    doc="Handwritten digits, 8 x 8 pixels, 10 classes, 1,797 rows; needs no files.",
    source="scikit-learn (sklearn.datasets.load_digits); UCI Optical Recognition of Handwritten Digits, 1998",
    licence="CC BY 4.0",
    load=load,
)
