"""`edgewright list`: what there is."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from importlib import resources
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgewright import catalog
from edgewright.cli import _output
from edgewright.cli._command import Command, missing_package
from edgewright.cli._output import JsonOption
from edgewright.errors import EdgewrightError, UnknownName

if TYPE_CHECKING:
    from edgewright.boards import Board

Entry = dict[str, Any]  # name, doc, and what else is worth saying


def run(
    what: Annotated[str | None, typer.Argument(help="One of the catalogues; all of them unless given.")] = None,
    json: JsonOption = False,
) -> None:
    """List boards, datasets, features, cells, estimators, augmentations, operators, engines, exports, applications or commands.

    For what depends on tools or files it says whether they are here, and how to get them where they are not.
    """
    if what is not None and what not in READERS:
        raise UnknownName("catalogue", what, READERS)
    found = {name: read() for name, read in READERS.items() if what in (None, name)}
    if json:
        _output.print_json(found)
        return
    console = _output.console()
    for number, (title, entries) in enumerate(found.items()):
        if number:
            console.print()
        extra = [key for key in entries[0] if key not in ("name", "doc", "why_not")]
        rows = [[entry["name"], *(str(entry[key]) for key in extra), _said(entry)] for entry in entries]
        _output.print_table(["name", *(f"{key}>" for key in extra), "what it is~"], rows, title)


def _said(entry: Entry) -> str:
    why_not = entry.get("why_not")
    return f"{entry['doc']} Not here: {why_not}" if why_not else str(entry["doc"])


def _boards() -> list[Entry]:
    from edgewright import boards

    return [
        {
            "name": name,
            "doc": board.doc,
            "engine": board.engine,
            "why_not": _why_not(board.engine, board),
        }
        for name in boards.names()
        for board in (boards.get(name),)
    ]


def _engines() -> list[Entry]:
    from edgewright import boards, engines

    made = []
    for name in engines.names():
        served = [
            board for board in boards.names() if name in (boards.get(board).engine, boards.get(board).second_opinion)
        ]
        why_nots = {engines.get(name).why_not(boards.get(board)) for board in served} - {None}
        made.append(
            {"name": name, "doc": engines.get(name).doc, "why_not": "; ".join(sorted(map(str, why_nots))) or None}
        )
    return made


def _why_not(engine: str, board: Board) -> str | None:
    """Return why an engine cannot serve a board, also where there is no such engine."""
    from edgewright import engines

    try:
        return engines.get(engine).why_not(board)
    except EdgewrightError as error:
        return str(error)


def _datasets() -> list[Entry]:
    from edgewright import data

    return [{"name": name, "doc": data.get(name).doc} for name in data.names()]


def _estimators() -> list[Entry]:
    from edgewright import estimators
    from edgewright.cli import _train

    made: list[Entry] = []
    for name in estimators.names():
        try:
            made.append({"name": name, "doc": _first_line(estimators.get(name).__doc__), "why_not": None})
        except ModuleNotFoundError as error:
            made.append({"name": name, "doc": "An estimator of ours.", "why_not": missing_package(error)})
    for name, (_, kind, defaults) in _train.FORESTS.items():
        said = ", ".join(f"{key} {value}" for key, value in defaults.items())
        made.append({"name": name, "doc": f"scikit-learn's {kind}, {said} unless set otherwise.", "why_not": None})
    return made


def _augmentations() -> list[Entry]:
    try:
        from edgewright.training import augmentations
    except ModuleNotFoundError as error:
        return [
            entry | {"serves": ""}
            for entry in _unread("training/augmentations", "A distortion of training rows.", error)
        ]
    found = {name: augmentations.get(name) for name in augmentations.names()}
    return [{"name": name, "doc": entry.doc, "serves": entry.serves} for name, entry in found.items()]


def _unread(folder: str, doc: str, error: ModuleNotFoundError) -> list[Entry]:
    """Return the entries of a folder that needs a package that is not here: its files tell the names."""
    files = (file.name for file in resources.files("edgewright").joinpath(folder).iterdir())
    named = sorted(name.removesuffix(".py") for name in files if name.endswith(".py") and not name.startswith("_"))
    return [{"name": catalog.spelled(name), "doc": doc, "why_not": missing_package(error)} for name in named]


def _features() -> list[Entry]:
    from edgewright import features

    return [{"name": name, "doc": _first_line(features.get(name).__doc__)} for name in features.names()]


def _cells() -> list[Entry]:
    try:
        from edgewright.nn import cells
    except ModuleNotFoundError as error:
        return _unread("nn/cells", "A recurrent cell.", error)
    return [{"name": name, "doc": cells.get(name).doc} for name in cells.names()]


def _operators() -> list[Entry]:
    from edgewright import ops

    return [{"name": name, "doc": ops.get(name).doc} for name in ops.names()]


def _exports() -> list[Entry]:
    package = "edgewright.compiler.exports"
    return [{"name": catalog.spelled(name), "doc": catalog.get(package, name).doc} for name in catalog.names(package)]


def _applications() -> list[Entry]:
    from edgewright import apps

    return [{"name": name, "doc": apps.get(name).doc} for name in apps.names()]


def _commands() -> list[Entry]:
    cli = importlib.import_module("edgewright.cli")
    return [{"name": name, "doc": cli.get(name).doc} for name in cli.names()]


def _first_line(text: str | None) -> str:
    return (text or "").strip().splitlines()[0]


READERS: dict[str, Callable[[], list[Entry]]] = {
    "boards": _boards,
    "datasets": _datasets,
    "features": _features,
    "cells": _cells,
    "estimators": _estimators,
    "augmentations": _augmentations,
    "operators": _operators,
    "engines": _engines,
    "exports": _exports,
    "applications": _applications,
    "commands": _commands,
}

ENTRY = Command(run, ("edgewright list boards",))
