"""Engines: build an image of a program for a board, run vectors on it, count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt

from edgewright import catalog
from edgewright.boards import Board
from edgewright.compiler.program import Entry, Program
from edgewright.errors import BadInput
from edgewright.ir.types import Array, Type

NOT_ENTRIES = ("layers", "objects")

READY_BYTES = 4  # before the outputs of a model that takes samples one at a time: what NAME_step returned, as int32

Vectors = npt.NDArray[np.uint8]  # [count, bytes of all inputs of one run], each input aligned to 4 bytes


@dataclass(frozen=True)
class Image:
    """A built program.

    path: the ELF file (host: the shared library). flash_bytes: the model's code and constants and the compiler helpers they
    pull in, start-up code and harness apart. ram_bytes: its static data (arena), stack apart. None where unknown.
    helper_bytes: helper -> bytes, part of flash_bytes. constant_bytes: symbol -> bytes of constants, part too.
    image_flash_bytes, image_ram_bytes: of the whole image with harness. stack_room_bytes: the RAM left for the stack beside all
    static data. compiler, flags: what built it.
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
    constant_bytes: Mapping[str, int] = field(default_factory=dict)
    image_flash_bytes: int | None = None
    image_ram_bytes: int | None = None
    stack_room_bytes: int | None = None


@dataclass(frozen=True)
class Run:
    """What a run of an image gave.

    outputs: [count, bytes of all outputs]. instructions: [count], from entry to return of NAME_run or NAME_step, None if not counted.
    cycles: [count], exact (AVR) or None. stack_bytes: deepest stack of any run of the model. by_function: instructions
    (all vectors together) a function. timer_instructions: [count], by a clock of the board where the engine counts no
    instructions itself: exact to one instruction, beside a constant of the build for the code that reads the clock.
    by_call: (function, instructions of all vectors together) for each call in the code of NAME_run, in the order in which they are
    first made: what runs from the return of the call before to its own return; empty where unknown. cycles_estimated: [count], by the
    core's table.
    """

    outputs: npt.NDArray[np.uint8]
    instructions: npt.NDArray[np.int64] | None = None
    cycles: npt.NDArray[np.int64] | None = None
    stack_bytes: int | None = None
    by_function: Mapping[str, int] = field(default_factory=dict)
    timer_instructions: npt.NDArray[np.int64] | None = None
    by_call: tuple[tuple[str, int], ...] = ()
    cycles_estimated: npt.NDArray[np.int64] | None = None


class Engine(Protocol):
    """What every engine file holds as its ENTRY."""

    @property
    def doc(self) -> str:
        """One line about the engine."""

    def why_not(self, board: Board) -> str | None:
        """Return why the engine cannot serve this board here, with the fix, or None if it can."""

    def build(self, program: Program, board_name: str) -> Image:
        """Return the built image. Raises DoesNotFit (with the bytes over), MissingTool, BoardFault where it does not link."""

    def run(self, image: Image, entry: str, vectors: Vectors) -> Run:
        """Run one model of the image on many vectors; of a stream, on its samples from the first. Raises BoardFault, explained."""


def get(name: str) -> Engine:
    """Return an engine by name. Raises UnknownName."""
    return cast(Engine, catalog.get("edgewright.engines", name))


def names() -> tuple[str, ...]:
    """Return the names of all engines."""
    return catalog.names("edgewright.engines")


def offsets(types: Sequence[Type]) -> tuple[int, ...]:
    """Return where each value begins in a buffer that holds several, and the size of the whole: len(types) + 1 offsets."""
    places = [0]
    for type in types:
        places.append(places[-1] + (type.nbytes + 3) // 4 * 4)
    return tuple(places)


def input_bytes(entry: Entry) -> int:
    """Return the bytes of all inputs of one run, padding included."""
    return offsets(entry.inputs)[-1]


def output_offsets(entry: Entry) -> tuple[int, ...]:
    """Return where each output begins in the buffer of one run, and the size of the whole."""
    before = READY_BYTES if entry.step else 0
    return tuple(before + place for place in offsets(entry.outputs))


def output_bytes(entry: Entry) -> int:
    """Return the bytes of all outputs of one run, padding included."""
    return output_offsets(entry)[-1]


def pack_inputs(entry: Entry, inputs: Sequence[Array]) -> Vectors:
    """Return vectors for a model: one integer array [count, *shape] an input. Raises BadInput where they do not fit the types."""
    places = offsets(entry.inputs)
    if len(inputs) != len(entry.inputs):
        raise BadInput(f"{entry.name!r} takes {len(entry.inputs)} inputs; {len(inputs)} were given.")
    vectors = np.zeros((len(inputs[0]), places[-1]), dtype=np.uint8)
    for place, type, values in zip(places, entry.inputs, inputs, strict=False):
        integers = np.asarray(values)
        if integers.shape != (len(vectors), *type.shape) or integers.dtype.kind not in "bui":
            raise BadInput(
                f"An input of {entry.name!r} is {integers.dtype}{list(integers.shape)}; "
                f"integers [{len(vectors)}, {', '.join(map(str, type.shape))}] are needed."
            )
        low, high = np.iinfo(_stored(type)).min, np.iinfo(_stored(type)).max
        if integers.size and (integers.min() < low or integers.max() > high):
            raise BadInput(
                f"An input of {entry.name!r} has values outside {low}..{high}, which is what {type.dtype} holds."
            )
        raw = np.frombuffer(integers.astype(_stored(type)).tobytes(), dtype=np.uint8)
        vectors[:, place : place + type.nbytes] = raw.reshape(len(vectors), type.nbytes)
    return vectors


def unpack_outputs(entry: Entry, outputs: npt.NDArray[np.uint8]) -> tuple[Array, ...]:
    """Return the integers that `Run.outputs` holds: one array [count, *shape] an output."""
    return tuple(
        np.ascontiguousarray(outputs[:, place : place + type.nbytes])
        .view(_stored(type))
        .reshape(len(outputs), *type.shape)
        for place, type in zip(output_offsets(entry), entry.outputs, strict=False)
    )


def unpack_ready(outputs: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Return what NAME_step returned for each sample, [count], of the outputs of a model that takes samples one at a time."""
    return np.ascontiguousarray(outputs[:, :READY_BYTES]).view("<i4")[:, 0].astype(np.int64)


def _stored(type: Type) -> np.dtype[Any]:
    """Return how C holds a value: little-endian, bool as a byte."""
    return np.dtype("uint8" if type.dtype == "bool" else type.dtype).newbyteorder("<")
