"""Every engine computes what the C says, for several models in one image and several inputs a model."""

import numpy as np
import pytest
from engine_programs import dense_expected, dense_inputs, pair, program, single

from edgewright import boards, catalog, engines
from edgewright.engines import pack_inputs, unpack_outputs
from edgewright.errors import BadInput, BoardFault, UnknownName
from edgewright.ir.types import Type

PLACES = [(board, boards.get(board).engine) for board in boards.names()]
PLACES += [(name, boards.get(name).second_opinion) for name in boards.names() if boards.get(name).second_opinion]


@pytest.mark.parametrize(("board", "engine"), PLACES)
def test_outputs_are_what_the_c_says(board, engine, available):
    chosen, toy = available(engine, board), pair()
    image = chosen.build(toy, board)
    x, s = dense_inputs(300)
    run = chosen.run(image, "dense", pack_inputs(toy.entries[0], [x, s]))
    y, best = unpack_outputs(toy.entries[0], run.outputs)
    expected_y, expected_best = dense_expected(x, s)
    np.testing.assert_array_equal(y, expected_y)
    np.testing.assert_array_equal(best, expected_best)

    z = np.array([[1, -2, 300], [-16384, 16383, 0]])
    doubled = chosen.run(image, "double16", pack_inputs(toy.entries[1], [z]))
    np.testing.assert_array_equal(unpack_outputs(toy.entries[1], doubled.outputs)[0], 2 * z)
    assert chosen.run(image, "double16", pack_inputs(toy.entries[1], [z[:0]])).outputs.shape == (0, 8)


@pytest.mark.parametrize(("board", "engine"), PLACES)
def test_an_output_left_out_is_seen(board, engine, available):
    chosen = available(engine, board)
    lazy = single("lazy", "RUN { if (in0[0]) out0[0] = 7; }")
    vectors = np.array([[1] + 7 * [0], 8 * [0], [1] + 7 * [0]], np.uint8)
    run = chosen.run(chosen.build(lazy, board), "lazy", vectors)
    assert unpack_outputs(lazy.entries[0], run.outputs)[0][:, 0].tolist() == [7, -0x5A5A5A5B, 7]


def test_an_unknown_model_is_refused(available):
    host, toy = available("host", "host"), pair()
    image = host.build(toy, "host")
    with pytest.raises(BadInput, match=r"no model 'dance'\. It holds: dense, double16"):
        host.run(image, "dance", np.zeros((1, 16), np.uint8))
    with pytest.raises(BadInput, match=r"uint8\[1, 15\]; uint8\[count, 16\] is needed"):
        host.run(image, "dense", np.zeros((1, 15), np.uint8))


def test_catalogue_holds_engines_only():
    assert set(engines.names()) == {"host", "qemu", "simavr", "unicorn"}
    for name in engines.names():
        assert engines.get(name).doc.endswith(".")
        assert catalog.get("edgewright.engines", name) is engines.get(name)
    with pytest.raises(UnknownName, match="Did you mean 'unicorn'"):
        engines.get("unicron")


@pytest.mark.parametrize(("board", "engine"), PLACES)
def test_an_engine_refuses_boards_that_it_cannot_serve(board, engine):
    for name in engines.names():
        if name not in (boards.get(board).engine, boards.get(board).second_opinion):
            assert engines.get(name).why_not(boards.get(board))


@pytest.mark.parametrize(("board", "engine"), PLACES)
def test_c_that_does_not_compile_is_shown(board, engine, available):
    chosen = available(engine, board)
    with pytest.raises(BoardFault, match=r"(?s)does not build with .*undeclared"):
        chosen.build(single("wrong", "RUN { out0[0] = in0[0] + undeclared; }"), board)


@pytest.mark.parametrize(
    "c", ["RUN { int32_t x = in0[0]; int8_t y = x; out0[0] = y; }", "RUN { int y; out0[0] = in0[0]; }"]
)
def test_warnings_are_errors_on_the_host(c, available):
    with pytest.raises(BoardFault, match="-Werror"):
        available("host", "host").build(single("loose", c), "host")


def test_packing_pads_each_value_and_checks_it():
    entry = program(
        "p", ("p", "RUN {}", (Type((3,), "int8"), Type((1,), "int16")), (Type((5,), "bool"), Type((2, 1), "int32")))
    ).entries[0]
    packed = pack_inputs(entry, [np.array([[1, -2, 3]]), np.array([[-2]])])
    assert packed.tolist() == [[1, 254, 3, 0, 254, 255, 0, 0]]
    outputs = np.array([[1, 0, 1, 0, 1, 9, 9, 9, 1, 0, 0, 0, 255, 255, 255, 255]], np.uint8)
    flags, numbers = unpack_outputs(entry, outputs)
    assert flags.tolist() == [[1, 0, 1, 0, 1]]
    assert numbers.tolist() == [[[1], [-1]]]
    with pytest.raises(BadInput, match=r"outside -128\.\.127"):
        pack_inputs(entry, [np.array([[1, 128, 3]]), np.array([[0]])])
    with pytest.raises(BadInput, match=r"int64\[1, 2\]"):
        pack_inputs(entry, [np.array([[1, 2]]), np.array([[0]])])
    with pytest.raises(BadInput, match="float64"):
        pack_inputs(entry, [np.array([[1.0, 2, 3]]), np.array([[0]])])
    with pytest.raises(BadInput, match="takes 2 inputs; 1 were given"):
        pack_inputs(entry, [np.array([[1, 2, 3]])])
