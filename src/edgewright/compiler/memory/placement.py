"""Offsets for the blocks of one arena: first fit in many orders, then mixed-integer programming where that may help.

Two blocks that are alive together lie one before the other. How far apart they must begin is the size of the one before; less
where the later one dies while the earlier one is made and may be written over it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, reduce
from math import gcd

import numpy as np

from edgewright.compiler.memory.lives import Block, Sharing

REORDERINGS = 40  # of one order: after each, the block that reaches highest is placed first
MOVES = 1000  # of single blocks within the best order
MOST_CHOICES = 128  # pairs that may lie either way round: with more the solver proves little and takes long
MOST_NODES = 400  # of the solver's search tree: a limit in seconds would give other C on another day


@dataclass(frozen=True)
class Placement:
    """Blocks with their offsets, and the entries that they take. optimal: whether no placement is smaller."""

    blocks: tuple[Block, ...]
    size: int
    optimal: bool


@dataclass(frozen=True)
class _Pair:
    """Two blocks, by number, that are alive together: one begins so many entries after the other, or the other way round."""

    one: int
    other: int
    other_after: int
    one_after: int


@lru_cache(maxsize=256)  # a deployment plans the same graph several times
def place_blocks(blocks: tuple[Block, ...], sharing: tuple[Sharing, ...], least: int, *, prove: bool) -> Placement:
    """Return places for blocks of one dtype. least: entries below which no placement is. prove: whether to ask the solver."""
    numbers = {block.value: number for number, block in enumerate(blocks)}
    gaps = {
        (numbers[pair.made], numbers[pair.dying]): pair.overlap
        for pair in sharing
        if pair.made in numbers and pair.dying in numbers
    }
    pairs = []
    for one, block in enumerate(blocks):
        for other in range(one + 1, len(blocks)):
            if block.meets(blocks[other]):
                after = min(block.size, gaps.get((one, other), block.size))
                before = min(blocks[other].size, gaps.get((other, one), blocks[other].size))
                pairs.append(_Pair(one, other, after, before))
    offsets = _first_fit(blocks, pairs, least)
    size, optimal = _reach(blocks, offsets), True
    if size > least:
        optimal = False
        if prove and len(pairs) <= MOST_CHOICES:
            solved, optimal = _solve(tuple(block.size for block in blocks), tuple(pairs), least, size)
            offsets = list(solved or offsets)
    placed = tuple(replace(block, offset=offset) for block, offset in zip(blocks, offsets, strict=True))
    return Placement(placed, _reach(blocks, offsets), optimal)


def _reach(blocks: Sequence[Block], offsets: Sequence[int]) -> int:
    return max(offset + block.size for block, offset in zip(blocks, offsets, strict=True))


def _first_fit(blocks: Sequence[Block], pairs: Sequence[_Pair], least: int) -> list[int]:
    """Return the best offsets that placing the blocks one by one finds, each as low as it can lie."""
    rivals: list[list[tuple[int, int, int]]] = [[] for _ in blocks]  # (other, other begins later by, this one later by)
    for pair in pairs:
        rivals[pair.one].append((pair.other, pair.other_after, pair.one_after))
        rivals[pair.other].append((pair.one, pair.one_after, pair.other_after))
    crowd = [
        sum(blocks[other].size for other, _, _ in rivals[number]) + blocks[number].size for number in range(len(blocks))
    ]
    keys: tuple[Callable[[int], tuple[int, ...]], ...] = (
        lambda number: (-blocks[number].size, blocks[number].first),
        lambda number: (-blocks[number].first, -blocks[number].last),
        lambda number: (blocks[number].first, blocks[number].last),
        lambda number: (-crowd[number], -blocks[number].first),
        lambda number: (-blocks[number].size * (blocks[number].last - blocks[number].first + 1), -blocks[number].first),
    )
    best: list[int] = []
    best_order: list[int] = []
    for key in keys:
        order = sorted(range(len(blocks)), key=lambda number: (*key(number), blocks[number].value))
        for _ in range(REORDERINGS):
            offsets = _in_turn(blocks, rivals, order)
            if not best or _reach(blocks, offsets) < _reach(blocks, best):
                best, best_order = offsets, order
            if _reach(blocks, best) == least:
                return best
            highest = max(order, key=lambda number: offsets[number] + blocks[number].size)
            if order[0] == highest:
                break
            order = [highest, *(number for number in order if number != highest)]
    return _climb(blocks, rivals, best_order, best, least)


def _climb(
    blocks: Sequence[Block],
    rivals: Sequence[Sequence[tuple[int, int, int]]],
    order: list[int],
    best: list[int],
    least: int,
) -> list[int]:
    """Return the best offsets after moves of single blocks to other turns; those that make it no worse are kept."""
    generator = random.Random(0)  # the same moves every time
    reach = _reach(blocks, best)
    for _ in range(MOVES if len(order) > 2 else 0):
        if reach == least:
            break
        moved = order[:]
        moved.insert(generator.randrange(len(order)), moved.pop(generator.randrange(len(order))))
        offsets = _in_turn(blocks, rivals, moved)
        if _reach(blocks, offsets) <= reach:
            order, best, reach = moved, offsets, _reach(blocks, offsets)
    return best


def _in_turn(
    blocks: Sequence[Block], rivals: Sequence[Sequence[tuple[int, int, int]]], order: Sequence[int]
) -> list[int]:
    """Return the offsets of blocks placed in this order, each at the lowest offset that those before it leave."""
    offsets = [-1] * len(blocks)
    for number in order:
        # Between these two bounds, both excluded, the block cannot begin
        barred = sorted(
            (offsets[other] - other_after, offsets[other] + this_after)
            for other, other_after, this_after in rivals[number]
            if offsets[other] >= 0
        )
        offset = 0
        for low, high in barred:
            if low < offset < high:
                offset = high
        offsets[number] = offset
    return offsets


def _solve(sizes: tuple[int, ...], pairs: tuple[_Pair, ...], least: int, most: int) -> tuple[tuple[int, ...], bool]:
    """Return offsets that need at most `most` entries, none where the solver finds none, and whether it proves them optimal.

    least: entries below which no placement is. Variables: an offset a block, then a 0 or 1 a pair (1: the other one begins
    later), then the size of the arena, which is made small.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import coo_array

    unit = reduce(gcd, (*sizes, *(after for pair in pairs for after in (pair.other_after, pair.one_after))))
    count, columns = len(sizes), len(sizes) + len(pairs) + 1
    highest = most / unit
    rows: list[dict[int, float]] = []
    floors: list[float] = []
    for number, size in enumerate(sizes):
        rows.append({columns - 1: 1.0, number: -1.0})
        floors.append(size / unit)
    for position, pair in enumerate(pairs):
        for before, behind, after, sign in (
            (pair.one, pair.other, pair.other_after, -1),
            (pair.other, pair.one, pair.one_after, 1),
        ):
            slack = highest + abs(after) / unit  # enough to lift the constraint
            rows.append({behind: 1.0, before: -1.0, count + position: sign * slack})
            floors.append(after / unit - (slack if sign < 0 else 0.0))
    entries = [(row, column, value) for row, terms in enumerate(rows) for column, value in terms.items()]
    at_row, at_column, values = zip(*entries, strict=True)
    matrix = coo_array((values, (at_row, at_column)), shape=(len(rows), columns)).tocsc()
    upper = np.array([*(highest - size / unit for size in sizes), *[1.0] * len(pairs), highest])
    lower = np.zeros(columns)
    lower[-1] = -(-least // unit)
    cost = np.zeros(columns)
    cost[-1] = 1.0
    found = milp(
        cost,
        integrality=np.array([*[0] * count, *[1] * len(pairs), 0]),
        bounds=Bounds(lower, upper),
        constraints=LinearConstraint(matrix, np.array(floors), np.inf),
        options={"node_limit": MOST_NODES, "mip_rel_gap": 0.0},
    )
    if found.x is None:
        return (), False
    later = [bool(choice > 0.5) for choice in found.x[count : count + len(pairs)]]
    offsets = _as_low_as_possible(len(sizes), pairs, later)
    size = max(offset + size for offset, size in zip(offsets, sizes, strict=True))
    if size > most:  # what rounding in the solver let pass
        return (), False
    return tuple(offsets), found.status == 0 and size == unit * round(found.fun)


def _as_low_as_possible(count: int, pairs: Sequence[_Pair], later: Sequence[bool]) -> list[int]:
    """Return exact offsets for a choice of which block of each pair begins later."""
    offsets = [0] * count
    for _ in range(count):
        for pair, other_later in zip(pairs, later, strict=True):
            if other_later:
                offsets[pair.other] = max(offsets[pair.other], offsets[pair.one] + pair.other_after)
            else:
                offsets[pair.one] = max(offsets[pair.one], offsets[pair.other] + pair.one_after)
    return offsets
