"""Memory map: which bytes of each arena hold which value at which step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgewright.report.facts import Block, in_order, size
from edgewright.report.plots import _drawing as draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT = 5.2, 2.7  # inches
HIGH = 0.71  # the part of the height that the arena takes
LETTER, LINE = 5.0, 9.5  # points of a letter and of a line of text


def memory_map(model: str, blocks: Sequence[Block], number: int) -> str | None:
    """Return the plot as an SVG element, None where there is no block.

    model: its name. number: tells this plot from the others of the page. Raises MissingTool.
    """
    if not blocks:
        return None
    dtypes = in_order(block.dtype for block in sorted(blocks, key=lambda block: (block.dtype, block.offset)))
    first, last = min(block.first for block in blocks), max(block.last for block in blocks)
    with draw.drawing():
        from matplotlib.patches import Rectangle
        from matplotlib.ticker import MaxNLocator

        made = draw.figure(WIDTH, HEIGHT)
        for place, dtype in enumerate(dtypes):
            left, step = 0.11, 0.88 / len(dtypes)
            wide = step - (0.09 if len(dtypes) > 1 else 0.0)
            axes = made.add_axes((left + place * step, 0.17, wide, HIGH))
            own = [block for block in blocks if block.dtype == dtype]
            top = max(1, *(block.offset + block.size for block in own))
            for block in own:
                steps = block.last - block.first + 1
                axes.add_patch(
                    Rectangle(
                        (block.first - 0.5, block.offset),
                        steps,
                        block.size,
                        facecolor="#cfe6f5",
                        edgecolor=draw.BLUE,
                        linewidth=0.9,
                    )
                )
                across = steps / (last - first + 1) * wide * WIDTH * 72
                up = block.size / top * HIGH * HEIGHT * 72
                _write_name(axes, block, across, up)
            axes.set_xlim(first - 0.5, last + 0.5)
            axes.set_ylim(0, top)
            axes.set_title(f"{dtype} arena, {size(top)}", fontsize=8.5)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
            axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
            axes.tick_params(length=0, labelsize=8)
            if place == 0:
                axes.set_ylabel("byte of the arena", fontsize=8.5)
            axes.set_xlabel("step", fontsize=8.5)
        told = "; ".join(
            f"{block.value}: {block.dtype}, bytes {block.offset} to {block.offset + block.size - 1}, steps {block.first} to {block.last}"
            for block in blocks
        )
        return draw.to_svg(made, f"memory{number}", f"Memory map of {model}. {told}.")


def _write_name(axes: Axes, block: Block, across: float, up: float) -> None:
    """Write a value's name into its rectangle of across x up points: level, or upright where only that leaves room for more of it."""
    level = int((across - 4) / LETTER) if up >= LINE else 0
    upright = int((up - 4) / LETTER) if across >= LINE else 0
    turned = level < len(block.value) and upright > level
    most = upright if turned else level
    if most < min(3, len(block.value)):
        return
    axes.text(
        (block.first + block.last) / 2,
        block.offset + block.size / 2,
        draw.shortened(block.value, most),
        ha="center",
        va="center",
        fontsize=7.5,
        rotation=90 if turned else 0,
    )
