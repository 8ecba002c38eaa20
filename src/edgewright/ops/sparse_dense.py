"""Matrix-vector product with a sparse matrix: only what is not zero is stored.

In the graph each value comes with the gap to the one before it. The C has either that, or a bit for each cell and the values, whichever
takes fewer bytes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgewright.errors import BadGraph
from edgewright.ir.graph import Attributes
from edgewright.ir.types import Array, Type
from edgewright.ops import INTEGERS, Case, Kernel, Op, Types, Values
from edgewright.ops._dsp import wrapped
from edgewright.ops.arithmetic import Integers, requantise
from edgewright.ops.forms import requantise_arguments
from edgewright.ops.quantisation import dense_accumulator, row_ratios

LARGEST_GAP = 255
BITS = 8


def compress(matrix: Array) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.uint8], Array]:
    """Return (values, gaps, counts) of an int8 matrix [rows, columns].

    gaps: columns from the value before in the same row, from column 0 for the first. A gap above 255 is bridged by a value that is
    zero. counts: values a row, uint8 where that holds them, else uint16.
    """
    values: list[int] = []
    gaps: list[int] = []
    counts: list[int] = []
    for row in matrix:
        position, before = 0, len(values)
        for column in np.flatnonzero(row):
            while column - position > LARGEST_GAP:
                values.append(0)
                gaps.append(LARGEST_GAP)
                position += LARGEST_GAP
            values.append(int(row[column]))
            gaps.append(int(column) - position)
            position = int(column)
        counts.append(len(values) - before)
    dtype = np.uint8 if max(counts, default=0) <= 255 else np.uint16
    return np.array(values, np.int8), np.array(gaps, np.uint8), np.array(counts, dtype)


def least_bytes(dense: int, sparse: int) -> int:
    """Return in how many bytes a matrix is held by default: without its zeros where that saves a quarter.

    Less is not worth the instructions: a product with a zero costs a fraction of finding where the next value stands.
    """
    return sparse if 4 * sparse <= 3 * dense else dense


def stored_bytes(matrix: Array) -> int:
    """Return the bytes in which the portable C holds a matrix [rows, columns] of int8 without its zeros.

    A value and a one-byte gap for each entry that is not zero, a gap above 255 bridged by a zero, and a count a row; or a bit for each
    cell, rows of whole bytes, and the values.
    """
    entries = np.zeros(len(matrix), np.int64)
    for row, values in enumerate(matrix):
        gaps = np.diff(np.flatnonzero(values), prepend=0)
        entries[row] = len(gaps) + ((np.maximum(gaps, 1) - 1) // LARGEST_GAP).sum()
    return min(
        gaps_bytes(len(matrix), int(entries.sum()), int(entries.max(initial=0))),
        bitmap_bytes(len(matrix), matrix.shape[1], int(np.count_nonzero(matrix))),
    )


def gaps_bytes(rows: int, entries: int, most_of_row: int) -> int:
    """Return the bytes of so many values with their gaps, bridges included, and of how many each row has."""
    return 2 * entries + rows * (1 if most_of_row <= 255 else 2)


def bitmap_bytes(rows: int, columns: int, values: int) -> int:
    """Return the bytes of a bit for each cell and of so many values."""
    return rows * -(-columns // BITS) + values


def expand(v: Values, columns: int) -> Integers:
    """Return the matrix [rows, columns] that values, gaps and counts stand for. Raises BadGraph where they leave it."""
    if int(v["counts"].sum(dtype=np.int64)) != len(v["values"]) or len(v["values"]) != len(v["gaps"]):
        raise BadGraph("values, gaps and counts do not belong together")
    matrix = np.zeros((len(v["counts"]), columns), np.int64)
    start = 0
    for row, count in enumerate(v["counts"].tolist()):
        positions = np.cumsum(v["gaps"][start : start + count].astype(np.int64))
        if len(positions) and positions[-1] >= columns:
            raise BadGraph(f"row {row} reaches column {positions[-1]} of {columns}")
        np.add.at(matrix[row], positions, v["values"][start : start + count].astype(np.int64))
        start += count
    return matrix


def shape(types: Types, attributes: Attributes) -> tuple[int, ...]:
    """Return (rows,)."""
    if types["x"].shape != (attributes["columns"],) or types["counts"].shape != types["bias"].shape:
        raise BadGraph(f"x must be {attributes['columns']} and bias as long as counts")
    return types["counts"].shape


def integer(v: Values, t: Types, attributes: Attributes) -> Array:
    """Return requantise(w x + bias); x: [n, columns]."""
    matrix = expand(v, attributes["columns"])
    return requantise(v["x"] @ matrix.T + v["bias"], row_ratios(t["bias"], t["y"]), t["y"])


def accumulator(v: Values, t: Types, attributes: Attributes) -> tuple[int, int]:
    """Return the extremes of the sum of any row."""
    matrix = expand(v, attributes["columns"])
    return dense_accumulator(matrix, v["bias"], t["x"], t["y"], row_ratios(t["bias"], t["y"]))


def arguments(v: Values, t: Types, attributes: Attributes) -> dict[str, int | Array]:
    """Return the number of rows and the requantisation."""
    return {"rows": t["counts"].shape[0], **requantise_arguments(row_ratios(t["bias"], t["y"]), t["y"])}


def is_bitmap(v: Values, t: Types, attributes: Attributes) -> bool:
    """Return whether a bit for each cell and the values take fewer bytes than values, gaps and counts."""
    matrix = expand(v, attributes["columns"])
    given = 2 * len(v["values"]) + t["counts"].nbytes
    is_int8 = bool((matrix == matrix.astype(np.int8)).all())  # values of the same column add up
    return is_int8 and bitmap_bytes(len(matrix), matrix.shape[1], int(np.count_nonzero(matrix))) < given


def bitmap(v: Values, t: Types, attributes: Attributes) -> dict[str, int | Array]:
    """Return a byte for each eight columns, the first one's bit highest, and behind it the values whose bit is 1; `turns` such a row."""
    matrix = expand(v, attributes["columns"])
    turns = -(-matrix.shape[1] // BITS)
    eights = np.pad(matrix, ((0, 0), (0, turns * BITS - matrix.shape[1]))).reshape(-1, BITS)
    bytes_of_turn = np.column_stack([np.packbits(eights != 0, axis=1), eights & 0xFF])
    stored = np.column_stack([np.ones(len(eights), bool), eights != 0])
    return {"cells": bytes_of_turn[stored].astype(np.uint8), "turns": turns}


def has_steps(v: Values, t: Types, attributes: Attributes) -> bool:
    """Return whether each value of a row lies behind the one before it."""
    first = np.cumsum(v["counts"].astype(np.int64)) - v["counts"]
    return bool(np.delete(v["gaps"], first[v["counts"] > 0]).all())


def steps(v: Values, t: Types, attributes: Attributes) -> dict[str, int | Array]:
    """Return the bytes of x to go over and the value, in turns, and how many such steps a row has.

    Where a byte does not count far enough, a step with the value 0 comes between.
    """
    size = t["x"].nbytes // t["x"].size
    most = LARGEST_GAP // size
    taken: list[int] = []
    counts, start = [], 0
    for count in v["counts"].tolist():
        position, before = 0, len(taken)
        columns = np.cumsum(v["gaps"][start : start + count].astype(np.int64))
        for column, value in zip(columns, v["values"][start : start + count], strict=True):
            while column - position > most:
                taken += (most * size, 0)
                position += most + 1
            taken += (int(column - position) * size, int(value) & 0xFF)
            position = int(column) + 1
        counts.append((len(taken) - before) // 2)
        start += count
    return {"steps": np.array(taken, np.uint8), "steps_of_row": np.array(counts, np.uint16)}


def counts_pairs(v: Values, t: Types, attributes: Attributes) -> bool:
    """Return whether the type that counts the values of a row counts its words too."""
    return int(np.max(_pairs(v, t)[1], initial=0)) <= np.iinfo(t["counts"].dtype).max


def pairs(v: Values, t: Types, attributes: Attributes) -> dict[str, int | Array]:
    """Return words of two values each, and how many of them each row has.

    From its lowest byte on a word holds how many bytes of x its first value lies behind the one before, how many its second does, and both
    values. A gap that a byte does not count is bridged by values of 0, and so is what is missing to a pair.
    """
    words, counts = _pairs(v, t)
    return {"words": wrapped(np.array(words, np.int64)), "words_of_row": np.array(counts, t["counts"].dtype)}


def _pairs(v: Values, t: Types) -> tuple[list[int], list[int]]:
    size = t["x"].nbytes // t["x"].size
    most = LARGEST_GAP // size
    words: list[int] = []
    counts, start = [], 0
    for count in v["counts"].tolist():
        gaps, values = v["gaps"][start : start + count].tolist(), v["values"][start : start + count].tolist()
        taken: list[tuple[int, int]] = []
        for gap, value in zip(gaps, values, strict=True):
            bridges = max(gap - 1, 0) // most
            taken += [(most, 0)] * bridges + [(gap - bridges * most, value)]
        taken += [(0, 0)] * (len(taken) % 2)
        for (first_gap, first), (second_gap, second) in zip(taken[::2], taken[1::2], strict=True):
            words.append(size * (first_gap + (second_gap << 8)) + ((first & 0xFF) << 16) + ((second & 0xFF) << 24))
        counts.append(len(taken) // 2)
        start += count
    return words, counts


def cases(generator: np.random.Generator) -> list[Case]:
    """Sparse, empty and full rows, gaps and counts beyond 255, columns that fill no byte, a column twice, all forms of requantising."""
    found: list[Case] = []
    for x_dtype, y_dtype, bias_dtype, columns, density, twice in (
        ("int8", "int8", "int32", 12, 0.3, False),
        ("int16", "int16", "int16", 12, 0.3, False),
        ("int8", "int16", "int32", 700, 0.004, False),
        ("int16", "int8", "int32", 330, 0.9, True),
        ("int16", "int16", "int16", 700, 0.004, False),
        ("int16", "int8", "int32", 100, 0.08, False),
        ("int8", "int8", "int32", 784, 0.3, False),
        ("int8", "int16", "int16", 8, 0.5, False),
        ("int16", "int8", "int32", 61, 1.0, False),
    ):
        for scales in ((2.0**-9,) * 3, (2.0**-9, 2.0**-6, 2.0**-8), (0.0031,) * 3, (0.0031, 0.01, 0.25)):
            matrix = generator.integers(-127, 128, (3, columns)) * (generator.random((3, columns)) < density)
            matrix[1] = 0
            matrix[2, -1] = -127
            values, gaps, counts = compress(matrix)
            if twice:
                values, gaps = np.append(values, np.int8(-127)), np.append(gaps, np.uint8(0))
                counts[-1] += 1
            x = Type((columns,), x_dtype, 2.0**-5)
            bias = Type((3,), bias_dtype, tuple(scale * 2.0**-5 for scale in scales), axis=0)
            types = {
                "x": x,
                "values": Type(values.shape, "int8", 1.0),
                "gaps": Type(gaps.shape, "uint8", 1.0),
                "counts": Type(counts.shape, str(counts.dtype), 1.0),
                "bias": bias,
                "y": Type((3,), y_dtype, 2.0 ** (-5 if y_dtype == "int16" else 3)),
            }
            largest = 30000 if len(found) % 4 else 1  # a bias of zeros is not stored
            offsets = generator.integers(1 - largest, largest, 3).astype(bias_dtype)
            parameters = {"values": values, "gaps": gaps, "counts": counts, "bias": offsets}
            found.append(Case(types, parameters, {"columns": columns}))
    return found


def _bitmap_kernel(name: str, needs: str | None) -> Kernel:
    return Kernel(
        name,
        ("x", "y", "cells", "turns", "bias", "rows", "FORM"),
        {"x": INTEGERS, "bias": ("int16", "int32"), "y": INTEGERS},
        when=is_bitmap,
        ratios=lambda t, a: row_ratios(t["bias"], t["y"]),
        needs=needs,
        layout=bitmap,
        left_out=("bias",),
    )


ENTRY = Op(
    doc="Matrix-vector product with a sparse matrix of `columns` columns: `values` that are not zero, `gaps` between them, `counts` a row.",
    inputs=("x", "values", "gaps", "counts", "bias"),
    parameters=("values", "gaps", "counts", "bias"),
    shape=shape,
    integer=integer,
    accumulator=accumulator,
    arguments=arguments,
    kernels=(
        _bitmap_kernel("sparse_dense_bitmap_avr_X_BIAS_Y_FORM", "avr"),
        _bitmap_kernel("sparse_dense_bitmap_thumb1_X_BIAS_Y_FORM", "thumb1"),
        _bitmap_kernel("sparse_dense_bitmap_X_BIAS_Y_FORM", None),
        Kernel(
            "sparse_dense_steps_X_BIAS_Y_FORM",
            ("x", "y", "steps", "steps_of_row", "bias", "rows", "FORM"),
            {"x": INTEGERS, "bias": ("int16", "int32"), "y": INTEGERS},
            when=has_steps,
            ratios=lambda t, a: row_ratios(t["bias"], t["y"]),
            needs="avr",
            layout=steps,
            left_out=("bias",),
        ),
        Kernel(
            "sparse_dense_pairs_X_COUNTS_BIAS_Y_FORM",
            ("x", "y", "words", "words_of_row", "bias", "rows", "FORM"),
            {"x": INTEGERS, "counts": ("uint8", "uint16"), "bias": ("int16", "int32"), "y": INTEGERS},
            when=counts_pairs,
            ratios=lambda t, a: row_ratios(t["bias"], t["y"]),
            needs="thumb1",
            layout=pairs,
            left_out=("bias",),
        ),
        Kernel(
            "sparse_dense_X_COUNTS_BIAS_Y_FORM",
            ("x", "y", "values", "gaps", "counts", "bias", "rows", "FORM"),
            {"x": INTEGERS, "counts": ("uint8", "uint16"), "bias": ("int16", "int32"), "y": INTEGERS},
            ratios=lambda t, a: row_ratios(t["bias"], t["y"]),
            left_out=("bias",),
        ),
    ),
    cases=cases,
)
