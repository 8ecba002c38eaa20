"""Words of two values each, as the sparse kernel for Thumb-1 reads them."""

import numpy as np
import pytest

from edgewright import ops
from edgewright.ir.types import Type
from edgewright.ops import Case, sparse_dense

THUMB1 = frozenset({"thumb1"})


def case_of(matrix, dtype="int16"):
    values, gaps, counts = sparse_dense.compress(matrix)
    rows, columns = matrix.shape
    types = {
        "x": Type((columns,), dtype, 1.0),
        "values": Type(values.shape, "int8", 1.0),
        "gaps": Type(gaps.shape, "uint8", 1.0),
        "counts": Type(counts.shape, str(counts.dtype), 1.0),
        "bias": Type((rows,), "int32", 1.0),
        "y": Type((rows,), "int16", 2.0**12),
    }
    parameters = {"values": values, "gaps": gaps, "counts": counts, "bias": np.zeros(rows, np.int32)}
    return Case(types, parameters, {"columns": columns})


def expanded(layout, columns, size):
    """The matrix that words and their numbers stand for."""
    words, rows = layout["words"].view(np.uint32).tolist(), []
    for count in layout["words_of_row"].tolist():
        row, position = np.zeros(columns, np.int64), 0
        for word in words[:count]:
            for gap, value in ((word & 0xFF, word >> 16 & 0xFF), (word >> 8 & 0xFF, word >> 24)):
                assert gap % size == 0
                position += gap // size
                row[position] += value - 256 * (value > 127)
        rows.append(row)
        words = words[count:]
    assert not words
    return np.array(rows)


@pytest.mark.parametrize(("dtype", "size"), [("int8", 1), ("int16", 2)])
@pytest.mark.parametrize(("columns", "density"), [(12, 0.4), (130, 1.0), (900, 0.005), (256, 0.02)])
def test_words_stand_for_the_matrix(dtype, size, columns, density):
    generator = np.random.default_rng(2)
    matrix = generator.integers(-128, 128, (9, columns)) * (generator.random((9, columns)) < density)
    matrix[1], matrix[2, -1], matrix[3, 0] = 0, -128, 127
    case = case_of(matrix, dtype)
    layout = sparse_dense.pairs(case.parameters, case.types, case.attributes)
    assert np.array_equal(expanded(layout, columns, size), matrix)
    assert layout["words_of_row"].dtype == case.types["counts"].dtype


def test_a_row_of_more_words_than_its_type_counts_is_left_to_the_portable_kernel():
    matrix = np.zeros((2, 65000), np.int64)
    matrix[0, ::255] = 1  # 255 values, and as many bridges twice over
    whole, part = (ops.single_node_graph("sparse_dense", case_of(found)) for found in (matrix, matrix[:, :5000]))
    assert whole.types["counts"].dtype == part.types["counts"].dtype == "uint8"
    assert ops.kernel_of(whole, whole.nodes[0], THUMB1).needs is None
    assert ops.kernel_of(part, part.nodes[0], THUMB1).needs == "thumb1"
