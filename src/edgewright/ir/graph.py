"""The graph: frozen, straight-line data. Values are names; every node has one output."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from edgewright.ir.types import Array, Type

Attributes = Mapping[str, Any]


@dataclass(frozen=True)
class Node:
    """One operation: `output = op(port=value, ...)`.

    inputs: port name -> value name. attributes: plain data, or a Graph under the name "body" for what a scan repeats.
    """

    op: str
    inputs: Mapping[str, str]
    output: str
    attributes: Attributes = field(default_factory=dict)

    @property
    def body(self) -> Graph | None:
        """The graph that runs within this node, None for a node that has none."""
        body = self.attributes.get("body")
        return body if isinstance(body, Graph) else None

    def with_body(self, body: Graph) -> Node:
        """Return this node around another body."""
        return replace(self, attributes={**self.attributes, "body": body})


@dataclass(frozen=True)
class Graph:
    """A model: nodes in the order in which they run.

    types: of every value, constants included. constants: arrays in the dtype of their type.
    state: value -> the value that replaces it after each run; both have the same type.
    labels: names of the classes, where the output holds one score a class.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    nodes: tuple[Node, ...]
    types: Mapping[str, Type]
    constants: Mapping[str, Array] = field(default_factory=dict)
    state: Mapping[str, str] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    name: str = field(default="model")

    @property
    def is_quantised(self) -> bool:
        """Whether every value is an integer."""
        return not any(type.is_float for type in self.types.values())

    @property
    def input_type(self) -> Type:
        """The type of the only input."""
        (name,) = self.inputs
        return self.types[name]

    @property
    def output_type(self) -> Type:
        """The type of the only output."""
        (name,) = self.outputs
        return self.types[name]

    @cached_property
    def hash(self) -> str:
        """Sixteen hexadecimal digits that name the integers of this model (its own name left out)."""
        from edgewright.ir.document import to_document

        digest = hashlib.sha256()
        document, arrays = to_document(replace(self, name=""))
        digest.update(document.encode())
        for key in sorted(arrays):
            digest.update(key.encode())
            digest.update(np.ascontiguousarray(arrays[key]).tobytes())
        return digest.hexdigest()[:16]

    def values_of(self, node: Node) -> dict[str, Array]:
        """Return the constants that a node reads, by port."""
        return {port: self.constants[value] for port, value in node.inputs.items() if value in self.constants}

    def types_of(self, node: Node) -> dict[str, Type]:
        """Return the types of a node's ports, its output under the name "y"."""
        return {port: self.types[value] for port, value in node.inputs.items()} | {"y": self.types[node.output]}

    def readers(self, value: str) -> tuple[Node, ...]:
        """Return the nodes that read a value."""
        return tuple(node for node in self.nodes if value in node.inputs.values())
