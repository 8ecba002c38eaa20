"""What all tests share: golden files, a model on this computer, the data folder, seeds."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from golden_files import check_golden
from hypothesis import settings

from edgewright import boards, engines
from edgewright.compiler.emit import emit
from edgewright.compiler.program import Program
from edgewright.ir.graph import Graph
from edgewright.ir.types import Array

settings.register_profile("edgewright", derandomize=True, deadline=None, database=None)
settings.load_profile("edgewright")
os.environ["EDGEWRIGHT_OFFLINE"] = "1"  # no test, and no process that it starts, downloads a dataset

Run = Callable[..., list[Array]]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite the golden files; review the difference")


@pytest.fixture(autouse=True)
def _seeds() -> None:
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 (for libraries that use the old generator)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compares a text with the golden file of a name, or rewrites the file under --update-golden."""
    folder, update = Path(__file__).parent / "golden", request.config.getoption("--update-golden")
    return lambda name, text: check_golden(folder / name, text, update=update)


@pytest.fixture(scope="session")
def host() -> Run:
    """Runs a graph, or one model of a program, on this computer: integer arrays [n, *shape] in, a list of them out."""
    engine = engines.get("host")
    if reason := engine.why_not(boards.get("host")):
        pytest.skip(f"the host engine cannot run: {reason}")

    def run(what: Graph | Program, *inputs: Array, model: str | None = None) -> list[Array]:
        program = emit({"model": what}) if isinstance(what, Graph) else what
        entry = next(entry for entry in program.entries if model in (None, entry.name))
        outcome = engine.run(engine.build(program, "host"), entry.name, engines.pack_inputs(entry, inputs))
        return list(engines.unpack_outputs(entry, outcome.outputs))

    return run


@pytest.fixture
def data_folder() -> Callable[[str], Path]:
    """Gives a folder of EDGEWRIGHT_DATA by name, or skips the test and says why."""

    def find(name: str) -> Path:
        place = os.environ.get("EDGEWRIGHT_DATA")
        if not place or not (Path(place) / name).is_dir():
            pytest.skip(f"EDGEWRIGHT_DATA names no folder with {name}")
        return Path(place) / name

    return find


@pytest.hookimpl(tryfirst=True)  # before what -m leaves out is left out
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests for each of the boards are slow but on this computer: emulated cores take a compiler's run-time library each."""
    for item in items:
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        board = parameters.get("board")
        if isinstance(board, str) and board != "host" and board.replace("_", "-") in boards.names():
            item.add_marker(pytest.mark.slow)
