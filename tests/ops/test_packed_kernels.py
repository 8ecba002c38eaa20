"""Words of the kernels that multiply two rows at once: what packed.h says of them holds, and kernels are used where it is proven."""

import numpy as np
import pytest

from edgewright import boards, ops
from edgewright.errors import BadGraph
from edgewright.ir.types import Type
from edgewright.ops import Case, _packed

SIGNED = Type((40,), "int8", 1.0)
AFTER_RELU = SIGNED.with_range(0, 127)
GAUSSIAN = np.clip(np.round(np.random.default_rng(3).normal(0, 32, (8, 40))), -128, 127).astype(np.int64)


def largest_sums(w, x, pairs):
    """The sum of each chunk that is farthest from 0, by the worst input of each row: found by trying, not by a formula."""
    ends = np.repeat(np.arange(len(pairs)), 2 * np.array(pairs))[: w.shape[1]]
    found = []
    for row in w:
        for worst in (np.where(row > 0, *x.range), np.where(row > 0, *x.range[::-1])):
            found.append(np.bincount(ends, weights=row * worst, minlength=len(pairs)))
    return np.array(found)


@pytest.mark.parametrize("x", [SIGNED, AFTER_RELU, SIGNED.with_range(-127, 127)], ids=str)
@pytest.mark.parametrize("columns", [40, 39, 2, 1])
def test_chunks_fit_16_bits_and_cannot_be_longer(x, columns):
    w = GAUSSIAN[:, :columns]
    pairs = _packed.chunks(w, x)
    assert sum(pairs) == (columns + 1) // 2
    sums = largest_sums(w, x, pairs)
    assert sums.min() >= -(2**15)
    assert sums.max() < 2**15
    for place in range(len(pairs) - 1):
        longer = (*pairs[:place], pairs[place] + 1, pairs[place + 1] - 1, *pairs[place + 2 :])
        sums = largest_sums(w, x, longer)[:, place]
        assert pairs[place] == _packed.MOST_PAIRS or sums.min() < -(2**15) or sums.max() >= 2**15


def test_the_end_of_16_bits_counts():
    w = np.full((4, 16), 16)
    assert _packed.chunks(w, SIGNED) == (8,)  # -32768
    w[0, 0] = 17
    assert _packed.chunks(w, SIGNED) == (7, 1)
    assert _packed.chunks(w, SIGNED.with_range(-127, 127)) == (8,)
    assert _packed.chunks(-np.full((4, 16), 16), SIGNED) == (7, 1)  # 32768


def test_two_products_of_minus_128_are_left_to_the_portable_kernel():
    assert _packed.chunks(np.full((4, 2), -128), SIGNED) is None
    assert _packed.chunks(np.array([[-128, -127]]), SIGNED) == (1,)
    assert _packed.mean(np.full((4, 2), -128), SIGNED) == 0


def test_the_second_proof_accepts_the_chunks():
    for x in (SIGNED, AFTER_RELU):
        _packed.prove(GAUSSIAN, x, _packed.chunks(GAUSSIAN, x))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w, pairs: (w, (pairs[0] + 1, pairs[1] - 1, *pairs[2:])), "leaves 16 bits"),
        (lambda w, pairs: (w, pairs[:-1]), "not those of 40 columns"),
        (lambda w, pairs: (w, (*pairs, 1)), "not those of 40 columns"),
        (lambda w, pairs: (w, (0, *pairs)), "not those of 40 columns"),
        (lambda w, pairs: (w // 16, (10, 10)), "not those of 40 columns"),
        (lambda w, pairs: (np.where(w == w[0].max(), 2 * w, w), pairs), "leaves 16 bits"),
    ],
)
def test_the_second_proof_finds_what_was_tampered_with(change, message):
    w, pairs = change(GAUSSIAN, _packed.chunks(GAUSSIAN, SIGNED))
    with pytest.raises(BadGraph, match=message):
        _packed.prove(w, SIGNED, pairs)


@pytest.mark.parametrize("columns", [40, 39])
def test_words_give_the_sums(columns):
    """The arithmetic of packed.h modulo 2^32, for both ways to make a second sum."""
    generator = np.random.default_rng(5)
    w = GAUSSIAN[:6, :columns]
    x = generator.choice([-128, -127, 0, 127], columns)
    found = _packed.packed(w, SIGNED)
    words = found["packed"].view(np.uint32).astype(object).reshape(1, -1)
    padded = [*x.tolist(), *([0] * (columns % 2))]
    assert found["left"].tolist() == w[4:].ravel().tolist()
    assert found["chunks"] == len(found["pairs"])
    sums, swapped_sums, first = np.zeros(4, np.int64), np.zeros(4, np.int64), 0
    for count in found["pairs"].tolist():
        chunk = range(first, first + 2 * count)
        total = sum(padded[c] for c in chunk)
        odd = 0x80008000 - total * 0x00800080
        every = odd * 257
        both = other = 0x80808000 - total * 0x80808080
        for c in chunk:
            word = int(words[0, c])
            swapped = (word & 0x00FF00FF) << 8 | ((word >> 8) & 0x00FF00FF)
            every += word * padded[c]
            odd += ((word >> 8) & 0x00FF00FF) * padded[c]
            both += word * padded[c]
            other += swapped * padded[c]
        even = (every - (odd << 8)) % 2**32
        sums += [even & 0xFFFF, odd % 2**16, even >> 16, odd % 2**32 >> 16]
        for row, value in ((0, both - 256 * other), (1, other - 256 * both)):
            value += value % 2**16 << 16
            swapped_sums[[row, row + 2]] += [value % 2**16, value % 2**32 >> 16]
        first += 2 * count
    expected = w[:4] @ x
    assert (sums - 2**15 * found["chunks"]).tolist() == expected.tolist()
    assert (swapped_sums - 2**15 * found["chunks"]).tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("board", "rows", "columns", "deviation", "name"),
    [
        ("bluepill", 28, 40, 20, "dense_chunks_BIAS_Y_FORM"),
        ("hifive1", 28, 40, 20, "dense_chunks_BIAS_Y_FORM"),
        ("bluepill", 28, 39, 20, "dense_X_BIAS_Y_FORM"),  # x is read in pairs
        ("microbit", 28, 39, 20, "dense_stream_BIAS_Y_FORM"),
        ("mkr1000", 8, 1026, 20, "dense_X_BIAS_Y_FORM"),  # x would take more than 4 KB
        ("microbit", 3, 400, 20, "dense_X_BIAS_Y_FORM"),
        ("microbit", 24, 40, 20, "dense_X_BIAS_Y_FORM"),  # too few products
        ("microbit", 28, 40, 1000, "dense_X_BIAS_Y_FORM"),  # chunks of a pair
        ("bluepill", 28, 40, 1000, "dense_X_BIAS_Y_FORM"),
    ],
)
def test_kernels_are_chosen_by_the_core_and_the_mean_chunk(board, rows, columns, deviation, name):
    w = np.clip(np.round(np.random.default_rng(4).normal(0, deviation, (rows, columns))), -127, 127).astype(np.int8)
    types = {
        "x": Type((columns,), "int8", 1.0),
        "w": Type(w.shape, "int8", 1.0),
        "bias": Type((rows,), "int32", 1.0),
        "y": Type((rows,), "int8", 64.0),
    }
    graph = ops.single_node_graph("dense", Case(types, {"w": w, "bias": np.zeros(rows, np.int32)}))
    assert ops.kernel_of(graph, graph.nodes[0], boards.get(board).cpu.features).name == name
