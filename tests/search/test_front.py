"""The front, and the choice from it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewright.errors import NothingFits
from edgewright.search import Budgets, Measured, choose, front


def measured(accuracy: float, flash: float, ram: float = 100, ms: float | None = 1.0, name: str = "") -> Measured:
    candidate: Any = SimpleNamespace(accuracy=accuracy, name=name or f"{accuracy} in {flash}")
    needs = {"flash": flash, "ram": ram, "ms": ms, "instructions": None}
    return Measured(candidate, None, cast(Any, None), needs, {})


def test_what_is_beaten_is_not_in_the_front() -> None:
    good, small, beaten = measured(0.9, 4000), measured(0.8, 1000), measured(0.8, 1001)
    assert front([beaten, good, small]) == (good, small)


def test_less_of_one_need_is_enough_to_stay() -> None:
    first, second = measured(0.9, 4000, ram=100), measured(0.9, 4100, ram=90)
    assert front([first, second]) == (first, second)


def test_of_those_alike_the_first_stays() -> None:
    first, second = measured(0.9, 4000), measured(0.9, 4000)
    assert front([first, second]) == (first,)


needs = st.integers(0, 3)


@given(st.lists(st.tuples(needs, needs, needs, needs), min_size=1, max_size=12))
def test_the_front_is_what_no_other_beats(figures: list[tuple[int, int, int, int]]) -> None:
    every = [measured(*figure) for figure in figures]
    kept = front(every)
    costs = {one: (-one.candidate.accuracy, *(one.needs[name] for name in ("flash", "ram", "ms"))) for one in every}

    def beats(one: Measured, other: Measured) -> bool:
        return costs[one] != costs[other] and all(a <= b for a, b in zip(costs[one], costs[other], strict=True))

    assert not any(beats(one, other) for one in every for other in kept)
    assert all(any(beats(one, other) or costs[one] == costs[other] for one in kept) for other in every)
    assert len({costs[one] for one in kept}) == len(kept)


def test_the_most_accurate_that_holds_the_budgets_is_chosen() -> None:
    large, fitting, small = measured(0.95, 5000), measured(0.9, 4000), measured(0.8, 1000)
    assert choose([small, large, fitting], Budgets(flash=4000)) is fitting
    assert choose([small, large, fitting], Budgets()) is large


def test_of_equally_accurate_ones_the_smallest_is_chosen() -> None:
    larger, smaller = measured(0.9, 4000), measured(0.9, 3000, ms=9.0)
    assert choose([larger, smaller], Budgets(flash=4000)) is smaller


def test_where_nothing_fits_the_nearest_and_the_smallest_are_named() -> None:
    near, small = measured(0.9, 1200, ram=90, name="the near one"), measured(0.7, 1100, ram=300, name="the small one")
    with pytest.raises(NothingFits) as refused:
        choose([small, near], Budgets(flash=1000, ram=100))
    said = str(refused.value)
    assert refused.value.over == {"flash": 200}
    assert refused.value.exit_code == 1
    assert "Nothing holds flash=1000,ram=100; 2 candidates were tried." in said
    assert "nearest is the near one, right on 90.0%" in said
    assert "over by 200 bytes of flash" in said
    assert "smallest is the small one: it needs 1,100 bytes of flash, 300 bytes of RAM" in said
    assert "Give at least flash=1200," in said


def test_what_is_said_to_be_enough_is_enough() -> None:
    near = measured(0.9, 1200.0, ms=2.00401)
    with pytest.raises(NothingFits) as refused:
        choose([near], Budgets(flash=1000, ms=1))
    assert "Give at least flash=1200,ms=2.01" in str(refused.value)
    assert "It is the smallest, too." in str(refused.value)
    assert choose([near], Budgets(flash=1200, ms=2.01)) is near
