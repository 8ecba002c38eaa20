"""What docs/adding.md says to write is enough: its operator and its board work in a copy of the package, with no other edit."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fenced_blocks import ROOT, blocks_of

import edgewright

pytestmark = pytest.mark.slow

ADDING = ROOT / "docs" / "adding.md"
BOARD = "documented"  # the name under which the board of the example is added


def sources(language: str, holds: str) -> str:
    """The one block of docs/adding.md in a language that holds a text."""
    (text,) = [block.text for block in blocks_of(ADDING) if block.language == language and holds in block.text]
    return text


def operator() -> str:
    """The name of the operator of the example: its kernel's, without the types."""
    (kernel,) = re.findall(r'Kernel\("([a-z_]+)_[A-Z]', sources("python", "ENTRY = Op("))
    return str(kernel)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A folder with a copy of the package, to which the examples are added as files."""
    copy = tmp_path / "path" / "edgewright"
    shutil.copytree(Path(edgewright.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "ops" / f"{operator()}.py").write_text(sources("python", "ENTRY = Op("))
    (copy / "ops" / f"{operator()}.c").write_text(sources("c", "EW_KERNEL"))
    (copy / "boards" / f"{BOARD}.py").write_text(sources("python", "ENTRY = Board("))
    return copy.parent


def run_tests(package: Path, chosen: str) -> str:
    """Run conformance tests of the operators with the copy instead of the package; returns what pytest said."""
    tests = ROOT / "tests" / "conformance" / "test_operators.py"
    options = ["-v", "-p", "no:cacheprovider", "--rootdir", str(ROOT), "-c", str(ROOT / "pyproject.toml")]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", str(tests), "-k", chosen, *options],
        env={**os.environ, "PYTHONPATH": str(package)},
        cwd=package,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_two_files_add_an_operator(package: Path) -> None:
    said = run_tests(package, operator())
    passed = {*re.findall(r"::(\w+)\S* PASSED", said)}
    assert {
        "test_c_equals_twin",
        "test_every_kernel_has_a_case",
        "test_twin_stays_within_the_range_of_its_output",
    } <= passed
    assert f"test_c_equals_twin[host-{operator()}] PASSED" in said


def test_a_wrong_kernel_is_found(package: Path) -> None:
    file = package / "edgewright" / "ops" / f"{operator()}.c"
    right = file.read_text()
    file.write_text(right.replace("zero_points - x[i]", "zero_points + x[i]"))
    assert file.read_text() != right
    with pytest.raises(AssertionError, match="test_c_equals_twin"):
        run_tests(package, f"test_c_equals_twin and host and {operator()}")


def test_one_file_adds_a_board(package: Path) -> None:
    said = run_tests(package, f"test_c_equals_twin and {BOARD} and (dense or {operator()})")
    assert re.search(rf"test_c_equals_twin\[{BOARD}-dense\] PASSED", said), said
    assert re.search(rf"test_c_equals_twin\[{BOARD}-{operator()}\] PASSED", said), said
