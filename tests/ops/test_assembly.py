"""Assembly within C: the rules that no test of values can be trusted to find broken."""

import re
from pathlib import Path

import pytest

from edgewright import ops

FOLDER = Path(ops.__file__).parent
STATEMENT = re.compile(r"__asm__(?: volatile)?\((.*?)\);", re.DOTALL)


def statements() -> list[tuple[str, str]]:
    """Return (file, text) of each statement of several instructions, its operands included."""
    files = sorted({*FOLDER.glob("*.c"), *FOLDER.glob("*.h")})
    found = [(path.name, text) for path in files for text in STATEMENT.findall(path.read_text(encoding="utf-8"))]
    return [(name, text) for name, text in found if "1:" in text]


def shares_a_register(text: str) -> list[str]:
    """Return the operands that are written while others are still to be read, and do not say so."""
    return re.findall(r'"[+=](?!&)[a-z]"', text)


@pytest.mark.parametrize(("name", "text"), statements())
def test_what_a_loop_writes_has_registers_of_its_own(name: str, text: str) -> None:
    """A compiler may else give an input the register of a sum that happens to begin with the same value."""
    assert not shares_a_register(text)


def test_a_shared_register_is_found() -> None:
    assert len(statements()) >= 5
    assert shares_a_register('"1: add %0, %1" : [sum] "+r"(sum) : "r"(x)') == ['"+r"']
