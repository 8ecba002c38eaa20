"""Placement in an arena, held against trying everything: what is said to be possible, least and optimal is so."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewright.compiler.memory import Block, placement
from edgewright.compiler.memory.lives import Sharing, least_entries, shared_entries
from edgewright.compiler.memory.placement import Placement, place_blocks

Draw = Callable[[st.SearchStrategy[Any]], Any]
Problem = tuple[tuple[Block, ...], tuple[Sharing, ...]]


@st.composite
def problems(draw: Draw, *, most: int, largest: int) -> Problem:
    """Blocks with random lives; some may lie over one that dies where they are made."""
    blocks = []
    for number in range(draw(st.integers(1, most))):
        first = draw(st.integers(0, 4))
        last = first + draw(st.integers(0, 3))
        blocks.append(Block(f"v{number}", "int8", 0, draw(st.integers(1, largest)), first, last))
    leaves = [
        Sharing(made.value, dying.value, draw(st.integers(-largest, largest + 1)))
        for made in blocks
        for dying in blocks
        if dying.last == made.first and dying.first < dying.last and made.last > made.first and draw(st.booleans())
    ]
    return tuple(blocks), tuple(leaves)


def is_allowed(blocks: tuple[Block, ...], sharing: tuple[Sharing, ...], offsets: tuple[int, ...]) -> bool:
    leaves = {(pair.made, pair.dying): pair.overlap for pair in sharing}
    for (one, at_one), (other, at_other) in itertools.permutations(zip(blocks, offsets, strict=True), 2):
        if one.first > other.last or other.first > one.last:
            continue
        disjoint = at_one + one.size <= at_other or at_other + other.size <= at_one
        for (made, at_made), (dying, at_dying) in (
            ((one, at_one), (other, at_other)),
            ((other, at_other), (one, at_one)),
        ):
            overlap = leaves.get((made.value, dying.value))
            disjoint = disjoint or (overlap is not None and at_dying - at_made >= overlap)
        if not disjoint:
            return False
    return True


def placed(problem: Problem) -> tuple[Placement, int]:
    blocks, sharing = problem
    least = least_entries(blocks, sharing, {})
    place_blocks.cache_clear()
    found = place_blocks(blocks, sharing, least, prove=True)
    assert is_allowed(blocks, sharing, tuple(block.offset for block in found.blocks))
    assert [block.value for block in found.blocks] == [block.value for block in blocks]
    assert all(0 <= block.offset <= found.size - block.size for block in found.blocks)
    assert least <= found.size
    return found, least


@given(problem=problems(most=12, largest=50))
@settings(max_examples=150)
def test_blocks_lie_apart_or_as_they_may(problem: Problem) -> None:
    placed(problem)


def one_behind_the_other(blocks: tuple[Block, ...], *_: Any) -> list[int]:
    return [0, *itertools.accumulate(block.size for block in blocks)][: len(blocks)]


@pytest.mark.parametrize("by_solver", [False, True])
@given(problem=problems(most=4, largest=4))
@settings(max_examples=80)
def test_what_is_called_optimal_cannot_be_smaller(by_solver: bool, problem: Problem) -> None:
    with pytest.MonkeyPatch.context() as patch:
        if by_solver:  # first fit leaves it next to nothing to do
            patch.setattr(placement, "_first_fit", one_behind_the_other)
        found, _ = placed(problem)
    assert found.optimal, "so few blocks are always solved"
    places = [range(found.size - block.size) for block in problem[0]]
    assert not any(is_allowed(*problem, offsets) for offsets in itertools.product(*places))


@given(problem=problems(most=8, largest=9))
@settings(max_examples=30)
def test_the_same_blocks_get_the_same_places(problem: Problem) -> None:
    assert placed(problem) == placed(problem)


@given(size=st.integers(1, 6), dying=st.lists(st.tuples(st.integers(1, 4), st.integers(-4, 7)), max_size=3))
@settings(max_examples=150)
def test_no_placement_shares_more_than_the_bound_allows(size: int, dying: list[tuple[int, int]]) -> None:
    """A new block at 0, dying ones everywhere that they may be: the entries they have in common with it."""
    new = range(size)
    most = 0
    for offsets in itertools.product(range(-5, size + 1), repeat=len(dying)):
        spans = [range(at, at + other) for at, (other, _) in zip(offsets, dying, strict=True)]
        apart = all(a.stop <= b.start or b.stop <= a.start for a, b in itertools.combinations(spans, 2))
        allowed = all(
            span.start >= overlap or not set(span) & set(new) for span, (_, overlap) in zip(spans, dying, strict=True)
        )
        if apart and allowed:
            most = max(most, sum(len(set(span) & set(new)) for span in spans))
    assert most <= shared_entries(size, dying)


def drifting(length: int) -> Problem:
    """A chain in which each block may begin a little before the one that it is made from, so that they drift downwards."""
    blocks = tuple(Block(f"v{number}", "int8", 0, 800, number, number + 1) for number in range(length))
    sharing = tuple(Sharing(f"v{number + 1}", f"v{number}", 100) for number in range(length - 1))
    return blocks, sharing


def test_a_chain_that_drifts_is_proven() -> None:
    found, least = placed(drifting(6))
    assert least == 900
    assert (found.size, found.optimal) == (1300, True)


def test_what_is_too_much_for_the_solver_is_not_called_optimal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "MOST_CHOICES", 14)
    found, least = placed(drifting(16))
    assert least < found.size
    assert not found.optimal


def solve_without_proof(monkeypatch: pytest.MonkeyPatch, **instead: Any) -> None:
    solve = scipy.optimize.milp

    def stopped(*problem: Any, **options: Any) -> Any:
        return scipy.optimize.OptimizeResult({**solve(*problem, **options), "status": 1, **instead})

    monkeypatch.setattr(scipy.optimize, "milp", stopped)


def test_a_better_placement_that_the_solver_does_not_prove_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    solve_without_proof(monkeypatch)
    monkeypatch.setattr(placement, "_first_fit", one_behind_the_other)
    found, _ = placed(drifting(6))
    assert (found.size, found.optimal) == (1300, False)


def test_first_fit_stands_where_the_solver_finds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    solve_without_proof(monkeypatch, x=None)
    found, _ = placed(drifting(6))
    assert (found.size, found.optimal) == (1300, False)
