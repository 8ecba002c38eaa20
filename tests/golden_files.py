"""Texts that are compared with a file which a person has reviewed."""

from __future__ import annotations

import difflib
from pathlib import Path


def check_golden(path: Path, text: str, *, update: bool) -> None:
    """Fail where a text differs from its golden file, or write the file."""
    if update:
        path.write_text(text, encoding="utf-8")
        return
    remedy = "if that is meant, run pytest with --update-golden and review the difference"
    if not path.exists():
        raise AssertionError(f"There is no golden file {path}; {remedy}.")
    wanted = path.read_text(encoding="utf-8")
    if text != wanted:
        difference = difflib.unified_diff(wanted.splitlines(), text.splitlines(), str(path), "now", lineterm="", n=1)
        raise AssertionError("\n".join([f"{path} differs; {remedy}.", *list(difference)[:60]]))
