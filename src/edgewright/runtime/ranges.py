"""Proofs that no sum of a quantised graph can leave 32 bits, for any input."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from edgewright import ops
from edgewright.errors import BadGraph, list_problems
from edgewright.ir.graph import Graph, Node
from edgewright.ops.arithmetic import INT32


@dataclass(frozen=True)
class Bound:
    """The extremes of a node's widest sum, rounding term included, and the bits that hold them."""

    value: str
    op: str
    lowest: int
    highest: int

    @property
    def fits(self) -> bool:
        """Whether 32 bits hold both extremes."""
        return self.lowest >= INT32[0] and self.highest <= INT32[1]

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
        if not bound.fits
    ]
    if problems:
        raise BadGraph(
            list_problems("These sums do not fit 32 bits; use 8-bit activations or coarser weights:", problems)
        )
    return bounds


def fits_32_bits(graph: Graph, node: Node) -> bool:
    """Return whether the widest sum of one node is proven to fit 32 bits."""
    bound = _bound(graph, node)
    return bound is None or bound.fits


def _bound(graph: Graph, node: Node) -> Bound | None:
    op = ops.get(node.op)
    if op.accumulator is None:
        return None
    values = {port: array.astype(np.int64) for port, array in graph.values_of(node).items()}
    lowest, highest = op.accumulator(values, graph.types_of(node), node.attributes)
    return Bound(node.output, node.op, int(lowest), int(highest))


def _bounds(graph: Graph) -> Iterator[Bound]:
    for node in graph.nodes:
        if bound := _bound(graph, node):
            yield bound
        if node.body:
            yield from _bounds(node.body)
