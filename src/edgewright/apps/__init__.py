"""Applications: one folder each, from data to a firmware project by one command, with a README of what was measured."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from edgewright import catalog
from edgewright.data import Split
from edgewright.errors import UnknownName
from edgewright.firmware import Firmware
from edgewright.records import Record


@dataclass(frozen=True)
class Order:
    """What a user asks of an application.

    split: data to train on, None for the model that the application brings. data: how records call them. recording: a file, or what
    else the application listens to, to replay through the board. settings: of the model that is trained. model: a folder that the
    application made before, whose model is deployed anew; then split is None. say: is told what is being done.
    """

    board: str
    split: Split | None = None
    data: str | None = None
    recording: Path | None = None
    seed: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)
    model: Path | None = None
    say: Callable[[str], None] = lambda what: None


@dataclass(frozen=True)
class Outcome:
    """What an application made.

    record: what was measured. estimator: what was trained, None where nothing was. heard: what the board answered to the recording, a
    row each, with the columns that the application names; warnings: what a user should know.
    """

    firmware: Firmware
    record: Record
    estimator: Any = None
    heard: tuple[tuple[str, ...], ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class App:
    """An application. doc: one line. columns: of what it hears. run: raises BadData, BadInput, DoesNotFit, Mismatch."""

    doc: str
    columns: tuple[str, ...]
    run: Callable[[Order], Outcome]


def get(name: str) -> App:
    """Return an application by name. Raises UnknownName."""
    if name.replace("_", "-") not in names():
        raise UnknownName("application", name, names())
    return cast(App, importlib.import_module(f"{__name__}.{name.replace('-', '_')}").ENTRY)


def names() -> tuple[str, ...]:
    """Return the names of all applications."""
    return tuple(sorted(catalog.spelled(info.name) for info in pkgutil.iter_modules(__path__) if info.ispkg))
