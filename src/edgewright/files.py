"""Writing files: whole or not at all, never over what exists unless asked to."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from edgewright.errors import CannotWrite, OutputExists


def write_file(path: Path, content: bytes | str) -> None:
    """Write a file so that it appears whole or not at all. Raises CannotWrite."""
    data = content.encode() if isinstance(content, str) else content
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        if temporary:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        raise _cannot_write(path, error) from error


@contextlib.contextmanager
def output_folder(folder: Path, *, force: bool = False) -> Iterator[Path]:
    """Give a new folder to fill; it takes its name only when the block ends well.

    Raises OutputExists where the folder is there already and `force` was not given, CannotWrite where it cannot be made.
    """
    if folder.exists() and not force:
        raise OutputExists(f"The output folder {folder} exists already. Choose another, or give --force to replace it.")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except OSError as error:
        raise _cannot_write(folder, error) from error
    try:
        yield temporary
        os.chmod(temporary, 0o755)
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(temporary, folder)
    except OSError as error:
        raise _cannot_write(folder, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _cannot_write(path: Path, error: OSError) -> CannotWrite:
    return CannotWrite(
        f"Cannot write {path}: {error.strerror or error}. Nothing was left behind; choose another place or make room."
    )
