"""Shapes, indices, sequences and text where the versions of operators differ or an input is impossible."""

import ml_dtypes
import numpy as np
import onnx
import pytest

from edgewright.errors import BadModelFile, UnsupportedModel
from edgewright.numpy_backend import indexing, sequences, shapes, text

X = np.arange(12, dtype=np.float32).reshape(3, 4)
SMALL = [ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.int4, ml_dtypes.uint2, np.float16, bool]


def ints(*values):
    return np.array(values, np.int64)


def test_attributes_and_inputs_say_the_same():
    np.testing.assert_array_equal(shapes.reshape(X, shape=[4, -1]), shapes.reshape(X, ints(4, -1)))
    assert shapes.squeeze(X[None], axes=[0]).shape == shapes.squeeze(X[None], ints(-3)).shape == (3, 4)
    assert shapes.unsqueeze(X, axes=[0, 3]).shape == shapes.unsqueeze(X, ints(0, -1)).shape == (1, 3, 4, 1)
    expected = X[1:, :2].tolist()
    assert shapes.slice_(X, starts=[1, 0], ends=[9, 2]).tolist() == expected
    assert shapes.slice_(X, ints(0, 1), ints(2, 9), ints(1, 0)).tolist() == expected
    np.testing.assert_array_equal(
        shapes.pad(X, pads=[0, 1, 0, 1], value=2.0), shapes.pad(X, paddings=[0, 1, 0, 1], value=2)
    )
    np.testing.assert_array_equal(
        shapes.pad(X, ints(1, 1), np.array(2, np.float32), ints(-1)), shapes.pad(X, pads=[0, 1, 0, 1], value=2.0)
    )
    np.testing.assert_array_equal(shapes.tile(X, ints(2), ints(1)), shapes.tile(X, ints(1, 2)))
    for found, expected in zip(indexing.top_k(X, k=2), indexing.top_k(X, ints(2)), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("step", [-3, -2, -1, 1, 2, 5])
def test_slices_are_pythons_but_start_inside_the_array(step):
    line = np.arange(5)
    for start in (-9, -5, -2, 0, 3, 4, 5, 9):
        for end in (-9, -6, -5, -1, 0, 2, 5, 2**31):
            found = shapes.slice_(line, ints(start), ints(end), ints(0), ints(step))
            np.testing.assert_array_equal(found, line[max(start, -5) : end : step], f"{start}:{end}:{step}")


def test_split_gives_equal_parts_or_a_smaller_last_one():
    line = np.arange(7)
    assert [len(part) for part in shapes.split(line, num_outputs=3, outputs=3)] == [3, 3, 1]
    assert [len(part) for part in shapes.split(line, split=[2, 0, 5], outputs=3)] == [2, 0, 5]
    with pytest.raises(BadModelFile, match="equal parts"):
        shapes.split(line, outputs=2)
    with pytest.raises(BadModelFile, match="make up"):
        shapes.split(line, ints(3, 3), outputs=2)


def test_negative_pads_cut():
    assert shapes.pad(np.arange(5), ints(-1, 2), np.array(9)).tolist() == [1, 2, 3, 4, 9, 9]
    assert shapes.pad(np.array(["a"], object), ints(1, 0)).tolist() == ["", "a"]
    with pytest.raises(UnsupportedModel, match="mirror"):
        shapes.pad(X, ints(0, 0, 0, 0), mode="mirror")


@pytest.mark.parametrize("kind", SMALL)
def test_every_type_keeps_its_dtype(kind):
    x = np.array([[0, 1], [1, 1]]).astype(kind)
    row = ints(0)[None]
    results = [
        shapes.pad(x, ints(1, 0, 0, 1)),
        shapes.pad(x, ints(1, 0, 0, 1), mode="reflect"),
        shapes.concat(x, x, axis=0),
        shapes.expand(x, ints(2, 2, 2)),
        shapes.tile(x, ints(2, 1)),
        shapes.trilu(x),
        shapes.eye_like(x),
        shapes.where(x == x, x, x),
        shapes.constant_of_shape(ints(2), value=x[:1, 0]),
        indexing.gather(x, ints(-1)),
        indexing.scatter_elements(x, row, x[:1, :1]),
        indexing.one_hot(ints(1), np.array(2), x[0]),
        indexing.unique(x)[0],
        indexing.top_k(x, ints(1))[0],
    ]
    assert {result.dtype for result in results} == {np.dtype(kind)}
    assert indexing.unique(x)[0].astype(int).tolist() == [0, 1]
    assert indexing.non_zero(x).tolist() == [[0, 1, 1], [1, 0, 1]]


def test_ranges_hold_every_step_before_the_limit():
    def made(kind, *values):
        return shapes.range_(*(np.array(value).astype(kind) for value in values))

    assert made(np.int64, 10, 4, -2).tolist() == [10, 8, 6]
    assert made(np.int32, 5, 5, 1).size == 0
    assert made(np.int64, 2**53, 2**53 + 3, 2).tolist() == [2**53, 2**53 + 2]
    np.testing.assert_allclose(made(np.float32, 1, 2.1, 0.5), [1, 1.5, 2])
    half = made(ml_dtypes.bfloat16, 256, 262, 1)
    assert (half.dtype, half.size) == (np.dtype(ml_dtypes.bfloat16), 6)
    with pytest.raises(BadModelFile, match="delta of 0"):
        made(np.float32, 0, 1, 0)


@pytest.mark.parametrize(
    "call",
    [
        lambda: shapes.reshape(X, ints(5, -1)),
        lambda: shapes.reshape(X, ints(-1, -1)),
        lambda: shapes.reshape(X, ints(3, 4, 0)),
        lambda: shapes.squeeze(X, ints(0)),
        lambda: shapes.unsqueeze(X, ints(0, 0)),
        lambda: shapes.transpose(X, perm=[0, 0]),
        lambda: shapes.expand(X, ints(5)),
        lambda: shapes.concat(X, X.T, axis=0),
        lambda: shapes.slice_(X, ints(0), ints(1), ints(0), ints(0)),
        lambda: shapes.slice_(X, ints(0), ints(1), ints(7)),
        lambda: shapes.pad(X, ints(1, 1)),
        lambda: shapes.reverse_sequence(X, ints(1, 1, 1, 9)),
        lambda: indexing.gather(X, ints(3)),
        lambda: indexing.gather_elements(X, ints(-4)[None]),
        lambda: indexing.gather_nd(X, ints(0, 0, 0)),
        lambda: indexing.scatter_nd(X, ints(3)[None], X[:1]),
        lambda: indexing.scatter_nd(X, ints(1)[None], X),
        lambda: indexing.tensor_scatter(X[..., None], X[..., None], ints(0, 0, 1)),
        lambda: indexing.compress(X, np.ones(5, bool), axis=0),
        lambda: indexing.top_k(X, ints(5)),
        lambda: sequences.sequence_at([X], ints(1)),
        lambda: sequences.sequence_erase([]),
        lambda: sequences.sequence_insert([X], X, ints(3)),
        lambda: sequences.concat_from_sequence([], axis=0),
        lambda: sequences.split_to_sequence(X, ints(1, 1)),
        lambda: sequences.optional_get_element(None),
        lambda: text.regex_full_match(np.array(["a"], object), pattern="("),
        lambda: text.string_normalizer(np.full((2, 2), "a", object)),
    ],
)
def test_the_impossible_is_refused(call):
    with pytest.raises(BadModelFile):
        call()


def test_scatters_reduce_repeated_indices():
    zeros, twice = np.zeros((1, 3), np.float32), ints(1, 1)[None]
    updates = np.array([[2, 5]], np.float32)
    found = {
        name: indexing.scatter_elements(zeros + 3, twice, updates, axis=1, reduction=name)[0, 1]
        for name in indexing.REDUCTIONS
    }
    assert found == {"add": 10, "mul": 30, "max": 5, "min": 2}
    assert zeros.tolist() == [[0, 0, 0]]
    with pytest.raises(UnsupportedModel, match="mean"):
        indexing.scatter_nd(zeros, ints(0)[None], zeros, reduction="mean")


def test_the_first_of_equals_is_on_top():
    values, places = indexing.top_k(np.array([1, 3, 3, 1, 2], np.uint8), ints(4))
    assert (values.tolist(), places.tolist()) == ([3, 3, 2, 1], [1, 2, 4, 0])
    values, places = indexing.top_k(np.array([1, 3, 3, 1, 2], np.uint8), ints(2), largest=0)
    assert (values.tolist(), places.tolist()) == ([1, 1], [0, 3])


def test_unique_strings_and_unique_slices_in_the_order_they_came():
    found, first, inverse, counts = indexing.unique(np.array(["b", "a", "b"], object), sorted=0)
    assert (found.tolist(), first.tolist(), inverse.tolist(), counts.tolist()) == (
        ["b", "a"],
        [0, 1],
        [0, 1, 0],
        [2, 1],
    )
    rows = np.array([[2, 1], [0, 9], [2, 1]], np.float32)
    found, first, inverse, counts = indexing.unique(rows, axis=0, sorted=0)
    assert (found.tolist(), inverse.tolist(), counts.tolist()) == ([[2, 1], [0, 9]], [0, 1, 0], [2, 1])


def test_sequences_change_without_touching_the_first():
    first = sequences.sequence_construct(X, X + 1)
    assert int(sequences.sequence_length(sequences.sequence_erase(first))) == 1
    assert sequences.sequence_insert(first, X + 2, ints(-1))[1][0, 0] == 2
    assert sequences.sequence_at(first, ints(-1))[0, 0] == 1
    assert len(first) == 2
    assert [part.shape for part in sequences.split_to_sequence(X, np.array(3), axis=1)] == [(3, 3), (3, 1)]
    assert sequences.concat_from_sequence(first, axis=-1, new_axis=1).shape == (3, 4, 2)


def test_text_is_matched_as_re2_would():
    words = np.array([["ab1", "ab\n", "äb1"]], object)
    assert text.regex_full_match(words, pattern=r"\w+\d").tolist() == [[True, False, False]]
    for pattern in (r"\pL", "[[:alpha:]]", r"\Qa.b\E"):
        with pytest.raises(UnsupportedModel, match="write the characters out"):
            text.regex_full_match(words, pattern=pattern)


def test_stop_words_go_before_the_case_changes():
    words = np.array([["Monday", "monday", "Tuesday"]], object)
    kept = text.string_normalizer(words, stopwords=["monday"], is_case_sensitive=1, case_change_action="UPPER")
    assert kept.tolist() == [["MONDAY", "TUESDAY"]]
    assert text.string_normalizer(words, stopwords=["MONDAY", "tuesday"]).tolist() == [[""]]


def test_ngrams_are_weighted():
    options = {
        "min_gram_length": 1,
        "max_gram_length": 2,
        "max_skip_count": 1,
        "ngram_counts": [0, 2],
        "ngram_indexes": [0, 1, 2],
        "pool_strings": ["a", "b", "a", "b"],
        "weights": [2.0, 3.0, 0.5],
    }
    words = np.array([["a", "b", "b"]], object)  # one a, two b, and a b at distances 1 and 2
    found = {mode: text.tf_idf_vectorizer(words, mode=mode, **options).tolist() for mode in ("TF", "IDF", "TFIDF")}
    assert found == {"TF": [[1, 2, 2]], "IDF": [[2, 3, 0.5]], "TFIDF": [[2, 6, 1]]}


def test_a_matrix_of_ones_takes_a_type():
    made = shapes.eye_like(np.zeros((2, 3), np.int32), dtype=onnx.TensorProto.BFLOAT16, k=1)
    assert (made.dtype, made.astype(int).tolist()) == (np.dtype(ml_dtypes.bfloat16), [[0, 1, 0], [0, 0, 1]])
