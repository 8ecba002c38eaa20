"""Words of the kernels for cores with DSP instructions: what dsp.h says of them holds, and kernels are used where it is proven."""

import numpy as np
import pytest

from edgewright import ops
from edgewright.ir.types import Type
from edgewright.ops import Case, _dsp, _rows

DSP = frozenset({"dsp"})
INT32 = np.iinfo(np.int32)


def pair(word):
    """The lower and the upper half of a word, as int16."""
    return np.array([word], np.uint32).view(np.int16).astype(np.int64)


def odd_and_even(x):
    """What dsp.h makes of four entries, from their bytes."""
    x = np.asarray(x, np.int8)
    even = np.array([x[1] ^ 127, x[0], x[3] ^ 127, x[2]], np.int8).view(np.int16)
    return x[1::2].astype(np.int64), even.astype(np.int64)


def test_even_holds_every_pair_of_bytes():
    for first in range(-128, 128):
        for second in (-128, -127, -1, 0, 1, 126, 127):
            _, even = odd_and_even([first, second, second, first])
            assert even.tolist() == [256 * first - second + 127, 256 * second - first + 127]


@pytest.mark.parametrize(("rows", "columns", "together"), [(1, 1, 4), (5, 7, 2), (4, 8, 4), (3, 4, 2)])
def test_packed_weights_and_start_give_the_sums(rows, columns, together):
    generator = np.random.default_rng(5)
    w = generator.choice([-127, -126, -1, 0, 1, 127], (rows, columns))
    bias = generator.integers(-30000, 30000, rows)
    x = generator.choice([-128, -127, 0, 127], -(-columns // 4) * 4)  # what lies beyond the columns may be anything
    words = _dsp.packed(w, together)["packed"].view(np.uint32)
    start = _dsp.start(w, bias, Type((columns,), "int8", 1.0), together)["start"].astype(np.int64)
    by_row = words.reshape(-1, len(x) // 4, together).transpose(0, 2, 1).reshape(-1, len(x) // 4)
    for row in range(rows):
        total = start[row]
        for place, word in enumerate(by_row[row]):
            odd, even = odd_and_even(x[4 * place : 4 * place + 4])
            low_bytes = pair(word).astype(np.int8).astype(np.int64)
            total += pair(word) @ odd + low_bytes @ even
        expected = int(w[row] @ x[:columns] + bias[row]) * 256
        assert (int(total) - expected) % 2**32 == 0
    assert not by_row[rows:].any()
    assert not start[rows:].any()


def test_products_that_do_not_fit_are_left_to_the_portable_kernel():
    x = Type((600,), "int8", 1.0)
    w = np.full((1, 600), 127)
    assert 256 * 127 * 128 * 516 <= -INT32.min < 256 * 127 * 128 * 517
    assert _dsp.fits(w[:, :516], x)
    assert not _dsp.fits(w[:, :517], x)
    assert _dsp.fits(w[:, :517], x.with_range(-127, 126))


def test_a_bias_that_does_not_fit_is_added_at_the_end():
    x = Type((516,), "int8", 1.0)
    w = np.full((2, 516), 127)
    assert _dsp.start(w, np.array([0, 0]), x, 2)["rest"] == 0
    found = _dsp.start(w, np.array([0, -100000]), x, 2)
    assert found["rest"].tolist() == [0, -100000]
    assert found["start"].tolist() == [-127 * 127 * 258] * 2


def test_a_weight_of_minus_128_is_left_to_the_portable_kernel():
    assert not _dsp.fits(np.array([[-128]]), Type((1,), "int8", 1.0))


@pytest.mark.parametrize(
    ("image", "w", "attributes", "name"),
    [
        ((4, 4, 8), (2, 1, 1, 8), {}, "conv2d_pixels_Y_FORM"),
        ((4, 4, 8), (2, 1, 1, 8), {"strides": (2, 1)}, "conv2d_words_Y_FORM"),
        ((4, 4, 8), (2, 1, 1, 8), {"padding": (0, 0, 1, 0)}, "conv2d_words_Y_FORM"),
        ((5, 5, 4), (2, 2, 2, 4), {"dilations": (2, 1)}, "conv2d_words_Y_FORM"),
        ((5, 5, 4), (2, 2, 2, 4), {"dilations": (1, 2)}, "conv2d_bytes_Y_FORM"),
        ((5, 5, 3), (2, 1, 1, 3), {}, "conv2d_bytes_Y_FORM"),
    ],
)
def test_kernel_for_a_convolution(image, w, attributes, name):
    types = {
        "x": Type(image, "int8", 1.0),
        "w": Type(w, "int8", 1.0, limits=(-127, 127)),
        "bias": Type(w[:1], "int32", 1.0),
    }
    y = Type(ops.get("conv2d").shape(types, attributes), "int8", 64.0)
    values = {"w": np.ones(w, np.int8), "bias": np.zeros(w[0], np.int32)}
    graph = ops.single_node_graph("conv2d", Case({**types, "y": y}, values, attributes))
    assert ops.kernel_of(graph, graph.nodes[0], DSP).name == name
    assert ops.kernel_of(graph, graph.nodes[0]).needs is None


def test_rows_side_by_side():
    w = np.arange(18).reshape(6, 3)
    expected = [0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11, *range(12, 18)]
    assert _rows.side_by_side(w)["rows_of_w"].tolist() == expected
