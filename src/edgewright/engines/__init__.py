"""Engines: build an image of a program for a board, run vectors on it, count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, cast

import numpy as np
import numpy.typing as npt

from edgewright import catalog
from edgewright.boards import Board
from edgewright.compiler.program import Program

Vectors = npt.NDArray[np.uint8]  # [count, bytes of all inputs of one run], each input aligned to 4 bytes


@dataclass(frozen=True)
class Image:
    """A built program.

    path: the ELF file (host: the shared library). flash_bytes: the model's code and constants and the compiler helpers they
    pull in, start-up code and harness apart. ram_bytes: its static data (arena), stack apart. None where unknown.
    helper_bytes: helper -> bytes, part of flash_bytes. image_flash_bytes, image_ram_bytes: of the whole image with harness.
    compiler, flags: what built it.
    """

    program: Program
    board: str
    engine: str
    path: Path
    compiler: str
    flags: tuple[str, ...]
    flash_bytes: int | None = None
    ram_bytes: int | None = None
    helper_bytes: Mapping[str, int] = field(default_factory=dict)
    image_flash_bytes: int | None = None
    image_ram_bytes: int | None = None


@dataclass(frozen=True)
class Run:
    """What a run of an image gave.

    outputs: [count, bytes of all outputs]. instructions: [count], from entry to return of NAME_run, None if not counted.
    cycles: [count], exact (AVR) or None. stack_bytes: deepest stack of any run of the model. by_function: instructions
    (all vectors together) a function.
    """

    outputs: npt.NDArray[np.uint8]
    instructions: npt.NDArray[np.int64] | None = None
    cycles: npt.NDArray[np.int64] | None = None
    stack_bytes: int | None = None
    by_function: Mapping[str, int] = field(default_factory=dict)


class Engine(Protocol):
    """What every engine file holds as its ENTRY."""

    doc: str

    def why_not(self, board: Board) -> str | None:
        """Return why the engine cannot serve this board here, with the fix, or None if it can."""

    def build(self, program: Program, board_name: str) -> Image:
        """Return the built image. Raises DoesNotFit (with the bytes over), MissingTool, BoardFault where it does not link."""

    def run(self, image: Image, entry: str, vectors: Vectors) -> Run:
        """Run one model of the image on many vectors. Raises BoardFault with an explanation."""


def get(name: str) -> Engine:
    """Return an engine by name. Raises UnknownName."""
    return cast(Engine, catalog.get("edgewright.engines", name))


def names() -> tuple[str, ...]:
    """Return the names of all engines."""
    return catalog.names("edgewright.engines")
