"""Faults of an emulated Cortex-M or RISC-V in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgewright import boards
from edgewright.boards import Board
from edgewright.engines import Image
from edgewright.engines.objects import Function, disassembler, function_at, functions, segments

# Exceptions as the emulator numbers them; a data abort without a bad address is an unaligned access.
_UNKNOWN_INSTRUCTION, _PREFETCH_ABORT, _DATA_ABORT, _NO_COPROCESSOR, _NOT_THUMB, _UNALIGNED = 1, 3, 4, 17, 18, 22
_NEAR_RAM = 0x10000  # an access this close below the RAM, by a stack that is about to leave it, is an overflow


def explain(image: Image, called: str, fault: Mapping[str, Any]) -> str:
    """Return what happened, where and with which room, in words.

    called: the function of the model. fault: kind, pc, stack_pointer, link_register, runs, and address and size of a bad access, as
    the worker tells them.
    """
    board = boards.get(image.board)
    places = functions(image.path)
    pc = int(fault["pc"])
    where = _name(places, pc)
    if where is None and (caller := _name(places, int(fault["link_register"]) & ~1)):
        where = f"code outside the program, called from {caller}"
    run = f"{called} faulted on {image.board} at vector {fault['runs']}"
    return f"{run}: {_what(image, board, fault)} In {where or 'no known function'}, at pc {pc:#010x}."


def _what(image: Image, board: Board, fault: Mapping[str, Any]) -> str:
    kind, address, size = fault["kind"], fault.get("address", 0), fault.get("size", 0)
    ram = f"the RAM is {board.ram_origin:#010x} to {board.ram_origin + board.ram_bytes:#010x}"
    flash_end = board.flash_origin + board.flash_bytes
    if kind == "limit":
        return f"it did not return within {fault['limit']:,} instructions; it may be caught in an endless loop."
    if kind in ("write_unmapped", "read_unmapped") and _left_by_the_stack(board, fault):
        static = board.ram_bytes - (image.stack_room_bytes or 0)
        return (
            f"stack overflow. An access to {address:#010x} is {board.ram_origin - address:,} bytes below the RAM; static data take "
            f"{static:,} of its {board.ram_bytes:,} bytes and {image.stack_room_bytes or 0:,} were left for the stack."
        )
    if kind == "write_protected" and board.flash_origin <= address < flash_end:
        return f"write to flash: {size} bytes at {address:#010x}. Constants cannot be changed."
    if kind in ("write_unmapped", "read_unmapped", "write_protected", "read_protected"):
        return f"{kind.split('_')[0]} of {size} bytes outside memory, at {address:#010x}; {ram}."
    number = fault.get("number", _UNKNOWN_INSTRUCTION if kind == "instruction" else None)
    if kind in ("fetch_unmapped", "fetch_protected") or number == _PREFETCH_ABORT:
        return f"jump to {int(fault['pc']):#010x}, where there is no code."
    if number in (_DATA_ABORT, _UNALIGNED):
        return f"unaligned access by {_instruction(image, int(fault['pc']))}: its address is no multiple of what it needs here."
    if number in (_UNKNOWN_INSTRUCTION, _NO_COPROCESSOR, _NOT_THUMB):
        return f"unknown instruction {_instruction(image, int(fault['pc']))}: this core lacks it. {board.cpu.doc}"
    return f"{fault['failure'] or f'processor exception {number}'}."


def _left_by_the_stack(board: Board, fault: Mapping[str, Any]) -> bool:
    bottom = board.ram_origin
    return bottom - _NEAR_RAM <= fault["address"] < bottom and int(fault["stack_pointer"]) < bottom + 256


def _name(places: tuple[Function, ...], address: int) -> str | None:
    function = function_at(places, address)
    return function.name if function else None


def _instruction(image: Image, pc: int) -> str:
    """Return the instruction at an address as a disassembler names it, else its halfwords."""
    machine = disassembler(boards.get(image.board).cpu.instruction_set)
    for origin, data in segments(image.path):
        if origin <= pc < origin + len(data):
            code = data[pc - origin : pc - origin + 4]
            for _, _, mnemonic, operands in machine.disasm_lite(code, pc):
                return f"'{mnemonic} {operands}'".replace(" '", "'")
            return code.hex(" ", 2)
    return "there"
