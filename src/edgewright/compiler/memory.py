"""Where values live: static arrays, one an element type, shared by values that are not alive together.

Values of different element types never share memory: C forbids reading an object through another type, and arrays of the
right type need no casts and are aligned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edgewright import ops
from edgewright.ir.graph import Graph, Node


@dataclass(frozen=True)
class Block:
    """A value's place: entries offset .. offset + size of the arena of its dtype, from step `first` to step `last`."""

    value: str
    dtype: str
    offset: int
    size: int
    first: int
    last: int


@dataclass(frozen=True)
class Plan:
    """The places of all values of a graph that need one.

    sizes: dtype -> entries. lower_bound_bytes: what no plan can be below, the most bytes alive at one step.
    homes: value -> where it really lives: itself, or the value whose memory it shares. bodies: scan output -> plan of its body,
    whose offsets count from the scan's own blocks "output/dtype".
    """

    blocks: tuple[Block, ...]
    sizes: Mapping[str, int]
    lower_bound_bytes: int
    homes: Mapping[str, str]
    bodies: Mapping[str, Plan]

    @property
    def arena_bytes(self) -> int:
        """Bytes of all arenas."""
        return sum(size * int(np.dtype(dtype).itemsize) for dtype, size in self.sizes.items())

    def block(self, value: str) -> Block:
        """Return the place of a value."""
        return next(block for block in self.blocks if block.value == value)


def plan_memory(graph: Graph, features: frozenset[str] = frozenset(), outside: frozenset[str] | None = None) -> Plan:
    """Return places for the values of a graph and for the scratch memory of its kernels: first fit, the largest first.

    features: of the core, which decide on the kernels. outside: values that live in the caller's memory; for a whole model its
    inputs and outputs.
    """
    outside = frozenset((*graph.inputs, *graph.outputs)) if outside is None else outside
    homes = _homes(graph, outside)
    bodies = {
        node.output: plan_memory(node.attributes["body"], features, frozenset(node.attributes["body"].inputs))
        for node in graph.nodes
        if node.op == "scan"
    }
    wanted = [*_wanted(graph, homes, outside, bodies), *_scratch(graph, features)]
    placed: list[Block] = []
    for block in sorted(wanted, key=lambda block: (-block.size, block.first, block.value)):
        placed.append(_place(block, placed))
    sizes: dict[str, int] = {}
    for block in sorted(placed, key=lambda block: block.dtype):
        sizes[block.dtype] = max(sizes.get(block.dtype, 0), block.offset + block.size)
    return Plan(tuple(placed), sizes, _lower_bound(wanted, bodies), homes, bodies)


def _homes(graph: Graph, outside: frozenset[str]) -> dict[str, str]:
    """An alias lives where its source lives; but a source that a node makes lives where its first alias outside lives."""
    homes: dict[str, str] = {}
    for node in graph.nodes:
        alias = ops.get(node.op).alias
        if not alias:
            continue
        source, target = homes.get(node.inputs[alias], node.inputs[alias]), node.output
        if target in outside and source not in outside and source not in graph.constants and source not in graph.state:
            homes.update({value: target for value, home in homes.items() if home == source})
            homes[source] = target
        else:
            homes[target] = source
    return homes


def _wanted(graph: Graph, homes: Mapping[str, str], outside: frozenset[str], bodies: Mapping[str, Plan]) -> list[Block]:
    last_step = len(graph.nodes)
    first: dict[str, int] = dict.fromkeys(graph.state, -1)
    last: dict[str, int] = dict.fromkeys(graph.state, last_step)
    for step, node in enumerate(graph.nodes):
        home = homes.get(node.output, node.output)
        first.setdefault(home, step)
        for value in (*node.inputs.values(), node.output):
            source = homes.get(value, value)
            last[source] = max(last.get(source, step), step)
    for value in (*graph.outputs, *graph.state.values()):
        last[homes.get(value, value)] = last_step
    blocks = [
        Block(value, graph.types[value].dtype, 0, graph.types[value].size, first[value], last[value])
        for value in first
        if value not in outside and (value not in graph.constants or value in graph.state)
    ]
    for step, node in enumerate(graph.nodes):
        if node.output in bodies:
            blocks += [
                Block(f"{node.output}/{dtype}", dtype, 0, size, step, step)
                for dtype, size in bodies[node.output].sizes.items()
            ]
    return blocks


def scratch_name(node: Node, name: str) -> str:
    """Return the name of the block that a kernel works in: the value that it makes, then its own name for it."""
    return f"{node.output}:{name}"


def _scratch(graph: Graph, features: frozenset[str]) -> list[Block]:
    """Return the memory that kernels need while they run."""
    blocks = []
    for step, node in enumerate(graph.nodes):
        if ops.get(node.op).kernels and (scratch := ops.kernel_of(graph, node, features).scratch):
            wanted = scratch(graph.types_of(node), node.attributes)
            blocks += [
                Block(scratch_name(node, name), dtype, 0, size, step, step) for name, (dtype, size) in wanted.items()
            ]
    return blocks


def _place(block: Block, placed: list[Block]) -> Block:
    """Return the block at the lowest offset where it meets no block that is alive with it."""
    rivals = sorted(
        (other.offset, other.offset + other.size)
        for other in placed
        if other.dtype == block.dtype and other.first <= block.last and block.first <= other.last
    )
    offset = 0
    for start, end in rivals:
        if offset + block.size <= start:
            break
        offset = max(offset, end)
    return Block(block.value, block.dtype, offset, block.size, block.first, block.last)


def _lower_bound(blocks: list[Block], bodies: Mapping[str, Plan]) -> int:
    """Return the most bytes that are alive at one step; a body counts with its own bound, not with the plan that was found."""
    own = [block for block in blocks if "/" not in block.value]
    scans = {block.first: bodies[block.value.partition("/")[0]] for block in blocks if "/" in block.value}
    return max(
        (
            sum(block.size * int(np.dtype(block.dtype).itemsize) for block in own if block.first <= step <= block.last)
            + (scans[step].lower_bound_bytes if step in scans else 0)
            for step in {block.first for block in blocks}
        ),
        default=0,
    )
