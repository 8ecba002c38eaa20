"""Operators on strings, which are arrays of Python's strings."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgewright.errors import BadModelFile, UnsupportedModel

Array = npt.NDArray[Any]
CASES: dict[str, Callable[[str], str]] = {"NONE": str, "LOWER": str.lower, "UPPER": str.upper}
NOT_IN_PYTHON = re.compile(r"(?<!\\)(?:\\\\)*(\\[pPQCz]|\[:\^?\w+:\])")  # what RE2 has and Python's re does not


def string_normalizer(
    data: Array,
    *,
    case_change_action: str = "NONE",
    is_case_sensitive: int = 0,
    locale: str = "en_US",
    stopwords: Sequence[str] = (),
) -> Array:
    """Return the strings of a vector or of one row without stop words, then in lower or upper case.

    One empty string stands for the result where every string is dropped. locale: Unicode's rules serve for every one.
    """
    if data.ndim not in (1, 2) or (data.ndim == 2 and len(data) != 1):
        raise BadModelFile(f"StringNormalizer: an array of shape {data.shape}; allowed: [C] and [1, C].")
    if case_change_action not in CASES:
        raise UnsupportedModel(f"StringNormalizer: case {case_change_action!r}; allowed: {', '.join(CASES)}.")
    fold: Callable[[str], str] = str if is_case_sensitive else str.lower
    dropped = {fold(word) for word in stopwords}
    kept = [CASES[case_change_action](word) for word in data.reshape(-1).tolist() if fold(word) not in dropped]
    return _strings(kept or [""]).reshape((1, -1) if data.ndim == 2 else -1)


def _strings(values: Sequence[str]) -> Array:
    return np.array(values, object)


def string_concat(x: Array, y: Array) -> Array:
    """Return each string of x followed by that of y, broadcast."""
    return np.asarray(np.asarray(x, object) + np.asarray(y, object), object)


def string_split(data: Array, *, delimiter: str = "", maxsplit: int = -1) -> tuple[Array, Array]:
    """Return the parts of each string along a new last axis, filled up with empty ones, and their numbers, int64.

    delimiter: runs of whitespace where empty. maxsplit: the most splits, from the left; -1 for all.
    """
    parts = [text.split(delimiter or None, maxsplit) for text in data.reshape(-1).tolist()]
    counts = np.array([len(part) for part in parts], np.int64).reshape(data.shape)
    width = max(map(len, parts), default=0)
    filled = [text for part in parts for text in [*part, *[""] * (width - len(part))]]
    return _strings(filled).reshape(*data.shape, width), counts


def regex_full_match(data: Array, *, pattern: str) -> Array:
    """Return whether each whole string matches a pattern in RE2's syntax, as far as Python's re shares it."""
    missing = NOT_IN_PYTHON.search(pattern)
    if missing:
        raise UnsupportedModel(
            f"RegexFullMatch: {missing[1]!r} in {pattern!r} is not supported; write the characters out."
        )
    try:
        compiled = re.compile(pattern, re.ASCII)  # RE2's \w, \d, \s and \b know ASCII only
    except re.error as error:
        raise BadModelFile(f"RegexFullMatch: {pattern!r} is no pattern: {error}.") from None
    matches = [compiled.fullmatch(text) is not None for text in data.reshape(-1).tolist()]
    return np.array(matches, bool).reshape(data.shape)


def tf_idf_vectorizer(
    data: Array,
    *,
    max_gram_length: int,
    max_skip_count: int,
    min_gram_length: int,
    mode: str,
    ngram_counts: Sequence[int],
    ngram_indexes: Sequence[int],
    pool_int64s: Sequence[int] | None = None,
    pool_strings: Sequence[str] | None = None,
    weights: Sequence[float] | None = None,
) -> Array:
    """Return how often the n-grams of a pool occur in a vector, or in each row of a matrix, float32.

    mode: TF counts; IDF weights those that occur; TFIDF weights the counts. Elements of an n-gram may lie up to
    max_skip_count + 1 apart, all by the same distance.
    """
    if mode not in ("TF", "IDF", "TFIDF"):
        raise UnsupportedModel(f"TfIdfVectorizer: mode {mode!r}; allowed: TF, IDF, TFIDF.")
    if (pool_int64s is None) == (pool_strings is None):
        raise BadModelFile("TfIdfVectorizer: one of pool_int64s and pool_strings is needed, and not both.")
    known = _ngrams(list(pool_strings or pool_int64s or []), ngram_counts)
    result = np.zeros((*data.shape[:-1], max(ngram_indexes) + 1), np.float32)
    factors = np.ones(len(ngram_indexes), np.float32) if weights is None else np.array(weights, np.float32)
    lengths = range(min_gram_length, max_gram_length + 1)
    for row, target in zip(
        data.reshape(-1, data.shape[-1]).tolist(), result.reshape(-1, result.shape[-1]), strict=True
    ):
        for gram, count in _occurrences(row, lengths, max_skip_count).items():
            if gram in known:
                term = 1 if mode == "IDF" else count
                target[ngram_indexes[known[gram]]] += term if mode == "TF" else term * factors[known[gram]]
    return result


def _ngrams(pool: Sequence[Any], starts: Sequence[int]) -> dict[tuple[Any, ...], int]:
    """Return the number of each n-gram of a pool that holds all single elements, then all pairs, and so on."""
    ends = [*starts[1:], len(pool)]
    grams = [
        tuple(pool[place : place + length])
        for length, (start, end) in enumerate(zip(starts, ends, strict=True), 1)
        for place in range(start, end, length)
    ]
    return {gram: number for number, gram in enumerate(grams)}


def _occurrences(row: Sequence[Any], lengths: range, max_skip_count: int) -> Counter[tuple[Any, ...]]:
    found: Counter[tuple[Any, ...]] = Counter()
    for length in lengths:
        for distance in range(1, 2 if length == 1 else max_skip_count + 2):
            span = (length - 1) * distance + 1
            found.update(tuple(row[start : start + span : distance]) for start in range(len(row) - span + 1))
    return found


ENTRY = {
    "RegexFullMatch": regex_full_match,
    "StringConcat": string_concat,
    "StringNormalizer": string_normalizer,
    "StringSplit": string_split,
    "TfIdfVectorizer": tf_idf_vectorizer,
}
