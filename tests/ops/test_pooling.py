"""Pooling: exact means, ties as LiteRT breaks them, and padding that is no entry."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from edgewright import ops
from edgewright.errors import BadGraph
from edgewright.ir.types import Type
from edgewright.ops import average_pool2d


def away_from_zero(value: Fraction) -> int:
    magnitude = (2 * abs(value.numerator) + value.denominator) // (2 * value.denominator)
    return magnitude if value >= 0 else -magnitude


@pytest.mark.parametrize("divisor", [1, 2, 3, 4, 6, 9, 25, 49, 64, 100, 125, 1000, 4096, 9216])
def test_means_are_exact_and_ties_go_away_from_zero(divisor: int) -> None:
    by = average_pool2d.above_one_part(divisor)
    near = [step * divisor + divisor // 2 + more for step in (-128, -100, -1, 0, 1, 99, 126) for more in (-1, 0, 1)]
    sums = np.array([*near, *np.random.default_rng(divisor).integers(-128 * divisor, 127 * divisor, 500)], np.int64)
    assert by.apply(sums).tolist() == [away_from_zero(Fraction(int(one), divisor)) for one in sums]


def pooled(image: list[list[int]], **attributes: object) -> list[list[int]]:
    x = np.array(image, np.int64)[None, :, :, None]
    type = Type(x.shape[1:], "int8", 0.5, -10)
    op = ops.get("average_pool2d")
    y = replace(type, shape=op.shape({"x": type}, attributes))
    assert op.integer is not None
    return [[int(entry) for entry in row] for row in op.integer({"x": x}, {"x": type, "y": y}, attributes)[0, :, :, 0]]


def test_borders_divide_by_what_is_there() -> None:
    image = [[10, 20], [30, 40]]
    border = {"size": (2, 2), "strides": (2, 2), "padding": (1, 1, 1, 1)}
    assert pooled(image, **border) == image
    assert pooled(image, size=(2, 2), padding=(0, 0, 0, 1)) == [[25, 30]]


def test_counted_padding_is_the_zero_point() -> None:
    assert pooled([[10]], size=(2, 2), padding=(1, 1, 1, 1), count_include_pad=True) == [[-5, -5], [-5, -5]]


@pytest.mark.parametrize("dtype", [np.float64, np.int64])
def test_padding_never_wins(dtype: type) -> None:
    op = ops.get("max_pool2d")
    assert op.float is not None
    x = np.full((1, 2, 2, 1), -100).astype(dtype)
    y = op.float({"x": x}, {"size": (3, 3), "padding": (1, 1, 1, 1)})
    assert (y == -100).all()


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"size": (2, 2), "padding": (2, 0, 0, 0)}, "hold nothing"),
        ({"size": (1, 1), "padding": (0, 0, 0, 1)}, "hold nothing"),
        ({"size": (0, 2)}, "size is"),
        ({"size": (2,)}, "size is"),
        ({"size": (9, 2)}, "does not fit"),
        ({"size": (2, 2), "dilations": (2, 1)}, "without gaps"),
        ({"size": (256, 256), "padding": (255, 255, 255, 255)}, "at most"),
    ],
)
def test_windows_that_cannot_be(attributes: dict[str, object], message: str) -> None:
    with pytest.raises(BadGraph, match=message):
        ops.get("max_pool2d").shape({"x": Type((4, 4, 1))}, attributes)
