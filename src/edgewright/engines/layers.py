"""Where the bytes of a program and the instructions of a run belong: to code, weights, tables and helpers, and to the layers of a model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from edgewright.compiler.program import Entry, Program
from edgewright.compiler.stages import stage_layer
from edgewright.engines import Image, Run
from edgewright.ir.graph import Graph, Node
from edgewright.ir.stream import Stream

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


def layers_by_graph(model: Graph | Stream) -> list[dict[str, Node]]:
    """Return the nodes of each graph that a model runs by the names of their layers: in a stream the stage, a stroke and the node."""
    if isinstance(model, Graph):
        return [{node.output: node for node in model.nodes}]
    return [
        {stage_layer(number, node.output): node for node in stage.graph.nodes}
        for number, stage in enumerate(model.stages)
    ]


def layers(model: Graph | Stream, entry: Entry) -> dict[str, dict[str, Any]]:
    """Return layer -> its operator, the shape of its output, and the bytes of its constants; one that several read is the first one's."""
    seen: set[str] = set()
    table = {}
    read = {layer.node: layer.constants for layer in reversed(entry.layers)}
    graphs = [model] if isinstance(model, Graph) else [stage.graph for stage in model.stages]
    for graph, nodes in zip(graphs, layers_by_graph(model), strict=True):
        for name, node in nodes.items():
            own = [constant for constant in read.get(name, ()) if constant not in seen]
            seen.update(own)
            table[name] = {
                "operator": node.op,
                "shape": list(graph.types[node.output].shape),
                "constant_bytes": sum(entry.constant_bytes[constant] for constant in own),
            }
    return table


def instructions_by_layer(entry: Entry, run: Run, count: float) -> Mapping[str, float] | None:
    """Return node -> instructions of one inference, mean over `count` runs; None where the calls of the code do not tell them apart.

    What NAME_run does between two kernels belongs to the second; what moves values after a kernel belongs to that kernel's layer. What a
    stream does for samples that only wait, and where it begins anew, belongs to the first layer.
    """
    waits = {entry.function, f"{entry.name}_reset"}
    kernels = [
        place
        for place, (function, _) in enumerate(run.by_call)
        if function not in waits and not _MOVES.fullmatch(function)
    ]
    owners = _owners(entry, len(kernels))
    if not owners:
        return None
    totals = dict.fromkeys((layer.node for layer in entry.layers), 0)
    for place, (function, instructions) in enumerate(run.by_call):
        before = 0 if function in waits else sum(kernel <= place for kernel in kernels)
        totals[owners[max(before - 1, 0)]] += instructions
    return {node: total / count for node, total in totals.items()}


def _owners(entry: Entry, kernels: int) -> list[str]:
    """Return the node of each call of a kernel in the code, empty where that is not clear.

    A compiler may write the body of a loop several times: where the model has one loop, all that is more is that loop's. A branch that
    was never taken has no calls: where the model has one branch and no loop outside of it, all that is less is that branch's.
    """
    expected = {layer.node: layer.calls for layer in entry.layers}
    more = kernels - sum(expected.values())
    loops = [layer for layer in entry.layers if layer.repeated]
    branches = [layer for layer in entry.layers if layer.conditional]
    if more < 0:
        if loops or len(branches) != 1 or -more > branches[0].conditional:
            return []
        expected[branches[0].node] += more
    elif more:
        if len(loops) != 1 or more % loops[0].repeated:
            return []
        expected[loops[0].node] += more
    return [node for node, calls in expected.items() for _ in range(calls)]
