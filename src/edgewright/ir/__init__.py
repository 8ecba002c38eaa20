"""The intermediate representation: types, graphs, their rules, their text and their file."""

from edgewright.ir.document import load, save
from edgewright.ir.graph import Graph, Node
from edgewright.ir.text import to_text
from edgewright.ir.types import Array, Type, dequantise_array, quantise_array
from edgewright.ir.verify import verify_structure

__all__ = [
    "Array",
    "Graph",
    "Node",
    "Type",
    "dequantise_array",
    "load",
    "quantise_array",
    "save",
    "to_text",
    "verify_structure",
]
