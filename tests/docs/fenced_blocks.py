"""The fenced blocks of the documentation, and the commands in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
LANGUAGES = ("console", "python", "c", "text")  # what is run, or stands for itself
_FENCE = re.compile(r"^(?P<indent> *)(?P<fence>```+|~~~+)\s*(?P<language>\S*)")


@dataclass(frozen=True)
class Block:
    """A fenced block. line: of its first line of text, from 1."""

    file: Path
    line: int
    language: str
    text: str


@dataclass(frozen=True)
class Command:
    """A line of a console block that begins with "$ ", and the lines of output that the documentation shows for it."""

    line: int
    text: str
    output: tuple[str, ...]

    @property
    def words(self) -> list[str]:
        return shlex.split(self.text, comments=True)


def files() -> list[Path]:
    """The documents of the project that speak to its users."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks_of(file: Path) -> list[Block]:
    """The fenced blocks of a document in order. Raises ValueError where a fence is not closed."""
    found, lines, opened = [], file.read_text().splitlines(), None
    for number, line in enumerate(lines, start=1):
        match = _FENCE.match(line)
        if opened is None and match:
            opened = (number, match)
        elif opened and line.strip() == opened[1]["fence"]:
            first, start = opened
            text = "\n".join(inner.removeprefix(start["indent"]) for inner in lines[first : number - 1])
            found.append(Block(file, first + 1, start["language"], f"{text}\n"))
            opened = None
    if opened:
        raise ValueError(f"{file.name}:{opened[0]}: this fence is never closed")
    return found


def outside_of_blocks(file: Path) -> Iterator[tuple[int, str]]:
    """The other lines of a document, with their numbers from 1."""
    inside = {
        number for block in blocks_of(file) for number in range(block.line - 1, block.line + block.text.count("\n") + 1)
    }
    for number, line in enumerate(file.read_text().splitlines(), start=1):
        if number not in inside:
            yield number, line


def commands_of(block: Block) -> list[Command]:
    """The commands of a console block. Raises ValueError for a block without a command, or that begins with output."""
    found: list[Command] = []
    lines = iter(enumerate(block.text.splitlines(), start=block.line))
    for number, line in lines:
        if line.startswith("$ "):
            text = line[2:]
            while text.endswith("\\"):
                text = text[:-1] + next(lines)[1].removeprefix("> ")
            found.append(Command(number, text, ()))
        elif line.strip():
            if not found:
                raise ValueError(f"{block.file.name}:{number}: a console block begins with a command: '$ ...'")
            last = found[-1]
            found[-1] = Command(last.line, last.text, (*last.output, line))
    if not found:
        raise ValueError(f"{block.file.name}:{block.line}: a console block without a command")
    return found
