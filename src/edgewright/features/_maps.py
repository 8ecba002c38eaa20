"""Features of windows: cut, and the same nodes for each."""

from __future__ import annotations

from collections.abc import Callable

from edgewright.ir.types import Type
from edgewright.lowering import Builder


def add_map(builder: Builder, x: str, size: int, stride: int, add: Callable[[Builder, str], str]) -> str:
    """Append what makes features of each window of a value [samples, ...], stacked: [windows, ...].

    add(body, window): appends the nodes of one window [size, ...] and returns its features.
    """
    windows = builder.node("windows", "windows", x=x, attributes={"size": size, "stride": stride})
    body = Builder("window")
    window = body.input("window", Type(builder.type(windows).shape[1:]))
    graph = body.finish(add(body, window))
    return builder.node("scan", "features", x=windows, attributes={"body": graph, "output": "stacked"})
