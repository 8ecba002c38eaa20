"""Environments outside the tree, into which the built wheel is installed."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SECONDS = 900  # that pip or a command may take at the most

Done = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Installed:
    """An environment that holds the wheel. folder: to work in. variables: without a trace of the tree, or of builds made before."""

    python: Path
    folder: Path
    variables: dict[str, str]

    def edgewright(self, *arguments: object) -> Done:
        """Run a command line in the folder."""
        return self._run(self.python.with_name("edgewright"), *arguments)

    def evaluate(self, code: str) -> str:
        """Run Python code, which must end well, and return what it prints."""
        done = self._run(self.python, "-c", code)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def _run(self, *command: object) -> Done:
        options = {"cwd": self.folder, "env": self.variables, "timeout": SECONDS}
        return subprocess.run([*map(str, command)], capture_output=True, text=True, check=False, **options)


def build_wheel(folder: Path) -> Path:
    """Build the wheel from the tree as it is, and return its file."""
    _must(sys.executable, "-m", "build", "--wheel", "--outdir", folder, ROOT)
    (file,) = folder.glob("*.whl")
    return file


def install(wheel: Path, extras: str, place: Path) -> Installed:
    """Make an empty environment and install the wheel with extras such as "[train]" from the package index, as a user does."""
    python = place / "environment" / "bin" / "python"
    (place / "work").mkdir()
    _must(sys.executable, "-m", "venv", place / "environment")
    options = ("--quiet", "--no-compile", "--disable-pip-version-check")
    _must(python, "-m", "pip", "install", *options, f"edgewright{extras} @ {wheel.as_uri()}")
    ours = ("EDGEWRIGHT_", "PYTHON", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    variables = {**kept, "HOME": str(place), "EDGEWRIGHT_CACHE": str(place / "cache"), "COLUMNS": "80"}
    return Installed(python, place / "work", variables)


def _must(*command: object) -> None:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}"
