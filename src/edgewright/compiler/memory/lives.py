"""From when to when values are alive, what kernels need beside them, and which of them may lie over each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

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

    def meets(self, other: Block) -> bool:
        """Whether both are alive at one step, in the same arena."""
        return self.dtype == other.dtype and self.first <= other.last and other.first <= self.last


@dataclass(frozen=True)
class Sharing:
    """A leave to write one block over another that dies at the same step.

    made: the block that the step makes. dying: the one it reads for the last time. overlap: the least number of entries by which
    `made` must begin before `dying` where they are not disjoint.
    """

    made: str
    dying: str
    overlap: int


def homes_of(graph: Graph, outside: frozenset[str]) -> dict[str, str]:
    """An alias lives where its source lives; but a source that a node makes lives where its first alias outside lives.

    Windows that only scans read are an alias too: the scans read the source with a stride.
    """
    homes: dict[str, str] = {}
    for node in graph.nodes:
        alias = "x" if is_strided(graph, node, outside) else ops.get(node.op).alias
        if not alias:
            continue
        source, target = homes.get(node.inputs[alias], node.inputs[alias]), node.output
        if target in outside and source not in outside and source not in graph.constants and source not in graph.state:
            homes.update({value: target for value, home in homes.items() if home == source})
            homes[source] = target
        else:
            homes[target] = source
    return homes


def is_strided(graph: Graph, node: Node, outside: frozenset[str]) -> bool:
    """Whether a node makes windows that need no memory, as only scans read them."""
    seen = (*graph.outputs, *graph.state.values())
    readers = graph.readers(node.output)
    return (
        node.op == "windows"
        and node.output not in outside
        and node.output not in seen
        and all(reader.op == "scan" for reader in readers)
    )


def lasting(graph: Graph, kept: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the values that live to the end of a run: outputs, what states become, and what else is kept."""
    return (*graph.outputs, *graph.state.values(), *kept)


def kept_in(node: Node) -> tuple[str, ...]:
    """Return the values of a node's body that are read after the body has run, beside its outputs and states."""
    until = node.attributes.get("until")
    return (until,) if until else ()


def outside_of(node: Node) -> frozenset[str]:
    """Return the values of a node's body that live in the memory of the graph around it.

    What a branch makes is its output there; what a step of a scan makes is copied, as it may be a state as well.
    """
    assert node.body
    return frozenset(node.body.inputs if node.op == "scan" else (*node.body.inputs, *node.body.outputs))


def held_as(dtype: str) -> str:
    """Return the element type of the array that a value lives in: a bool is an uint8 in the C."""
    return "uint8" if dtype == "bool" else dtype


def scratch_name(node: Node, name: str) -> str:
    """Return the name of the block that a kernel works in: the value that it makes, then its own name for it."""
    return f"{node.output}:{name}"


def scratch_of(graph: Graph, node: Node, features: frozenset[str]) -> Mapping[str, tuple[str, int]]:
    """Return the memory that the kernel of a node needs while it runs: its own name for it -> dtype and entries."""
    if not ops.get(node.op).kernels:
        return {}
    scratch = ops.kernel_of(graph, node, features).scratch
    return scratch(graph.types_of(node), node.attributes) if scratch else {}


def overlaps_of(graph: Graph, node: Node, homes: Mapping[str, str], features: frozenset[str]) -> dict[str, int]:
    """Return where the values that a node reads live -> how much earlier its output must begin to lie over them.

    Left out are values that its kernel lets nothing be written over. Whether they die at this node is not asked here.
    """
    if not ops.get(node.op).kernels:
        return {}
    overlap = ops.kernel_of(graph, node, features).overlap
    if overlap is None:
        return {}
    allowed = overlap(graph.types_of(node), node.attributes)
    found: dict[str, int] = {}
    for port, value in node.inputs.items():
        if port in allowed:
            home = homes.get(value, value)
            found[home] = max(found.get(home, allowed[port]), allowed[port])
    for port, value in node.inputs.items():
        if port not in allowed:
            found.pop(homes.get(value, value), None)
    return found


