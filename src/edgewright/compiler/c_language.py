"""What C itself demands: words that are taken, and how numbers and texts are written."""

from __future__ import annotations

import re

import numpy as np

from edgewright.errors import BadInput
from edgewright.ir.types import Array

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)

# NAME.h would be found in the place of the standard one
HEADERS = frozenset(
    [
        "assert",
        "complex",
        "ctype",
        "errno",
        "fenv",
        "float",
        "inttypes",
        "iso646",
        "limits",
        "locale",
        "math",
        "setjmp",
        "signal",
        "stdarg",
        "stdbool",
        "stddef",
        "stdint",
        "stdio",
        "stdlib",
        "string",
        "tgmath",
        "time",
        "wchar",
        "wctype",
        "arduino",
    ]
)
KEYWORDS = frozenset(
    [
        "auto",
        "break",
        "case",
        "char",
        "const",
        "continue",
        "default",
        "do",
        "double",
        "else",
        "enum",
        "extern",
        "float",
        "for",
        "goto",
        "if",
        "inline",
        "int",
        "long",
        "register",
        "restrict",
        "return",
        "short",
        "signed",
        "sizeof",
        "static",
        "struct",
        "switch",
        "typedef",
        "union",
        "unsigned",
        "void",
        "volatile",
        "while",
        "main",
        "class",
        "new",
        "delete",
        "this",
        "template",
        "namespace",
        "bool",
        "true",
        "false",
    ]
)


def literal(value: int) -> str:
    """Return an integer as C text that is right where int has 16 bits."""
    if value == -(2**31):
        return "(-INT32_C(2147483647) - 1)"
    return str(value) if -(2**15) < value < 2**15 else f"INT32_C({value})"


def literals(array: Array, width: int = 16) -> list[str]:
    """Return the integers of an array as lines of C text."""
    texts = [literal(int(value)) for value in np.ravel(array)]
    return [", ".join(texts[start : start + width]) for start in range(0, len(texts), width)]


def real(value: float) -> str:
    """Return a number as C text that is a double even where it is whole, and reads back as the same number."""
    return repr(float(value))


def c_text(text: str) -> str:
    """Return a text as the inside of a C string: what is not plain ASCII becomes octal bytes."""
    plain = {ord('"'): '\\"', ord("\\"): "\\\\", ord("?"): "\\?"}
    # A half of a surrogate pair, which no encoding has, becomes a question mark
    data = text.encode(errors="replace")
    return "".join(plain.get(byte, chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}") for byte in data)


def check_name(name: str) -> str:
    """Return a name that can prefix C symbols, or raise BadInput."""
    if not _NAME.fullmatch(name) or name in KEYWORDS | HEADERS or f"{name}_".startswith("ew_"):
        raise BadInput(
            f"{name!r} cannot name a model: use a lower-case letter, then letters, digits or underscores, 40 at most, "
            "no C keyword, no name of a standard header and no 'ew' in front of an underscore."
        )
    return name
