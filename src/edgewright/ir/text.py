"""The text form of a graph, for people: one line a value."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgewright.ir.graph import Graph


def to_text(graph: Graph, indent: str = "") -> str:
    """Return a graph as text; a body is indented below its node."""
    lines = [f"{indent}graph {graph.name}"]
    inner = indent + "  "
    lines += [f"{inner}input    {value}: {graph.types[value]}" for value in graph.inputs]
    lines += [
        f"{inner}state    {state}: {graph.types[state]}, then {successor}" for state, successor in graph.state.items()
    ]
    lines += [
        f"{inner}constant {value}: {graph.types[value]}{_zeros(array)}" for value, array in graph.constants.items()
    ]
    for node in graph.nodes:
        plain = {key: item for key, item in node.attributes.items() if not isinstance(item, Graph)}
        arguments = [f"{port}={value}" for port, value in node.inputs.items()]
        arguments += [f"{key}: {_attribute(item)}" for key, item in plain.items()]
        lines.append(f"{inner}{node.output} = {node.op}({', '.join(arguments)}): {graph.types[node.output]}")
        lines += [to_text(item, inner + "  ") for item in node.attributes.values() if isinstance(item, Graph)]
    lines.append(f"{inner}return   {', '.join(graph.outputs)}")
    return "\n".join(lines)


def _zeros(array: np.ndarray) -> str:
    nonzero = np.count_nonzero(array)
    return "" if nonzero >= 0.9 * array.size else f", {nonzero} of {array.size} not zero"


def _attribute(item: Any) -> str:
    return f"{item:.6g}" if isinstance(item, float) else str(item)
