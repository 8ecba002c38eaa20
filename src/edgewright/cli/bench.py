"""`edgewright bench`: measuring the published tables again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from edgewright.cli import _output
from edgewright.cli._command import Command
from edgewright.cli._output import JsonOption
from edgewright.cli._progress import Tracker, tracker

if TYPE_CHECKING:
    from edgewright.bench import Row


def run(
    name: Annotated[str | None, typer.Argument(help="The benchmark; lists them unless given.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A small version, whose records are not kept.")] = False,
    show: Annotated[bool, typer.Option("--show", help="Run nothing: hold the kept records against the bars.")] = False,
    json: JsonOption = False,
) -> None:
    """Run a benchmark of a checkout and hold what it measured against its bars.

    Records are added to benchmarks/results as each part ends, so that an interrupted run goes on where it stopped. With --show it ends
    with 1 where a bar that must hold does not.
    """
    from edgewright import bench
    from edgewright.errors import BadInput, CheckFailed

    if name is None:
        _list(json=json)
        return
    if quick and show:
        raise BadInput("--quick runs and --show runs nothing; give one of them.")
    if show:
        rows = bench.show(name)
    else:
        with tracker(quiet=json) as progress:
            progress.begin(f"bench {name}")
            made = bench.run(name, quick=quick, listener=_Listener(progress))
        rows = bench.show(name, made if quick else None)
    if json:
        _output.print_json({"benchmark": name, "rows": [_plain(row) for row in rows]})
    else:
        _print(name, rows)
        if not quick and (table := bench.table(name)):
            print(f"\n{table}")
    short = [row.bar.measure for row in rows if row.bar.kind == "must" and not row.ok]
    if show and short:
        raise CheckFailed(f"{len(short)} of {len(rows)} measures of {name} fall short: {'; '.join(short)}.")


class _Listener:
    """Shows the parts of a benchmark as they come."""

    def __init__(self, progress: Tracker) -> None:
        self.progress = progress

    def __call__(self, key: str, done: int, total: int) -> None:
        if done == 0:
            self.progress.begin("benchmark", total)
            self.progress.detail(key)
        else:
            self.progress.advance(key)


def _list(*, json: bool) -> None:
    from edgewright import bench

    found = [{"name": name, "doc": bench.get(name).doc} for name in bench.names()]
    if json:
        _output.print_json({"benchmarks": found})
        return
    lines = [[entry["name"], entry["doc"]] for entry in found]
    _output.print_table(["benchmark", "what it measures~"], lines)


def _plain(row: Row) -> dict[str, str | float | bool | None]:
    bar = row.bar
    return {
        "measure": bar.measure,
        "key": bar.key,
        "value": row.value,
        "sense": bar.sense,
        "bar": bar.value,
        "kind": bar.kind,
        "source": bar.source,
        "ok": row.ok,
    }


def _print(name: str, rows: Sequence[Row]) -> None:
    lines = [
        [
            row.bar.measure,
            row.bar.source,
            _output.UNKNOWN if row.value is None else f"{row.value:,.4g}",
            f"{'>=' if row.bar.sense == 'at least' else '<='} {row.bar.value:,.4g}",
            row.bar.kind,
            "yes" if row.ok else "NO",
        ]
        for row in rows
    ]
    columns = ["measure~", "source~", "ours>", "bar>", "kind", "ok"]
    _output.print_table(columns, lines, name)


ENTRY = Command(run, ("edgewright bench spine --show",))
