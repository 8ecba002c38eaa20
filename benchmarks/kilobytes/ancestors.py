"""The float build of each of our learners on the same cores, and what other generators make of models of the same digits."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np

from benchmarks.kilobytes import float_build, models, on_boards
from benchmarks.rivals import building, environment, measuring
from benchmarks.rivals.cases import Case
from edgewright import boards, data, engines, records
from edgewright.errors import MissingTool
from edgewright.records import Record
from edgewright.runtime.interpret import run_float

FLOAT, TOO_LARGE = "float build", "float build does not fit"
CORES = ("m0", "m4", "avr")
TOLERANCE = 1e-3  # of the largest score: float32 against float64
GENERATORS = {
    "forest": ("edgewright", "emlearn_inline_scaled", "emlearn_inline", "emlearn_loadable", "m2cgen", "micromlgen"),
    "network": ("edgewright", "emlearn_network", "emlearn_network_inline"),
    "linear": ("edgewright", "m2cgen"),
}
COUNTED_ROWS = 50  # where the whole test set would take minutes
WHOLE = "m4"  # the core on which a rival answers the whole test set


def float_unit(name: str, quick: bool) -> Iterator[Record]:
    """Count the float build of the model of seed 0 on each core and hold its scores against the interpreter's. Raises MissingTool."""
    model = models.trained(name, 0, quick)
    sources = float_build.sources(model.real, model.integers)
    split = models.split(model.setting, quick)
    x = split.x_test[: on_boards.QUICK_ROWS if quick else COUNTED_ROWS]
    wanted = run_float(model.real, x)
    for core in CORES[:1] if quick else CORES:
        board = on_boards.CORES[core]
        if problem := building.why_not(board):
            raise MissingTool(problem)
        found = building.build(sources, board)
        common: dict[str, Any] = {"data": model.setting.data, "seed": 0, "board": board, "graph_hash": model.real.hash}
        common |= {"compiler": found.image.compiler, "flags": found.image.flags}
        numbers: dict[str, Any] = {"flash_bytes": found.flash_bytes, "ram_bytes": found.ram_bytes}
        if problem := building.fits(found):
            yield records.make(TOO_LARGE, name, settings={"core": core, "reason": problem}, numbers=numbers, **common)
            continue
        engine = boards.get(board).engine
        run = engines.get(engine).run(found.image, building.NAME, building.vectors_of(sources, x))
        scores = building.outputs_of(sources, run.outputs)
        apart = float(np.max(np.abs(scores - wanted))) / float(np.max(np.abs(wanted)))
        assert run.instructions is not None
        numbers |= {
            "rows": len(x),
            "instructions_per_inference": float(run.instructions.mean()),
            "cycles_per_inference": None if run.cycles is None else float(run.cycles.mean()),
            "stack_bytes": run.stack_bytes,
            "largest_difference_of_largest_score": apart,
            "same_to_rounding": int(apart <= TOLERANCE),
            "different_answers": int(np.sum(scores.argmax(axis=1) != wanted.argmax(axis=1))),
        }
        yield records.make(FLOAT, name, engine=engine, settings={"core": core}, numbers=numbers, **common)


def rival_unit(case: str, generator: str, quick: bool) -> Iterator[Record]:
    """Measure a generator's C of a scikit-learn model of usps on each core; why it was left out where it was."""
    if not quick:
        environment.install()
    for core in (WHOLE,) if quick else CORES:
        rows = on_boards.QUICK_ROWS if quick else None if core == WHOLE else COUNTED_ROWS
        yield measuring.measured_case(generator, _case(case), "usps", on_boards.CORES[core], "-O2", rows)


def doc(case: str) -> str:
    """Return what a case is."""
    return _CASES[case]()[0]


@cache
def _case(name: str) -> Case:
    """Return a model of usps, pixels 0 to 255 in whole numbers for the forest, as its rivals want them, else 0 to 1."""
    doc, factor, estimator = _CASES[name]()
    split = data.get("usps").load()
    x_train, x_test = (np.rint(255 * x) if factor else x for x in (split.x_train, split.x_test))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it may stop before it has converged
        fitted = estimator.fit(x_train, split.y_train)
    return Case(name, doc, fitted, x_train, split.y_train, x_test, split.y_test)


def _forest() -> tuple[str, bool, Any]:
    from sklearn.ensemble import RandomForestClassifier

    return "random forest, 10 trees of depth 8", True, RandomForestClassifier(10, max_depth=8, random_state=0)


def _network() -> tuple[str, bool, Any]:
    from sklearn.neural_network import MLPClassifier

    return "network 256-16-10", False, MLPClassifier((16,), max_iter=100, random_state=0)


def _linear() -> tuple[str, bool, Any]:
    from sklearn.linear_model import LogisticRegression

    return "logistic regression", False, LogisticRegression(max_iter=300)


_CASES: dict[str, Callable[[], tuple[str, bool, Any]]] = {"forest": _forest, "network": _network, "linear": _linear}
