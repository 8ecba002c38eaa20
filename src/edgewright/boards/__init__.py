"""Boards: one file a board, data only. What is special about a board is a field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from edgewright import catalog


@dataclass(frozen=True)
class Cycles:
    """What the instructions of a core take, with memory that answers at once: the base of estimated times.

    of: (regular expression of how "mnemonic operands" begins, cycles); the first that matches counts; what matches none takes 1.
    each_register: cycles more for every register in a list in braces beyond the first. taken: cycles more of a branch, call
    or return that is taken. source: where the figures are from.
    """

    of: tuple[tuple[str, int], ...]
    each_register: int
    taken: int
    source: str


@dataclass(frozen=True)
class Core:
    """An instruction set and how to compile for it.

    instruction_set: "thumb", "riscv", "avr" or "host". zig: arguments of `python -m ziglang cc`, None where zig cannot link for the
    core. gcc: the cross compiler and its arguments. unicorn: the name of unicorn's CPU model. helpers: regular expressions of the
    compiler's integer runtime functions that generated code may need. features: what kernels may ask for (`Kernel.needs`).
    forbidden: regular expressions of the mnemonics that this core lacks, whatever an emulator says. cycles: what
    instructions take, None where it is not known.
    """

    doc: str
    instruction_set: str
    zig: tuple[str, ...] | None
    gcc: tuple[str, ...]
    unicorn: str | None
    helpers: tuple[str, ...]
    features: frozenset[str] = frozenset()
    forbidden: tuple[str, ...] = ()
    cycles: Cycles | None = None


@dataclass(frozen=True)
class Board:
    """A board: its core, memory, clock and engines.

    flash_bytes and ram_bytes are what the part has; bootloader_bytes of the flash are taken. engine: the default one.
    clock_hz: the fastest, None where it is not known. second_opinion: another engine that can run the same program, or None.
    machine: what its emulators call this board, or a board with this core. machine_origins: where that board has flash and RAM,
    machine_clock_hz: what its timer counts, if not as here. fqbn: the name of the board for the Arduino tools.
    """

    doc: str
    core: str
    flash_bytes: int
    ram_bytes: int
    flash_origin: int
    ram_origin: int
    clock_hz: int | None
    engine: str
    second_opinion: str | None = None
    machine: str | None = None
    machine_origins: tuple[int, int] | None = None
    machine_clock_hz: int | None = None
    bootloader_bytes: int = 0
    fqbn: str | None = None

    @property
    def cpu(self) -> Core:
        """The board's core."""
        return core(self.core)


def core(name: str) -> Core:
    """Return a core by its name. Raises UnknownName."""
    return cast(Core, catalog.get("edgewright.boards.cores", name))


def get(name: str) -> Board:
    """Return a board by its name, "arduino-uno" or "arduino_uno". Raises UnknownName."""
    return cast(Board, catalog.get("edgewright.boards", name))


def names() -> tuple[str, ...]:
    """Return the names of all boards."""
    return tuple(catalog.spelled(name) for name in catalog.names("edgewright.boards"))
