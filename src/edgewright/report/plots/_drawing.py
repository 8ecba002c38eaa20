"""What all plots share: matplotlib without global state, colours, and SVG that can stand inside a page."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Any

from edgewright.errors import MissingTool
from edgewright.report.facts import Case, in_order

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's palette, which colour-blind readers can tell apart.
BLUE, ORANGE, GREEN, RED, PURPLE, SKY, YELLOW = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
    "#F0E442",
)
WINE, OLIVE = "#882255", "#999933"  # two of Tol's that keep apart from them
COLOURS = (BLUE, ORANGE, GREEN, RED, PURPLE, SKY, YELLOW, WINE, OLIVE)
DARK = (BLUE, GREEN, RED, WINE)  # those that carry white text
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")
REST, ALARM = "#c3c8ce", "#a63c00"
INK, MUTED, RULE, EMPTY = "#1a1d21", "#565d66", "#d5d9de", "#eceff2"

WIDTH, ROW = 11.6, 0.25  # inches of a plot, and of one bar with its gap
LEGEND_COLUMNS = 5

_SETTINGS: Any = {
    "svg.fonttype": "none",  # text stays text: it can be read aloud, searched and is set in the page's own typeface
    "svg.hashsalt": "edgewright",
    "text.parse_math": False,  # a dollar sign in a name is a dollar sign
    "font.family": ["DejaVu Sans"],  # it comes with matplotlib, so that the layout is the same everywhere
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.7,
    "axes.labelcolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.unicode_minus": False,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "hatch.linewidth": 0.6,
}


@contextmanager
def drawing() -> Iterator[None]:
    """Set matplotlib up for plots inside a block, and back afterwards. Raises MissingTool."""
    try:
        import matplotlib
    except ImportError as error:
        raise MissingTool(
            "The report page draws its plots with matplotlib, which is not installed: pip install edgewright[report]"
        ) from error
    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()  # a user's own matplotlibrc has no say in a report
        matplotlib.rcParams.update(_SETTINGS)
        # The typeface that measures the text may lack a letter of a name; the reader's browser has it.
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        yield


def figure(width: float, height: float) -> Figure:
    """Return an empty figure of this size in inches; a page shows an inch as 96 pixels."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height))


def sheet(rows: int, above: float, below: float) -> tuple[Figure, Axes]:
    """Return a figure for lines of bars and one axes over all of it: x in inches from the left, y in rows from the first.

    above, below: room for more, in rows.
    """
    made = figure(WIDTH, (above + rows + below) * ROW)
    axes = made.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, WIDTH)
    axes.set_ylim(rows - 0.5 + below, -0.5 - above)
    return made, axes


def tick(axes: Axes, x: float, row: float, text: str) -> None:
    """Write a number of a scale below the bars of a sheet."""
    axes.text(x, row, text, ha="center", va="center", fontsize=8, color=MUTED)


def under_headings(cases: Sequence[Case], heading: Callable[[Case], str]) -> list[Case | str]:
    """Return the lines of a sheet: each heading, then its cases."""
    lines: list[Case | str] = []
    for name in in_order(heading(case) for case in cases):
        lines += [name, *(case for case in cases if heading(case) == name)]
    return lines


def legend_rows(colours: Mapping[str, str]) -> int:
    """Return how many rows the legend of a sheet takes."""
    return -(-len(colours) // LEGEND_COLUMNS)


def legend(made: Figure, colours: Mapping[str, str]) -> None:
    """Write what the colours of a sheet mean, at its top."""
    from matplotlib.patches import Patch

    made.legend(
        handles=[Patch(color=colour, label=shortened(name, 26)) for name, colour in colours.items()],
        loc="upper left",
        bbox_to_anchor=(0, 1),
        ncols=LEGEND_COLUMNS,
        borderaxespad=0,
        borderpad=0.1,
        handlelength=1,
        handleheight=1,
        columnspacing=1.6,
        labelspacing=0.4,
    )


def shortened(name: str, most: int = 22) -> str:
    """Return a name that fits beside a plot; the tables give it in full."""
    name = " ".join(name.split())
    return name if len(name) <= most else name[: most - 1] + "…"


def to_svg(made: Figure, name: str, alternative: str) -> str:
    """Return a figure as an SVG element for the inside of a page.

    name: makes its identifiers unique in the page. alternative: what a reader who cannot see it is told.
    """
    file = io.StringIO()
    made.savefig(file, format="svg", transparent=True, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<!--.*?-->\s*", "", text, flags=re.DOTALL)
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r' xmlns(:\w+)?="[^"]*"', "", text).replace("xlink:href", "href")
    pointed_at = set(re.findall(r'(?:href="#|url\(#)([\w.-]+)', text))
    text = re.sub(r' id="([^"]*)"', lambda match: f' id="{name}-{match[1]}"' if match[1] in pointed_at else "", text)
    text = re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", text)
    return text.replace("<svg", f'<svg role="img" aria-label="{escape(alternative)}"', 1).strip()
