"""Which candidates are worth a look, and which one holds the budgets."""

from __future__ import annotations

import math
from collections.abc import Sequence

from edgewright.errors import NothingFits
from edgewright.search.budgets import NAMES, Budgets, describe
from edgewright.search.candidates import Measured


def front(measured: Sequence[Measured]) -> tuple[Measured, ...]:
    """Return the candidates that no other beats: none is as accurate and takes no more of anything, and is better in one of these.

    Of candidates that are alike in all of it the first stays.
    """
    found: list[Measured] = []
    for number, one in enumerate(measured):
        beaten = any(
            all(b <= a for a, b in zip(_costs(one), _costs(other), strict=True))
            and (_costs(other) != _costs(one) or place < number)
            for place, other in enumerate(measured)
            if place != number
        )
        if not beaten:
            found.append(one)
    return tuple(found)


def choose(measured: Sequence[Measured], budgets: Budgets) -> Measured:
    """Return the most accurate candidate that holds the budgets; of several the one with the least flash, then RAM, then time.

    Raises NothingFits, which names the nearest candidate and by how much it misses each budget, and what the smallest would need.
    """
    fitting = [one for one in measured if not budgets.over(one.needs)]
    if fitting:
        return min(fitting, key=_costs)
    nearest = min(measured, key=lambda one: budgets.strain(one.needs))
    smallest = min(measured, key=lambda one: one.needs["flash"] or math.inf)
    over = budgets.over(nearest.needs)
    wanted = ",".join(f"{name}={_ceiling(name, nearest.needs[name] or 0)}" for name in budgets.limits if name in over)
    lines = [
        f"Nothing holds {budgets}; {len(measured)} candidate{'s were' if len(measured) > 1 else ' was'} tried.",
        f"The nearest is {nearest.name}, right on {nearest.candidate.accuracy:.1%} of the validation rows: it needs "
        f"{describe(nearest.needs)}; that is over by {describe(over)}.",
        "It is the smallest, too."
        if smallest is nearest
        else f"The smallest is {smallest.name}: it needs {describe(smallest.needs)}.",
        f"Give at least {wanted}, or choose another model or board.",
    ]
    raise NothingFits("\n".join(lines), over)


def _costs(one: Measured) -> tuple[float, ...]:
    """Return what is better when it is less."""
    needs = (one.needs.get(name) for name in NAMES)
    return (-one.candidate.accuracy, *(math.inf if need is None else need for need in needs))


def _ceiling(name: str, need: float) -> float:
    return math.ceil(need * 100) / 100 if name == "ms" else math.ceil(need)
