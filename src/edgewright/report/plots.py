"""The plots of the page: cases in, SVG elements out. Where nothing can be drawn they return None."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgewright.report import _drawing as draw
from edgewright.report.facts import Block, Case, in_order, percent, share, size, whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 10.0  # inches
ROW = 0.25  # inches of a bar and the gap to the next
MOST_FUNCTIONS = 7


def accuracy(case: Case) -> float | int | None:
    """Return the accuracy that a reader compares: of the integers, on the board where it was run there."""
    on_board = case.number("accuracy_board")
    return case.number("accuracy_integer") if on_board is None else on_board


def accuracy_against_flash(cases: Sequence[Case]) -> str | None:
    """Draw accuracy over flash: a marker shape a model, a colour a board, the model's name beside its points."""
    points = [
        (case, float(flash), float(reached))
        for case in cases
        if (flash := case.number("flash_bytes")) and (reached := accuracy(case)) is not None
    ]
    if not points:
        return None
    with draw.drawing():
        from matplotlib.lines import Line2D
        from matplotlib.ticker import FuncFormatter

        made = draw.figure(WIDTH, 4.6)
        axes = made.add_axes((0.07, 0.12, 0.76, 0.84))
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
        _name_points(made, axes, points)
        handles = [Line2D([], [], marker="o", linestyle="", color=colour[board], markersize=8) for board in boards]
        axes.legend(
            handles,
            [draw.shortened(board, 18) for board in boards],
            title="board",
            alignment="left",
            loc="upper left",
            bbox_to_anchor=(1.01, 1.0),
            borderaxespad=0,
        )
        told = "; ".join(f"{case.name}: {percent(reached, 2)} with {size(flash)}" for case, flash, reached in points)
        return draw.to_svg(made, "accuracy", f"Scatter plot of accuracy against flash. {told}.")


def _name_points(made: Figure, axes: Axes, points: Sequence[tuple[Case, float, float]]) -> None:
    """Write each model's name beside its points, in the first place that is free."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.transforms import Bbox

    FigureCanvasSVG(made).draw()
    taken = []
    for _, flash, reached in points:
        x, y = axes.transData.transform((flash, reached * 100))
        taken.append(Bbox.from_extents(x - 5, y - 5, x + 5, y + 5))
    frame = axes.get_window_extent()
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
        if free is not None:
            taken.append(free)


def needs_against_has(cases: Sequence[Case]) -> str | None:
    """Draw flash and RAM of every case as a share of its board's, with the bytes beside."""
    known = [case for case in cases if case.number("board_flash_bytes") and case.number("board_ram_bytes")]
    if not known:
        return None
    boards = in_order(case.board for case in known)
    lines: list[Case | str] = [line for board in boards for line in (board, *(case for case in known if case.board == board))]
    with draw.drawing():
        height = len(lines) * ROW + 0.75
        made = draw.figure(WIDTH, height)
        parts = {"code": draw.BLUE, "constants": draw.SKY, "helpers": draw.ORANGE, "static data": draw.GREEN, "stack": draw.YELLOW}
        for left, resource in ((0.13, "flash"), (0.61, "RAM")):
            axes = made.add_axes((left, 0.28 / height, 0.205, 1 - 0.75 / height))
            for row, line in enumerate(lines):
                if isinstance(line, str):
                    if resource == "flash":
                        axes.text(-0.58, row, draw.shortened(line), transform=axes.get_yaxis_transform(), va="center", fontweight="bold")
                    continue
                if resource == "flash":
                    axes.text(-0.54, row, draw.shortened(line.model, 19), transform=axes.get_yaxis_transform(), va="center")
                _need_bar(axes, row, line, resource, parts)
            axes.set_xlim(0, 1)
            axes.set_ylim(len(lines) - 0.4, -0.6)
            axes.set_yticks([])
            axes.set_xticks([0, 0.5, 1], ["0", "50 %", "100 % of what the board has"])
            draw.bare(axes)
            axes.set_title(resource)
        _legend(made, {f"{part}": colour for part, colour in parts.items()}, 1 - 0.2 / height)
        told = "; ".join(
            f"{case.name}: {_need_text(case, 'flash')}, {_need_text(case, 'RAM')}" for case in known
        )
        return draw.to_svg(made, "needs", f"Bars of the flash and RAM that each model needs against what the board has. {told}.")


def _need(case: Case, resource: str) -> tuple[float | int | None, float | int | None, bool]:
    """Return what is needed, what the board has, and whether the need is only known to be at least that."""
    if resource == "flash":
        return case.flash_needed, case.number("board_flash_bytes"), case.number("flash_bytes") is None
    partly = case.number("ram_bytes") is None or case.number("stack_bytes") is None
    return case.ram_needed, case.number("board_ram_bytes"), partly


def _need_text(case: Case, resource: str) -> str:
    needed, there, partly = _need(case, resource)
    part = share(needed, there)
    if needed is None or there is None or part is None:
        return f"{resource} not known"
    return f"{'at least ' if partly else ''}{size(needed)} of {size(there)} ({percent(part)})"


