"""The search over the integers of one fitted model: what its candidates take on a board."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from edgewright import boards
from edgewright.compiler.emit import emit
from edgewright.errors import BadData, DoesNotFit, UnsupportedModel
from edgewright.firmware import Firmware, deploy
from edgewright.ir.types import Array
from edgewright.lowering import lower
from edgewright.measure import counts
from edgewright.search.budgets import Budgets, Needs, on_board
from edgewright.search.candidates import Candidate, Judge, Measured
from edgewright.search.front import front

COUNTED_ROWS = 3  # run on the board for each candidate; what an inference takes hardly depends on the row
CONFIRMED_ROWS = 100  # run for the one that is chosen
TOLERATED_LOSS = 0.05  # of accuracy against the best integers of the same model; what loses more is not built

Say = Callable[[str], None]


def search_integers(
    model: Any,
    board: str,
    calibration: Array,
    X: Array,
    y: Array,
    budgets: Budgets | None = None,
    *,
    size: Mapping[str, Any] | None = None,
    say: Say = lambda what: None,
) -> tuple[Measured, ...]:
    """Return the candidates of a fitted classifier, or of its float graph, built for a board and measured there.

    calibration: typical rows [n, *shape] that scales are taken from. X, y: validation rows, which the model was not trained on, and their
    classes. budgets: what is beyond them by its bytes alone is not built; where that is all, the smallest is. size: settings of the
    model to note. say: is told what is being done. Raises UnsupportedModel for what is no classifier in float, BadData, MissingTool.
    """
    budgets = on_board(budgets or Budgets(), board)
    graph = lower(model)
    if graph.is_quantised or not graph.labels:
        raise UnsupportedModel(f"The search needs a classifier in float; {graph.name!r} is not one.")
    if len(X) != len(y) or not len(X):
        raise BadData(
            f"The search needs validation rows with a class each; there are {len(X)} rows and {len(y)} classes."
        )
    judge = Judge(graph, np.asarray(calibration), np.asarray(X), np.asarray(y), size or {})
    say("trying integers")
    tried = [*judge.everywhere(), *judge.one_by_one()]
    enough = max(one.accuracy for one in tried) - TOLERATED_LOSS
    measured = _build([one for one in tried if one.accuracy >= enough], model, board, judge.X, budgets, say)
    others = [other for one in front(measured) for other in judge.stored_otherwise(one.candidate)]
    seen = {one.candidate.graph.hash for one in measured}
    others = [other for other in others if other.graph.hash not in seen]
    return (*measured, *_build(others, model, board, judge.X, budgets, say, needed=False))


def confirm(one: Measured, X: Array) -> Measured:
    """Return a candidate measured again on more rows [n, *shape]."""
    return _measured(one.candidate, one.model, one.firmware, X[:CONFIRMED_ROWS])


def _build(
    candidates: Iterable[Candidate],
    model: Any,
    board: str,
    X: Array,
    budgets: Budgets,
    say: Say,
    *,
    needed: bool = True,
) -> list[Measured]:
    """Return the candidates that differ and hold the budgets by their bytes alone, built and measured.

    needed: whether the one with the least flash is to be built where there is no other. Raises DoesNotFit where the board is too small
    for that.
    """
    different = _different(candidates)
    least = {one.graph.hash: _bytes(one, board) for one in different}
    possible = [one for one in different if not budgets.over(least[one.graph.hash])]
    if needed and not possible:
        possible = [min(different, key=lambda one: least[one.graph.hash]["flash"])]
    measured: list[Measured] = []
    for number, one in enumerate(possible, start=1):
        say(f"building {number} of {len(possible)}: {one.name}")
        try:
            firmware = deploy(one.graph, board)
        except DoesNotFit:
            if needed and not measured and number == len(possible):
                raise
            continue
        measured.append(_measured(one, model, firmware, X[:COUNTED_ROWS]))
    return measured


def _different(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Return candidates without those whose integers came before."""
    first: dict[str, Candidate] = {}
    for one in candidates:
        first.setdefault(one.graph.hash, one)
    return list(first.values())


def _bytes(one: Candidate, board: str) -> dict[str, float]:
    """Return the bytes of flash and RAM that a candidate takes at least: its constants and its arena."""
    (entry,) = emit({"model": one.graph}, features=boards.get(board).cpu.features).entries
    return {"flash": sum(entry.constant_bytes.values()), "ram": entry.arena_bytes}


def _measured(one: Candidate, model: Any, firmware: Firmware, X: Array) -> Measured:
    """Return what a candidate takes on the board for rows [n, *shape]."""
    (deployed,) = firmware.models.values()
    _, run = firmware.run(deployed.integers(X))
    numbers = counts(run, boards.get(firmware.board))
    image = firmware.image
    ram = None if image.ram_bytes is None or run.stack_bytes is None else image.ram_bytes + run.stack_bytes
    milliseconds = numbers.get("milliseconds")
    needs: Needs = {
        "flash": image.flash_bytes,
        "ram": ram,
        "ms": numbers.get("milliseconds_estimated") if milliseconds is None else milliseconds,
        "instructions": numbers.get("instructions_per_inference"),
    }
    sizes = {"flash_bytes": image.flash_bytes, "ram_bytes": image.ram_bytes}
    return Measured(one, model, firmware, needs, {**sizes, **numbers})
