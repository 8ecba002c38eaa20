"""Columns whose products are summed in halves of a word: which ones may be, and weights as the kernels read them. See packed.h."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgewright.errors import BadGraph
from edgewright.ir.types import Array, Type
from edgewright.ops._dsp import wrapped
from edgewright.ops.arithmetic import Integers, product_bounds

INT16 = (-(2**15), 2**15 - 1)
TOGETHER = 4  # rows
OFFSET = 128  # of each weight, which makes it a byte that is not negative
PAIR = 2  # columns: the loops take two at a time
MOST_PAIRS = 8  # of a chunk: the kernels for Thumb-1 have as many side by side


def chunks(w: Array, x: Type) -> tuple[int, ...] | None:
    """Return how many pairs of columns of w [rows, columns] each chunk has, in order, or None where not every pair is a chunk.

    Within a chunk the sum of every row is proven to fit 16 bits for every x of a type. Each is as long as that allows, `MOST_PAIRS` at
    most; a column that is missing to a pair is 0.
    """
    ends = [_in_pairs(entries) for entries in _ends(w, x)]
    found: list[int] = []
    lowest, highest = np.zeros((2, len(w)), np.int64)
    for pair in range(ends[0].shape[1]):
        lowest, highest = lowest + ends[0][:, pair], highest + ends[1][:, pair]
        if not found or found[-1] == MOST_PAIRS or not _fits(lowest, highest):
            lowest, highest = ends[0][:, pair], ends[1][:, pair]
            if not _fits(lowest, highest):
                return None
            found.append(0)
        found[-1] += 1
    return tuple(found)


def prove(w: Array, x: Type, pairs: Sequence[int]) -> None:
    """Check a division into chunks anew, by the extremes of whole products. Raises BadGraph with the first chunk that is not proven."""
    columns = w.shape[1]
    if any(not 1 <= count <= MOST_PAIRS for count in pairs) or sum(pairs) != -(-columns // PAIR):
        raise BadGraph(f"the chunks {list(pairs)} of up to {MOST_PAIRS} pairs are not those of {columns} columns")
    first = 0
    for count in pairs:
        chunk = w[:, first : first + PAIR * count].astype(np.int64)
        lowest, highest = product_bounds(chunk, *x.range)
        if lowest.min() < INT16[0] or highest.max() > INT16[1]:
            raise BadGraph(
                f"a sum of the columns {first} to {first + chunk.shape[1] - 1} may be {lowest.min()} or {highest.max()}, "
                "which leaves 16 bits"
            )
        first += PAIR * count


def packed(w: Array, x: Type) -> dict[str, int | Array]:
    """Return w [rows, columns] as one word for a column of four rows, the pairs of each chunk, and the rows that are left over, or 0.

    Raises BadGraph where the chunks are not proven.
    """
    pairs = chunks(w, x) or ()
    prove(w, x, pairs)
    whole = len(w) // TOGETHER * TOGETHER
    filled = np.pad(w[:whole].astype(np.int64), ((0, 0), (0, w.shape[1] % PAIR))) + OFFSET
    rows = filled.reshape(-1, TOGETHER, filled.shape[1])
    words = sum(rows[:, row] << (8 * row) for row in range(TOGETHER))
    left = w[whole:].astype(np.int8).ravel()
    return {
        "packed": wrapped(np.asarray(words).ravel()),
        "pairs": np.array(pairs, np.uint8),
        "chunks": len(pairs),
        "left": left if len(left) else 0,
    }


def mean(w: Array, x: Type) -> float:
    """Return the columns of a mean chunk, 0 where there are none."""
    found = chunks(w, x)
    return w.shape[1] / len(found) if found else 0.0


def _ends(w: Array, x: Type) -> tuple[Integers, Integers]:
    """Return the lowest and the highest product of each weight: x lies at one end of its range or the other."""
    products = [w.astype(np.int64) * end for end in x.range]
    return np.minimum(*products), np.maximum(*products)


def _in_pairs(entries: Integers) -> Integers:
    """Return sums of neighbouring columns: [rows, pairs]."""
    filled = np.pad(entries, ((0, 0), (0, entries.shape[1] % PAIR)))
    return filled[:, ::PAIR] + filled[:, 1::PAIR]


def _fits(lowest: Integers, highest: Integers) -> bool:
    return bool(lowest.min() >= INT16[0] and highest.max() <= INT16[1])
