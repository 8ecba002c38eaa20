"""Matrix-vector product with a sparse matrix: only what is not zero is stored, each value with the gap to the one before it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgewright.errors import BadGraph
from edgewright.ir.graph import Attributes
from edgewright.ir.types import Array, Type
from edgewright.ops import INTEGERS, Case, Kernel, Op, Types, Values
from edgewright.ops.arithmetic import Integers, requantise
from edgewright.ops.forms import requantise_arguments
from edgewright.ops.quantisation import dense_accumulator, row_ratios

LARGEST_GAP = 255


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


def expand(v: Values, columns: int) -> Integers:
    """Return the matrix [rows, columns] that values, gaps and counts stand for. Raises BadGraph where they leave it."""
    if int(v["counts"].sum()) != len(v["values"]) or len(v["values"]) != len(v["gaps"]):
        raise BadGraph("values, gaps and counts do not belong together")
    matrix = np.zeros((len(v["counts"]), columns), np.int64)
    start = 0
    for row, count in enumerate(v["counts"]):
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


def cases(generator: np.random.Generator) -> list[Case]:
    """Sparse and empty rows, gaps beyond 255, counts beyond 255, all forms of requantising."""
    found = []
    for x_dtype, y_dtype, bias_dtype, columns, density in (
        ("int8", "int8", "int32", 12, 0.3),
        ("int16", "int16", "int16", 12, 0.3),
        ("int8", "int16", "int32", 700, 0.004),
        ("int16", "int8", "int32", 330, 0.9),
    ):
        for scales in ((2.0**-9,) * 3, (2.0**-9, 2.0**-6, 2.0**-8), (0.0031,) * 3, (0.0031, 0.01, 0.25)):
            matrix = generator.integers(-127, 128, (3, columns)) * (generator.random((3, columns)) < density)
            matrix[1] = 0
            matrix[2, -1] = -127
            values, gaps, counts = compress(matrix)
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
            offsets = generator.integers(-30000, 30000, 3).astype(bias_dtype)
            parameters = {"values": values, "gaps": gaps, "counts": counts, "bias": offsets}
            found.append(Case(types, parameters, {"columns": columns}))
    return found


ENTRY = Op(
    doc="Matrix-vector product with a sparse matrix of `columns` columns: `values` that are not zero, `gaps` between them, `counts` a row.",
    inputs=("x", "values", "gaps", "counts", "bias"),
    parameters=("values", "gaps", "counts", "bias"),
    shape=shape,
    integer=integer,
    accumulator=accumulator,
    arguments=arguments,
    kernels=(
        Kernel(
            "sparse_dense_X_COUNTS_BIAS_Y_FORM",
            ("x", "y", "values", "gaps", "counts", "bias", "rows", "FORM"),
            {"x": INTEGERS, "counts": ("uint8", "uint16"), "bias": ("int16", "int32"), "y": INTEGERS},
            ratios=lambda t, a: row_ratios(t["bias"], t["y"]),
        ),
    ),
    cases=cases,
)
