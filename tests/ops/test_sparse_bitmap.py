"""A bit for each cell and the values whose bit is 1, as the C holds matrices that are neither full nor nearly empty."""

import numpy as np
import pytest
from test_sparse_pairs import case_of

from edgewright import ops
from edgewright.compiler.emit import emit
from edgewright.ops import Case, sparse_dense


def kernel_name(case, *features):
    graph = ops.single_node_graph("sparse_dense", case)
    return ops.kernel_of(graph, graph.nodes[0], frozenset(features)).name.removesuffix("_X_BIAS_Y_FORM")


def expanded(cells, rows, columns, turns):
    """The matrix that bits and values stand for."""
    given, matrix = iter(cells.tolist()), np.zeros((rows, 8 * turns), np.int64)
    for row in matrix:
        for first in range(0, 8 * turns, 8):
            bits = next(given)
            for column in range(8):
                if bits & 0x80 >> column:
                    row[first + column] = np.int64(np.uint8(next(given)).view(np.int8))
    assert not list(given)
    assert not matrix[:, columns:].any()
    return matrix[:, :columns]


@pytest.mark.parametrize(("columns", "density"), [(1, 1.0), (8, 0.5), (13, 0.4), (784, 0.3), (300, 0.9)])
def test_cells_stand_for_the_matrix(columns, density):
    generator = np.random.default_rng(3)
    matrix = generator.integers(-128, 128, (9, columns)) * (generator.random((9, columns)) < density)
    matrix[1], matrix[2, -1], matrix[3, 0], matrix[4] = 0, -128, 127, -1
    case = case_of(matrix)
    layout = sparse_dense.bitmap(case.parameters, case.types, case.attributes)
    assert np.array_equal(expanded(layout["cells"], 9, columns, layout["turns"]), matrix)
    assert layout["cells"].nbytes == sparse_dense.bitmap_bytes(9, columns, np.count_nonzero(matrix))


@pytest.mark.parametrize("features", [(), ("avr",), ("thumb1",)])
def test_the_kernel_of_fewer_bytes_is_chosen(features):
    """Four rows of two bytes and one a value, or two a value and one a row: five values are more as bits, four are as many."""
    for values, is_bitmap in ((4, False), (5, True)):
        matrix = np.zeros((4, 16), np.int64)
        matrix.flat[:values] = 1
        assert kernel_name(case_of(matrix), *features).startswith("sparse_dense_bitmap") == is_bitmap


def test_a_column_whose_values_add_up_to_more_than_a_byte_has_no_bit():
    matrix = np.full((2, 40), 100, np.int64)
    case = case_of(matrix)
    assert kernel_name(case) == "sparse_dense_bitmap"
    twice = Case(case.types, {**case.parameters, "gaps": np.zeros(80, np.uint8)}, case.attributes)
    assert kernel_name(twice).startswith("sparse_dense_X")


@pytest.mark.parametrize("columns", [7, 40, 700])
@pytest.mark.parametrize("density", [0.004, 0.05, 0.13, 0.4, 1.0])
def test_bytes_are_those_of_the_portable_program(columns, density):
    generator = np.random.default_rng(4)
    matrix = generator.integers(1, 100, (6, columns)) * (generator.random((6, columns)) < density)
    matrix[2, -1] = 1
    graph = ops.single_node_graph("sparse_dense", case_of(matrix))
    (entry,) = emit({"layer": graph}).entries
    assert sum(entry.constant_bytes.values()) == sparse_dense.stored_bytes(matrix)
