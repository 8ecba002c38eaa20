"""Graphs that Edgewright saved."""

from __future__ import annotations

from pathlib import Path

from edgewright import ops
from edgewright.frontends import FrontEnd, read_bytes
from edgewright.ir.document import load
from edgewright.ir.graph import Graph


def to_graph(path: Path) -> Graph:
    """Return the graph of a file, every rule checked. Raises BadModelFile, BadGraph."""
    read_bytes(path)
    return ops.verify(load(path))


# A safetensors file begins with the length of its header, eight bytes, and the header is a JSON object
ENTRY = FrontEnd(
    doc="a graph that Edgewright saved",
    suffix=".edgewright",
    begins=lambda head: head[8:9] == b"{",
    read=to_graph,
)
