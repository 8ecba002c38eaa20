"""Front ends: the ways in for models that were made elsewhere. One file a kind of model file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from edgewright import catalog
from edgewright.errors import BadInput, BadModelFile, UnknownName
from edgewright.ir.graph import Graph

HEAD_BYTES = 16
LARGEST_FILE_BYTES = 2**28  # far more than any device holds


@dataclass(frozen=True)
class FrontEnd:
    """What every front end's file holds as its ENTRY.

    doc: the kind of model. suffix: of its files, with the dot. begins(head): whether a file that begins with these bytes is one.
    read(path): its graph. Raises BadModelFile where the file is damaged, UnsupportedModel where it holds what we do not compile.
    read_shaped(path, sizes): the same with sizes for axes that the file leaves open, where its kind has such.
    """

    doc: str
    suffix: str
    begins: Callable[[bytes], bool]
    read: Callable[[Path], Graph]
    read_shaped: Callable[[Path, Sequence[int]], Graph] | None = None


def get(name: str) -> FrontEnd:
    """Return a front end by name. Raises UnknownName."""
    return cast(FrontEnd, catalog.get("edgewright.frontends", name))


def names() -> tuple[str, ...]:
    """Return the names of all front ends."""
    return catalog.names("edgewright.frontends")


def read(path: Path | str, input_shape: Sequence[int] | None = None) -> Graph:
    """Return the graph of a model file: its suffix says what it is, and its first bytes must agree.

    input_shape: sizes for axes that the file leaves open. Raises UnknownName for another suffix, BadModelFile where there is no such
    file or it is damaged, UnsupportedModel where it holds what we do not compile, and BadInput where its kind leaves no axes open.
    """
    path = Path(path)
    found = {front_end.suffix: front_end for front_end in map(get, names())}
    head = read_bytes(path, HEAD_BYTES)
    if path.suffix.lower() not in found:
        raise UnknownName("kind of model file", path.suffix or path.name, found)
    claimed = found[path.suffix.lower()]
    if not claimed.begins(head):
        others = [suffix for suffix, front_end in found.items() if front_end.begins(head)]
        hint = (
            f"Its content is that of a {others[0]} file; rename it." if others else "It is damaged or something else."
        )
        raise BadModelFile(f"{path} is named like {claimed.doc}, but does not begin like one. {hint}")
    if input_shape is None:
        return claimed.read(path)
    if claimed.read_shaped is None:
        raise BadInput(f"An input shape is for .onnx files, and {path} is {claimed.doc} with its own; leave it out.")
    return claimed.read_shaped(path, input_shape)


def read_bytes(path: Path, largest: int | None = None) -> bytes:
    """Return a file's bytes, or its first ones. Raises BadModelFile where it cannot be read or is larger than any device's model."""
    try:
        if largest is None and path.stat().st_size > LARGEST_FILE_BYTES:
            raise BadModelFile(
                f"{path} has {path.stat().st_size} bytes; a model file has {LARGEST_FILE_BYTES} at most."
            )
        with path.open("rb") as file:
            return file.read(-1 if largest is None else largest)
    except OSError as error:
        raise BadModelFile(f"Cannot read the model file {path}: {error.strerror or error}.") from error
