"""`edgewright build --fit`: the model, its size and its integers by budgets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from edgewright.cli import _models, _output, _train
from edgewright.cli._progress import Tracker
from edgewright.cli._rows import Rows
from edgewright.data import Split
from edgewright.errors import BadInput
from edgewright.firmware import Firmware, deploy
from edgewright.records import Record
from edgewright.search import Budgets, budgets, search_sizes, sizes


@dataclass(frozen=True)
class Built:
    """A fitted estimator, its firmware and its record; the candidates that it was chosen from, and what the user should know."""

    estimator: Any
    firmware: Firmware
    record: Record
    candidates: Sequence[Record] = ()
    warnings: Sequence[str] = ()


def parse(
    text: str,
    board: str,
    model: str,
    seed: int,
    settings: Mapping[str, Any],
    *,
    size_kb: float | None,
    quantise: Sequence[str] | None,
) -> Budgets:
    """Return the budgets that a user gave. Raises BadInput, also for what the search is to choose, and MissingTool."""
    given = budgets.parse(text)
    searched = sizes.sizes_of(_train.make(model, seed, settings))[0].keys()
    fixed = ["--size-kb"] if size_kb is not None else []
    fixed += [f"--set {name}" for name in settings if name in searched] + ["--quantise"] * bool(quantise)
    if fixed:
        raise BadInput(f"--fit chooses the size and the integers of the model itself; leave out {', '.join(fixed)}.")
    budgets.on_board(given, board)
    return given


def build(
    estimator: Any,
    model: str,
    split: Split,
    board: str,
    prefix: str,
    about: Mapping[str, Any],
    limits: Budgets,
    progress: Tracker,
) -> Built:
    """Return what was chosen of all that was tried. The test rows run once, through that.

    Raises NothingFits, Mismatch, BadData, BadInput.
    """
    found = search_sizes(
        estimator,
        board,
        split.x_train,
        split.y_train,
        limits,
        fit=lambda one, x, y: _train.fit(one, model, replace(split, x_train=x, y_train=y), progress),
        random_state=about["seed"],
        say=progress.begin,
    )
    chosen = found.chosen
    firmware = deploy(chosen.model, board, found.calibration, name=prefix, settings=chosen.candidate.settings)
    progress.begin(f"running {len(split.x_test):,} rows on {board}")
    settings = {**about["settings"], **chosen.candidate.size, "fit": str(limits), "candidate": chosen.name}
    record = _models.measured(firmware, Rows(split.x_test, split.y_test), **{**about, "settings": settings})
    record = _models.with_numbers(record, accuracy_float=float(chosen.model.score(split.x_test, split.y_test)))
    _models.check_agreement(record)
    warnings = []
    if over := found.budgets.over(needs_of(record)):
        warnings.append(f"on the test rows it takes more than on the validation rows: over by {budgets.describe(over)}")
    return Built(chosen.model, firmware, record, found.records(prefix, **about), warnings)


def needs_of(record: Record) -> dict[str, float | None]:
    """Return what a record says that a model needs, by the names of the budgets."""
    numbers = record.numbers
    ram, stack, exact = (numbers.get(key) for key in ("ram_bytes", "stack_bytes", "milliseconds"))
    return {
        "flash": numbers.get("flash_bytes"),
        "ram": None if ram is None or stack is None else ram + stack,
        "ms": numbers.get("milliseconds_estimated") if exact is None else exact,
        "instructions": numbers.get("instructions_per_inference"),
    }


def print_front(candidates: Sequence[Record]) -> None:
    """Print the candidates that no other beats, the most accurate first, the chosen one marked."""
    shown = sorted(
        (record for record in candidates if record.numbers["on_front"] or record.numbers["chosen"]),
        key=lambda record: -(record.numbers["accuracy_validation"] or 0),
    )
    rows = []
    for record in shown:
        needs = needs_of(record)
        rows.append(
            [
                ">" if record.numbers["chosen"] else "",
                str(record.settings["candidate"]),
                _output.number(record.numbers["accuracy_validation"], 3),
                _output.number(needs["flash"]),
                _output.number(needs["ram"]),
                _output.number(needs["instructions"]),
                _output.number(needs["ms"], 2),
                _output.answer(record.numbers["fits"]),
            ]
        )
    rows_judging = shown[0].numbers["validation_rows"]
    _output.print_table(
        ["", "candidate~", "right>", "flash>", "RAM>", "instr.>", "ms>", "fits"],
        rows,
        f"{len(candidates)} candidates, {len(shown)} that no other beats; judged on {rows_judging:,} validation rows",
        gap=1,
    )
    _output.console().print()
