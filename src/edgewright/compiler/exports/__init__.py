"""Exports: one file a kind of project that the sources are written as."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from edgewright import catalog
from edgewright.boards import Board
from edgewright.compiler.program import Program
from edgewright.files import output_folder


@dataclass(frozen=True)
class Export:
    """A kind of project. files: path within the folder -> text, from a program and a board."""

    doc: str
    files: Callable[[Program, Board], Mapping[str, str]]


def write(kind: str, program: Program, board: Board, folder: Path, *, force: bool = False) -> Path:
    """Write a program as a project of a kind into a new folder and return it. Raises UnknownName, OutputExists, CannotWrite."""
    export = cast(Export, catalog.get("edgewright.compiler.exports", kind))
    files = export.files(program, board)
    with output_folder(folder, force=force) as temporary:
        for path, text in files.items():
            place = temporary / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")
    return folder


def names() -> tuple[str, ...]:
    """Return the names of all exports."""
    return tuple(catalog.spelled(name) for name in catalog.names("edgewright.compiler.exports"))
