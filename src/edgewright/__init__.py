"""Edgewright: machine learning for devices with kilobytes, compiled to integer C and proven on emulated boards."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from edgewright.firmware import Firmware, deploy

# Public names and where they live: importing the package costs nothing until one is used.
_PUBLIC = {"Firmware": "edgewright.firmware", "deploy": "edgewright.firmware"}

__all__ = ["Firmware", "__version__", "deploy"]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'edgewright' has no attribute {name!r}")
