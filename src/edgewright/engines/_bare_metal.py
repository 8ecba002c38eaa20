"""Builds the image of a program for a board without an operating system: start-up code, harness, program, one ELF file."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgewright import boards
from edgewright.boards import Board
from edgewright.compiler.program import Program
from edgewright.engines import Image, _instruction_sets, _sizes, _tools, objects
from edgewright.engines._cache import built
from edgewright.engines._harness import files_for, model_sources, source
from edgewright.errors import BadInput, MissingTool

COMPILERS = ("zig", "gcc")
RESET = "Reset_Handler"
_HARNESS = "_bare_metal_harness.c"
_FLAGS = (
    *_tools.STRICT,
    "-O2",
    "-ffreestanding",
    "-ffunction-sections",
    "-fdata-sections",
    "-fno-unwind-tables",
    "-fno-asynchronous-unwind-tables",
)
_LINK = ("-T", "link.ld", "-Wl,--gc-sections")


def compiler_why_not(board: Board, compiler: str) -> str | None:
    """Return why a compiler cannot build for a board here, with the fix, or None. Raises BadInput for an unknown compiler."""
    if compiler not in COMPILERS:
        raise BadInput(
            f"There is no compiler {compiler!r} for boards without an operating system. Known: {', '.join(COMPILERS)}."
        )
    if compiler == "gcc":
        return _tools.tool_why_not(board.cpu.gcc[0], _instruction_sets.get(board.cpu.instruction_set).gcc_package)
    return _tools.zig_why_not()


def build(
    program: Program, board_name: str, engine: str, compiler: str = "zig", origins: tuple[int, int] | None = None
) -> Image:
    """Return the image of a program for a board; `model.elf` beside it is the program alone.

    origins: where flash and RAM begin, if not where the board has them. Raises DoesNotFit, MissingTool, BoardFault where it does
    not compile or holds instructions that the core lacks.
    """
    board = boards.get(board_name)
    if origins:
        board = replace(board, flash_origin=origins[0], ram_origin=origins[1])
    if problem := compiler_why_not(board, compiler):
        raise MissingTool(f"Cannot build {program.name!r} for {board_name}: {problem}.")
    _sizes.check_program(program, board_name)
    assert board.cpu.zig is not None
    gcc = compiler == "gcc"
    command = board.cpu.gcc if gcc else (*_tools.zig(), *board.cpu.zig)
    version = _tools.tool_version(command[0]) if gcc else _tools.zig_version()
    flags = _FLAGS if gcc else (*_FLAGS, "-fno-sanitize=all")
    extra = ("_memory.c",) if gcc else ()  # zig's runtime has these functions
    libraries = ("-nostdlib", "-lgcc") if gcc else ()
    instruction_set = _instruction_sets.get(board.cpu.instruction_set)
    harness = (instruction_set.startup, _HARNESS)
    files = files_for(program, [*harness, *extra, instruction_set.access, "_semihosting.h"])
    files["harness_board.h"] = (
        f'#include "{instruction_set.access}"\n#define HARNESS_RAM_ORIGIN {board.ram_origin:#x}u\n'
    )

    def make(folder: Path) -> dict[str, Any]:
        for file, text in files.items():
            (folder / file).write_text(text)
        what = f"The program {program.name!r} for {board_name}"
        models = [*model_sources(program), *extra]
        own = {file: text for file, text in files.items() if file in program.files or file in extra}
        model_objects = _objects(own, models, [command, flags, version], folder, what)
        harness_objects = _objects(files, harness, [command, flags, version], folder, what)
        _link(
            folder,
            board,
            _sizes.roots(program, folder),
            [*command, *model_objects, *libraries],
            objects.MODEL_ELF,
            what,
        )
        everything = [*command, *harness_objects, *model_objects, *libraries]
        _link(folder, board, [RESET], everything, objects.IMAGE_ELF, what)
        facts = _sizes.facts(program, folder)
        if board.cpu.forbidden:  # emulators execute what the core lacks, so the code itself is read
            facts["problems"] = objects.instruction_problems(folder / objects.MODEL_ELF, board.cpu)
        return facts

    script = source("_bare_metal.ld")
    folder, facts = built(
        [files, script, command, flags, libraries, version, board.cpu.forbidden, _memory(board)], make
    )
    return _sizes.image(program, board_name, engine, folder, facts, version, (*command[1 if gcc else 2 :], *flags))


def _objects(
    files: dict[str, str], sources: Sequence[str], compiler: Sequence[Any], folder: Path, what: str
) -> list[str]:
    """Put the objects of sources into a folder and return their names. They are kept for other boards with the same core.

    compiler: command, flags and version.
    """
    command, flags, _ = compiler
    names = {file: Path(file).stem + ".o" for file in sources}

    def make(place: Path) -> dict[str, Any]:
        for file, text in files.items():
            (place / file).write_text(text)
        for file, name in names.items():
            _tools.compile_with([*command, *flags, "-c", file, "-o", name], place, what)
        return {}

    place, _ = built(["objects", files, list(sources), compiler], make)
    for name in names.values():
        shutil.copyfile(place / name, folder / name)
    return list(names.values())


def _memory(board: Board) -> list[int]:
    return [board.flash_origin, board.flash_bytes, board.ram_origin, board.ram_bytes]


def _link(folder: Path, board: Board, roots: list[str], command: list[str], output: str, what: str) -> None:
    script = source("_bare_metal.ld").replace("@ROOTS@", " ".join(roots))
    for word, number in zip(("FLASH_ORIGIN", "RAM_ORIGIN", "RAM_BYTES"),
                            (board.flash_origin, board.ram_origin, board.ram_bytes), strict=True):  # fmt: skip
        script = script.replace(f"@{word}@", hex(number))
    (folder / "link.ld").write_text(script)
    _tools.compile_with([*command, "-o", output, *_LINK, f"-Wl,--entry={roots[0]}"], folder, what)
