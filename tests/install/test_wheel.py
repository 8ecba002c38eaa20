"""The built wheel in an empty environment outside the tree: it is whole, and says what it lacks."""

from __future__ import annotations

import importlib.metadata
import json
import zipfile
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from installed import ROOT, Installed, build_wheel, install

from edgewright import boards, data, engines, ir, ops, records
from edgewright.compiler.pipeline import to_integers
from edgewright.ir.types import Type
from edgewright.lowering import Builder

pytestmark = pytest.mark.slow

DATA_FILES = {".c", ".h", ".jinja", ".css", ".ld"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


def test_the_wheel_holds_the_package_whole_and_nothing_else(wheel: Path) -> None:
    held = {PurePosixPath(name) for name in zipfile.ZipFile(wheel).namelist()}
    source = ROOT / "src"
    ours = {PurePosixPath(path.relative_to(source)) for path in source.rglob("*") if path.is_file()}
    ours = {path for path in ours if "__pycache__" not in path.parts}
    assert {path.suffix for path in ours} >= DATA_FILES
    assert PurePosixPath("edgewright/py.typed") in ours
    about = {path for path in held if path.parts[0].endswith(".dist-info")}
    assert held - about == ours
    assert any(path.name == "LICENSE" for path in about)


# One test an environment, because each is made once and making it takes longer than what is tested in it.
def test_the_bare_wheel(wheel: Path, tmp_path: Path) -> None:
    bare = install(wheel, "", tmp_path)
    check_version(bare)
    check_training_is_missing(bare)
    check_a_saved_graph_compiles(bare)


def test_the_wheel_with_the_extras_of_the_readme(wheel: Path, tmp_path: Path) -> None:
    full = install(wheel, "[train,report]", tmp_path)
    check_version(full)
    check_the_catalogues_are_whole(full)
    check_the_demo_runs(full)


def check_version(installed: Installed) -> None:
    """What runs is what was installed, of this version."""
    done = installed.edgewright("--version")
    assert (done.returncode, done.stdout.strip()) == (0, f"edgewright {importlib.metadata.version('edgewright')}")
    place = Path(installed.evaluate("import edgewright; print(edgewright.__file__)"))
    assert place.is_relative_to(installed.python.parents[1])


def check_training_is_missing(bare: Installed) -> None:
    """What needs the extra says how to get it, and leaves nothing behind."""
    found = bare.evaluate("import importlib.util; print(importlib.util.find_spec('torch'))")
    assert found == "None"
    for arguments in (("build", "--data", "digits", "--board", "microbit", "--out", "firmware"), ("demo", "--quick")):
        done = bare.edgewright(*arguments)
        assert done.returncode == 2, done.stdout + done.stderr
        assert "pip install 'edgewright[train]'" in done.stderr
        assert "Traceback" not in done.stderr
        assert not [path for path in bare.folder.rglob("*") if path.is_file()]


def check_a_saved_graph_compiles(bare: Installed) -> None:
    """A model made before is compiled and proven without the training wing."""
    generator = np.random.default_rng(1)
    builder = Builder("net")
    weights = builder.constant("w", generator.normal(size=(3, 4)))
    bias = builder.constant("b", np.ones(3))
    scores = builder.node("dense", "scores", x=builder.input("x", Type((4,))), w=weights, bias=bias)
    ir.save(to_integers(builder.finish(scores), generator.normal(size=(40, 4))), bare.folder / "model.edgewright")
    done = bare.edgewright("compile", "model.edgewright", "--board", "microbit", "--out", "firmware", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["record"]["numbers"]["verified"] == 1
    assert (bare.folder / "firmware" / "c" / "net.c").is_file()


def check_the_catalogues_are_whole(full: Installed) -> None:
    catalogues = {"boards": boards, "operators": ops, "datasets": data, "engines": engines}
    for name, package in catalogues.items():
        assert {entry["name"] for entry in listed(full, name)} == {*package.names()}


def check_the_demo_runs(full: Installed) -> None:
    """Every model that fits a board whose tools are here was verified there."""
    done = full.edgewright("demo", "--quick", "--out", "demo")
    assert done.returncode == 0, done.stdout + done.stderr
    folder = full.folder / "demo"
    assert "</html>" in (folder / "report.html").read_text()
    found = records.read(folder / "records.jsonl")
    here = {str(board["name"]) for board in listed(full, "boards") if not board["why_not"]} - {"host"}
    assert len(here) >= 3  # those of the emulator that the wheel brings
    for board in here:
        ran = [record for record in found if record.board == board and record.numbers["fits"] == 1]
        assert len(ran) >= 3, board
        assert all(record.numbers["verified"] == 1 for record in ran), board


def listed(installed: Installed, catalogue: str) -> list[dict[str, str | None]]:
    done = installed.edgewright("list", catalogue, "--json")
    assert done.returncode == 0, done.stderr
    entries: list[dict[str, str | None]] = json.loads(done.stdout)[catalogue]
    return entries
