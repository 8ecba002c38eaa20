"""Operators run in the order that keeps the fewest bytes alive at once."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from edgewright import ops
from edgewright.compiler.memory import plan_memory
from edgewright.compiler.memory.lives import (
    homes_of,
    kept_in,
    lasting,
    outside_of,
    overlaps_of,
    scratch_of,
    shared_entries,
)
from edgewright.ir.graph import Graph, Node

WIDTH = 256  # sets of finished nodes that are followed at once; the order is optimal where there are never more
_PORTABLE: frozenset[str] = (
    frozenset()
)  # the order is one for all boards, so that it is decided with the portable kernels


def order_for_memory(graph: Graph) -> Graph:
    """The nodes of the graph in another order, where its plan needs fewer bytes then.

    1. A node comes after those that make its inputs.
    2. Of all orders one whose worst step has the fewest bytes alive is taken, found by dynamic programming over the sets of
       finished nodes; where there are more than WIDTH of one size, only the best of them are followed.
    3. The order stays unless the memory plan becomes smaller.
    4. Bodies are treated alike.
    """
    return _ordered(graph, frozenset((*graph.inputs, *graph.outputs)))


def _ordered(graph: Graph, outside: frozenset[str], kept: tuple[str, ...] = ()) -> Graph:
    nodes = tuple(_with_ordered_body(node) for node in graph.nodes)
    graph = replace(graph, nodes=nodes)
    if _has_one_order(graph):
        return graph
    order = _best_order(_describe(graph, outside, kept))
    changed = replace(graph, nodes=tuple(nodes[number] for number in order))
    if changed.nodes == nodes:
        return graph
    before, after = (plan_memory(one, _PORTABLE, outside, kept).arena_bytes for one in (graph, changed))
    return changed if after < before else graph


def _with_ordered_body(node: Node) -> Node:
    return node.with_body(_ordered(node.body, outside_of(node), kept_in(node))) if node.body else node  # rule 4


def _has_one_order(graph: Graph) -> bool:
    """Whether each node reads what the node before it makes."""
    return all(
        before.output in after.inputs.values() for before, after in zip(graph.nodes, graph.nodes[1:], strict=False)
    )


@dataclass(frozen=True)
class _Step:
    """A node as the search sees it. Sets of nodes are integers with a bit a node.

    needs: the nodes before it. home: where its output lives, None outside the arenas. reads: the homes that it reads.
    scratch: bytes while it runs. overlaps: home -> (entries, overlap) of what its output may be written over. item: bytes an entry.
    """

    needs: int
    home: str | None
    reads: frozenset[str]
    scratch: int
    overlaps: dict[str, tuple[int, int]]
    item: int


@dataclass(frozen=True)
class _Problem:
    """sizes: home -> bytes. readers: home -> nodes after which it dies; None where it lives to the end."""

    steps: tuple[_Step, ...]
    sizes: dict[str, int]
    readers: dict[str, int | None]


def _describe(graph: Graph, outside: frozenset[str], kept: tuple[str, ...]) -> _Problem:
    homes = homes_of(graph, outside)
    makers = {node.output: number for number, node in enumerate(graph.nodes)}
    fixed = outside | graph.constants.keys() | graph.state.keys()
    sizes = {
        home: _item(graph, home) * graph.types[home].size
        for home in (homes.get(node.output, node.output) for node in graph.nodes)
        if home not in fixed
    }
    readers: dict[str, int | None] = dict.fromkeys(sizes, 0)
    for number, node in enumerate(graph.nodes):
        for home in {homes.get(value, value) for value in (*node.inputs.values(), node.output)} & sizes.keys():
            readers[home] = (readers[home] or 0) | 1 << number
    for value in lasting(graph, kept):
        if homes.get(value, value) in sizes:
            readers[homes.get(value, value)] = None
    steps = []
    for node in graph.nodes:
        home = homes.get(node.output, node.output)
        dtype = graph.types[node.output].dtype
        steps.append(
            _Step(
                sum({1 << makers[value] for value in node.inputs.values() if value in makers}),
                home if home in sizes else None,
                frozenset(homes.get(value, value) for value in node.inputs.values()) & sizes.keys(),
                _scratch_bytes(graph, node),
                {
                    read: (graph.types[read].size, overlap)
                    for read, overlap in overlaps_of(graph, node, homes, _PORTABLE).items()
                    if read in sizes and read != home and graph.types[read].dtype == dtype
                },
                _item(graph, node.output),
            )
        )
    return _Problem(tuple(steps), sizes, readers)


def _item(graph: Graph, value: str) -> int:
    return int(np.dtype(graph.types[value].dtype).itemsize)


def _scratch_bytes(graph: Graph, node: Node) -> int:
    if node.body:
        return plan_memory(node.body, _PORTABLE, outside_of(node), kept_in(node)).arena_bytes
    if not ops.get(node.op).kernels:
        return 0
    return sum(size * int(np.dtype(dtype).itemsize) for dtype, size in scratch_of(graph, node, _PORTABLE).values())


@dataclass(frozen=True)
class _Path:
    """A way to a set of finished nodes: the most bytes alive so far, the values alive and their bytes, and the nodes in order."""

    peak: int
    bytes: int
    alive: frozenset[str]
    order: tuple[int, ...]


def _best_order(problem: _Problem) -> tuple[int, ...]:
    """Return the numbers of the nodes in the order with the lowest peak; of equal ones the first in the old order."""
    paths = {0: _Path(0, 0, frozenset(), ())}
    for _ in problem.steps:
        following: dict[int, _Path] = {}
        for done, path in paths.items():
            for number, step in enumerate(problem.steps):
                if done >> number & 1 or step.needs & ~done:
                    continue
                reached = done | 1 << number
                longer = _after(problem, path, number, reached)
                known = following.get(reached)
                if known is None or (longer.peak, longer.order) < (known.peak, known.order):
                    following[reached] = longer
        kept = sorted(following.items(), key=lambda item: (item[1].peak, item[1].bytes, item[1].order))[:WIDTH]
        paths = dict(kept)
    (best,) = paths.values()
    return best.order


def _after(problem: _Problem, path: _Path, number: int, reached: int) -> _Path:
    """Return the path with one more node."""
    step = problem.steps[number]
    alive = path.alive if step.home is None else path.alive | {step.home}
    new = alive - path.alive
    dying = set()
    for home in step.reads | new:
        readers = problem.readers[home]
        if readers is not None and not readers & ~reached:
            dying.add(home)
    held = path.bytes + sum(problem.sizes[home] for home in new)
    shared = 0
    for home in new:
        partners = [pair for read, pair in step.overlaps.items() if read in dying]
        shared = step.item * shared_entries(problem.sizes[home] // step.item, partners)
    peak = max(path.peak, held + step.scratch - shared)
    left = held - sum(problem.sizes[home] for home in dying)
    return _Path(peak, left, frozenset(alive - dying), (*path.order, number))
