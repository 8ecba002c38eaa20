"""Getting the files of a public dataset from their official places, once; nothing is kept that is not what was published.

urllib does all of it: a few files of some megabytes each, from one of several mirrors.
"""

from __future__ import annotations

import gzip
import hashlib
import http.client
import io
import sys
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgewright.errors import BadData

SECONDS = 20.0  # without an answer
CHUNK = 64 * 1024
Arrays = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class File:
    """A published file. name: at the end of each address. checksum: "sha256:..." or "md5:..." as published, None where there is none.

    most_bytes: what is larger is refused.
    """

    name: str
    most_bytes: int
    checksum: str | None = None


@dataclass(frozen=True)
class Source:
    """Files that hold a dataset, and how to read them.

    mirrors: addresses of the folders, each with all files. read: name -> bytes of the files to arrays; raises ValueError, EOFError,
    OSError or zlib.error for what is damaged.
    """

    mirrors: tuple[str, ...]
    files: tuple[File, ...]
    read: Callable[[Mapping[str, bytes]], Arrays]


def download(name: str, sources: Sequence[Source], check: Callable[[Arrays], str | None]) -> Arrays:
    """Return the arrays of a dataset from the first source that gives the published ones.

    check: returns what is wrong with arrays, or None. Raises BadData, which lists what each source answered.
    """
    problems = []
    for source in sources:
        try:
            arrays = source.read({file.name: _fetch(name, file, source.mirrors) for file in source.files})
        except BadData as error:
            problems.append(str(error))
            continue
        except (ValueError, EOFError, OSError, zlib.error) as error:
            problems.append(f"the files of {source.mirrors[0]} cannot be read: {error}")
            continue
        if (wrong := check(arrays)) is None:
            return arrays
        problems.append(f"the files of {source.mirrors[0]} are others: {wrong}")
    raise BadData("; ".join(problems))


def _fetch(dataset: str, file: File, mirrors: Sequence[str]) -> bytes:
    """Return a file from the first mirror that has it as published. Raises BadData with what each mirror answered."""
    problems = []
    for mirror in mirrors:
        address = f"{mirror}{file.name}"
        try:
            data = _read(dataset, file, address)
        except urllib.error.HTTPError as error:
            problems.append(f"{address}: {error}")
            error.close()  # it holds the connection
            continue
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            problems.append(f"{address}: {reason}")
            continue
        if file.checksum is None:
            return data
        kind, wanted = file.checksum.split(":")
        found = hashlib.new(kind, data, usedforsecurity=False).hexdigest()
        if found == wanted:
            return data
        problems.append(f"{address}: its {kind.upper()} is {found}, published is {wanted}")
    raise BadData("; ".join(problems))


def _read(dataset: str, file: File, address: str) -> bytes:
    """Return what is at an address, whole. Raises ValueError where it is too large or ends early, OSError."""
    parts: list[bytes] = []
    got = 0
    with urllib.request.urlopen(address, timeout=SECONDS) as answer, _Line(dataset, file.name) as line:
        stated = answer.headers.get("Content-Length")
        expected = int(stated) if stated is not None and stated.isdigit() else None
        while part := answer.read(CHUNK):
            parts.append(part)
            got += len(part)
            if got > file.most_bytes:
                raise ValueError(f"it is larger than {file.most_bytes:,} bytes")
            line.show(got, expected)
    if expected is not None and got != expected:
        raise ValueError(f"it ends after {got:,} of {expected:,} bytes")
    return b"".join(parts)


class _Line:
    """A line on standard error that says how far a file has come: rewritten on a terminal, written once elsewhere."""

    def __init__(self, dataset: str, name: str) -> None:
        self.text = f"Downloading {dataset}: {name}"
        self.live = sys.stderr.isatty()

    def __enter__(self) -> _Line:
        sys.stderr.write(self.text if self.live else f"{self.text}\n")
        sys.stderr.flush()
        return self

    def show(self, got: int, expected: int | None) -> None:
        """Say how many bytes there are."""
        if self.live:
            whole = f" of {expected / 1e6:.1f}" if expected else ""
            sys.stderr.write(f"\r{self.text}, {got / 1e6:.1f}{whole} MB")
            sys.stderr.flush()

    def __exit__(self, *_: object) -> None:
        if self.live:
            sys.stderr.write("\n")


def unpacked(data: bytes, most_bytes: int, opener: Callable[..., Any] = gzip.open) -> bytes:
    """Return what a gzip or, by `bz2.open`, bzip2 file holds. Raises ValueError for more than `most_bytes`, EOFError, OSError."""
    with opener(io.BytesIO(data)) as file:
        found: bytes = file.read(most_bytes + 1)
    if len(found) > most_bytes:
        raise ValueError(f"it unpacks to more than {most_bytes:,} bytes")
    return found


def table(text: bytes, rows: int, columns: int) -> npt.NDArray[np.float64]:
    """Return a table of numbers written as text, a row a line. Raises ValueError for another size."""
    lines = text.split(b"\n")
    numbers = np.array(text.split(), np.float64)
    filled = sum(bool(line.strip()) for line in lines)
    if filled != rows or numbers.size != rows * columns:
        raise ValueError(
            f"it holds {numbers.size:,} numbers in {filled:,} lines, {rows:,} lines of {columns} are expected"
        )
    return numbers.reshape(rows, columns)
