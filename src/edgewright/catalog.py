"""A folder is a catalogue: one file is one entry, and the file's name is the entry's name.

An entry is the value `ENTRY` of the module. Listing a catalogue imports nothing; getting an entry imports that one file.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import Any

from edgewright.errors import UnknownName


def names(package: str) -> tuple[str, ...]:
    """Return the names of the entries in a package such as "edgewright.ops", sorted.

    Modules whose name begins with an underscore, and those without an entry listed in the package's `NOT_ENTRIES`, are left out.
    """
    module = importlib.import_module(package)
    helpers: tuple[str, ...] = getattr(module, "NOT_ENTRIES", ())
    found = (info.name for info in pkgutil.iter_modules(module.__path__) if not info.ispkg)
    return tuple(sorted(name for name in found if not name.startswith("_") and name not in helpers))


def spelled(name: str) -> str:
    """Return how users spell a module name: stm32f405, arduino-uno."""
    return name.replace("_", "-")


@cache
def get(package: str, name: str) -> Any:
    """Return the entry `name` of a package, or raise UnknownName with the nearest name.

    Dashes and underscores are the same: "arduino-uno" is the file arduino_uno.py.
    """
    known = names(package)
    module_name = name.replace("-", "_")
    if module_name not in known:
        raise UnknownName(kind(package), name, [spelled(entry) for entry in known])
    return importlib.import_module(f"{package}.{module_name}").ENTRY


def kind(package: str) -> str:
    """Return the singular word for an entry of a package: "edgewright.boards" holds boards."""
    word = package.rsplit(".", 1)[-1]
    return {"ops": "operator", "data": "dataset", "compress": "compression method", "nn": "module"}.get(
        word, word.removesuffix("s")
    )
