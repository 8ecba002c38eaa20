"""Boards are data that the engines can work with."""

import pytest

from edgewright import boards, engines
from edgewright.errors import UnknownName

PAGE = 4096  # unicorn maps memory by the page, so that only then both ends of it are exact


@pytest.mark.parametrize("name", boards.names())
def test_board_is_complete(name):
    board = boards.get(name)
    assert board.doc.endswith(".")
    assert board.cpu.doc.endswith(".")
    assert board.cpu.zig is not None or board.cpu.gcc
    assert board.flash_bytes > board.bootloader_bytes >= 0
    assert board.ram_bytes > 0
    assert board.engine in engines.names()
    assert board.second_opinion is None or board.second_opinion in engines.names()
    if board.second_opinion == "qemu" or board.engine == "simavr":
        assert board.machine
        assert board.clock_hz


@pytest.mark.parametrize("name", [name for name in boards.names() if boards.get(name).cpu.unicorn])
def test_memory_ends_at_a_page(name):
    board = boards.get(name)
    for number in (board.flash_origin, board.flash_bytes, board.ram_origin, board.ram_bytes):
        assert number % PAGE == 0


def test_names_are_spelled_with_either_dash():
    assert boards.get("arduino-uno") is boards.get("arduino_uno")
    assert set(boards.names()) >= {"host", "microbit", "bluepill", "stm32f405", "arduino-uno"}
    with pytest.raises(UnknownName, match="Did you mean 'microbit'"):
        boards.get("micro:bit")
