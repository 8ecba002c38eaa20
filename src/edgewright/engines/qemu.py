"""The second opinion on Cortex-M and RISC-V: the program of the unicorn engine in QEMU, counted by a clock of the board."""

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
from edgewright.engines import Image, Run, Vectors, _bare_metal, _instruction_sets, _tools, objects, output_bytes
from edgewright.engines._harness import find_entry, vectors_file
from edgewright.errors import BoardFault, MissingTool

RUN_SECONDS = 600.0
_TICKS_UNKNOWN = 0xFFFFFFFF
_EXIT_FAULT = 99
_FIRMWARE: dict[str, tuple[str, ...]] = {"arm": (), "riscv": ("-bios", "none")}


@dataclass(frozen=True)
class Qemu:
    """Builds as the unicorn engine does and runs the ELF file in qemu-system-arm or qemu-system-riscv32.

    Where QEMU has no machine with the board's memory, but one with its core, the same objects are linked for that machine's memory.
    """

    doc: str

    def why_not(self, board: Board, compiler: str = "zig") -> str | None:
        """Return why the engine cannot serve this board here, with the fix, or None if it can."""
        if board.second_opinion != "qemu":
            return "QEMU has no machine for this board"
        instruction_set = _instruction_sets.get(board.cpu.instruction_set)
        return _tools.tool_why_not(instruction_set.qemu, instruction_set.qemu_package) or _bare_metal.compiler_why_not(
            board, compiler
        )

    def build(self, program: Program, board_name: str, compiler: str = "zig") -> Image:
        """Return the built image: the same file as the unicorn engine's where the machine has the board's memory. compiler: "zig" or "gcc".

        Raises DoesNotFit (with the bytes over), MissingTool, BoardFault where it does not build.
        """
        board = boards.get(board_name)
        if problem := self.why_not(board, compiler):
            raise MissingTool(f"The qemu engine cannot build {program.name!r} for {board_name}: {problem}.")
        return _bare_metal.build(program, board_name, "qemu", compiler, board.machine_origins)

    def run(self, image: Image, entry: str, vectors: Vectors) -> Run:
        """Run one model of the image on many vectors; fills `timer_instructions`, None where the clock wrapped.

        QEMU does not say what a fault was, and does not see writes to flash: the unicorn engine explains both.
        Raises BoardFault, MissingTool.
        """
        board = boards.get(image.board)
        _, model = find_entry(image.program, entry)
        if problem := self.why_not(board):
            raise MissingTool(f"The qemu engine cannot run {entry!r} for {image.board}: {problem}.")
        instruction_set = _instruction_sets.get(board.cpu.instruction_set)
        clock_hz = 10**9 if instruction_set.has_counter else board.machine_clock_hz or board.clock_hz
        assert clock_hz is not None
        shift = _shift(clock_hz)
        command = [instruction_set.qemu, "-M", str(board.machine), *_FIRMWARE[instruction_set.architecture]]
        command += ["-nographic", "-monitor", "none", "-serial", "none"]
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
                    f"{model.function} did not end within {RUN_SECONDS:.0f} seconds on {image.board} in QEMU."
                ) from error
            if finished.returncode:
                raise BoardFault(f"{model.function} failed on {image.board} in QEMU: {_explain(image, finished)}")
            outputs = (folder / "outputs.bin").read_bytes()
        width = output_bytes(model)
        rows = np.frombuffer(outputs, dtype=np.uint8).reshape(len(vectors), width + 4)
        ticks = np.ascontiguousarray(rows[:, width:]).view("<u4")[:, 0].astype(np.int64)
        counted = None if (ticks == _TICKS_UNKNOWN).any() else _instructions(ticks, clock_hz, shift)
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


ENTRY = Qemu(
    doc="Second opinion for Cortex-M and RISC-V boards: the same program in qemu-system-arm or qemu-system-riscv32."
)
