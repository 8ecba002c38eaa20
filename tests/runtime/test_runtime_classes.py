"""Labels of graphs as classes, and classes of data beside them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgewright.runtime.classes import as_classes, classes_of


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (("-1", "1"), [-1, 1]),
        (("0", "10", "2"), [0, 10, 2]),
        (("False", "True"), [False, True]),
        (("0.0", "1.5"), [0.0, 1.5]),
        (("1", "1.5"), [1.0, 1.5]),
        (("007", "8"), ["007", "8"]),
        (("1_000", "2"), ["1_000", "2"]),
        (("nan", "1"), ["nan", "1"]),
        (("9" * 30, "1"), ["9" * 30, "1"]),
        (("cat", "1"), ["cat", "1"]),
    ],
)
def test_labels_become_what_they_were_written_from(labels: tuple[str, ...], classes: list[Any]) -> None:
    found = classes_of(labels)
    assert found.tolist() == classes
    assert found.dtype.kind == np.array(classes).dtype.kind


@pytest.mark.parametrize(
    ("y", "classes"),
    [
        (np.array([0.0, 1.0, 1.0]), np.array([False, True])),
        (np.array([False, True, True]), np.array([0, 1])),
        (np.array(["False", "True", "True"]), np.array([0, 1])),
        (np.array(["0", "1", "1"]), np.array([0.0, 1.0])),
        (np.array([0, 1, 1]), np.array(["0", "1"], object)),
        (np.array(["no", "yes", "yes"], object), np.array(["no", "yes"])),
    ],
)
def test_classes_of_data_compare_with_those_of_a_model(y: Any, classes: Any) -> None:
    answers = classes[[0, 1, 1]]
    assert np.array_equal(as_classes(y, classes) == answers, [True, True, True])
    assert not np.any(as_classes(y, classes) == classes[[1, 0, 0]])
