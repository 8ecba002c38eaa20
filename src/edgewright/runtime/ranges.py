"""Proofs that no sum of a quantised graph can leave 32 bits, for any input."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from edgewright import ops
from edgewright.errors import BadGraph, list_problems
from edgewright.ir.graph import Graph
from edgewright.ops.arithmetic import INT32


@dataclass(frozen=True)
class Bound:
    """The extremes of a node's widest sum, rounding term included, and the bits that hold them."""

    value: str
    op: str
    lowest: int
    highest: int

    @property
    def bits(self) -> int:
        """Bits of a two's complement integer that holds both extremes."""
        return (
            max(
                self.lowest.bit_length() if self.lowest >= 0 else (-self.lowest - 1).bit_length(),
                self.highest.bit_length(),
            )
            + 1
        )


def accumulator_bounds(graph: Graph) -> tuple[Bound, ...]:
    """Return the bound of every node that sums, bodies of scans included. Raises BadGraph where one does not fit 32 bits."""
    bounds = tuple(_bounds(graph))
    problems = [
        f"{bound.value!r} ({bound.op}) can reach {bound.lowest}..{bound.highest}, {bound.bits} bits"
        for bound in bounds
        if bound.lowest < INT32[0] or bound.highest > INT32[1]
    ]
    if problems:
        raise BadGraph(
            list_problems("These sums do not fit 32 bits; use 8-bit activations or coarser weights:", problems)
        )
    return bounds


def _bounds(graph: Graph) -> Iterator[Bound]:
    for node in graph.nodes:
        op = ops.get(node.op)
        if op.accumulator:
            values = {port: array.astype(np.int64) for port, array in graph.values_of(node).items()}
            lowest, highest = op.accumulator(values, graph.types_of(node), node.attributes)
            yield Bound(node.output, node.op, int(lowest), int(highest))
        for item in node.attributes.values():
            if isinstance(item, Graph):
                yield from _bounds(item)
