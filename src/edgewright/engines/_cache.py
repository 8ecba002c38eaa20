"""Where builds are kept: by what went into them, so that the same build is made once."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import platformdirs

from edgewright.errors import CannotWrite

KEPT_BUILDS = 512
_SPARED_SECONDS = 3600.0


def cache_folder() -> Path:
    """Return the cache folder: EDGEWRIGHT_CACHE if it is set, else the user's cache folder."""
    return Path(os.environ.get("EDGEWRIGHT_CACHE") or platformdirs.user_cache_path("edgewright"))


def built(ingredients: Any, make: Callable[[Path], dict[str, Any]]) -> tuple[Path, dict[str, Any]]:
    """Return the folder of a build and the facts about it, making it where it is not there yet.

    ingredients: everything that the result depends on, as JSON data; this package's own code is added.
    make(folder): fills a folder and returns facts, JSON data too. Raises CannotWrite where the cache cannot be written.
    """
    key = hashlib.sha256(json.dumps([ingredients, _own_code()], sort_keys=True).encode()).hexdigest()[:32]
    folder = cache_folder() / "builds" / key
    with contextlib.suppress(OSError, ValueError):
        facts = json.loads((folder / "facts.json").read_text())
        os.utime(folder)
        return folder, facts
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=".new-", dir=folder.parent))
        try:
            facts = make(temporary)
            (temporary / "facts.json").write_text(json.dumps(facts))
            _put(temporary, folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        _forget_old_builds(folder.parent)
    except OSError as error:
        raise CannotWrite(
            f"Cannot write the build cache {cache_folder()}: {error.strerror or error}. "
            "Make room, or set EDGEWRIGHT_CACHE to a folder that can be written."
        ) from error
    return folder, facts


@cache
def _own_code() -> str:
    """Return a hash of the engines' files: facts that an older version found are not to come back."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.iterdir()):
        if path.suffix in (".py", ".c", ".h", ".ld"):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _put(temporary: Path, folder: Path) -> None:
    try:
        os.replace(temporary, folder)
    except OSError:
        if not (folder / "facts.json").exists():  # else another process has just made the same build
            shutil.rmtree(folder, ignore_errors=True)
            os.replace(temporary, folder)


def _forget_old_builds(folder: Path) -> None:
    """Remove the builds used longest ago where there are too many, and what killed processes left; none used in the last hour."""
    ages = []
    for build in folder.iterdir():
        with contextlib.suppress(OSError):
            ages.append((time.time() - build.stat().st_mtime, build))
    ages.sort()
    surplus = {build for _, build in ages[KEPT_BUILDS:]} | {
        build for _, build in ages if build.name.startswith(".new-")
    }
    for age, build in ages:
        if build in surplus and age > _SPARED_SECONDS:
            shutil.rmtree(build, ignore_errors=True)
