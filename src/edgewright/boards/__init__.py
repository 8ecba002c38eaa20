"""Boards: one file a board, data only. What is special about a board is a field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from edgewright import catalog


@dataclass(frozen=True)
class Core:
    """An instruction set and how to compile for it.

    zig: arguments of `python -m ziglang cc`, None where zig cannot link for the core. gcc: the cross compiler and its arguments.
    unicorn: the name of unicorn's CPU model. helpers: regular expressions of the compiler's integer runtime functions that
    generated code may need. features: what kernels may ask for (`Kernel.needs`). forbidden: regular expressions of the mnemonics
    that this core lacks, whatever an emulator says.
    """

    doc: str
    zig: tuple[str, ...] | None
    gcc: tuple[str, ...]
    unicorn: str | None
    helpers: tuple[str, ...]
    features: frozenset[str] = frozenset()
    forbidden: tuple[str, ...] = ()


@dataclass(frozen=True)
class Board:
    """A board: its core, memory, clock and engines.

    flash_bytes and ram_bytes are what the part has; bootloader_bytes of the flash are taken. engine: the default one.
    clock_hz: None where it is not known. second_opinion: another engine that can run the same image, or None.
    machine: what its emulators call this board. fqbn: the name of the board for the Arduino tools.
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
    bootloader_bytes: int = 0
    fqbn: str | None = None

    @property
    def cpu(self) -> Core:
        """The board's core."""
        return cast(Core, catalog.get("edgewright.boards.cores", self.core))


def get(name: str) -> Board:
    """Return a board by its name, "arduino-uno" or "arduino_uno". Raises UnknownName."""
    return cast(Board, catalog.get("edgewright.boards", name))


def names() -> tuple[str, ...]:
    """Return the names of all boards."""
    return tuple(catalog.spelled(name) for name in catalog.names("edgewright.boards"))
