"""The tables of the page: cases in, tables out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from edgewright.report.cells import DASH, Cell, Notes, Row, Table
from edgewright.report.facts import Case, in_order, percent, plain, share, whole


def words(*texts: str) -> tuple[Cell, ...]:
    """Return cells of words."""
    return tuple(Cell(text) for text in texts)


def numbers(*texts: str) -> tuple[Cell, ...]:
    """Return head cells above numbers; what follows a comma, the unit, goes below."""
    parted = [text.partition(", ") for text in texts]
    return tuple(Cell(text, "number", unit) for text, _, unit in parted)


def value(case: Case, key: str, notes: Notes, form: Callable[[float | int], str] = whole) -> Cell:
    """Return the cell of a number of the record, or the dash with its reason."""
    found = case.number(key)
    return notes.dash(case.why_missing(key)) if found is None else Cell(form(found), "number")


def of_models(cases: Sequence[Case]) -> list[tuple[str, list[Case]]]:
    """Return model -> its cases, in order."""
    return [
        (model, [case for case in cases if case.model == model]) for model in in_order(case.model for case in cases)
    ]


def boards_of(cases: Sequence[Case]) -> list[str]:
    """Return the names of all boards, in order."""
    return in_order(case.board for case in cases)


def verification(cases: Sequence[Case]) -> Table:
    """Model x board: whether the integer twin, the C on the host and the C on the board agree."""
    boards, notes, rows = boards_of(cases), Notes(), []
    for model, own in of_models(cases):
        found = {case.board: case for case in own}
        cells = [
            _agreement(found[board], notes)
            if board in found
            else Cell(DASH, "open", note=notes.number("The records hold no such case."))
            for board in boards
        ]
        rows.append(Row(words(model), cells))
    return Table("Agreement of twin, host and board", words("model", *boards), rows, notes.reasons)


def _agreement(case: Case, notes: Notes) -> Cell:
    state, vectors = case.state, case.number("vectors")
    by_engine = case.counts("mismatches_by_engine")
    tested = "" if vectors is None else f"{whole(case.number('mismatches') or 0)} of {whole(vectors)} differ"
    engines = ", ".join(f"{name} {whole(count)}" if state == "differs" else name for name, count in by_engine.items())
    below = f"{tested}: {engines}" if tested and engines else tested
    if state == "verified":
        return Cell("verified", "good", below)
    if state == "differs":
        return Cell("differs", "bad", below)
    too_large = case.why_too_large
    return Cell(state, "bad" if too_large else "open", below, notes.number(too_large or case.why_missing("verified")))


def accuracies(cases: Sequence[Case]) -> Table:
    """Accuracy of float model, integers and boards."""
    boards, notes, rows = boards_of(cases), Notes(), []
    for model, own in of_models(cases):
        found = {case.board: case for case in own}
        richest = max(
            own, key=lambda case: len(case.record.numbers.keys() & {"accuracy_float", "accuracy_integer", "rows"})
        )
        of_float, of_integers = richest.number("accuracy_float"), richest.number("accuracy_integer")
        lost = None if of_float is None or of_integers is None else (of_float - of_integers) * 100
        cells = [
            Cell(" ".join(plain(str(part)) for part in (richest.record.data, richest.record.split) if part) or DASH),
            value(richest, "rows", notes),
            value(richest, "accuracy_float", notes, accuracy),
            value(richest, "accuracy_integer", notes, accuracy),
            notes.dash(richest.why_missing("accuracy_float")) if lost is None else Cell(f"{lost:+.2f}", "number"),
            *(
                _accuracy_on_board(found[board], notes)
                if board in found
                else notes.dash("The records hold no such case.")
                for board in boards
            ),
        ]
        rows.append(Row(words(model), cells))
    head = (
        *words("model", "data"),
        *numbers(
            "rows", "float", "integers", "lost by integers, points", *(f"{board}, on the board" for board in boards)
        ),
    )
    return Table("Accuracy of the float model, of its integers and of the C on each board", head, rows, notes.reasons)


def _accuracy_on_board(case: Case, notes: Notes) -> Cell:
    """The accuracy of the C, and of how many of the rows where the board did not run all of them."""
    cell = value(case, "accuracy_board", notes, accuracy)
    return cell if case.number("accuracy_board") is None else replace(cell, below=case.part_of_rows)


def accuracy(found: float | int) -> str:
    """Return an accuracy as per cent with two decimals."""
    return percent(found, 2)


def costs(cases: Sequence[Case]) -> Table:
    """What every case costs, and how much of the board that is."""
    notes, rows = Notes(), []
    for model, own in of_models(cases):
        for case in own:
            name = [Cell(model, span=len(own))] if case is own[0] else []
            rows.append(Row([*name, Cell(case.board)], _cost(case, notes), "first" if case is own[0] else ""))
    head = (
        *words("model", "board"),
        *numbers(
            "code, bytes",
            "constants, bytes",
            "helpers, bytes",
            "flash, bytes",
            "of the board",
            "RAM, bytes",
            "stack, bytes",
        ),
        *numbers("of the board", "instructions, mean", "instructions, largest", "cycles, mean", "time, ms"),
        Cell("fits"),
    )
    return Table("Flash, RAM, stack and time of every model on every board", head, rows, notes.reasons)


def _cost(case: Case, notes: Notes) -> list[Cell]:
    code, flash = case.code_bytes, case.number("flash_bytes")
    why = (
        case.why_missing("flash_bytes")
        if flash is None
        else "Constants and helpers add up to more than the flash figure."
    )
    helpers = sum(case.counts("helper_bytes").values())
    fits = {True: Cell("yes", "good"), False: Cell("no", "bad"), None: Cell(DASH, "open")}[case.fits]
    return [
        notes.dash(why) if code is None else Cell(whole(code), "number"),
        _constants(case, notes),
        notes.dash(why) if flash is None else Cell(whole(helpers), "number"),
        value(case, "flash_bytes", notes),
        _part(share(flash, case.number("board_flash_bytes")), case, "flash_bytes", notes),
        value(case, "ram_bytes", notes),
        value(case, "stack_bytes", notes),
        _part(
            None
            if case.number("ram_bytes") is None or case.number("stack_bytes") is None
            else share(case.ram_needed, case.number("board_ram_bytes")),
            case,
            "stack_bytes",
            notes,
        ),
        value(case, "instructions_per_inference", notes),
        value(case, "instructions_largest", notes),
        value(case, "cycles_per_inference", notes),
        _milliseconds(case, notes),
        fits if case.fits is not None else Cell(DASH, "open", note=notes.number(case.why_missing("flash_bytes"))),
    ]


def _constants(case: Case, notes: Notes) -> Cell:
    """Weights and tables of functions together; the tables below where there are any."""
    found, tables = case.number("constant_bytes"), case.number("table_bytes")
    if found is None:
        return notes.dash(case.why_missing("constant_bytes"))
    return Cell(whole(found), "number", f"{whole(tables)} in tables" if tables else "")


def _milliseconds(case: Case, notes: Notes) -> Cell:
    """Exact time, or an estimate that is marked as one."""
    exact, estimated = case.number("milliseconds"), case.number("milliseconds_estimated")
    if exact is not None or estimated is None:
        return value(case, "milliseconds", notes, lambda found: f"{found:,.3f}")
    note = notes.number("Estimated from the instructions and their cycles, for memory that answers at once.")
    return Cell(f"~{estimated:,.3f}", "number", note=note)


def _part(found: float | None, case: Case, key: str, notes: Notes) -> Cell:
    return notes.dash(case.why_missing(key)) if found is None else Cell(percent(found), "number", share=min(found, 1.0))


def bytes_of_flash(own: Sequence[Case]) -> Table:
    """Where every byte of flash goes for one model: constants by name, helpers by name, code; a column a board."""
    notes, rows = Notes(), []
    for kind, table in (("constant", "constant_bytes"), ("helper", "helper_bytes")):
        largest = {
            name: max(case.counts(table).get(name, 0) for case in own) for case in own for name in case.counts(table)
        }
        for name in sorted(largest, key=lambda name: (-largest[name], name)):
            cells = []
            for case in own:
                count = case.counts(table).get(name)
                if count is None:
                    known = case.number("flash_bytes") is not None
                    cells.append(notes.dash("Not part of this build." if known else case.why_missing("flash_bytes")))
                else:
                    of_all = share(count, case.flash_needed)
                    cells.append(Cell(whole(count), "number", share=None if of_all is None else min(of_all, 1.0)))
            rows.append(Row([Cell(name, below="" if kind == "constant" else kind)], cells))
    code = [
        notes.dash(case.why_missing("flash_bytes"))
        if case.code_bytes is None
        else Cell(whole(case.code_bytes), "number", share=share(case.code_bytes, case.flash_needed))
        for case in own
    ]
    rows.append(Row(words("code"), code))
    rows.append(Row(words("flash"), [value(case, "flash_bytes", notes) for case in own], "total"))
    head = (Cell("where"), *numbers(*(f"{case.board}, bytes" for case in own)))
    return Table(f"Bytes of flash of {own[0].model}", head, rows, notes.reasons)


def memory(case: Case) -> Table:
    """The memory map of one model in numbers."""
    rows = [
        Row(
            words(block.value),
            [
                Cell(plain(block.dtype)),
                *(Cell(whole(number), "number") for number in (block.offset, block.size, block.first, block.last)),
            ],
        )
        for block in sorted(case.blocks, key=lambda block: (block.first, block.dtype, block.offset))
    ]
    head = (*words("value", "arena"), *numbers("offset, bytes", "size, bytes", "first step", "last step"))
    return Table(f"Memory map of {case.model}", head, rows)


def qualities(case: Case) -> Table:
    """How well the integers of one model follow its real numbers."""
    notes, rows = Notes(), []
    for name, row in case.values.items():
        ratio = row.get("snr_db")
        exact = row.get("largest_error") == 0
        reason = "The integers are exact." if exact else "The ratio is not finite: there is no signal or no noise."
        cells = [
            Cell(plain(str(row.get("dtype", DASH)))),
            Cell(plain(str(row.get("scale", DASH)))),
            Cell(f"{ratio:.1f}", "number") if isinstance(ratio, int | float) else notes.dash(reason),
            _measured(row.get("saturated_share"), lambda found: percent(found, 2), notes),
            _measured(row.get("largest_error"), lambda found: f"{found:.4g}", notes),
        ]
        rows.append(Row(words(name), cells))
    head = (
        *words("value", "type", "scale"),
        *numbers("signal to noise, dB", "saturated, of the entries", "largest error, real units"),
    )
    return Table(f"Integers against real numbers in {case.model}", head, rows, notes.reasons)


def _measured(found: Any, form: Callable[[float], str], notes: Notes) -> Cell:
    return Cell(form(found), "number") if isinstance(found, int | float) else notes.dash("Not in the record.")


def functions(own: Sequence[Case]) -> Table:
    """Instructions of one inference by function for one model; a column a board."""
    tables = {case: case.counts("instructions_by_function") for case in own}
    largest = {
        name: max(table.get(name, 0) for table in tables.values()) for table in tables.values() for name in table
    }
    notes, rows = Notes(), []
    for name in sorted(largest, key=lambda name: (-largest[name], name)):
        cells = [
            Cell(whole(table[name]), "number")
            if name in table
            else notes.dash("Not called on this board." if table else case.why_missing("instructions_per_inference"))
            for case, table in tables.items()
        ]
        rows.append(Row(words(name), cells))
    head = (Cell("function"), *numbers(*(f"{case.board}, instructions" for case in own)))
    return Table(f"Instructions by function of {own[0].model}", head, rows, notes.reasons)


def builds(cases: Sequence[Case]) -> Table:
    """What each board has, and which engine, compiler and flags served it."""
    found: dict[tuple[Any, ...], Case] = {}
    for case in cases:
        found.setdefault((case.board, case.record.engine, case.record.compiler, case.record.flags), case)
    boards, notes, rows = boards_of(cases), Notes(), []
    for (board, engine, compiler, flags), case in sorted(found.items(), key=lambda item: boards.index(item[0][0])):
        missing = "Nothing was built in this case: see what was left out."
        cells = [
            value(case, "board_flash_bytes", notes),
            value(case, "board_ram_bytes", notes),
            Cell(engine) if engine else notes.dash("The record names no engine."),
            Cell(compiler) if compiler else notes.dash(missing),
            Cell(" ".join(flags), "code")
            if flags
            else notes.dash("The record names no flags." if compiler else missing),
        ]
        rows.append(Row(words(board), cells))
    head = (Cell("board"), *numbers("flash, bytes", "RAM, bytes"), *words("engine", "compiler", "flags"))
    return Table("Memory, engine, compiler and flags of each board", head, rows, notes.reasons)


def conditions(cases: Sequence[Case]) -> Table:
    """Under which conditions the records were made: every value that occurs."""
    records = [case.record for case in cases]
    facts: dict[str, list[str]] = {
        "commit": [
            f"{record.commit} ({'with' if record.dirty else 'without'} uncommitted changes)"
            if record.commit
            else "not run from a checkout"
            for record in records
        ],
        "measured": [record.when or "time not recorded" for record in records],
        "data": [
            " ".join(str(part) for part in (record.data, record.split) if part) or "not named" for record in records
        ],
        "seed": [DASH if record.seed is None else str(record.seed) for record in records],
        "threads": [DASH if record.threads is None else str(record.threads) for record in records],
    }
    facts |= {
        package: [record.versions.get(package, "not installed") for record in records]
        for package in in_order(name for record in records for name in record.versions)
    }
    rows = [Row(words(name), [Cell(_span(name, in_order(found)))]) for name, found in facts.items()]
    for model, own in of_models(cases):
        settings = in_order(
            ", ".join(f"{key} = {setting}" for key, setting in case.record.settings.items()) for case in own
        )
        hashes = in_order(case.record.graph_hash or "not named" for case in own)
        bits = in_order(whole(found) for case in own if (found := case.number("widest_accumulator_bits")) is not None)
        said = [
            f"graph {', '.join(hashes)}",
            f"widest accumulator {', '.join(bits) or DASH} bits",
            *filter(None, settings),
        ]
        rows.append(Row(words(model), [Cell("; ".join(said))]))
    return Table("Conditions", words("what", "value"), rows)


def _span(name: str, found: list[str]) -> str:
    """Several times are shown as their span, several of anything else one by one."""
    return f"{min(found)} to {max(found)}" if name == "measured" and len(found) > 1 else ", ".join(found)
