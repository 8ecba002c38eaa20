"""What a search tried: accuracy over flash, RAM, and time or instructions, a panel each, with the budgets as lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgewright.report.candidates import NEEDS, Need, Search
from edgewright.report.facts import percent, size
from edgewright.report.plots import _drawing as draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEIGHT = 3.6
LEFT, RIGHT, BOTTOM, TOP, GAP = 0.06, 0.99, 0.15, 0.84, 0.03  # of the figure


def accuracy_against_needs(search: Search, number: int) -> str | None:
    """Return the plot as an SVG element, None where nothing that was tried has a known need. number: of the plot in the page.

    Raises MissingTool.
    """
    known = [need for need in NEEDS if any(need.of(case) is not None for case in search.cases)]
    panels = [need for need in known if need.unit == "bytes"]
    panels += sorted(
        (need for need in known if need.unit != "bytes"), key=lambda need: search.cases[0].number(need.budget) is None
    )[:1]
    if not panels:
        return None
    with draw.drawing():
        from matplotlib.lines import Line2D

        made = draw.figure(draw.WIDTH, HEIGHT)
        wide = (RIGHT - LEFT - GAP * (len(panels) - 1)) / len(panels)
        for place, need in enumerate(panels):
            axes = made.add_axes((LEFT + place * (wide + GAP), BOTTOM, wide, TOP - BOTTOM))
            _panel(axes, search, need)
            if place:
                axes.set_yticklabels([])
            else:
                axes.set_ylabel("accuracy on the validation rows")
        keys = [
            Line2D([], [], marker="o", linestyle="", color=draw.REST, markersize=5),
            Line2D([], [], marker="o", linestyle="", color=draw.BLUE, markersize=7),
            Line2D([], [], marker="*", linestyle="", color=draw.RED, markersize=13),
            Line2D([], [], color=draw.ALARM, linestyle="--", linewidth=1),
        ]
        names = ["tried", "no other beats it", "chosen", "budget"]
        made.legend(keys, names, loc="upper left", bbox_to_anchor=(LEFT - 0.01, 1), ncols=4, borderaxespad=0)
        told = "; ".join(
            f"{case.model}: {percent(case.number('accuracy_validation') or 0)} with {size(case.number('flash_bytes') or 0)}"
            for case in search.front
        )
        return draw.to_svg(
            made, f"search{number}", f"Accuracy of the candidates for {search.name} over what they need. {told}."
        )


def _panel(axes: Axes, search: Search, need: Need) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    for case in search.cases:
        found, reached = need.of(case), case.number("accuracy_validation")
        if found is None or reached is None:
            continue
        if case.number("chosen"):
            marker, colour, points, above = "*", draw.RED, 15, 4
        elif case.number("on_front"):
            marker, colour, points, above = "o", draw.BLUE, 7, 3
        else:
            marker, colour, points, above = "o", draw.REST, 5, 2
        axes.plot(found, reached * 100, marker, color=colour, markeredgecolor="white", markersize=points, zorder=above)
    limit = search.cases[0].number(need.budget)
    largest = max((found for case in search.cases if (found := need.of(case)) is not None), default=0)
    if limit is not None and limit <= 2 * largest:
        axes.axvline(limit, color=draw.ALARM, linestyle="--", linewidth=1, zorder=1)
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=need.unit != "ms"))
    if need.unit == "bytes":
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f} %"))
    axes.grid(True)
    axes.tick_params(length=0, labelsize=8)
    axes.set_xlabel(f"{need.title}, {need.unit}" if need.unit else need.title)
