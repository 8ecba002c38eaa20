"""Loss by epoch, and beside it what the validation rows say: a row of panels a model, its phases marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from edgewright.report.plots import _drawing as draw
from edgewright.report.training import Series, Training

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PANEL, ABOVE, BELOW = 1.75, 0.62, 0.5  # inches: of a panel, and around it
LEFT, RIGHT, GAP = 0.06, 0.99, 0.07  # of the width
LETTER = 0.065  # inches of a letter of a phase's name
LOSSES = {"training": draw.BLUE, "validation": draw.RED}
SCORES = (draw.GREEN, draw.PURPLE, draw.ORANGE)


def loss_by_epoch(trainings: Sequence[Training]) -> str | None:
    """Return the plot as an SVG element, None where nothing was trained. Raises MissingTool."""
    if not trainings:
        return None
    with draw.drawing():
        row = ABOVE + PANEL + BELOW
        made = draw.figure(draw.WIDTH, row * len(trainings))
        wide = (RIGHT - LEFT - GAP) / 2
        for number, training in enumerate(trainings):
            bottom = 1 - ((number + 1) * row - BELOW) / (row * len(trainings))
            panels = [("loss", training.losses, LOSSES)]
            if training.scores:
                panels.append(("validation rows", training.scores, dict(zip(training.scores, SCORES, strict=False))))
            for place, (title, lines, colours) in enumerate(panels):
                axes = made.add_axes(
                    (LEFT + place * (wide + GAP), bottom, wide, PANEL / (row * len(trainings))), ylabel=title
                )
                _panel(axes, training, lines, colours, wide * draw.WIDTH)
                if place == 0:
                    axes.set_title(draw.shortened(training.name, 60), pad=24)
        told = "; ".join(map(_told, trainings))
        return draw.to_svg(made, "training", f"Lines of loss and validation by epoch. {told}.")


def _panel(
    axes: Axes, training: Training, lines: Mapping[str, Series], colours: Mapping[str, str], inches: float
) -> None:
    """Draw lines over the epochs, and the phases as bands with their names above."""
    from matplotlib.ticker import MaxNLocator

    last = training.epochs - 1
    axes.set_xlim(-0.5, last + 0.5)
    for number, span in enumerate(training.phases):
        if number % 2:
            axes.axvspan(span.first - 0.5, span.last + 0.5, color=draw.EMPTY, linewidth=0, zorder=0)
        room = int((span.last - span.first + 1) / training.epochs * inches / LETTER)
        if room >= min(len(span.name), 4):
            axes.text(
                (span.first + span.last) / 2,
                1.03,
                draw.shortened(span.name, room),
                transform=axes.get_xaxis_transform(),
                ha="center",
                va="bottom",
                fontsize=8,
                color=draw.MUTED,
            )
    for name, series in lines.items():
        known = [(epoch, value) for epoch, value in enumerate(series) if value is not None]
        axes.plot(
            [epoch for epoch, _ in known],
            [value for _, value in known],
            color=colours[name],
            linewidth=1.4,
            marker="o" if len(known) == 1 else "",
            label=name,
        )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    axes.grid(True, axis="y")
    axes.tick_params(length=0, labelsize=8)
    axes.set_xlabel("epoch", fontsize=8.5)
    axes.legend(loc="best", fontsize=8)


def _told(training: Training) -> str:
    phases = ", ".join(f"{span.name} from epoch {span.first}" for span in training.phases)
    ends = {**{f"{name} loss": series for name, series in training.losses.items()}, **training.scores}
    reached = ", ".join(f"{name} {series[-1]:.4f}" for name, series in ends.items() if series[-1] is not None)
    return f"{training.name}: {training.epochs} epochs, phases {phases}; at the end {reached}"
