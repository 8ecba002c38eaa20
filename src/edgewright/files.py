"""Writing files: whole or not at all, never over what exists unless asked to."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from edgewright.errors import CannotWrite, OutputExists

# What the folder of a build holds beside its exports; another command reads them there
GRAPH_FILE, RECORDS_FILE = "model.edgewright", "records.jsonl"


def write_file(path: Path, content: bytes | str) -> None:
    """Write a file so that it appears whole or not at all. Raises CannotWrite."""
    data = content.encode() if isinstance(content, str) else content
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix=".edgewright-", dir=path.parent)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
        temporary = None
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        if temporary:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


@contextlib.contextmanager
def output_folder(folder: Path, *, force: bool = False) -> Iterator[Path]:
    """Give a new folder to fill; it takes its name only when the block ends well.

    Raises OutputExists where the folder is there already and `force` was not given, or holds the working directory; CannotWrite
    where it cannot be made. What was there is removed only when the new folder has taken its place.
    """
    try:
        exists = os.path.lexists(folder)
        if exists and not force:
            raise OutputExists(
                f"The output folder {folder} exists already. Choose another, or give --force to replace it."
            )
        folder = folder.resolve()
        if exists and Path.cwd().is_relative_to(folder):
            raise OutputExists(f"{folder} holds the working directory and is not replaced. Choose a folder of its own.")
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=".edgewright-", dir=folder.parent))
    except OSError as error:
        raise _cannot_write(folder, error) from error
    before = temporary.with_name(f"{temporary.name}-before")
    try:
        yield temporary
        os.chmod(temporary, 0o755)
        if folder.exists():
            os.replace(folder, before)
        os.replace(temporary, folder)
    except OSError as error:
        raise _cannot_write(folder, error) from error
    finally:
        if before.exists() and not folder.exists():
            os.replace(before, folder)
        shutil.rmtree(temporary, ignore_errors=True)
        if before.is_dir():
            shutil.rmtree(before, ignore_errors=True)
        else:
            before.unlink(missing_ok=True)


def _cannot_write(path: Path, error: OSError) -> CannotWrite:
    return CannotWrite(
        f"Cannot write {path}: {error.strerror or error}. Nothing was left behind; choose another place or make room."
    )
