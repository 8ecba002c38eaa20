"""Where the bytes of a program and the instructions of a run belong: to code, weights, tables and helpers, and to the layers of a model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from edgewright.compiler.program import Entry, Program
from edgewright.engines import Image, Run
from edgewright.ir.graph import Graph

# What moves values between and after kernels; compilers may put it in line, so that it is no call of its own.
_MOVES = re.compile(r"ew_(copy|fill)_\w+|mem(cpy|set|move)|__aeabi_mem\w+")


def flash_parts(program: Program, image: Image) -> dict[str, int | None]:
    """Return the parts of a program's flash: weight_bytes, table_bytes, helper_bytes and code_bytes, which is the rest; None if unknown."""
    if image.flash_bytes is None:
        return dict.fromkeys(("code_bytes", "weight_bytes", "table_bytes", "helper_bytes"))
    tables = {f"{entry.name}_{name}" for entry in program.entries for name in entry.tables}
    named = {f"{entry.name}_{name}" for entry in program.entries for name in entry.constant_bytes}
    found = {symbol: nbytes for symbol, nbytes in image.constant_bytes.items() if symbol in named}
    table_bytes = sum(nbytes for symbol, nbytes in found.items() if symbol in tables)
    weight_bytes = sum(found.values()) - table_bytes
    helper_bytes = sum(image.helper_bytes.values())
    return {
        "code_bytes": image.flash_bytes - weight_bytes - table_bytes - helper_bytes,
        "weight_bytes": weight_bytes,
        "table_bytes": table_bytes,
        "helper_bytes": helper_bytes,
    }


def layers(graph: Graph, entry: Entry) -> dict[str, dict[str, Any]]:
    """Return node -> its operator, the shape of its output, and the bytes of its constants; one that several read is the first one's."""
    seen: set[str] = set()
    table = {}
    read = {layer.node: layer.constants for layer in reversed(entry.layers)}
    for node in graph.nodes:
        own = [name for name in read.get(node.output, ()) if name not in seen]
        seen.update(own)
        table[node.output] = {
            "operator": node.op,
            "shape": list(graph.types[node.output].shape),
            "constant_bytes": sum(entry.constant_bytes[name] for name in own),
        }
    return table


def instructions_by_layer(entry: Entry, run: Run, count: int) -> Mapping[str, float] | None:
    """Return node -> instructions of one inference, mean over `count` runs; None where the calls of the code do not tell them apart.

    What NAME_run does between two kernels belongs to the second; what moves values after a kernel belongs to that kernel's layer.
    """
    kernels = [place for place, (function, _) in enumerate(run.by_call) if not _MOVES.fullmatch(function)]
    owners = _owners(entry, len(kernels))
    if not owners:
        return None
    totals = dict.fromkeys((layer.node for layer in entry.layers), 0)
    for place, (_, instructions) in enumerate(run.by_call):
        before = sum(kernel <= place for kernel in kernels)
        totals[owners[max(before - 1, 0)]] += instructions
    return {node: total / count for node, total in totals.items()}


def _owners(entry: Entry, kernels: int) -> list[str]:
    """Return the node of each call of a kernel in the code, empty where that is not clear.

    A compiler may write the body of a loop several times: where the model has one loop, all that is more is that loop's.
    """
    expected = {layer.node: layer.calls for layer in entry.layers}
    more = kernels - sum(expected.values())
    loops = [layer for layer in entry.layers if layer.repeated]
    if more and (len(loops) != 1 or more < 0 or more % loops[0].repeated):
        return []
    if more:
        expected[loops[0].node] += more
    return [node for node, calls in expected.items() for _ in range(calls)]
