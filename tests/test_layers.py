"""Imports go down only, and the deployment wing stays light."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "src" / "edgewright").rglob("*.py"))
LONGEST = 400


def test_the_contracts_hold() -> None:
    command = [Path(sys.executable).with_name("lint-imports"), "--config", ROOT / ".importlinter", "--no-cache"]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr


def modules_after(statements: str) -> set[str]:
    """The modules that a fresh Python holds after some statements."""
    program = f"{statements}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(finished.stdout.splitlines()[-1]))


def test_importing_the_package_imports_nothing_heavy() -> None:
    loaded = modules_after("import edgewright; edgewright.__version__")
    assert not loaded & {"numpy", "scipy", "torch", "sklearn", "jinja2", "typer", "rich", "unicorn"}
    assert {name for name in loaded if name.startswith("edgewright")} == {"edgewright"}


def test_the_public_names_are_there() -> None:
    assert "edgewright.firmware" in modules_after("from edgewright import deploy, Firmware")
    with pytest.raises(subprocess.CalledProcessError):
        modules_after("from edgewright import nothing")


WING = (
    "ir",
    "ops",
    "runtime",
    "numpy_backend",
    "compiler",
    "engines",
    "boards",
    "frontends",
    "lowering",
    "firmware",
    "measure",
    "records",
)


def test_the_deployment_wing_leaves_torch_and_scikit_learn_out() -> None:
    every = "\n".join(
        f"for name in catalog.names('edgewright.{package}'): catalog.get('edgewright.{package}', name)"
        for package in ("ops", "engines", "boards", "boards.cores", "frontends", "compiler.exports")
    )
    loaded = modules_after(
        f"import {', '.join(f'edgewright.{name}' for name in WING)}\nfrom edgewright import catalog\n{every}"
    )
    assert "edgewright.ops.dense" in loaded
    assert "edgewright.frontends.sklearn" in loaded
    assert not loaded & {"torch", "sklearn", "matplotlib", "typer"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "src" / "edgewright")))
def test_files_stay_short_and_say_what_they_are(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= LONGEST
    assert ast.get_docstring(ast.parse(text))
