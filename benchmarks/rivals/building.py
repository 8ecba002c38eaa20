"""Builds what a generator gave as our own engines build ours, but with its warnings forgiven and the C library at hand."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.rivals.generators import Sources
from edgewright import boards, engines
from edgewright.boards import Board
from edgewright.compiler.program import Entry, Program
from edgewright.engines import Image, Vectors, _bare_metal, _instruction_sets, _tools, objects, simavr
from edgewright.engines._cache import built
from edgewright.engines._harness import calls_header, source
from edgewright.ir.types import Array, Type

NAME = "rival"
_FLAGS = ("-ffunction-sections", "-fdata-sections", "-fno-unwind-tables", "-fno-asynchronous-unwind-tables", "-w")
_LANGUAGES = {"c": ("-std=c99",), "cpp": ("-std=c++11", "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics")}
_LIBRARIES = ("-Wl,--start-group", "-lm", "-lc", "-lgcc", "-Wl,--end-group")


@dataclass(frozen=True)
class Built:
    """A built model.

    object_flash_bytes, object_ram_bytes: of its own objects alone, after what nothing calls is dropped. flash_bytes, ram_bytes: with
    what they pull from the compiler's and the C library. constant_ram_bytes: data with a value, which take flash and RAM.
    """

    image: Image
    object_flash_bytes: int
    object_ram_bytes: int
    constant_ram_bytes: int
    flash_bytes: int
    ram_bytes: int


@cache
def why_not(board_name: str) -> str | None:
    """Return why nothing can be built for a board here, with the fix, or None."""
    board = boards.get(board_name)
    reason = engines.get(board.engine).why_not(board)
    if reason or board.core == "avr":
        return reason
    package = _instruction_sets.get(board.cpu.instruction_set).gcc_package
    if reason := _tools.tool_why_not(board.cpu.gcc[0], package):
        return reason
    found = _tools.run_quietly([*board.cpu.gcc, "-print-file-name=libm.a"], Path.cwd()).stdout.strip()
    if not Path(found).is_absolute():
        return f"{board.cpu.gcc[0]} has no C library, which rivals need: apt-get install libnewlib-arm-none-eabi"
    return None


def build(sources: Sources, board_name: str, optimise: str = "-O2") -> Built:
    """Return the built model. Raises BoardFault where it does not compile or link."""
    board = boards.get(board_name)
    program = _program(sources)
    avr = board.core == "avr"
    instruction_set = None if avr else _instruction_sets.get(board.cpu.instruction_set)
    files = {**sources.files, f"adapter.{sources.language}": sources.adapter, **program.files}
    files["harness_calls.h"] = calls_header(program)
    if instruction_set is None:
        harness: tuple[str, ...] = (simavr._HARNESS,)
        carried = harness
    else:
        harness = (instruction_set.startup, _bare_metal._HARNESS)
        carried = (*harness, instruction_set.access, "_semihosting.h", "_bare_metal.ld")
        files["harness_board.h"] = (
            f'#include "{instruction_set.access}"\n#define HARNESS_RAM_ORIGIN {board.ram_origin:#x}u\n'
        )
    files |= {name: source(name) for name in carried}
    model = [name for name in sorted({*sources.files, f"adapter.{sources.language}"}) if name.endswith((".c", ".cpp"))]
    version = _tools.tool_version(board.cpu.gcc[0])
    includes = ("-I.", *(f"-I{place}" for place in sources.folders))

    def make(folder: Path) -> dict[str, Any]:
        for name, text in files.items():
            (folder / name).write_text(text)
        for name in (*model, *harness):
            language = _LANGUAGES["cpp" if name.endswith(".cpp") else "c"]
            extra = ("-ffreestanding",) if name in harness else includes
            command = [*board.cpu.gcc, *language, *_FLAGS, optimise, *extra, "-c", name]
            _tools.compile_with([*command, "-o", _object(name)], folder, f"The model for {board_name}")
        return _link(folder, board, model, harness)

    ingredients = [
        files,
        board.cpu.gcc,
        _FLAGS,
        _LANGUAGES,
        _LIBRARIES,
        optimise,
        version,
        list(map(str, includes)),
        asdict(board),
    ]
    folder, facts = built(ingredients, make)
    image = Image(
        program,
        board_name,
        board.engine,
        folder / objects.IMAGE_ELF,
        version,
        (*board.cpu.gcc[1:], *_LANGUAGES[sources.language], *_FLAGS, optimise),
        stack_room_bytes=board.ram_bytes - facts.pop("image_ram_bytes"),
        image_flash_bytes=facts.pop("image_flash_bytes"),
    )
    return Built(image, **facts)


def fits(found: Built) -> str | None:
    """Return by how much a model is too large for its board, or None where it fits."""
    board = boards.get(found.image.board)
    room = board.flash_bytes - board.bootloader_bytes
    stack, flash = found.image.stack_room_bytes or 0, found.image.image_flash_bytes or 0
    problems = []
    if flash > room:
        problems.append(f"flash is over by {flash - room:,} bytes")
    if stack < 0:
        problems.append(f"RAM is over by {-stack:,} bytes")
    return f"{', '.join(problems)}, harness included" if problems else None


def vectors_of(sources: Sources, x: Array) -> Vectors:
    """Return rows as the bytes that the adapter reads."""
    rows = np.ascontiguousarray(sources.rows(x)).reshape(len(x), -1).astype(np.dtype(sources.input).newbyteorder("<"))
    raw = rows.view(np.uint8).reshape(len(x), -1)
    return np.pad(raw, ((0, 0), (0, -raw.shape[1] % 4)))


def outputs_of(sources: Sources, outputs: Array) -> Array:
    """Return classes [n] or scores [n, classes] from the bytes that the adapter wrote."""
    kind = np.dtype(sources.output).newbyteorder("<")
    values = np.ascontiguousarray(outputs[:, : sources.outputs * kind.itemsize]).view(kind)
    return values[:, 0] if sources.gives == "class" else values


def _program(sources: Sources) -> Program:
    """Return the adapter as a program of ours, whose values are plain bytes."""
    (declaration,) = re.findall(r"void rival_run\([^)]*\)", sources.adapter)
    header = '#include <stdint.h>\n#ifdef __cplusplus\nextern "C"\n#endif\n' + declaration + ";\n"
    return Program(NAME, {f"{NAME}.h": header}, (_entry(sources),))


def _entry(sources: Sources) -> Entry:
    nbytes = np.dtype(sources.input).itemsize * sources.inputs
    written = np.dtype(sources.output).itemsize * sources.outputs
    return Entry(NAME, (Type((nbytes,), "int8"),), (Type((written,), "int8"),), 0, {}, (), "")


def _object(name: str) -> str:
    return Path(name).stem + ".o"


def _link(folder: Path, board: Board, model: Sequence[str], harness: Sequence[str]) -> dict[str, Any]:
    """Link the objects alone, the model with its libraries, and the image; return their sizes."""
    root, what = f"{NAME}_run", "The model"
    gcc, parts = list(board.cpu.gcc), [_object(name) for name in model]
    alone = [*gcc, "-nostdlib", "-r", *parts, "-Wl,--gc-sections", f"-Wl,-e,{root}", f"-Wl,-u,{root}", "-o", "alone.o"]
    _tools.compile_with(alone, folder, what)
    if board.core == "avr":
        linked = [*gcc, *parts, *simavr._LINK, *simavr._ALONE, f"-Wl,-u,{root}", f"-Wl,-e,{root}", "-lm"]
        _tools.compile_with([*linked, "-o", objects.MODEL_ELF], folder, what)
        image = [*gcc, *map(_object, harness), *parts, *simavr._LINK, "-lm", "-o", objects.IMAGE_ELF]
        _tools.compile_with(image, folder, what)
    else:
        everything = [*map(_object, harness), *parts]
        for roots, objects_of, output in (
            ([root], parts, objects.MODEL_ELF),
            ([_bare_metal.RESET], everything, objects.IMAGE_ELF),
        ):
            command = [*gcc, "-nostartfiles", *objects_of, *_LIBRARIES]
            _bare_metal._link(folder, board, roots, command, output, what)
    sections = objects.sections(folder / "alone.o")
    constants_in_ram = ("data", "rodata") if board.core == "avr" else ("data",)

    def total(*kinds: str) -> int:
        return sum(section.nbytes for section in sections if section.name.split(".")[1] in kinds)

    data = total(*constants_in_ram)
    flash, ram = objects.flash_and_ram(folder / objects.MODEL_ELF)
    image_flash, image_ram = objects.flash_and_ram(folder / objects.IMAGE_ELF)
    return {
        "object_flash_bytes": total("text", "progmem", "rodata", "data"),
        "object_ram_bytes": data + total("bss"),
        "constant_ram_bytes": data,
        "flash_bytes": flash,
        "ram_bytes": ram,
        "image_flash_bytes": image_flash,
        "image_ram_bytes": image_ram,
    }