def wanted_blocks(
    graph: Graph,
    homes: Mapping[str, str],
    outside: frozenset[str],
    bodies: Mapping[str, Mapping[str, int]],
    features: frozenset[str],
    kept: tuple[str, ...] = (),
) -> tuple[Block, ...]:
    """Return every block of a graph, all at offset 0.

    bodies: output of a node with a body -> dtype -> entries of that. kept: values that live to the end, beside outputs and states.
    """
    last_step = len(graph.nodes)
    first: dict[str, int] = dict.fromkeys(graph.state, -1)
    last: dict[str, int] = dict.fromkeys(graph.state, last_step)
    for step, node in enumerate(graph.nodes):
        home = homes.get(node.output, node.output)
        first.setdefault(home, step)
        for value in (*node.inputs.values(), node.output):
            source = homes.get(value, value)
            last[source] = max(last.get(source, step), step)
    for value in lasting(graph, kept):
        last[homes.get(value, value)] = last_step
    blocks = [
        Block(value, held_as(graph.types[value].dtype), 0, graph.types[value].size, first[value], last[value])
        for value in first
        if value not in outside and (value not in graph.constants or value in graph.state)
    ]
    for step, node in enumerate(graph.nodes):
        for dtype, size in bodies.get(node.output, {}).items():
            blocks.append(Block(f"{node.output}/{dtype}", dtype, 0, size, step, step))
        for name, (dtype, size) in scratch_of(graph, node, features).items():
            blocks.append(Block(scratch_name(node, name), dtype, 0, size, step, step))
    return tuple(blocks)


def sharing_of(
    graph: Graph, blocks: Iterable[Block], homes: Mapping[str, str], features: frozenset[str]
) -> tuple[Sharing, ...]:
    """Return which blocks may be written over which at the step where one is made and the other dies."""
    known = {block.value: block for block in blocks}
    found = []
    for step, node in enumerate(graph.nodes):
        made = known.get(homes.get(node.output, node.output))
        if made is None or made.first != step:
            continue
        for home, overlap in overlaps_of(graph, node, homes, features).items():
            dying = known.get(home)
            if dying and dying is not made and dying.last == step and dying.dtype == made.dtype:
                found.append(Sharing(made.value, home, overlap))
    return tuple(found)


def shared_entries(size: int, dying: Sequence[tuple[int, int]]) -> int:
    """Return the most entries that a new block of this size can have in common with dying ones, given as (size, overlap).

    A dying block lies in the new one from its overlap on at the earliest, and dying ones lie beside each other: those that
    begin at `overlap` or later have at most size - overlap entries of it together.
    """
    shared = 0
    for other, overlap in sorted(dying, key=lambda pair: -pair[1]):
        shared = max(shared, min(shared + other, size - max(overlap, 0)))
    return shared


def least_entries(blocks: Sequence[Block], sharing: Sequence[Sharing], floors: Mapping[str, int]) -> int:
    """Return the entries that no arena for these blocks can be below: the most that different blocks need at one step.

    floors: what counts for a block instead of its size, where a better plan might make it smaller.
    """
    sizes = {block.value: floors.get(block.value, block.size) for block in blocks}
    partners: dict[str, list[tuple[int, int]]] = {}
    for pair in sharing:
        if pair.made in sizes:
            partners.setdefault(pair.made, []).append((sizes[pair.dying], pair.overlap))
    most = 0
    for step in {block.first for block in blocks}:
        alive = sum(sizes[block.value] for block in blocks if block.first <= step <= block.last)
        saved = sum(
            shared_entries(sizes[block.value], partners[block.value])
            for block in blocks
            if block.first == step and block.value in partners
        )
        most = max(most, alive - saved)
    return most
