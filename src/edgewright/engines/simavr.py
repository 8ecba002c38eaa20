"""The engine that runs AVR images in simavr: exact cycles and instructions, functions, stack, and stacks that meet data."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgewright import boards
from edgewright.boards import Board
from edgewright.compiler.program import Program
from edgewright.engines import Image, Run, Vectors, _sizes, _tools, objects, output_bytes
from edgewright.engines._cache import built
from edgewright.engines._harness import files_for, find_entry, model_sources, source, vectors_file
from edgewright.errors import BoardFault, MissingTool

RUN_INSTRUCTIONS = 250_000_000  # of one run of a model: 15 seconds and more
RUN_SECONDS = 1800.0
_RUNNER = "_simavr_runner.c"
_HARNESS = "_avr_harness.c"
_DATA_SPACE = 0xFFFF  # the ELF file counts data from 0x800000
_FLAGS = (*_tools.STRICT, "-O2", "-ffunction-sections", "-fdata-sections")
_LINK = (
    "-Wl,--gc-sections",
    # Sizes are checked afterwards, to say by how many bytes they are over.
    "-Wl,--defsym=__TEXT_REGION_LENGTH__=0x400000",
    "-Wl,--defsym=__DATA_REGION_LENGTH__=0x400000",
)
# Start-up code that static data pull in; it is no part of the program.
_ALONE = ("-nostartfiles", "-Wl,--defsym=__do_copy_data=0", "-Wl,--defsym=__do_clear_bss=0")


@dataclass(frozen=True)
class Simavr:
    """Builds with avr-gcc and runs in a program of ours on libsimavr."""

    doc: str

    def why_not(self, board: Board) -> str | None:
        """Return why the engine cannot serve this board here, with the fix, or None if it can."""
        if board.engine != "simavr":
            return f"simavr emulates AVR boards only; this one's engine is {board.engine!r}"
        return _tools.tool_why_not(board.cpu.gcc[0], "gcc-avr avr-libc binutils-avr") or _runner_why_not()

    def build(self, program: Program, board_name: str) -> Image:
        """Return the built image.

        Raises DoesNotFit (with the bytes over), MissingTool, BoardFault where it does not build.
        """
        board = boards.get(board_name)
        if problem := self.why_not(board):
            raise MissingTool(f"The simavr engine cannot build {program.name!r} for {board_name}: {problem}.")
        _sizes.check_program(program, board_name)
        command, version = board.cpu.gcc, _tools.tool_version(board.cpu.gcc[0])
        files = files_for(program, [_HARNESS])

        def make(folder: Path) -> dict[str, Any]:
            for file, text in files.items():
                (folder / file).write_text(text)
            what = f"The program {program.name!r} for {board_name}"
            models = [Path(name).stem + ".o" for name in model_sources(program)]
            for name in (*model_sources(program), _HARNESS):
                _tools.compile_with([*command, *_FLAGS, "-c", name, "-o", Path(name).stem + ".o"], folder, what)
            roots = _sizes.roots(program, folder)
            undefined = [f"-Wl,-u,{root}" for root in roots]
            alone = [*command, *models, *_LINK, *_ALONE, *undefined, f"-Wl,-e,{roots[0]}"]
            _tools.compile_with([*alone, "-o", objects.MODEL_ELF], folder, what)
            image = [*command, Path(_HARNESS).stem + ".o", *models, *_LINK]
            _tools.compile_with([*image, "-o", objects.IMAGE_ELF], folder, what)
            return _sizes.facts(program, folder)

        folder, facts = built([files, command, _FLAGS, _LINK, _ALONE, version], make)
        return _sizes.image(program, board_name, "simavr", folder, facts, version, (*command[1:], *_FLAGS))

    def run(self, image: Image, entry: str, vectors: Vectors) -> Run:
        """Run one model of the image on many vectors. Raises BoardFault with an explanation."""
        board = boards.get(image.board)
        _, model = find_entry(image.program, entry)
        if problem := self.why_not(board):
            raise MissingTool(f"The simavr engine cannot run {entry!r} for {image.board}: {problem}.")
        where = objects.addresses(image.path)
        found = objects.functions(image.path)
        own = next(function for function in found if function.name == model.function)
        code = [where["harness_ready"], own.address, own.address + own.nbytes]
        data = ("harness_model", "harness_input", "harness_output", "_end")
        numbers = [*code, *(where[name] & _DATA_SPACE for name in data)]
        with tempfile.TemporaryDirectory(prefix="edgewright-") as name:
            folder = Path(name)
            (folder / "vectors.bin").write_bytes(vectors_file(image.program, entry, vectors))
            (folder / "flash.bin").write_bytes(_flash(image.path))
            names = ("flash.bin", "vectors.bin", "outputs.bin", "counts.bin", "profile.bin", "calls.bin")
            try:
                finished = subprocess.run(
                    [
                        str(_runner()),
                        str(board.machine),
                        str(board.clock_hz),
                        *names,
                        *map(str, numbers),
                        str(RUN_INSTRUCTIONS),
                    ],
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    text=True,
                    errors="replace",
                    timeout=RUN_SECONDS,
                    check=False,
                )
            except subprocess.TimeoutExpired as error:
                raise BoardFault(
                    f"{model.function} did not end within {RUN_SECONDS:.0f} seconds on {image.board}."
                ) from error
            words = finished.stdout.split()
            if finished.returncode or not words:
                said = _tools.shortened(finished.stderr, 6)
                raise BoardFault(
                    f"The emulator of {image.board} ended with status {finished.returncode}. {said}".strip()
                )
            if words[0] != "done":
                raise BoardFault(_explain(image, model.function, words, finished.stderr))
            outputs = np.fromfile(folder / "outputs.bin", dtype=np.uint8)
            counts = np.fromfile(folder / "counts.bin", dtype="<u8").astype(np.int64).reshape(-1, 2)
            profile = np.fromfile(folder / "profile.bin", dtype="<u8")
            calls = np.fromfile(folder / "calls.bin", dtype="<u8").reshape(-1, 2)
        return Run(
            outputs=outputs.reshape(len(vectors), output_bytes(model)),
            instructions=np.ascontiguousarray(counts[:, 0]),
            cycles=np.ascontiguousarray(counts[:, 1]),
            stack_bytes=int(words[1]),
            by_function=_by_function(found, profile),
            by_call=tuple((_name(found, int(address)), int(count)) for address, count in calls),
        )


def _by_function(
    found: tuple[objects.Function, ...], profile: np.ndarray[tuple[int, ...], np.dtype[Any]]
) -> dict[str, int]:
    counts = Counter[str]()
    for word in np.flatnonzero(profile):
        counts[_name(found, 2 * int(word))] += int(profile[word])
    return dict(counts)


def _name(found: tuple[objects.Function, ...], address: int) -> str:
    function = objects.function_at(found, address)
    return objects.written_name(function.name) if function else "(unknown)"


def _explain(image: Image, function_name: str, words: list[str], said: str) -> str:
    kind, (pc, vector, stack) = words[0], map(int, words[1:])
    said = re.sub("\x1b\\[[0-9;]*m", "", said)  # simavr colours its messages
    function = objects.function_at(objects.functions(image.path), pc)
    where = f"In {function.name if function else 'no known function'}, at pc {pc:#06x}."
    board, room = boards.get(image.board), image.stack_room_bytes or 0
    what = {
        "limit": f"it did not return within {RUN_INSTRUCTIONS:,} instructions; it may be caught in an endless loop.",
        "stack": f"stack overflow. The stack reached down to {stack + 1:#06x}, into static data, which take {board.ram_bytes - room:,} of "
        f"the {board.ram_bytes:,} bytes of RAM and left {room:,} for the stack. An AVR does not notice.",
    }.get(kind, f"the processor crashed. {_tools.shortened(said, 4)}".strip())
    return f"{function_name} faulted on {image.board} at vector {vector}: {what} {where}"


def _flash(path: Path) -> bytes:
    segments = objects.segments(path)
    content = bytearray(max(address + len(data) for address, data in segments))
    for address, data in segments:
        content[address : address + len(data)] = data
    return bytes(content)


def _runner_why_not() -> str | None:
    try:
        _runner()
    except (BoardFault, MissingTool) as error:
        return (
            f"our runner on libsimavr cannot be built: apt-get install gcc libc6-dev libsimavr-dev libelf-dev ({error})"
        )
    return None


def _runner() -> Path:
    """Return our program on libsimavr, built at first use."""
    text = source(_RUNNER)
    compiler = next(((tool,) for tool in ("cc", "gcc", "clang") if shutil.which(tool)), None) or _tools.zig()
    command = [*compiler, "-O2", "-std=c99", _RUNNER, "-o", "runner", "-lsimavr", "-lelf", "-lm"]

    def make(folder: Path) -> dict[str, Any]:
        (folder / _RUNNER).write_text(text)
        _tools.compile_with(command, folder, "The runner on libsimavr")
        return {}

    folder, _ = built([text, command], make)
    return folder / "runner"


ENTRY = Simavr(
    doc="AVR boards in simavr: avr-gcc builds; exact cycles and instructions, by function, and the deepest stack."
)
