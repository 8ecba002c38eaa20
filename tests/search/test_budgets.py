"""Budgets: what a text means, what is refused, what a board adds."""

from __future__ import annotations

import pytest

from edgewright import boards
from edgewright.errors import BadInput, MissingTool, UnknownName
from edgewright.search.budgets import Budgets, describe, on_board, parse


def test_bytes_have_units_and_the_rest_is_plain() -> None:
    assert parse("flash=4K,ram=1.5K,ms=20,instructions=50000") == Budgets(4096, 1536, 20, 50000)
    assert parse(" ram = 900 ") == Budgets(ram=900)
    assert parse("flash=1M") == Budgets(flash=1024**2)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not NAME=AMOUNT"),
        ("flash", "'flash' is not NAME=AMOUNT"),
        ("flash=", "flash cannot be ''; give a number, in bytes or with K or M behind it"),
        ("flash=4k", "flash cannot be '4k'"),
        ("flash=4KB", "flash cannot be '4KB'"),
        ("ms=2K", "ms cannot be '2K'; give a number."),
        ("ms=-1", "ms cannot be '-1'"),
        ("ms=nan", "ms cannot be 'nan'"),
        ("ms=1e400", "ms cannot be '1e400'"),
        ("ram=0", "ram cannot be 0; it must be above 0"),
        ("ram=0.0K", "it must be above 0"),
        ("flsh=4K", "no budget 'flsh'. Did you mean 'flash'?"),
        ("latency=4", "no budget 'latency'."),
        ("flash=4K,flash=5K", "flash is given twice"),
        ("flash=4K,", "'' is not NAME=AMOUNT"),
    ],
)
def test_what_is_wrong_is_said(text: str, said: str) -> None:
    with pytest.raises(BadInput) as refused:
        parse(text)
    assert said in str(refused.value)
    assert "flash, ram, ms, instructions" in str(refused.value)
    assert "flash=4K,ram=1K,ms=20" in str(refused.value)


def test_all_problems_are_said_at_once() -> None:
    with pytest.raises(BadInput) as refused:
        parse("flash=0,rum=1K,ms=fast")
    assert all(word in str(refused.value) for word in ("flash cannot be 0", "'ram'?", "'fast'"))


@pytest.mark.parametrize("amount", [0, -1, float("nan"), float("inf"), True, "4K"])
def test_no_budget_is_made_of_what_is_not_above_0(amount: object) -> None:
    with pytest.raises(BadInput, match="must be above 0"):
        Budgets(flash=amount)  # type: ignore[arg-type]


def test_what_is_over_and_by_how_much() -> None:
    budgets = Budgets(flash=1000, ms=2.0)
    assert budgets.over({"flash": 1000, "ram": 10**6, "ms": 2.0}) == {}
    assert budgets.over({"flash": 1001, "ms": 2.5}) == {"flash": 1, "ms": 0.5}
    assert budgets.strain({"flash": 500, "ms": 3.0}) == 1.5
    assert describe({"flash": 1001, "ram": None, "ms": 0.512}) == "1,001 bytes of flash, 0.512 ms"


def test_a_board_has_the_last_word() -> None:
    limited = on_board(Budgets(flash=1024, ram=10**9), "microbit")
    assert (limited.flash, limited.ram) == (1024, boards.get("microbit").ram_bytes)


def test_a_time_that_can_never_be_known_is_refused() -> None:
    with pytest.raises(BadInput, match=r"No time is known for esp32c3: .*rv32imc.*instructions=N"):
        on_board(Budgets(ms=1), "esp32c3")
    assert on_board(Budgets(instructions=1), "esp32c3").instructions == 1


def test_this_computer_is_no_board() -> None:
    with pytest.raises(BadInput, match="this computer is none"):
        on_board(Budgets(flash=1), "host")
    with pytest.raises(UnknownName, match="microbit"):
        on_board(Budgets(flash=1), "microbitt")


def test_without_the_tools_of_a_board_nothing_is_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingTool, match=r"Budgets are held on the emulated board\. .*apt-get install"):
        on_board(Budgets(flash=1024), "arduino-uno")
