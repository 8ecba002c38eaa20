"""Budgets: how much flash, RAM and time a model may take."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from edgewright import boards, engines
from edgewright.errors import BadInput, MissingTool, list_problems

Needs = Mapping[str, float | None]  # what a model takes, by the names of the budgets; None where it is not known
UNITS = {"": 1, "K": 1024, "M": 1024**2}
EXAMPLE = "flash=4K,ram=1K,ms=20"
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?|\.\d+)([KM]?)", re.ASCII)


@dataclass(frozen=True)
class Budgets:
    """The most that a model may take; None for what is not limited. Raises BadInput for what is not above 0.

    flash: bytes of code, constants and helpers. ram: bytes of static data and the deepest stack together. ms: milliseconds, and
    instructions: both the mean of an inference.
    """

    flash: float | None = None
    ram: float | None = None
    ms: float | None = None
    instructions: float | None = None

    def __post_init__(self) -> None:
        for name, amount in self.limits.items():
            if isinstance(amount, bool) or not isinstance(amount, (int, float)) or not 0 < amount < math.inf:
                raise BadInput(f"The budget {name} cannot be {amount!r}; it must be above 0.")

    @property
    def limits(self) -> dict[str, float]:
        """The budgets that are given."""
        return {field.name: limit for field in fields(self) if (limit := getattr(self, field.name)) is not None}

    def over(self, needs: Needs) -> dict[str, float]:
        """Return by how much needs are beyond the budgets, by name; empty where they hold. What is not known is no miss."""
        known = {name: needs.get(name) for name in self.limits}
        return {
            name: need - self.limits[name]
            for name, need in known.items()
            if need is not None and need > self.limits[name]
        }

    def strain(self, needs: Needs) -> float:
        """Return the largest share of a budget that is needed: above 1 where one is missed."""
        return max((need / limit for name, limit in self.limits.items() if (need := needs.get(name))), default=0.0)

    def __str__(self) -> str:
        return ",".join(f"{name}={limit:.15g}" for name, limit in self.limits.items())


NAMES = tuple(field.name for field in fields(Budgets))


def parse(text: str) -> Budgets:
    """Return budgets of a text such as "flash=4K,ram=1K,ms=20"; bytes may be in K (1,024) or M. Raises BadInput for all that is wrong."""
    given: dict[str, float] = {}
    problems = []
    for part in text.split(","):
        name, equals, amount = (piece.strip() for piece in part.partition("="))
        match = _AMOUNT.fullmatch(amount)
        takes_units = name in ("flash", "ram")
        if not equals:
            problems.append(f"{part.strip()!r} is not NAME=AMOUNT.")
        elif name not in NAMES:
            near = difflib.get_close_matches(name, NAMES, n=1, cutoff=0.4)
            problems.append(f"there is no budget {name!r}.{f' Did you mean {near[0]!r}?' if near else ''}")
        elif name in given:
            problems.append(f"{name} is given twice.")
        elif not match or (match[2] and not takes_units):
            units = ", in bytes or with K or M behind it" if takes_units else ""
            problems.append(f"{name} cannot be {amount!r}; give a number{units}.")
        elif not (value := float(match[1]) * UNITS[match[2]]) > 0:
            problems.append(f"{name} cannot be {amount}; it must be above 0.")
        else:
            given[name] = value
    if problems:
        known = f"Budgets are {', '.join(NAMES)}; for example {EXAMPLE}."
        raise BadInput(f"{list_problems(f'The budgets {text!r} cannot be used:', problems)}\n{known}")
    return Budgets(**given)


def on_board(budgets: Budgets, name: str) -> Budgets:
    """Return budgets that are not above what a board has.

    Raises UnknownName for a board, MissingTool where nothing can be built and run for it here, BadInput where a budget can never be
    measured there.
    """
    board = boards.get(name)
    if reason := engines.get(board.engine).why_not(board):
        raise MissingTool(f"Budgets are held on the emulated board. {reason}")
    if board.core == "host":
        raise BadInput(
            "Budgets are held on an emulated board, and this computer is none; name one (edgewright list boards)."
        )
    if budgets.ms is not None and board.cpu.cycles is None and board.core != "avr":
        raise BadInput(
            f"No time is known for {name}: there is no table of cycles for its core {board.core}. "
            "Give a budget of instructions=N in place of ms."
        )
    flash, ram = board.flash_bytes - board.bootloader_bytes, board.ram_bytes
    return replace(budgets, flash=min(budgets.flash or flash, flash), ram=min(budgets.ram or ram, ram))


def describe(needs: Needs) -> str:
    """Return needs in words: 3,892 bytes of flash, 148 bytes of RAM, 3.19 ms, 11,512 instructions."""
    words = {
        "flash": "{:,.0f} bytes of flash",
        "ram": "{:,.0f} bytes of RAM",
        "ms": "{:,.3g} ms",
        "instructions": "{:,.0f} instructions",
    }
    return ", ".join(form.format(need) for name, form in words.items() if (need := needs.get(name)) is not None)
