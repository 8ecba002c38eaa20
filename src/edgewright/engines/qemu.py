"""The second opinion on Cortex-M: the image of the unicorn engine in QEMU, its instructions counted by a timer of the board."""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgewright import boards
from edgewright.boards import Board
from edgewright.compiler.program import Program
from edgewright.engines import Image, Run, Vectors, _cortex_m, _tools, objects, output_bytes
from edgewright.engines._harness import find_entry, vectors_file
from edgewright.errors import BoardFault, MissingTool

RUN_SECONDS = 120.0
_TOOL, _PACKAGE = "qemu-system-arm", "qemu-system-arm"
_TICKS_UNKNOWN = 0xFFFFFFFF
_EXIT_FAULT = 99


@dataclass(frozen=True)
class Qemu:
    """Builds as the unicorn engine does and runs the same ELF file in qemu-system-arm."""

    doc: str

    def why_not(self, board: Board, compiler: str = "zig") -> str | None:
        """Return why the engine cannot serve this board here, with the fix, or None if it can."""
        if board.second_opinion != "qemu":
            return "QEMU has no machine with this board's core and memory"
        return _tools.tool_why_not(_TOOL, _PACKAGE) or _cortex_m.compiler_why_not(board, compiler)

    def build(self, program: Program, board_name: str, compiler: str = "zig") -> Image:
        """Return the built image: the same file as the unicorn engine's. compiler: "zig" or "gcc".

        Raises DoesNotFit (with the bytes over), MissingTool, BoardFault where it does not build.
        """
        if problem := self.why_not(boards.get(board_name), compiler):
            raise MissingTool(f"The qemu engine cannot build {program.name!r} for {board_name}: {problem}.")
        return _cortex_m.build(program, board_name, "qemu", compiler)

    def run(self, image: Image, entry: str, vectors: Vectors) -> Run:
        """Run one model of the image on many vectors; fills `timer_instructions`, None where the timer wrapped.

        QEMU does not say what a fault was, and does not see writes to flash: the unicorn engine explains both.
        Raises BoardFault, MissingTool.
        """
        board = boards.get(image.board)
        if problem := self.why_not(board):
            raise MissingTool(f"The qemu engine cannot run {entry!r} for {image.board}: {problem}.")
        assert board.clock_hz is not None
        shift = _shift(board.clock_hz)
        command = [_TOOL, "-M", str(board.machine), "-nographic", "-monitor", "none", "-serial", "none"]
        command += ["-icount", f"shift={shift}", "-semihosting-config", "enable=on,target=native"]
        with tempfile.TemporaryDirectory(prefix="edgewright-") as name:
            folder = Path(name)
            (folder / "vectors.bin").write_bytes(vectors_file(image.program, entry, vectors))
            try:
                finished = subprocess.run(
                    [*command, "-kernel", str(image.path)],
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
                    f"{entry}_run did not end within {RUN_SECONDS:.0f} seconds on {image.board} in QEMU."
                ) from error
            if finished.returncode:
                raise BoardFault(f"{entry}_run failed on {image.board} in QEMU: {_explain(image, finished)}")
            outputs = (folder / "outputs.bin").read_bytes()
        width = output_bytes(find_entry(image.program, entry)[1])
        rows = np.frombuffer(outputs, dtype=np.uint8).reshape(len(vectors), width + 4)
        ticks = np.ascontiguousarray(rows[:, width:]).view("<u4")[:, 0].astype(np.int64)
        counted = None if (ticks == _TICKS_UNKNOWN).any() else _instructions(ticks, board.clock_hz, shift)
        return Run(outputs=np.ascontiguousarray(rows[:, :width]), timer_instructions=counted)


def _shift(clock_hz: int) -> int:
    """Return the -icount shift: an instruction takes 2**shift ns, the least that is at least one tick of the timer.

    So the timer tells every single instruction, and its 24 bits last longest.
    """
    return (-(-(10**9) // clock_hz) - 1).bit_length()


def _instructions(ticks: npt.NDArray[np.int64], clock_hz: int, shift: int) -> npt.NDArray[np.int64]:
    return np.rint(ticks * (1e9 / clock_hz / 2**shift)).astype(np.int64)


def _explain(image: Image, finished: subprocess.CompletedProcess[str]) -> str:
    fault = re.search(r"FAULT ([0-9a-f]{8})", finished.stderr + finished.stdout)
    if finished.returncode != _EXIT_FAULT or fault is None:
        return f"exit status {finished.returncode}. {_tools.shortened(finished.stderr, 6)}".strip()
    pc = int(fault[1], 16)
    if pc == 0:
        return "the processor faulted and the stack pointer was outside RAM, as after a stack overflow."
    function = objects.function_at(objects.functions(image.path), pc)
    where = f"in {function.name if function else 'no known function'}, at pc {pc:#010x}"
    return f"the processor faulted {where}. The unicorn engine explains faults."


ENTRY = Qemu(doc="Second opinion for Cortex-M boards: the same ELF file in qemu-system-arm.")
