"""The records as one table in two parts, Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.rivals import cases, forward, generators, measuring, networks, results, timing
from edgewright.records import Record

BOARDS = {"stm32f405": "STM32F405, M4F", "microbit": "micro:bit, M0", "arduino-uno": "Uno, AVR"}
LEVELS = ("-O2", "-Os")


def table(made: Sequence[Record]) -> str:
    """Return what the documentation shows: C for boards, then forward passes."""
    parts = [_generators(made, case) for case in cases.names()]
    return "\n\n".join([*(part for part in parts if part), _forward(made)]).strip()


def _generators(made: Sequence[Record], case: str) -> str:
    mine = [record for record in made if record.settings.get("case") == case]
    if not mine:
        return ""
    lines = [
        f"| {cases.get(case).doc} | accuracy, predictions unlike scikit-learn's | {' | '.join(BOARDS.values())} |",
        f"|---|---|{'---|' * len(BOARDS)}",
    ]
    for name in generators.names():
        found = [record for record in mine if record.settings["generator"] == name]
        if not found:
            continue
        entry = generators.get(name)
        ran = next((record for record in found if record.numbers.get("rows")), None)
        gives = f", {ran.settings['gives']}" if ran else ""
        refusals = {str(record.settings.get("reason")) for record in found if record.what == measuring.LEFT_OUT}
        if len(found) > 1 and len(refusals) == 1 and all(record.what == measuring.LEFT_OUT for record in found):
            lines.append(f"| {entry.doc} | {_plain(refusals.pop())} | {' | '.join('–' for _ in BOARDS)} |")
            continue
        lines.append(
            f"| {entry.doc}{gives} | {_accuracy(ran)} | {' | '.join(_cell(found, board) for board in BOARDS)} |"
        )
    compilers = sorted({str(record.compiler) for record in mine if record.compiler})
    rows = max((int(record.numbers.get("rows") or 0) for record in mine), default=0)
    lines += [
        "",
        f"Digits, {rows} test rows. Flash of the model's own objects (with what they pull from libraries), RAM without the stack "
        "(constants in it), mean instructions of one inference, at -O2, then at -Os; same compilers and flags for all: "
        f"{', '.join(compilers) or 'none ran'}. Up to the class, or up to the scores where the caller chooses the class.",
    ]
    return "\n".join(lines)


def _accuracy(record: Record | None) -> str:
    if record is None:
        return "not run"
    n = record.numbers
    return f"{100 * float(n['accuracy'] or 0):.1f} %, {n['different_predictions']}"


def _cell(found: Sequence[Record], board: str) -> str:
    parts = []
    for level in LEVELS:
        record = next(
            (r for r in found if r.board == board and r.settings.get("optimise") == level),
            None,
        )
        if record is not None:
            parts.append(_cost(record))
    return "; ".join(dict.fromkeys(parts)) or "not measured"


def _cost(record: Record) -> str:
    n, reason = record.numbers, record.settings.get("reason")
    if n.get("flash_bytes") is None:
        return _plain(str(reason))
    ram = f"{n['ram_bytes']:,} B RAM" + (f" ({n['constant_ram_bytes']:,})" if n["constant_ram_bytes"] else "")
    sizes = f"{n['object_flash_bytes']:,} ({n['flash_bytes']:,}) B, {ram}"
    return f"{sizes}, {_plain(str(reason))}" if reason else f"{sizes}, {n['instructions_per_inference']:,.0f} instr."


def _plain(reason: str) -> str:
    """Return a reason short enough for a cell, without what would end the cell."""
    short = reason.replace("|", "/")
    return short if len(short) <= 90 else f"{short[:87]}..."


def _forward(made: Sequence[Record]) -> str:
    shown = [
        name
        for name in (*networks.LAYERS, *networks.NETWORKS)
        if any(record.settings.get("network") == name for record in made)
    ]
    if not shown:
        return ""
    names = forward.names()
    lines = [
        f"| forward pass, float32, one image, one thread | {' | '.join(forward.get(name).doc for name in names)} |",
        f"|---|{'---|' * len(names)}",
    ]
    for network in shown:
        mine = results.forward_seconds(made, results.OURS, network)
        cells = []
        for name in names:
            seconds = results.forward_seconds(made, name, network)
            if seconds is None:
                cells.append(_why_not(made, name, network))
            elif name == results.OURS or mine is None:
                cells.append(_milliseconds(seconds))
            else:
                cells.append(f"{_milliseconds(seconds)} ({_rounded(seconds / mine)} x)")
        lines.append(f"| {network} | {' | '.join(cells)} |")
    lines += ["", "Medians, taken turn by turn in one process; in brackets how many times as long as ours."]
    return "\n".join(lines)


def _milliseconds(seconds: float) -> str:
    return f"{_rounded(1e3 * seconds)} ms"


def _rounded(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _why_not(made: Sequence[Record], name: str, network: str) -> str:
    for record in made:
        if record.what == timing.LEFT_OUT and record.model == name and record.settings.get("network") == network:
            return _plain(str(record.settings["reason"]))
    return "not measured"
