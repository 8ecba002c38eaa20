"""Lowering: our own models become graphs. `lower` is the open function, `Builder` the tool."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import numpy as np
import numpy.typing as npt

from edgewright import ops
from edgewright.errors import UnsupportedModel
from edgewright.ir.graph import Graph, Node
from edgewright.ir.types import Array, Type


@singledispatch
def lower(model: object) -> Graph:
    """Return a fitted model as a float graph with one input and one output.

    Each of our models registers its rule beside its `forward` or `fit`; scikit-learn's own are taken by
    `frontends.sklearn`. Raises UnsupportedModel for anything else.
    """
    from edgewright.frontends import sklearn

    if sklearn.claims(model):
        return sklearn.to_graph(model)
    raise UnsupportedModel(
        f"There is no way to lower a {type(model).__module__}.{type(model).__qualname__}. Give one of our estimators "
        f"(`edgewright list estimators`), a scikit-learn model that we take ({sklearn.supported()}), or a graph."
    )


@lower.register
def _(model: Graph) -> Graph:
    return model


class Builder:
    """Collects nodes, types and constants; `finish` freezes them.

    The shape of each output follows from the operator's rule; the type is float32 unless one is given.
    """

    def __init__(self, name: str = "model") -> None:
        self.name = name
        self._inputs: list[str] = []
        self._nodes: list[Node] = []
        self._types: dict[str, Type] = {}
        self._constants: dict[str, Array] = {}
        self._state: dict[str, str] = {}

    def input(self, name: str, type: Type) -> str:
        """Declare an input of the graph."""
        self._inputs.append(self._declare(name, type))
        return name

    def constant(self, name: str, values: npt.ArrayLike, type: Type | None = None) -> str:
        """Declare a constant: float32 unless a type is given. Returns its (unique) name."""
        array = np.asarray(values, dtype=np.dtype(type.dtype) if type else np.float32)
        name = self._declare(self._unique(name), type or Type(array.shape))
        self._constants[name] = array
        return name

    def state(self, name: str, type: Type) -> str:
        """Declare a value that is carried from one run to the next; `carry` names its successor."""
        return self._declare(name, type)

    def carry(self, state: str, successor: str) -> None:
        """Say which value becomes `state` after each run."""
        self._state[state] = successor

    def node(
        self,
        op: str,
        output: str | None = None,
        type: Type | None = None,
        /,
        *,
        attributes: dict[str, Any] | None = None,
        **inputs: str,
    ) -> str:
        """Append a node and return the name of its output (made from the operator's name unless given)."""
        attributes = attributes or {}
        if type is None:
            type = Type(ops.get(op).shape({port: self._types[value] for port, value in inputs.items()}, attributes))
        name = self._declare(self._unique(output or op), type)
        self._nodes.append(Node(op, inputs, name, attributes))
        return name

    def type(self, value: str) -> Type:
        """Return the type of a value declared so far."""
        return self._types[value]

    def finish(self, *outputs: str, labels: tuple[str, ...] = ()) -> Graph:
        """Return the verified graph."""
        graph = Graph(
            tuple(self._inputs),
            outputs,
            tuple(self._nodes),
            dict(self._types),
            dict(self._constants),
            dict(self._state),
            labels,
            self.name,
        )
        return ops.verify(graph)

    def _declare(self, name: str, type: Type) -> str:
        if name in self._types:
            raise ValueError(f"The value {name!r} is declared twice.")
        self._types[name] = type
        return name

    def _unique(self, name: str) -> str:
        if name not in self._types:
            return name
        number = 2
        while f"{name}_{number}" in self._types:
            number += 1
        return f"{name}_{number}"
