"""What the device needs against what it has: flash and RAM of every case as a share of its board's, the bytes beside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgewright.report.facts import Case, percent, share, size
from edgewright.report.plots import _drawing as draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BAR = 2.3  # inches of all that the board has
PLACES = {"flash": 1.75, "RAM": 6.9}  # where its bar begins, in inches from the left
COLOURS = {
    "code": draw.BLUE,
    "constants": draw.SKY,
    "helpers": draw.ORANGE,
    "static data": draw.GREEN,
    "stack": draw.YELLOW,
}


def needs_against_has(cases: Sequence[Case]) -> str | None:
    """Return the plot as an SVG element, None where no board's memory is known. Raises MissingTool."""
    known = [case for case in cases if case.number("board_flash_bytes") and case.number("board_ram_bytes")]
    if not known:
        return None
    lines = draw.under_headings(known, lambda case: case.board)
    with draw.drawing():
        made, axes = draw.sheet(len(lines), above=2.4, below=1)
        draw.legend(made, COLOURS)
        for resource, left in PLACES.items():
            axes.text(left, -1, resource, va="center", fontweight="bold")
            for part in (0, 0.5, 1):
                draw.tick(axes, left + part * BAR, len(lines), percent(part, 0))
        for row, line in enumerate(lines):
            if isinstance(line, str):
                axes.text(0, row, draw.shortened(line), va="center", fontweight="bold")
                continue
            axes.text(0.12, row, draw.shortened(line.model, 20), va="center")
            for resource in PLACES:
                _bar(axes, row, line, resource)
        told = "; ".join(f"{case.name}: flash {_said(case, 'flash')}, RAM {_said(case, 'RAM')}" for case in known)
        return draw.to_svg(made, "needs", f"Bars of flash and RAM needed against what each board has. {told}.")


def _need(case: Case, resource: str) -> tuple[float | int | None, float | int | None, bool]:
    """Return what is needed, what the board has, and whether the need is only known to be at least that."""
    if resource == "flash":
        return case.flash_needed, case.number("board_flash_bytes"), case.number("flash_bytes") is None
    partly = case.number("ram_bytes") is None or case.number("stack_bytes") is None
    return case.ram_needed, case.number("board_ram_bytes"), partly


def _said(case: Case, resource: str) -> str:
    needed, there, partly = _need(case, resource)
    part = share(needed, there)
    if needed is None or there is None or part is None:
        return "not known"
    return f"{'at least ' if partly else ''}{size(needed)} of {size(there)} ({percent(part)})"


def _parts(case: Case, resource: str) -> dict[str, float | int | None]:
    """Return what the need is made of, by the names of the legend."""
    if resource == "RAM":
        stack, whole = case.number("stack_bytes"), case.ram_needed
        return {"static data": None if whole is None else whole - (stack or 0), "stack": stack}
    if case.number("flash_bytes") is None:
        return {"constants": case.number("constant_bytes")}
    if case.code_bytes is None:
        return {"code": case.number("flash_bytes")}
    helpers = sum(case.counts("helper_bytes").values())
    return {"constants": case.number("constant_bytes"), "code": case.code_bytes, "helpers": helpers}


def _bar(axes: Axes, row: int, case: Case, resource: str) -> None:
    left = PLACES[resource]
    needed, there, partly = _need(case, resource)
    axes.barh(row, BAR, left=left, height=0.62, color=draw.EMPTY)
    start = 0.0
    for name, amount in _parts(case, resource).items():
        end = min(1.0, start + (share(amount, there) or 0.0))
        axes.barh(
            row,
            (end - start) * BAR,
            left=left + start * BAR,
            height=0.62,
            color=COLOURS[name],
            hatch="////" if partly else None,
            edgecolor="white",
            linewidth=0,
        )
        start = end
    over = needed is not None and there is not None and needed > there
    axes.text(
        left + BAR + 0.08,
        row,
        _said(case, resource).replace("at least", "≥"),
        va="center",
        fontsize=8.5,
        color=draw.ALARM if over else draw.INK,
        fontweight="bold" if over else "normal",
    )
