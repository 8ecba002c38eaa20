"""The search over the size of a model: trained at several sizes, each with the integers that suit the budgets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from edgewright import records
from edgewright.data.tables import Table, split_table
from edgewright.errors import BadData, BadInput, DoesNotFit, UnsupportedModel
from edgewright.ir.types import Array
from edgewright.lowering import lower
from edgewright.records import Record
from edgewright.search.budgets import Budgets, on_board
from edgewright.search.candidates import Measured
from edgewright.search.front import choose, front
from edgewright.search.integers import Say, confirm, search_integers

TRAININGS = 4
KB = 1024
LARGEST_KB = 32.0  # where no budget of flash is given
STEP, STEPS = 0.88, 28  # from one size to the next smaller one, and how many: down to a 32nd of the largest
BEYOND = tuple(STEP**-step for step in range(1, STEPS))  # times the largest, where no model is as small as that
DEPTHS = range(1, 17)
VALIDATION_SHARE = 0.2  # of the rows, on which candidates are judged
MOST_CALIBRATION_ROWS = 1000

# What records call the budgets.
KEYS = {"flash": "flash_bytes", "ram": "ram_bytes", "ms": "milliseconds", "instructions": "instructions"}

Fit = Callable[[Any, Array, Array], Any]


@dataclass(frozen=True)
class Found:
    """What a search over sizes found.

    chosen: the candidate that was chosen. measured: all of them. front: those that no other beats. budgets: those that were held, the
    board's memory included. calibration: the rows [n, *shape] that scales were taken from, so that
    `deploy(chosen.model, board, calibration, settings=chosen.candidate.settings)` makes the same integers. validation_rows: how many
    rows judged.
    """

    chosen: Measured
    measured: tuple[Measured, ...]
    front: tuple[Measured, ...]
    budgets: Budgets
    calibration: Array
    validation_rows: int

    def records(self, model: str, **fields: Any) -> list[Record]:
        """Return one record of the kind "candidate" for each that was measured, those that no other beats marked. fields: further ones."""
        limits = {f"budget_{KEYS[name]}": limit for name, limit in self.budgets.limits.items()}
        settings = fields.pop("settings", {})
        made = []
        for one in self.measured:
            candidate, image = one.candidate, one.firmware.image
            numbers = {
                "accuracy_validation": candidate.accuracy,
                "validation_rows": self.validation_rows,
                **one.numbers,
                **limits,
                "fits": int(not self.budgets.over(one.needs)),
                "on_front": int(one in self.front),
                "chosen": int(one is self.chosen),
            }
            about = {**settings, **candidate.size, "candidate": one.name, "quantisation": asdict(candidate.settings)}
            made.append(
                records.make(
                    "candidate",
                    model,
                    board=one.firmware.board,
                    engine=image.engine,
                    compiler=image.compiler,
                    flags=image.flags,
                    graph_hash=candidate.graph.hash,
                    settings=about,
                    numbers=numbers,
                    **fields,
                )
            )
        return made


def sizes_of(estimator: Any, largest_kb: float = LARGEST_KB) -> list[dict[str, Any]]:
    """Return the settings of a classifier that make it smaller or larger, ascending. Raises BadInput for what is none or has none."""
    from sklearn.base import is_classifier

    if not is_classifier(estimator):
        raise BadInput(f"The search judges by classes, and a {type(estimator).__name__} has none; choose a classifier.")
    allowed = estimator.get_params()
    if "size_kb" in allowed:
        return [{"size_kb": float(f"{largest_kb * STEP**step:.3g}")} for step in reversed(range(STEPS))]
    if "max_depth" not in allowed:
        raise BadInput(
            f"The search cannot choose the size of a {type(estimator).__name__}: it has neither size_kb nor max_depth. Train it and "
            f"give it to search_integers."
        )
    if "n_estimators" in allowed:  # more trees and deeper ones together
        return [{"n_estimators": 1 + depth * depth // 6, "max_depth": depth} for depth in DEPTHS]
    return [{"max_depth": depth} for depth in DEPTHS]


def search_sizes(
    estimator: Any,
    board: str,
    X: Array,
    y: Array,
    budgets: Budgets,
    *,
    fit: Fit = lambda estimator, X, y: estimator.fit(X, y),
    trainings: int = TRAININGS,
    random_state: int = 0,
    say: Say = lambda what: None,
) -> Found:
    """Return the most accurate model that holds the budgets on a board, and all that were tried for it.

    estimator: not fitted; it is trained at up to `trainings` sizes, each halfway between the largest that fits and the smallest that does
    not. X, y: training rows [n, *shape] and their classes; a fifth is kept from training and judges the candidates. fit: trains.
    say: is told what is being done. Raises NothingFits, BadData, BadInput, MissingTool, DoesNotFit where the board itself is too small.
    """
    from sklearn.base import clone

    limited = on_board(budgets, board)
    if np.ndim(y) != 1:
        raise BadData(f"The search needs one class a row, y [n]; this y is {list(np.shape(y))}.")
    parts = split_table(Table(np.asarray(X), np.asarray(y), (), ()), VALIDATION_SHARE, random_state)
    rows, judging = parts.x_train, parts.x_test
    calibration = rows[np.linspace(0, len(rows) - 1, min(len(rows), MOST_CALIBRATION_ROWS)).astype(np.int64)]

    # By the hash of the float graph: a larger size may give the same model
    measured: dict[str, tuple[Measured, ...]] = {}

    def measured_at(size: Mapping[str, Any]) -> tuple[Measured, ...]:
        say("training " + " ".join(f"{name}={value}" for name, value in size.items()))
        model = fit(clone(estimator).set_params(**size), rows, parts.y_train)
        key = lower(model).hash
        if key not in measured:
            measured[key] = search_integers(
                model, board, calibration, judging, parts.y_test, limited, size=size, say=say
            )
        return measured[key]

    grid = sizes_of(estimator, LARGEST_KB if budgets.flash is None or limited.flash is None else limited.flash / KB)
    low, high, trained = 0, len(grid) - 1, 0
    too_small: BadInput | None = None
    too_large: DoesNotFit | None = None
    while low <= high and trained < trainings:
        place = (low + high) // 2
        fits = False
        try:
            fits = any(not limited.over(one.needs) for one in measured_at(grid[place]))
            trained += 1
        except DoesNotFit as error:
            too_large, trained = error, trained + 1
        except (BadData, UnsupportedModel):  # no size helps
            raise
        except BadInput as error:  # no model is that small
            too_small, fits = error, True
        low, high = (place + 1, high) if fits else (low, place - 1)
    if not trained and "size_kb" in grid[0]:
        _least_possible(grid[-1]["size_kb"], measured_at)
    if not measured and (problem := too_large or too_small):
        raise problem
    found = [one for several in measured.values() for one in several]
    chosen = _confirmed(found, limited, judging)
    return Found(chosen, tuple(found), front(found), limited, calibration, len(judging))


def _least_possible(size_kb: float, measure_at: Callable[[Mapping[str, Any]], object]) -> None:
    """Measure the first size that is possible beyond one that is not. Raises BadInput where there is none."""
    for times in BEYOND:
        try:
            measure_at({"size_kb": size_kb * times})
            return
        except BadInput:
            if times == BEYOND[-1]:
                raise


def _confirmed(measured: list[Measured], budgets: Budgets, X: Array) -> Measured:
    """Return the candidate to choose, after it held the budgets on more rows; `measured` then says what it took on them.

    Raises NothingFits.
    """
    while True:
        chosen = choose(measured, budgets)
        again = confirm(chosen, X)
        measured[measured.index(chosen)] = again
        if not budgets.over(again.needs):
            return again
