"""The engine that runs Cortex-M and RISC-V images in unicorn: exact instructions, functions, calls, stack and explained faults."""

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import json
import os
import struct
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from edgewright import boards
from edgewright.boards import Board
from edgewright.compiler.program import Program
from edgewright.engines import (
    Image,
    Run,
    Vectors,
    _bare_metal,
    _faults,
    _instruction_sets,
    _tools,
    objects,
    output_bytes,
)
from edgewright.engines._cache import built
from edgewright.engines._harness import find_entry, source, vectors_file
from edgewright.errors import BoardFault, MissingTool

RUN_INSTRUCTIONS = 250_000_000  # of one run of a model: 15 seconds and more on the slowest board
_WORKER = "_unicorn_worker.py"
_HOOKS = "_count_hooks.c"


@dataclass(frozen=True)
class Unicorn:
    """Builds with zig (or gcc) and runs in a worker process, which keeps a crash of the emulator away from the user's own."""

    doc: str

    def why_not(self, board: Board, compiler: str = "zig") -> str | None:
        """Return why the engine cannot serve this board here, with the fix, or None if it can."""
        if board.cpu.unicorn is None:
            return f"unicorn emulates Arm Cortex-M and RISC-V boards only; this one's engine is {board.engine!r}"
        if importlib.util.find_spec("unicorn") is None:
            return "the package unicorn is not installed: pip install unicorn==2.1.4"
        # The hooks that count are always built by zig.
        return _tools.zig_why_not() or _bare_metal.compiler_why_not(board, compiler)

    def build(self, program: Program, board_name: str, compiler: str = "zig") -> Image:
        """Return the built image. compiler: "zig" or "gcc".

        Raises DoesNotFit (with the bytes over), MissingTool, BoardFault where it does not build.
        """
        if problem := self.why_not(boards.get(board_name), compiler):
            raise MissingTool(f"The unicorn engine cannot build {program.name!r} for {board_name}: {problem}.")
        return _bare_metal.build(program, board_name, "unicorn", compiler)

    def run(self, image: Image, entry: str, vectors: Vectors) -> Run:
        """Run one model of the image on many vectors. Raises BoardFault with an explanation."""
        _, model = find_entry(image.program, entry)
        message, functions, segments = _contents(image.path, boards.get(image.board).core)
        addresses = {name: address for name, (address, _) in zip(functions, message["functions"], strict=True)}
        message = message | {"entry": addresses[model.function], **_board(image.board)}
        message |= {"runs": len(vectors), "hooks": str(_hooks()), "limit": RUN_INSTRUCTIONS}
        blobs = [vectors_file(image.program, entry, vectors), *segments]
        answer, (outputs, instructions, cycles) = _ask(message, blobs)
        if answer["fault"] is not None:
            raise BoardFault(_faults.explain(image, model.function, answer["fault"] | {"limit": RUN_INSTRUCTIONS}))
        if answer["exit_code"] != 0:
            raise BoardFault(
                f"{model.function} on {image.board} ended with exit status {answer['exit_code']}: {answer['text']}"
            )
        if len(instructions) != 8 * len(vectors):
            raise BoardFault(
                f"{model.function} returned {len(instructions) // 8} times for {len(vectors)} vectors on {image.board}."
            )
        width = output_bytes(model)
        rows = np.frombuffer(outputs, dtype=np.uint8).reshape(len(vectors), width + 4)  # a word of timer ticks follows
        names = ["(unknown)", *map(objects.written_name, functions)]
        return Run(
            outputs=np.ascontiguousarray(rows[:, :width]),
            instructions=np.frombuffer(instructions, dtype="<u8").astype(np.int64),
            stack_bytes=answer["stack_bytes"],
            by_function=_by_function(names, answer["by_function"]),
            by_call=tuple((names[function], count) for function, count in answer["by_call"]),
            cycles_estimated=np.frombuffer(cycles, dtype="<u8").astype(np.int64)
            if boards.get(image.board).cpu.cycles
            else None,
        )


def _by_function(names: Sequence[str], found: Sequence[int]) -> dict[str, int]:
    counts = Counter[str]()
    for name, count in zip(names, found, strict=True):
        counts[name] += count
    return {name: count for name, count in counts.items() if count}