def _need_bar(axes: Axes, row: int, case: Case, resource: str, parts: dict[str, str]) -> None:
    needed, there, partly = _need(case, resource)
    axes.barh(row, 1, height=0.62, color=draw.EMPTY)
    amounts: dict[str, float | int | None]
    if resource == "flash":
        helpers = sum(case.counts("helper_bytes").values())
        amounts = {"constants": case.number("constant_bytes"), "code": case.code_bytes, "helpers": None if partly else helpers}
        if case.code_bytes is None and not partly:
            amounts = {"code": needed}
    else:
        stack = case.number("stack_bytes")
        amounts = {"static data": None if needed is None else needed - (stack or 0), "stack": stack}
    start = 0.0
    for part, amount in amounts.items():
        width = share(amount, there) or 0.0
        end = min(1.0, start + width)
        axes.barh(row, end - start, left=start, height=0.62, color=parts[part], hatch="////" if partly else None, edgecolor="white", linewidth=0)
        start = end
    over = needed is not None and there is not None and needed > there
    text = _need_text(case, resource) + (" too large" if over else "")
    axes.text(1.03, row, text, va="center", color=draw.RED if over else draw.INK, fontweight="bold" if over else "normal", fontsize=8.5)


def instructions_by_function(cases: Sequence[Case]) -> str | None:
    """Draw where each case's instructions go, as shares, with the total beside."""
    counted = {case: table for case in cases if (table := _by_function(case)) and sum(table.values())}
    if not counted:
        return None
    weight: dict[str, float] = {}
    for table in counted.values():
        for function, count in table.items():
            weight[function] = weight.get(function, 0.0) + count / sum(table.values())
    shown = sorted(weight, key=lambda function: (-weight[function], function))[:MOST_FUNCTIONS]
    colours = dict(zip(shown, draw.COLOURS, strict=False))
    if len(weight) > len(shown):
        colours["all others"] = "#9aa1a9"
    models = in_order(case.model for case in counted)
    lines: list[Case | str] = [line for model in models for line in (model, *(case for case in counted if case.model == model))]
    with draw.drawing():
        keys = math.ceil(len(colours) / 4)
        height = len(lines) * ROW + 0.45 + 0.22 * keys
        made = draw.figure(WIDTH, height)
        axes = made.add_axes((0.19, 0.28 / height, 0.66, len(lines) * ROW / height))
        for row, line in enumerate(lines):
            if isinstance(line, str):
                axes.text(-0.285, row, draw.shortened(line, 40), transform=axes.get_yaxis_transform(), va="center", fontweight="bold")
                continue
            axes.text(-0.265, row, draw.shortened(line.board), transform=axes.get_yaxis_transform(), va="center")
            table, start = counted[line], 0.0
            total = sum(table.values())
            for function, colour in colours.items():
                count = table.get(function, 0) if function in shown else total - sum(table.get(name, 0) for name in shown)
                axes.barh(row, count / total, left=start, height=0.66, color=colour, edgecolor="white", linewidth=0.6)
                start += count / total
            axes.text(1.01, row, f"{whole(round(total))}", va="center", fontsize=8.5)
        axes.set_xlim(0, 1)
        axes.set_ylim(len(lines) - 0.4, -0.6)
        axes.set_yticks([])
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25 %", "50 %", "75 %", "100 % of the instructions of one inference"])
        draw.bare(axes)
        _legend(made, colours, 1 - 0.02 / height, columns=4)
        told = "; ".join(
            f"{case.name}: " + ", ".join(f"{name} {percent(count / sum(table.values()))}" for name, count in table.items())
            for case, table in counted.items()
        )
        return draw.to_svg(made, "functions", f"Stacked bars of instructions by function. {told}.")


def _by_function(case: Case) -> dict[str, float | int]:
    """Return instructions by function; the model's own function has the same name in every model."""
    own = f"{case.record.model}_run"
    return {"NAME_run" if name == own else name: count for name, count in case.counts("instructions_by_function").items()}


def _legend(made: Figure, colours: dict[str, str], top: float, columns: int = 5) -> None:
    from matplotlib.patches import Patch

    handles = [Patch(color=colour, label=draw.shortened(name, 28)) for name, colour in colours.items()]
    made.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(0.0, top),
        ncols=columns,
        borderaxespad=0,
        borderpad=0,
        handlelength=1,
        handleheight=1,
        columnspacing=1.6,
        labelspacing=0.4,
    )


def memory_map(model: str, blocks: Sequence[Block], number: int) -> str | None:
    """Draw which bytes of each arena hold which value at which step.

    model: its name. number: tells this plot from the others of the page.
    """
    if not blocks:
        return None
    dtypes = in_order(block.dtype for block in sorted(blocks, key=lambda block: (block.dtype, block.offset)))
    first, last = min(block.first for block in blocks), max(block.last for block in blocks)
    with draw.drawing():
        from matplotlib.patches import Rectangle
        from matplotlib.ticker import MaxNLocator

        made = draw.figure(4.9, 2.7)
        for place, dtype in enumerate(dtypes):
            left, step = 0.11, 0.88 / len(dtypes)
            wide = step - (0.09 if len(dtypes) > 1 else 0.0)
            axes = made.add_axes((left + place * step, 0.17, wide, 0.71))
            own = [block for block in blocks if block.dtype == dtype]
            top = max(block.offset + block.size for block in own)
            for block in own:
                steps = block.last - block.first + 1
                axes.add_patch(
                    Rectangle((block.first - 0.5, block.offset), steps, block.size, facecolor="#cfe6f5", edgecolor=draw.BLUE, linewidth=0.9)
                )
                room = steps / (last - first + 1) * wide * 4.9 * 72, block.size / top * 0.71 * 2.7 * 72
                most = int(room[0] / 5.2)
                if room[1] > 8.5 and most >= min(3, len(block.value)):
                    middle = (block.first + block.last) / 2, block.offset + block.size / 2
                    axes.text(*middle, draw.shortened(block.value, most), ha="center", va="center", fontsize=7.5)
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
