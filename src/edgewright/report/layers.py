"""The table that says where every byte of flash and every instruction of one model goes, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence

from edgewright.report.cells import Cell, Notes, Row, Table
from edgewright.report.facts import Case, percent, share, whole
from edgewright.report.sections import numbers, value, words


def layers(own: Sequence[Case]) -> Table:
    """Layers of one model in the order in which they run, then what belongs to none of them; two columns a board."""
    notes, rows = Notes(), []
    shown = {name: facts for case in reversed(own) for name, facts in case.layers.items()}
    order = list(next((case.layers for case in own if case.layers), {}))
    for name in order:
        cells = [Cell(" × ".join(map(str, shown[name]["shape"])) or "1")]
        for case in own:
            instructions = case.counts("instructions_by_layer")
            cells += [
                _bytes(case.layers.get(name, {}).get("constant_bytes"), case, notes),
                _count(instructions.get(name), sum(instructions.values()), case, notes),
            ]
        rows.append(Row([Cell(name, below=str(shown[name]["operator"]))], cells))
    for what in ("other constants", "code", "helpers"):
        found = [_outside_of_layers(case)[what] for case in own]
        if any(found) or what == "code":
            cells = [
                cell
                for case, nbytes in zip(own, found, strict=True)
                for cell in (_bytes(nbytes, case, notes), Cell(""))
            ]
            rows.append(Row(words(what), [Cell(""), *cells]))
    totals = [
        value(case, key, notes, lambda found: whole(round(found)))
        for case in own
        for key in ("flash_bytes", "instructions_per_inference")
    ]
    rows.append(Row(words("all"), [Cell(""), *totals], "total"))
    head = [Cell("layer"), Cell("output")]
    for case in own:
        head += numbers(f"{case.board}, flash bytes", f"{case.board}, instructions")
    return Table(f"Flash and instructions of {own[0].model} by layer", head, rows, notes.reasons)


def _outside_of_layers(case: Case) -> dict[str, float | int | None]:
    """Return the bytes of flash that no layer reads: constants, code, the compiler's helpers; None for what is not known."""
    constants, flash = case.number("constant_bytes"), case.number("flash_bytes")
    of_layers = sum(facts["constant_bytes"] for facts in case.layers.values())
    return {
        "other constants": None if constants is None else max(constants - of_layers, 0),
        "code": case.code_bytes,
        "helpers": None if flash is None else sum(case.counts("helper_bytes").values()),
    }


def _bytes(count: float | int | None, case: Case, notes: Notes) -> Cell:
    if count is None:
        return notes.dash(case.why_missing("flash_bytes"))
    of_all = share(count, case.flash_needed)
    return Cell(whole(count), "number", share=None if of_all is None else min(of_all, 1.0))


def _count(count: float | int | None, total: float | int, case: Case, notes: Notes) -> Cell:
    if count is None:
        known = case.number("instructions_per_inference") is not None
        reason = (
            "The calls in the code do not tell the layers apart."
            if known
            else case.why_missing("instructions_per_inference")
        )
        return notes.dash(reason)
    part = share(count, total)
    return Cell(whole(round(count)), "number", "" if part is None else percent(part), share=part)
