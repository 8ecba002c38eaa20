"""Progress on stderr: a bar on a terminal, silence elsewhere."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text


class _CountColumn(MofNCompleteColumn):
    """Parts done of all, where it is known how many there are."""

    def render(self, task: Task) -> Text:
        return Text() if task.total is None else super().render(task)


@dataclass
class Tracker:
    """Shows what is being done; one step follows another."""

    progress: Progress
    task: TaskID

    def begin(self, what: str, total: int | None = None) -> None:
        """Say what begins, and of how many parts it is, if that is known."""
        previous, self.task = self.task, self.progress.add_task(what, total=total, detail="")
        self.progress.remove_task(previous)

    def advance(self, detail: str = "") -> None:
        """Say that a part is done."""
        self.progress.update(self.task, advance=1, detail=detail)

    def detail(self, detail: str) -> None:
        """Say which part is being done."""
        self.progress.update(self.task, detail=detail)


@contextlib.contextmanager
def tracker(*, quiet: bool) -> Iterator[Tracker]:
    """Give a tracker that draws on stderr where that is a terminal, unless `quiet`."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        _CountColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[detail]}", markup=False),
    )
    hidden = quiet or not sys.stderr.isatty()
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=hidden) as progress:
        yield Tracker(progress, progress.add_task("", total=None, detail=""))
