"""Benchmarks: entries of a checkout's benchmarks/ folder, each with its bars beside it."""

from __future__ import annotations

import importlib
import importlib.util
import statistics
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

from edgewright import catalog, records
from edgewright.errors import BadInput, UnknownName
from edgewright.records import Record


@dataclass(frozen=True)
class Bar:
    """What a measure must reach, or aims at.

    measure: in words. key: of the number that `Benchmark.summarise` gives. source: where the value comes from.
    """

    measure: str
    key: str
    sense: Literal["at least", "at most"]
    value: float
    source: str
    kind: Literal["must", "aim"] = "must"

    def holds(self, value: float | None) -> bool:
        """Whether a measured value reaches the bar; one that was not measured does not."""
        if value is None:
            return False
        return value >= self.value if self.sense == "at least" else value <= self.value


@dataclass(frozen=True)
class Unit:
    """A part of a benchmark that is run, and recorded, by itself. key: names it in the records."""

    key: str
    run: Callable[[], Iterable[Record]]


@dataclass(frozen=True)
class Benchmark:
    """A benchmark.

    units(quick): its parts. summarise(records): the numbers that the bars are held against, by key. table(records): what the
    documentation shows of them, as Markdown.
    """

    doc: str
    bars: tuple[Bar, ...]
    units: Callable[[bool], Sequence[Unit]]
    summarise: Callable[[Sequence[Record]], Mapping[str, float | None]]
    table: Callable[[Sequence[Record]], str]


@dataclass(frozen=True)
class Row:
    """One line of the result: a bar and what was reached."""

    bar: Bar
    value: float | None
    ok: bool


class Listener(Protocol):
    """Is told how a run goes on."""

    def __call__(self, key: str, done: int, total: int) -> None:
        """Unit `key` begins; `done` of `total` have ended."""


def folder() -> Path:
    """Return the benchmarks folder of the checkout. Raises BadInput where there is none."""
    found = Path(__file__).resolve().parents[2] / "benchmarks"
    if not found.is_dir():
        raise BadInput(
            "Benchmarks need a checkout of Edgewright: clone it, run `make setup` there, then `edgewright bench NAME`."
        )
    return found


def names() -> tuple[str, ...]:
    """Return the names of all benchmarks of the checkout: a file each, or a package, spelled with dashes."""
    files = {path.stem for path in folder().glob("*.py") if not path.stem.startswith("_")}
    found = files | {path.parent.name for path in folder().glob("*/__init__.py")}
    return tuple(sorted(map(catalog.spelled, found)))


def get(name: str) -> Benchmark:
    """Return a benchmark: "any-model" and "any_model" are the same. Raises UnknownName."""
    if catalog.spelled(name) not in names():
        raise UnknownName("benchmark", name, names())
    module_name = _module(name)
    if (folder() / module_name).is_dir():
        if (root := str(folder().parent)) not in sys.path:
            sys.path.append(root)
        package: Benchmark = importlib.import_module(f"benchmarks.{module_name}").ENTRY
        return package
    path = folder() / f"{module_name}.py"
    specification = importlib.util.spec_from_file_location(f"edgewright_benchmark_{module_name}", path)
    assert specification is not None  # the file exists
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    entry: Benchmark = module.ENTRY
    return entry


def results_path(name: str) -> Path:
    """Return the file of a benchmark's committed records."""
    return folder() / "results" / f"{_module(name)}.jsonl"


def _module(name: str) -> str:
    return name.replace("-", "_")


def run(name: str, *, quick: bool = False, listener: Listener | None = None) -> list[Record]:
    """Run a benchmark and return the records it made.

    A full run appends each unit's records to the results as it ends, and passes over units that were measured at this very
    commit. A quick run is smaller and leaves the results alone.
    """
    benchmark, path = get(name), results_path(name)
    commit, dirty = records.checkout()
    finished = set()
    if not quick and not dirty and path.exists():
        finished = {
            record.settings.get("unit") for record in records.read(path) if record.commit == commit and not record.dirty
        }
    units = [unit for unit in benchmark.units(quick) if unit.key not in finished]
    made = []
    for done, unit in enumerate(units):
        if listener:
            listener(unit.key, done, len(units))
        new = [replace(record, settings={**record.settings, "unit": unit.key}) for record in unit.run()]
        if not quick:
            records.write(path, new, append=True)
        made += new
    return made


def show(name: str, made: Sequence[Record] | None = None) -> list[Row]:
    """Return the bars of a benchmark with what was reached: in the committed records, or in those given.

    Of each unit the latest measurement counts.
    """
    benchmark = get(name)
    reached = benchmark.summarise(latest(_kept(name) if made is None else made))
    return [Row(bar, reached.get(bar.key), bar.holds(reached.get(bar.key))) for bar in benchmark.bars]


def table(name: str) -> str:
    """Return what the documentation shows of the committed records, or which parts have none yet, in which case there is no table."""
    benchmark, made = get(name), latest(_kept(name))
    there = {record.settings.get("unit") for record in made}
    missing = [unit.key for unit in benchmark.units(False) if unit.key not in there]
    return f"Not measured yet: {', '.join(missing)}." if missing else benchmark.table(made)


def _kept(name: str) -> list[Record]:
    path = results_path(name)
    if not path.exists():
        raise BadInput(f"There are no results of {name!r} yet; run `edgewright bench {name}` first.")
    return records.read(path)


def latest(made: Sequence[Record]) -> list[Record]:
    """Return the records of each unit's latest measurement."""
    start: dict[str, int] = {}
    for number, record in enumerate(made):
        unit = str(record.settings.get("unit"))
        previous = made[number - 1] if number else None
        if previous is None or str(previous.settings.get("unit")) != unit:
            start[unit] = number
    return [record for number, record in enumerate(made) if number >= start[str(record.settings.get("unit"))]]


def mean(values: Iterable[float | int | None]) -> float | None:
    """Return the mean of what was measured, or None where anything is missing."""
    found = list(values)
    if not found or any(value is None for value in found):
        return None
    return statistics.fmean(value for value in found if value is not None)
