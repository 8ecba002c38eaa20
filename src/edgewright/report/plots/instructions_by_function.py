"""Instructions by function: where each case's instructions go, as shares, with the total beside."""

from __future__ import annotations

from collections.abc import Sequence

from edgewright.report.facts import Case, percent, whole
from edgewright.report.plots import _drawing as draw

LEFT, BAR = 1.75, 8.4  # inches
OTHERS = "all others"


def instructions_by_function(cases: Sequence[Case]) -> str | None:
    """Return the plot as an SVG element, None where no instructions were counted. Raises MissingTool."""
    counted = {case: table for case in cases if (table := _by_function(case)) and sum(table.values())}
    if not counted:
        return None
    colours = _colours(list(counted.values()))
    lines = draw.under_headings(list(counted), lambda case: case.model)
    with draw.drawing():
        made, axes = draw.sheet(len(lines), above=0.4 + 0.8 * draw.legend_rows(colours), below=1)
        draw.legend(made, colours)
        for part in (0, 0.25, 0.5, 0.75, 1):
            draw.tick(axes, LEFT + part * BAR, len(lines), percent(part, 0))
        axes.text(LEFT + BAR + 0.08, 0, "instructions", va="center", fontsize=8, color=draw.MUTED)
        for row, line in enumerate(lines):
            if isinstance(line, str):
                axes.text(0, row, draw.shortened(line, 60), va="center", fontweight="bold")
                continue
            axes.text(0.12, row, draw.shortened(line.board, 20), va="center")
            table = counted[line]
            total, start = sum(table.values()), 0.0
            for name, colour in colours.items():
                others = [count for function, count in table.items() if function not in colours]
                part = (sum(others) if name == OTHERS else table.get(name, 0)) / total
                axes.barh(
                    row, part * BAR, left=LEFT + start * BAR, height=0.7, color=colour, edgecolor="white", linewidth=0.6
                )
                if part * BAR * 72 > 5.4 * len(name) + 8:
                    ink = "white" if colour in draw.DARK else draw.INK
                    axes.text(
                        LEFT + (start + part / 2) * BAR,
                        row,
                        name,
                        ha="center",
                        va="center",
                        fontsize=8,
                        color=ink,
                    )
                start += part
            axes.text(LEFT + BAR + 0.08, row, whole(round(total)), va="center", fontsize=8.5)
        told = "; ".join(
            f"{case.name}: "
            + ", ".join(f"{name} {percent(count / sum(table.values()))}" for name, count in table.items())
            for case, table in counted.items()
        )
        return draw.to_svg(made, "functions", f"Stacked bars of instructions by function. {told}.")


def _by_function(case: Case) -> dict[str, float | int]:
    """Return instructions by function; the model's own function has the same name in every model."""
    own = f"{case.record.model}_run"
    return {
        "NAME_run" if name == own else name: count for name, count in case.counts("instructions_by_function").items()
    }


def _colours(tables: Sequence[dict[str, float | int]]) -> dict[str, str]:
    """Return function -> colour for those that weigh most over all cases, and one for the rest."""
    weight: dict[str, float] = {}
    for table in tables:
        for function, count in table.items():
            weight[function] = weight.get(function, 0.0) + count / sum(table.values())
    heaviest = sorted(weight, key=lambda function: (-weight[function], function))
    colours = dict(zip(heaviest, draw.COLOURS, strict=False))
    return colours | ({OTHERS: draw.REST} if len(heaviest) > len(colours) else {})
