"""What programs and images take on a board, and whether it is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgewright import boards
from edgewright.compiler.program import Program
from edgewright.engines import Image, input_bytes, objects, output_bytes
from edgewright.engines._harness import model_sources
from edgewright.errors import BoardFault, DoesNotFit, list_problems


def check_program(program: Program, board_name: str) -> None:
    """Raise DoesNotFit where constants or arenas alone are too much; some compilers refuse such a program without a figure."""
    board = boards.get(board_name)
    constants = sum(nbytes for entry in program.entries for nbytes in entry.constant_bytes.values())
    buffers = max(input_bytes(entry) + output_bytes(entry) for entry in program.entries)
    arenas = sum(entry.arena_bytes + (entry.step.state_bytes if entry.step else 0) for entry in program.entries)
    needs = ((constants, "its constants alone"), (arenas + buffers, "its working memory, inputs and outputs alone"))
    _check(program, board_name, needs, (board.flash_bytes - board.bootloader_bytes, board.ram_bytes), "at least ")


def image(
    program: Program,
    board_name: str,
    engine: str,
    folder: Path,
    facts: Mapping[str, Any],
    compiler: str,
    flags: Sequence[str],
) -> Image:
    """Return the image of a build. Raises DoesNotFit, and BoardFault where the code holds what the board cannot run."""
    board = boards.get(board_name)
    flash, ram = facts["image_flash_bytes"], facts["image_ram_bytes"]
    needs = ((flash, "start-up code and harness included"), (ram, "static data, harness included"))
    _check(program, board_name, needs, (board.flash_bytes - board.bootloader_bytes, board.ram_bytes), "")
    if facts["problems"]:
        raise BoardFault(list_problems(f"The program {program.name!r} cannot run on {board_name}:", facts["problems"]))
    figures = {key: value for key, value in facts.items() if key != "problems"}
    path = folder / objects.IMAGE_ELF
    return Image(
        program, board_name, engine, path, compiler, tuple(flags), **figures, stack_room_bytes=board.ram_bytes - ram
    )


def facts(program: Program, folder: Path) -> dict[str, Any]:
    """Return the figures of a finished build: the fields of Image, and what the code holds that the board cannot run."""
    model, defined = folder / objects.MODEL_ELF, _defined(program, folder)
    flash, ram = objects.flash_and_ram(model)
    image_flash, image_ram = objects.flash_and_ram(folder / objects.IMAGE_ELF)
    return {
        "flash_bytes": flash,
        "ram_bytes": ram,
        "helper_bytes": {f.name: f.nbytes for f in objects.functions(model) if f.name not in defined},
        "constant_bytes": objects.constants(model),
        "image_flash_bytes": image_flash,
        "image_ram_bytes": image_ram,
        "problems": [],
    }


def roots(program: Program, folder: Path) -> list[str]:
    """Return the functions of a compiled program that its users call."""
    defined = _defined(program, folder)
    wanted = [f"{entry.name}_{call}" for entry in program.entries for call in ("run", "predict", "reset", "step")]
    return [name for name in wanted if name in defined]


def _defined(program: Program, folder: Path) -> frozenset[str]:
    names = [Path(name).stem + ".o" for name in model_sources(program)]
    return frozenset[str]().union(*(objects.defined_symbols(folder / name) for name in names))


def _check(
    program: Program, board_name: str, needs: Sequence[tuple[int, str]], rooms: tuple[int, int], bound: str
) -> None:
    over, problems = {}, []
    for kind, (need, what), room in zip(("flash", "RAM"), needs, rooms, strict=True):
        if need > room:
            over[kind] = need - room
            problems.append(
                f"{kind} is over by {bound}{need - room:,} bytes: {need:,} needed ({what}), {room:,} there."
            )
    if over:
        raise DoesNotFit(list_problems(f"The program {program.name!r} does not fit {board_name}:", problems), over)
