"""The engine that runs programs on this computer, in a process of their own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from edgewright import boards
from edgewright.boards import Board
from edgewright.compiler.program import Program
from edgewright.engines import Image, Run, Vectors, _tools, output_bytes
from edgewright.engines._cache import built
from edgewright.engines._harness import files_for, find_entry, model_sources, vectors_file
from edgewright.errors import BoardFault, MissingTool

SANITIZERS = ("-fsanitize=undefined,address", "-fno-sanitize-recover=all", "-g")
RUN_SECONDS = 600.0


@dataclass(frozen=True)
class Host:
    """Builds with zig and runs natively. With `sanitize`, builds with the system's own compiler, UBSan and ASan."""

    doc: str

    def why_not(self, board: Board, *, sanitize: bool = False) -> str | None:
        """Return why the engine cannot serve this board here, with the fix, or None if it can."""
        if board.core != "host":
            return "the host engine runs programs for this computer only; choose the board 'host'"
        return _sanitizers_why_not() if sanitize else _tools.zig_why_not()

    def build(self, program: Program, board_name: str, *, sanitize: bool = False) -> Image:
        """Return the built image; its path is an executable. flash_bytes and ram_bytes mean nothing here and stay None.

        Raises MissingTool, BoardFault where the program does not compile under the strict flags.
        """
        if problem := self.why_not(boards.get(board_name), sanitize=sanitize):
            raise MissingTool(f"The host engine cannot build {program.name!r}: {problem}.")
        command = _system_compiler() if sanitize else _tools.zig()
        compiler = _tools.tool_version(command[0]) if sanitize else _tools.zig_version()
        flags: tuple[str, ...] = ("-O1", *SANITIZERS) if sanitize else ("-O2", "-fno-sanitize=all")
        flags = (*_tools.STRICT, *flags)
        files = files_for(program, ["_harness_host.c"], apart=True)
        name = "program.exe" if os.name == "nt" else "program"
        sources = [*model_sources(program), "_harness_host.c"]

        def make(folder: Path) -> dict[str, Any]:
            for file, text in files.items():
                (folder / file).write_text(text)
            _tools.compile_with([*command, *flags, *sources, "-o", name], folder, f"The program {program.name!r}")
            return {}

        folder, _ = built([files, command, compiler, flags, name], make)
        return Image(program, board_name, "host", folder / name, compiler, flags)

    def run(self, image: Image, entry: str, vectors: Vectors) -> Run:
        """Run one model of the image on many vectors. Raises BoardFault with what a crash or a sanitizer said."""
        _, model = find_entry(image.program, entry)
        with tempfile.TemporaryDirectory(prefix="edgewright-") as name:
            folder = Path(name)
            (folder / "vectors.bin").write_bytes(vectors_file(image.program, entry, vectors))
            try:
                finished = subprocess.run(
                    [str(image.path), "vectors.bin", "outputs.bin"],
                    cwd=folder,
                    env=os.environ | {"ASAN_OPTIONS": "detect_leaks=0", "UBSAN_OPTIONS": "print_stacktrace=1"},
                    capture_output=True,
                    text=True,
                    errors="replace",
                    timeout=RUN_SECONDS,
                    check=False,
                )
            except subprocess.TimeoutExpired as error:
                raise BoardFault(
                    f"{model.function} did not end within {RUN_SECONDS:.0f} seconds for {len(vectors)} vectors on the host."
                ) from error
            if finished.returncode:
                raise BoardFault(f"{model.function} failed on the host: {_explain(finished)}")
            outputs = np.frombuffer((folder / "outputs.bin").read_bytes(), dtype=np.uint8)
        return Run(outputs.reshape(len(vectors), output_bytes(model)))


def _explain(finished: subprocess.CompletedProcess[str]) -> str:
    said = _tools.shortened(finished.stderr, 12)
    if finished.returncode < 0:
        number = -finished.returncode
        return f"the process was ended by {signal.Signals(number).name} ({signal.strsignal(number)}). {said}".strip()
    return said or f"exit status {finished.returncode}"


def _system_compiler() -> tuple[str, ...]:
    return next((tool,) for tool in ("gcc", "cc", "clang") if shutil.which(tool))


@cache
def _sanitizers_why_not() -> str | None:
    if not any(shutil.which(tool) for tool in ("gcc", "cc", "clang")):
        return "no system C compiler is installed for UBSan and ASan: apt-get install gcc libc6-dev"
    with tempfile.TemporaryDirectory(prefix="edgewright-") as name:
        (Path(name) / "empty.c").write_text("int main(void) { return 0; }\n")
        finished = _tools.run_quietly([*_system_compiler(), *SANITIZERS, "empty.c", "-o", "empty"], Path(name))
        if finished.returncode:
            return (
                f"{_system_compiler()[0]} cannot link UBSan and ASan: apt-get install gcc libc6-dev libasan8 libubsan1"
            )
    return None


ENTRY = Host(doc="This computer: zig builds, the program runs as a process of its own; UBSan and ASan on demand.")