def _board(name: str) -> dict[str, Any]:
    board = boards.get(name)
    return {
        "architecture": _instruction_sets.get(board.cpu.instruction_set).architecture,
        "cpu": board.cpu.unicorn,
        "flash": [board.flash_origin, board.flash_bytes],
        "ram": [board.ram_origin, board.ram_bytes],
    }


@lru_cache(maxsize=64)
def _contents(path: Path, core: str) -> tuple[dict[str, Any], tuple[str, ...], tuple[bytes, ...]]:
    """Return what every request says about an ELF file for a core, the names of its functions, and its bytes by segment.

    Reading a file takes far longer than most runs, and an image may hold many models.
    """
    cycles = boards.core(core).cycles
    found = objects.functions(path)
    symbols = objects.addresses(path)
    segments = objects.segments(path)
    message = {
        "segments": [address for address, _ in segments],
        "functions": [[entry.address, entry.nbytes] for entry in found],
        "code_bytes": sum(section.nbytes for section in objects.sections(path) if section.kind == "code"),
        "cycles": objects.instruction_cycles(path, cycles) if cycles else [],
        "taken": cycles.taken if cycles else 0,
        "exchange": [symbols[name] & ~1 for name in ("harness_exchange", "harness_input", "harness_output")],
    }
    return message, tuple(entry.name for entry in found), tuple(data for _, data in segments)


def _hooks() -> Path:
    """Return the shared library of the counting hooks, built by zig at first use."""
    name = {"win32": "hooks.dll", "darwin": "hooks.dylib"}.get(sys.platform, "hooks.so")
    text, command = source(_HOOKS), [*_tools.zig(), "-O2", "-std=c99", "-shared", "-fPIC", "-fno-sanitize=all"]

    def make(folder: Path) -> dict[str, Any]:
        (folder / _HOOKS).write_text(text)
        _tools.compile_with([*command, _HOOKS, "-o", name], folder, "The library of counting hooks")
        return {}

    folder, _ = built([text, command, _tools.zig_version(), name], make)
    return folder / name


class _Worker:
    """A worker process, started at the first request and kept for the next."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.owner = os.getpid()
        self.lock = threading.Lock()

    def ask(self, message: dict[str, Any], blobs: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
        with self.lock:
            try:
                process = self._running()
                _send(cast(BinaryIO, process.stdin), message, blobs)
                return _receive(cast(BinaryIO, process.stdout))
            except (OSError, EOFError) as error:
                status = self.stop()
                raise BoardFault(f"The emulator's process ended unexpectedly with status {status}.") from error
            except BaseException:
                self.stop()  # it may be in the midst of an answer
                raise

    def stop(self) -> int | None:
        process, self.process = self.process, None
        if process is None or self.owner != os.getpid():
            return None
        with contextlib.suppress(OSError):
            cast(BinaryIO, process.stdin).close()
        with contextlib.suppress(OSError):
            process.kill()
        cast(BinaryIO, process.stdout).close()
        return process.wait()

    def _running(self) -> subprocess.Popen[bytes]:
        if self.process is None or self.owner != os.getpid() or self.process.poll() is not None:
            self.stop()
            self.owner = os.getpid()
            script = str(resources.files("edgewright.engines").joinpath(_WORKER))
            self.process = subprocess.Popen(
                [sys.executable, "-P", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        return self.process


def _send(stream: BinaryIO, message: dict[str, Any], blobs: list[bytes]) -> None:
    text = json.dumps({**message, "blobs": [len(blob) for blob in blobs]}).encode()
    stream.write(struct.pack("<I", len(text)) + text + b"".join(blobs))
    stream.flush()


def _receive(stream: BinaryIO) -> tuple[dict[str, Any], list[bytes]]:
    message: dict[str, Any] = json.loads(_read(stream, struct.unpack("<I", _read(stream, 4))[0]))
    return message, [_read(stream, length) for length in message["blobs"]]


def _read(stream: BinaryIO, length: int) -> bytes:
    data = stream.read(length)
    if len(data) < length:
        raise EOFError("the answer ends early")
    return data


_worker = _Worker()
_ask = _worker.ask
atexit.register(_worker.stop)

ENTRY = Unicorn(
    doc="Arm Cortex-M and RISC-V boards in unicorn: zig builds; exact instructions, by function, and the deepest stack."
)
