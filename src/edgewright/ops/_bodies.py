"""Small bodies for the conformance cases of operators that run a graph."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from edgewright.ir.graph import Graph, Node
from edgewright.ir.types import Type

CONDITION = Type((1,), "bool", 1.0)


def running_sum(shape: tuple[int, ...], dtype: str, *, shown: str = "sum", threshold: float | None = None) -> Graph:
    """Return a body that sums what it is given, from 3 on; `shown` is its sum, the state before it, or the input.

    threshold: the value `sure` says whether one entry of the sum is so far above the others; None leaves it out.
    """
    type = Type(shape, dtype, 0.25)
    types, nodes = dict.fromkeys(("given", "total", "sum"), type), [Node("add", {"a": "given", "b": "total"}, "sum")]
    if threshold is not None:
        # The condition is made first and read last: its memory must last as long
        nodes.insert(0, Node("is_confident", {"x": "total"}, "sure", {"threshold": threshold}))
        types["sure"] = CONDITION
    start = {"total": np.full(shape, 3, dtype)}
    return Graph(("given",), (shown,), tuple(nodes), types, start, {"total": "sum"}, name="running_sum")


def doubled(shape: tuple[int, ...], dtype: str) -> Graph:
    """Return a body that adds its input to itself."""
    type = Type(shape, dtype, 0.25)
    node = Node("add", {"a": "given", "b": "given"}, "twice")
    return Graph(("given",), ("twice",), (node,), dict.fromkeys(("given", "twice"), type), name="doubled")


def windowed(shape: tuple[int, ...], dtype: str, size: int, stride: int, *, strided: bool = True) -> Graph:
    """Return a body that sums the sums of windows over axis 0, each of which ends where the sum is clear.

    strided: whether only a scan reads the windows, so that they need no memory; else they are added up themselves as well.
    """
    count = (shape[0] - size) // stride + 1
    inner = running_sum(shape[1:], dtype, threshold=2.0)
    each = Type(shape[1:], dtype, 0.25)
    windows, sums = replace(each, shape=(count, size, *shape[1:])), replace(each, shape=(count, *shape[1:]))
    attributes: dict[str, Any] = {"body": inner, "output": "last", "reverse": True, "until": "sure"}
    window = Graph(
        ("window",),
        ("last",),
        (Node("scan", {"x": "window"}, "last", attributes),),
        {"window": replace(each, shape=(size, *shape[1:])), "last": each},
        name="window",
    )
    total = running_sum(shape[1:], dtype)
    nodes = [
        Node("windows", {"x": "given"}, "windows", {"size": size, "stride": stride}),
        Node("scan", {"x": "windows"}, "sums", {"body": window, "output": "stacked"}),
        Node("scan", {"x": "sums"}, "total", {"body": total, "output": "last"}),
    ]
    types = {"given": replace(each, shape=shape), "windows": windows, "sums": sums, "total": each}
    output = "total"
    if not strided:
        flat = windows.size
        row = replace(each, shape=(flat,))
        nodes += [
            Node("reshape", {"x": "windows"}, "row", {"shape": (flat,)}),
            Node("slice", {"x": "row"}, "end", {"axis": 0, "start": flat - each.size, "length": each.size}),
            Node("add", {"a": "total", "b": "end"}, "both"),
        ]
        types |= {"row": row, "end": each, "both": each}
        output = "both"
    return Graph(("given",), (output,), tuple(nodes), types, name="windowed")
