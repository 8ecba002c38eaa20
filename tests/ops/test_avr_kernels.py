"""Kernels for AVR: what avr.h says of their constants holds, and each is used where it is proven."""

import numpy as np
import pytest

from edgewright import boards, engines, ops
from edgewright.compiler.emit import emit
from edgewright.ir.types import Type
from edgewright.ops import Case, _avr, lookup, sparse_dense, squared_distance

AVR = frozenset({"avr"})


def chosen(op, case):
    """The name of the kernel that a case gets on AVR."""
    graph = ops.single_node_graph(op, case)
    return ops.kernel_of(graph, graph.nodes[0], AVR).name


def dense_case(w, bias, x):
    rows = len(w)
    types = {
        "x": x,
        "w": Type(w.shape, "int8", 1.0),
        "bias": Type((rows,), "int32", 1.0),
        "y": Type((rows,), "int16", 2.0**9),
    }
    return Case(types, {"w": w.astype(np.int8), "bias": np.asarray(bias, np.int32)})


@pytest.mark.parametrize("unsigned", [False, True])
@pytest.mark.parametrize("dtype", ["int8", "int16"])
@pytest.mark.parametrize(("rows", "block"), [(1, 1), (4, 4), (7, 7), (10, 5), (12, 6)])
def test_interleaved_weights_and_starts_give_the_sums(rows, block, dtype, unsigned):
    generator = np.random.default_rng(1)
    columns = 3
    w = generator.choice([-128, -127, 0, 127], (rows, columns))
    bias = generator.integers(-30000, 30000, rows)
    limits = np.iinfo(dtype)
    x = generator.integers(0 if unsigned else limits.min, limits.max + 1, columns)
    constants = _avr.interleaved(w, bias, Type((columns,), dtype, 1.0), block, unsigned=unsigned)
    read = x + (0 if unsigned else -limits.min)
    place, sums = 0, []
    for first in range(0, rows, block):
        for row in range(first, first + block // 4 * 4, 4):
            fours = constants["interleaved"][place : place + 4 * columns].reshape(columns, 4).astype(np.int64)
            sums += list(constants["start"][row : row + 4] + read @ fours - 128 * read.sum())
            place += 4 * columns
        for row in range(first + block // 4 * 4, first + block):
            sums.append(
                constants["start"][row]
                + x @ constants["interleaved"][place : place + columns].view(np.int8).astype(np.int64)
            )
            place += columns
    assert place == len(constants["interleaved"])
    assert [int(total) % 2**32 for total in sums] == [int(total) % 2**32 for total in w @ x + bias]


def test_sums_that_leave_24_bits_are_left_to_the_portable_kernel():
    w = np.array([[127] * 9, [-128] * 9])
    for low, high in ((-128, 127), (0, 127)):
        x = Type((9,), "int8", 1.0, limits=(low, high))
        kernel = "dense_unsigned_X_Y_FORM" if low == 0 else "dense_offset_X_Y_FORM"
        room_above, room_below = 2**23 - 1 - 9 * 127 * high, 2**23 - 9 * 128 * high
        assert chosen("dense", dense_case(w, [room_above, -room_below], x)) == kernel
        assert chosen("dense", dense_case(w, [room_above + 1, -room_below], x)) == "dense_X_BIAS_Y_FORM"
        assert chosen("dense", dense_case(w, [room_above, -room_below - 1], x)) == "dense_X_BIAS_Y_FORM"
        assert (
            chosen("dense", dense_case(w, [room_above + 1, 0], Type((9,), "int16", 1.0, limits=(low, high)))) == kernel
        )


@pytest.mark.parametrize("dtype", ["int8", "int16"])
def test_steps_lead_to_every_value(dtype):
    matrix = np.zeros((4, 1100), np.int64)
    matrix[0, [0, 1, 127, 255, 512, 1099]] = [-128, 127, -1, 1, 5, 7]
    matrix[2, 1099] = 3
    matrix[3, 129] = -2
    values, gaps, counts = sparse_dense.compress(matrix)
    types = {"x": Type((1100,), dtype, 1.0)}
    size = np.dtype(dtype).itemsize
    found = sparse_dense.steps({"values": values, "gaps": gaps, "counts": counts}, types, {"columns": 1100})
    pairs = found["steps"].reshape(-1, 2)
    read = np.zeros_like(matrix)
    for row, start, count in zip(
        read, np.cumsum(found["steps_of_row"]) - found["steps_of_row"], found["steps_of_row"], strict=True
    ):
        place = 0
        for over, value in pairs[start : start + count]:
            assert over % size == 0
            place += int(over) // size
            row[place] += np.int64(np.uint8(value).view(np.int8))
            place += 1
    assert np.array_equal(read, matrix)


def test_a_column_twice_in_a_row_is_left_to_the_portable_kernel():
    def case(gaps):
        parameters = {
            "values": np.array([3, 4], np.int8),
            "gaps": np.array(gaps, np.uint8),
            "counts": np.array([0, 2], np.uint8),
        }
        types = {port: Type(array.shape, str(array.dtype), 1.0) for port, array in parameters.items()}
        types |= {"x": Type((50,), "int8", 1.0), "bias": Type((2,), "int16", 1.0), "y": Type((2,), "int16", 1.0)}
        return Case(types, parameters | {"bias": np.zeros(2, np.int16)}, {"columns": 50})

    assert chosen("sparse_dense", case([0, 1])) == "sparse_dense_steps_X_BIAS_Y_FORM"
    assert chosen("sparse_dense", case([2, 0])) == "sparse_dense_X_COUNTS_BIAS_Y_FORM"


@pytest.mark.parametrize(
    ("entries", "shift", "steepest", "bytes_do"),
    [
        (257, 8, 32767, True),
        (258, 7, 32767, False),
        (129, 9, 32767, False),
        (2, 0, -32767, True),
        (2, 0, -32768, False),
    ],
)
def test_a_table_that_bytes_cannot_walk_is_left_to_the_portable_kernel(entries, shift, steepest, bytes_do):
    table = np.zeros(entries, np.int16)
    table[1] = steepest
    types = {"x": Type((3,), "int16", 1.0), "table": Type((entries,), "int16", 1.0), "y": Type((3,), "int16", 1.0)}
    case = Case(types, {"table": table}, {"lowest": -32768, "shift": shift})
    assert lookup.fits_bytes({"table": table}, types, case.attributes) is bytes_do
    assert chosen("lookup", case) == ("lookup_bytes_X_Y" if bytes_do else "lookup_X_Y")


def test_distances_become_products_only_where_x_keeps_to_16_bits():
    prototypes = np.ones((2, 1), np.int8)
    types = {
        "x": Type((1,), "int16", 1.0, limits=(-1000, 1000)),
        "prototypes": Type((2, 1), "int8", 1.0),
        "y": Type((2,), "int16", 1.0),
    }
    assert squared_distance.products_fit({"prototypes": prototypes}, types, {})
    far = types | {"x": Type((1,), "int16", 1.0, zero_point=-32000, limits=(0, 768))}
    assert not squared_distance.products_fit({"prototypes": prototypes}, far, {})


@pytest.mark.parametrize(
    ("dtype", "low", "most"), [("int8", 0, 10.5), ("int8", -128, 10.7), ("int16", 0, 17.2), ("int16", -32768, 17.5)]
)
def test_cycles_of_a_product_on_the_uno(dtype, low, most):
    """From entry to return, requantising included; the cycles are exact."""
    engine = engines.get("simavr")
    if reason := engine.why_not(boards.get("arduino_uno")):
        pytest.skip(reason)
    generator = np.random.default_rng(3)
    rows, columns = 32, 160
    x = Type((columns,), dtype, 1.0, limits=(low, np.iinfo(dtype).max))
    case = dense_case(generator.integers(-90, 91, (rows, columns)), generator.integers(-9000, 9000, rows), x)
    graph = ops.single_node_graph("dense", case)
    image = engine.build(emit({"m": graph}, features=AVR), "arduino_uno")
    given = generator.integers(low, np.iinfo(dtype).max + 1, (2, columns)).astype(dtype)
    run = engine.run(image, "m", engines.pack_inputs(image.program.entries[0], [given]))
    assert 8 < run.cycles.max() / (rows * columns) <= most
