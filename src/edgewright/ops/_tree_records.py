"""The tables of a tree ensemble as its fast kernels read them: one stream of records, and leaves without their zeros.

A record is what one step of the walk needs: feature, limit (threshold + 1) and a word of 16 bits. Where x[feature] < limit the walk goes on
to the next record. Else it skips as many records (units of `long` tables: 16 bits) as the word says or, where the word is negative, has
reached the leaf word + 2^15. A leaf to the left is a record too: nothing lies below its limit.
A leaf is a run of pairs (target, share): so much is added to that output. Bit 7 of a target marks the last pair of a run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from edgewright.ir.graph import Attributes
from edgewright.ir.types import INTEGER_RANGES, Array
from edgewright.ops import Types, Values

LAST = 128  # the mark of the last pair; targets lie below
MOST = INTEGER_RANGES["int16"][1]
LEAF = MOST + 1  # in the word of a record: a leaf follows
MOST_LENGTH = INTEGER_RANGES["uint16"][1]

Pairs = tuple[tuple[int, int], ...]


def pack_leaves(leaves: npt.NDArray[np.int64]) -> tuple[list[int], list[int], list[int]]:
    """Return targets, shares, and where the run of each row of leaves [k, outputs] begins. A run may be the end of a longer one."""
    rows: list[list[tuple[int, int]]] = [
        [(int(target), int(row[target])) for target in np.flatnonzero(row)] or [(0, 0)] for row in leaves
    ]
    often = Counter(pair for row in rows for pair in row)
    runs: list[Pairs] = [tuple(sorted(row, key=lambda pair: (often[pair], pair))) for row in rows]
    targets: list[int] = []
    shares: list[int] = []
    begins: dict[Pairs, int] = {}
    for run in sorted(set(runs), key=lambda run: (-len(run), run)):
        if run in begins:
            continue
        for skipped in range(len(run)):
            begins.setdefault(run[skipped:], len(targets) + skipped)
        targets += [target for target, _ in run]
        targets[-1] += LAST
        shares += [share for _, share in run]
    return targets, shares, [begins[run] for run in runs]


def pack(v: Values, t: Types, *, short: bool) -> dict[str, npt.NDArray[np.int64]]:
    """Return the arguments `records` [n, 3], `lengths`, `targets` and `shares` of the kernels.

    short: a record is one number. Entries may be too large for their dtypes here; `fits` says so.
    """
    targets, shares, begins = pack_leaves(v["leaves"])
    feature, threshold, left = (v[port].tolist() for port in ("feature", "threshold", "left"))
    leaf = [begins[row] for row in v["leaf"].tolist()]
    lowest, unit = INTEGER_RANGES[t["x"].dtype][0], 3 if short else 1
    records: list[int] = []
    lengths: list[int] = []
    node = place = 0
    for size in v["size"].tolist():
        first = len(records)
        waiting = [(node, place, size, -1)]
        while waiting:
            here, leaves_before, rest, word = waiting.pop()
            if word >= 0:
                records[word] = (len(records) - word - 1) // unit if rest else leaf[leaves_before] - LEAF
            if rest:
                skipped = left[here] + 1
                records += (feature[here], threshold[here] + 1, 0)
                waiting.append((here + skipped, leaves_before + skipped, rest - skipped, len(records) - 1))
                waiting.append((here + 1, leaves_before, skipped - 1, -1))
            elif word < 0:
                records += (0, lowest, leaf[leaves_before] - LEAF)
        lengths.append((len(records) - first) // unit)
        node, place = node + size, place + size + 1
    return {
        "records": np.array(records, np.int64).reshape(-1, 3),
        "lengths": np.array(lengths, np.int64),
        "targets": np.array(targets, np.int64),
        "shares": np.array(shares, np.int64),
    }


def layout(*, short: bool) -> Callable[[Values, Types, Attributes], dict[str, int | Array]]:
    """Return the layout of a kernel, its tables in the dtypes that the kernel reads."""

    def packed(v: Values, t: Types, attributes: Attributes) -> dict[str, int | Array]:
        tables = pack(v, t, short=short)
        columns, limits, words = tables["records"].T
        if short:
            tables["records"] = columns + (words & 0xFFFF) * 2**8 + limits * 2**24
        dtypes = {
            "records": "int32" if short else "int16",
            "lengths": "uint16",
            "targets": "uint8",
            "shares": t["leaves"].dtype,
        }
        return {name: np.asarray(table.ravel(), dtypes[name]) for name, table in tables.items()}

    return packed


def fits(*, short: bool) -> Callable[[Values, Types, Attributes], bool]:
    """Return whether the tables of a node can be packed: nothing leaves its dtype."""

    def check(values: Values, t: Types, attributes: Attributes) -> bool:
        v = {port: array.astype(np.int64) for port, array in values.items()}
        if t["leaves"].shape[1] > LAST or v["threshold"].max() == INTEGER_RANGES[t["x"].dtype][1]:
            return False
        if v["feature"].max() > (255 if short else MOST):
            return False
        tables = pack(v, t, short=short)
        words = tables["records"][:, 2]
        return bool(words.min() >= -MOST - 1 and words.max() <= MOST and tables["lengths"].max() <= MOST_LENGTH)

    return check
