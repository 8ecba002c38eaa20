"""What a generator's model costs on a board, and how well it does there."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.rivals import building, cases, environment, generators
from benchmarks.rivals.cases import Case
from benchmarks.rivals.environment import RivalRefused
from edgewright import boards, engines, records
from edgewright.errors import BoardFault
from edgewright.records import Record

MEASURED, LEFT_OUT = "generator", "generator left out"


def measured(generator: str, case_name: str, board_name: str, optimise: str, rows: int | None = None) -> Record:
    """Return the record of a generator's model of the digits on a board; see `measured_case`."""
    return measured_case(generator, cases.get(case_name), "digits", board_name, optimise, rows)


def measured_case(
    generator: str, case: Case, data: str, board_name: str, optimise: str, rows: int | None = None
) -> Record:
    """Return the record of a generator's model on a board: sizes, instructions, accuracy, agreement; or why there is none.

    rows: of the test rows, all unless given.
    """
    entry, board = generators.get(generator), boards.get(board_name)
    settings: dict[str, Any] = {"generator": generator, "case": case.name, "optimise": optimise}
    versions = records.versions() | ({entry.package: environment.RIVALS[entry.package]} if entry.package else {})
    common: dict[str, Any] = {"data": data, "board": board_name, "seed": 0, "versions": versions}

    def left_out(reason: str, numbers: dict[str, Any] | None = None, **fields: Any) -> Record:
        settings["reason"] = reason
        what = LEFT_OUT if numbers is None else MEASURED
        return records.make(what, generator, settings=settings, numbers=numbers or {}, **common, **fields)

    if reason := entry.why_not() or building.why_not(board_name):
        return left_out(reason)
    try:
        sources = entry.sources(case, board)
    except RivalRefused as refusal:
        return left_out(f"refuses the model: {refusal}")
    settings["gives"] = sources.gives
    try:
        found = building.build(sources, board_name, optimise)
    except BoardFault as fault:
        return left_out(f"does not compile: {_first_error(str(fault))}")
    built: dict[str, Any] = {"engine": board.engine, "compiler": found.image.compiler, "flags": found.image.flags}
    numbers: dict[str, float | int | None] = {
        key: getattr(found, key)
        for key in ("object_flash_bytes", "object_ram_bytes", "constant_ram_bytes", "flash_bytes", "ram_bytes")
    }
    if problem := building.fits(found):
        return left_out(f"does not fit: {problem}", numbers, **built)
    x, y, wanted = case.x_test[:rows], case.y_test[:rows], case.predictions[:rows]
    try:
        run = engines.get(board.engine).run(found.image, building.NAME, building.vectors_of(sources, x))
    except BoardFault as fault:
        return left_out(f"does not run: {_first_error(str(fault))}", numbers, **built)
    answers = building.outputs_of(sources, run.outputs)
    indices = answers if sources.gives == "class" else answers.argmax(axis=1)
    # An index that is no class would be a fault of the rival; it counts as a wrong answer.
    valid = (indices >= 0) & (indices < len(case.estimator.classes_))
    predicted = np.where(valid, case.estimator.classes_[np.where(valid, indices, 0)], -1)
    assert run.instructions is not None
    numbers |= {
        "rows": len(x),
        "instructions_per_inference": float(run.instructions.mean()),
        "instructions_largest": int(run.instructions.max()),
        "stack_bytes": run.stack_bytes,
        "accuracy": float(np.mean(predicted == y)),
        "different_predictions": int(np.sum(predicted != wanted)),
    }
    if run.cycles is not None:
        numbers["cycles_per_inference"] = float(run.cycles.mean())
    by_function = {name: count / len(x) for name, count in run.by_function.items()}
    tables = {"instructions_by_function": by_function}
    return records.make(MEASURED, generator, settings=settings, numbers=numbers, tables=tables, **common, **built)


def _first_error(text: str) -> str:
    """Return the line of a compiler's or an engine's message that says what is wrong."""
    lines = text.splitlines()
    errors = [line for line in lines if "error:" in line or "undefined" in line or "overflowed" in line]
    return (errors or lines or [text])[0].strip()[:300]
