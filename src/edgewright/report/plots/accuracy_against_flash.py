"""Accuracy over flash: a marker shape a model, a colour a board, the model's name beside its points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgewright.report.facts import Case, in_order, percent, size
from edgewright.report.plots import _drawing as draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEFT, RIGHT, BOTTOM, TOP = 0.065, 0.845, 0.12, 0.96  # of the figure


def accuracy_against_flash(cases: Sequence[Case]) -> str | None:
    """Return the plot as an SVG element, None where no case has both numbers. Raises MissingTool."""
    points = [
        (case, float(flash), float(reached))
        for case in cases
        if (flash := case.number("flash_bytes")) and (reached := case.accuracy) is not None
    ]
    if not points:
        return None
    with draw.drawing():
        from matplotlib.lines import Line2D
        from matplotlib.ticker import FuncFormatter

        made = draw.figure(draw.WIDTH, 4.6)
        axes = made.add_axes((LEFT, BOTTOM, RIGHT - LEFT, TOP - BOTTOM))
        models = in_order(case.model for case in cases)
        boards = in_order(case.board for case, _, _ in points)
        colour = {board: draw.COLOURS[number % len(draw.COLOURS)] for number, board in enumerate(boards)}
        marker = {model: draw.MARKERS[number % len(draw.MARKERS)] for number, model in enumerate(models)}
        for case, flash, reached in points:
            axes.plot(
                flash,
                reached * 100,
                marker[case.model],
                color=colour[case.board],
                markeredgecolor="white",
                markeredgewidth=0.8,
                markersize=9,
            )
        axes.set_xscale("log", base=2)
        axes.set_xlim(min(flash for _, flash, _ in points) / 1.5, max(flash for _, flash, _ in points) * 1.5)
        heights = [reached * 100 for _, _, reached in points]
        margin = max(0.5, 0.2 * (max(heights) - min(heights)))
        axes.set_ylim(min(heights) - margin, max(heights) + margin)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: size(value)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.1f} %"))
        axes.grid(True)
        axes.tick_params(length=0)
        axes.set_xlabel("flash that the model takes: code, constants and helpers (logarithmic)")
        axes.set_ylabel("accuracy on the test rows")
        unnamed = _name_points(made, axes, points)
        keys = [Line2D([], [], marker="o", linestyle="", color=colour[board], markersize=8) for board in boards]
        beside = {"alignment": "left", "borderaxespad": 0}
        names = [draw.shortened(board, 18) for board in boards]
        made.legend(keys, names, title="board", loc="upper left", bbox_to_anchor=(RIGHT + 0.01, TOP), **beside)
        if unnamed:
            keys = [
                Line2D([], [], marker=marker[model], linestyle="", color=draw.MUTED, markersize=8) for model in unnamed
            ]
            names = [draw.shortened(model, 18) for model in unnamed]
            made.legend(keys, names, title="model", loc="lower left", bbox_to_anchor=(RIGHT + 0.01, BOTTOM), **beside)
        told = "; ".join(f"{case.name}: {percent(reached, 2)} with {size(flash)}" for case, flash, reached in points)
        return draw.to_svg(made, "accuracy", f"Scatter plot of accuracy against flash. {told}.")


def _name_points(made: Figure, axes: Axes, points: Sequence[tuple[Case, float, float]]) -> list[str]:
    """Write each model's name beside its points, in the first place that is free; return those without one."""
    from matplotlib.transforms import Bbox

    made.draw_without_rendering()
    taken = []
    for _, flash, reached in points:
        x, y = axes.transData.transform((flash, reached * 100))
        taken.append(Bbox.from_extents(x - 5, y - 5, x + 5, y + 5))
    frame, unnamed = axes.get_window_extent(), []
    for model in in_order(case.model for case, _, _ in points):
        own = [(flash, reached * 100) for case, flash, reached in points if case.model == model]
        right, left = max(own), min(own)
        middle = (math.sqrt(right[0] * left[0]), max(y for _, y in own))
        below = (middle[0], min(y for _, y in own))
        places = [(right, 9, 0, "left", "center"), (left, -9, 0, "right", "center")]
        for distance in (9, 20, 31, 42, 53):
            places += [(middle, 0, distance, "center", "bottom"), (below, 0, -distance, "center", "top")]
        free = None
        for where, across, up, horizontal, vertical in places:
            text = axes.annotate(
                draw.shortened(model),
                where,
                (across, up),
                textcoords="offset points",
                ha=horizontal,
                va=vertical,
                fontweight="bold",
            )
            box = text.get_window_extent()
            inside = frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1
            if inside and not any(box.overlaps(other) for other in taken):
                free = box
                break
            text.remove()
        if free is None:
            unnamed.append(model)
        else:
            taken.append(free)
    return unnamed
