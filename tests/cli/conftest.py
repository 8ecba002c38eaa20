"""The command line in this process, and small tables and models."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from command_line import Edgewright, Result, rows

from edgewright import ir
from edgewright.cli import main
from edgewright.compiler.pipeline import to_integers
from edgewright.ir.types import Type
from edgewright.lowering import Builder


@pytest.fixture
def edgewright(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Edgewright:
    """Runs a command line in this process."""
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments: object) -> Result:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return Result(int(ended.value.code or 0), said.out, said.err)

    return run


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A sound CSV of four features and text labels."""
    path = tmp_path / "gestures.csv"
    x, y = rows()
    lines = [",".join([*map(str, row), "abc"[label]]) for row, label in zip(x, y, strict=True)]
    path.write_text("\n".join(["f0,f1,f2,f3,label", *lines]) + "\n")
    return path


@pytest.fixture
def unlabelled(tmp_path: Path) -> Path:
    """The rows of `table` without labels."""
    path = tmp_path / "typical.csv"
    np.savetxt(path, rows()[0], delimiter=",", header="f0,f1,f2,f3", comments="")
    return path


@pytest.fixture
def float_model(tmp_path: Path) -> Path:
    """A saved graph in float, of four features and three classes."""
    generator = np.random.default_rng(1)
    builder = Builder("net")
    x = builder.input("x", Type((4,)))
    w = builder.constant("w", generator.normal(size=(3, 4)))
    y = builder.node("dense", "scores", x=x, w=w, bias=builder.constant("b", generator.normal(size=3)))
    path = tmp_path / "net.edgewright"
    ir.save(builder.finish(y, labels=("a", "b", "c")), path)
    return path


@pytest.fixture
def model(float_model: Path, tmp_path: Path) -> Path:
    """The same in integers."""
    path = tmp_path / "ready.edgewright"
    ir.save(to_integers(ir.load(float_model), rows()[0]), path)
    return path


@pytest.fixture
def large_model(tmp_path: Path) -> Path:
    """A saved integer graph of 90,000 weights: too large for a Uno and a Blue Pill."""
    generator = np.random.default_rng(1)
    builder = Builder("large")
    x = builder.input("x", Type((300,)))
    w = builder.constant("w", generator.normal(size=(300, 300)))
    y = builder.node("dense", x=x, w=w, bias=builder.constant("b", generator.normal(size=300)))
    path = tmp_path / "large.edgewright"
    ir.save(to_integers(builder.finish(y), generator.normal(size=(20, 300))), path)
    return path
