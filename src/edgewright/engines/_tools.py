"""Compilers as separate processes: where they are, what version, how to run them."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from importlib import metadata
from pathlib import Path

from edgewright.engines._cache import cache_folder
from edgewright.errors import BoardFault, MissingTool

STRICT = ("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Werror")
_COMPILE_SECONDS = 900.0


def zig_why_not() -> str | None:
    """Return why zig cannot be used, with the fix, or None."""
    if importlib.util.find_spec("ziglang") is None:
        return "the package ziglang is not installed: pip install ziglang"
    return None


@cache
def zig() -> tuple[str, ...]:
    """Return the command that is `python -m ziglang cc`. Raises MissingTool."""
    if problem := zig_why_not():
        raise MissingTool(f"No compiler: {problem}.")
    spec = importlib.util.find_spec("ziglang")
    assert spec is not None
    assert spec.origin is not None
    return (str(Path(spec.origin).parent / ("zig.exe" if os.name == "nt" else "zig")), "cc")


@cache
def zig_version() -> str:
    """Return name and version of zig."""
    return f"zig {metadata.version('ziglang')}"


def tool_why_not(tool: str, package: str) -> str | None:
    """Return why a tool cannot be used, with the apt package that brings it, or None."""
    if shutil.which(tool) is None:
        return f"{tool} is not installed: apt-get install {package}"
    return None


@cache
def tool_version(tool: str) -> str:
    """Return the first line that a tool prints about its version."""
    text = subprocess.run([tool, "--version"], capture_output=True, text=True, timeout=60, check=False).stdout
    return text.splitlines()[0].strip() if text else tool


def compile_with(command: Sequence[str], folder: Path, what: str) -> None:
    """Run a compiler or linker in a folder. Raises BoardFault with what it said where it fails."""
    finished = run_quietly(command, folder)
    if finished.returncode:
        raise BoardFault(f"{what} does not build with {Path(command[0]).name}:\n{shortened(finished.stderr)}")


def run_quietly(command: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a compiler in a folder and return what it said. zig keeps its own caches: what it builds once in ours, the rest there."""
    environment = os.environ | {
        "ZIG_GLOBAL_CACHE_DIR": str(cache_folder() / "zig"),
        "ZIG_LOCAL_CACHE_DIR": str(folder / "zig-cache"),
        "LC_ALL": "C",
    }
    try:
        return subprocess.run(
            list(command),
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_COMPILE_SECONDS,
            check=False,
        )
    except FileNotFoundError as error:
        raise MissingTool(f"{command[0]} is not installed.") from error
    except subprocess.TimeoutExpired as error:
        raise BoardFault(f"{command[0]} did not finish within {_COMPILE_SECONDS:.0f} seconds.") from error
    finally:
        shutil.rmtree(folder / "zig-cache", ignore_errors=True)


def shortened(text: str, lines: int = 30) -> str:
    """Return the first lines of what a tool said."""
    kept = text.strip().splitlines()
    return "\n".join(kept[:lines] + ([f"... {len(kept) - lines} more lines"] if len(kept) > lines else []))
