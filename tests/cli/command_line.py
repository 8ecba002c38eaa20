"""Running the command line in tests, and rows for small tables."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

PROGRAM = [sys.executable, "-c", "from edgewright.cli import main; main()"]


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


Edgewright = Callable[..., Result]


def run_apart(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command line in a process of its own."""
    command = [*PROGRAM, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, **options)


def rows(count: int = 80, features: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Three well separated classes."""
    generator = np.random.default_rng(0)
    y = np.arange(count) % 3
    return (generator.normal(size=(count, features)) + 4 * np.eye(3, features)[y]).round(3), y
