"""Where values live: static arrays, one an element type, shared by values that are not alive together.

Values of different element types never share memory: C forbids reading an object through another type, and arrays of the
right type need no casts and are aligned. A node may write over an input that no other node reads any more, as far as its
kernel says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edgewright.compiler.memory.lives import (
    Block,
    Sharing,
    homes_of,
    kept_in,
    least_entries,
    outside_of,
    scratch_name,
    sharing_of,
    wanted_blocks,
)
from edgewright.compiler.memory.placement import place_blocks
from edgewright.ir.graph import Graph

__all__ = ["Block", "Plan", "plan_memory", "scratch_name"]


@dataclass(frozen=True)
class Plan:
    """The places of all values of a graph that need one.

    sizes: dtype -> entries. least: dtype -> entries that no plan can be below. proven: whether a solver showed that no array can be
    smaller. homes: value -> where it really lives: itself, or the value whose memory it shares. bodies: output of a scan or branch ->
    plan of its body, whose offsets count from the node's own blocks "output/dtype". sharing: pairs of blocks that may lie over each other.
    """

    blocks: tuple[Block, ...]
    sizes: Mapping[str, int]
    least: Mapping[str, int]
    proven: bool
    homes: Mapping[str, str]
    bodies: Mapping[str, Plan]
    sharing: tuple[Sharing, ...] = ()

    @property
    def arena_bytes(self) -> int:
        """Bytes of all arenas."""
        return _bytes_of(self.sizes)

    @property
    def lower_bound_bytes(self) -> int:
        """Bytes that no plan can be below: for every element type the most that is alive at one step."""
        return _bytes_of(self.least)

    @property
    def certificate(self) -> str:
        """How good the plan is known to be."""
        if self.arena_bytes == self.lower_bound_bytes:
            return "optimal: equals the lower bound"
        if self.proven:
            return "optimal: proven by milp"
        return f"best found; lower bound {self.lower_bound_bytes:,}"

    def block(self, value: str) -> Block:
        """Return the place of a value."""
        return next(block for block in self.blocks if block.value == value)


def plan_memory(
    graph: Graph,
    features: frozenset[str] = frozenset(),
    outside: frozenset[str] | None = None,
    kept: tuple[str, ...] = (),
) -> Plan:
    """Return places for the values of a graph and for the scratch memory of its kernels; the same ones every time.

    features: of the core, which decide on the kernels. outside: values that live in the caller's memory; for a whole model its
    inputs and outputs. kept: values that are read after a run, beside outputs and states.
    """
    outside = frozenset((*graph.inputs, *graph.outputs)) if outside is None else outside
    homes = homes_of(graph, outside)
    bodies = {
        node.output: plan_memory(node.body, features, outside_of(node), kept_in(node))
        for node in graph.nodes
        if node.body
    }
    needs = {output: plan.sizes for output, plan in bodies.items()}
    wanted = wanted_blocks(graph, homes, outside, needs, features, kept)
    sharing = sharing_of(graph, wanted, homes, features)
    floors = {f"{output}/{dtype}": least for output, plan in bodies.items() for dtype, least in plan.least.items()}
    placed: list[Block] = []
    sizes: dict[str, int] = {}
    least: dict[str, int] = {}
    proven = True
    for dtype in sorted({block.dtype for block in wanted}):
        own = tuple(block for block in wanted if block.dtype == dtype)
        least[dtype] = least_entries(own, sharing, floors)
        # The blocks of a body are placed apart from the others, so that a proof about the rest says nothing about the whole
        whole = not any(block.value in floors for block in own)
        found = place_blocks(own, sharing, least[dtype], prove=whole)
        placed += found.blocks
        sizes[dtype] = found.size
        proven = proven and found.optimal and (whole or found.size == least[dtype])
    return Plan(tuple(placed), sizes, least, proven, homes, bodies, sharing)


def _bytes_of(entries: Mapping[str, int]) -> int:
    return sum(size * int(np.dtype(dtype).itemsize) for dtype, size in entries.items())
