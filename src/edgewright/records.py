"""Records: one JSON object a measurement. Everything measured is written as one; everything shown reads them."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import platform
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from edgewright.errors import BadData, CannotWrite

# Packages whose versions a measurement depends on; one that is not installed is left out.
_MEASURED_BY = ("edgewright", "numpy", "scikit-learn", "torch", "unicorn", "ziglang", "ai-edge-litert")


@dataclass(frozen=True)
class Record:
    """One measurement.

    what: its kind ("deploy", "train", ...). settings: what was chosen. numbers: what came out, keys with units; unknown is null.
    tables: longer results, such as instructions by function. versions: of what it depends on. when: UTC, ISO 8601.
    """

    what: str
    model: str
    data: str | None = None
    split: str | None = None
    board: str | None = None
    engine: str | None = None
    compiler: str | None = None
    flags: tuple[str, ...] = ()
    graph_hash: str | None = None
    commit: str | None = None
    dirty: bool | None = None
    seed: int | None = None
    threads: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    numbers: Mapping[str, float | int | None] = field(default_factory=dict)
    tables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    when: str = ""

    def to_json(self) -> str:
        """Return the record as one line of JSON."""
        return json.dumps(asdict(self), allow_nan=False, ensure_ascii=False)


def make(what: str, model: str, **fields: Any) -> Record:
    """Return a record with versions, commit and time filled in."""
    commit, dirty = checkout()
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return Record(what, model, **{"versions": versions(), "commit": commit, "dirty": dirty, "when": now, **fields})


def write(path: Path, records: Iterable[Record], *, append: bool = False) -> None:
    """Write records as JSON lines. Raises CannotWrite."""
    text = "".join(record.to_json() + "\n" for record in records)
    if not append:
        from edgewright.files import write_file

        write_file(path, text)
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise CannotWrite(f"Cannot write {path}: {error.strerror or error}.") from error


def read(path: Path) -> list[Record]:
    """Return the records of a file of JSON lines. Raises BadData with the line that is none."""
    records = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadData(f"Cannot read records from {path}: {error}.") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            plain = json.loads(line)
            records.append(Record(**{**plain, "flags": tuple(plain.get("flags", ()))}))
        except (TypeError, AttributeError, ValueError, RecursionError) as error:
            raise BadData(f"{path}, line {number} is not a record: {error}.") from error
    return records


@cache
def versions() -> dict[str, str]:
    """Return the versions of Python, the system and the packages that measurements depend on."""
    found = {"python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}"}
    for package in _MEASURED_BY:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


@cache
def checkout() -> tuple[str | None, bool | None]:
    """Return the commit of the checkout that this package runs from, and whether it was changed since (results aside).

    (None, None) for an installed package.
    """
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None, None

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(root), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout.strip()

    try:
        commit = git("rev-parse", "--short=12", "HEAD")
        changed = git("status", "--porcelain", "--", ".", ":!benchmarks/results")
    except (OSError, subprocess.SubprocessError):
        return None, None
    return commit, bool(changed)
