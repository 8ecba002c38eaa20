"""The rivals' own virtual environment: they want packages that ours need not hold, and run in processes of their own."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from edgewright.engines._cache import cache_folder
from edgewright.errors import MissingTool

RIVALS = {
    "beaverpy": "0.1.0",
    "emlearn": "0.23.2",
    "emx-onnx-cgen": "1.4.0",
    "m2cgen": "0.10.0",
    "micromlgen": "1.1.28",
}
SHARED = ("numpy", "onnx", "scikit-learn")  # the same as ours, so that a pickled model means the same on both sides
SECONDS = 900.0


class RivalRefused(Exception):
    """A rival did not take a model; the message is the last thing it said."""


def folder() -> Path:
    """Return the folder of the environment: another one for other versions."""
    wanted = json.dumps([RIVALS, _shared(), platform.python_version(), sys.platform], sort_keys=True)
    return cache_folder() / "rivals" / hashlib.sha256(wanted.encode()).hexdigest()[:16]


def install() -> None:
    """Make the environment where it is not there yet; needs a package index. What cannot be installed is kept with its reason.

    What failed is tried again once a process. Raises MissingTool where not even the environment can be made.
    """
    _install(folder())


@cache
def _install(place: Path) -> None:
    if not _facts_file(place).exists():
        shutil.rmtree(place, ignore_errors=True)  # what a stopped run left
        made = _quietly([sys.executable, "-m", "venv", str(place)])
        if made.returncode:
            raise MissingTool(f"No environment for the rivals can be made: {_last_line(made)}")
    pinned = [f"{package}=={version}" for package, version in _shared().items()]
    failures = {}
    for package in _failures(place):
        # Each by itself, so that one that is gone or does not build costs no other.
        wanted = [*pinned, f"{package}=={RIVALS[package]}"]
        finished = _quietly([str(python()), "-m", "pip", "install", "--quiet", "--no-input", *wanted])
        if finished.returncode:
            failures[package] = _last_line(finished)
    _facts_file(place).write_text(json.dumps({"failures": failures}))


def _failures(place: Path) -> dict[str, str | None]:
    """Return the packages that are not installed with the reason, None for those that were never tried."""
    path = _facts_file(place)
    return json.loads(path.read_text())["failures"] if path.exists() else dict.fromkeys(RIVALS)


def why_not(package: str) -> str | None:
    """Return why a rival cannot be run here, with the fix, or None. Installs nothing."""
    failures = _failures(folder())
    if package not in failures:
        return None
    if reason := failures[package]:
        return f"{package} {RIVALS[package]} cannot be installed: {reason}"
    return f"{package} is not installed in the rivals' environment: run `edgewright bench rivals`"


def python() -> Path:
    """Return the interpreter of the environment."""
    return folder() / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


@cache
def site_packages() -> Path:
    """Return the folder of the environment's packages."""
    code = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    return Path(_quietly([str(python()), "-c", code]).stdout.strip())


def generate(script: str, files: Mapping[str, bytes], *arguments: str) -> dict[str, str]:
    """Run Python text in the environment, in an empty folder with `files`; return the text files that it writes into out/.

    Raises RivalRefused where it fails.
    """
    with tempfile.TemporaryDirectory(prefix="edgewright-rival-") as name:
        place = Path(name)
        (place / "out").mkdir()
        for file, content in files.items():
            (place / file).write_bytes(content)
        (place / "generate.py").write_text(script)
        finished = _quietly([str(python()), "-W", "ignore", "generate.py", *arguments], place)
        if finished.returncode:
            raise RivalRefused(_last_line(finished))
        return {path.name: path.read_text() for path in sorted((place / "out").iterdir())}


def _shared() -> dict[str, str]:
    return {package: importlib.metadata.version(package) for package in SHARED}


def _facts_file(place: Path) -> Path:
    return place / "rivals.json"


def _quietly(command: list[str], place: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=place, capture_output=True, text=True, errors="replace", timeout=SECONDS, check=False
    )


def _last_line(finished: subprocess.CompletedProcess[str]) -> str:
    said = (finished.stderr or finished.stdout).strip().splitlines()
    errors = [line for line in said if "error" in line.lower()]
    return (errors or said or [f"exit status {finished.returncode}"])[-1].strip()[:300]
