"""What the command line says about accuracy: warnings, and classes that are written in several ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import Edgewright

from edgewright import ir
from edgewright.ir.types import Type
from edgewright.lowering import Builder


def saved(path: Path, weights: list[list[float]], bias: list[float], labels: tuple[str, ...]) -> Path:
    """A float graph of one product, two features in."""
    builder = Builder("net")
    x = builder.input("x", Type((2,)))
    w, b = builder.constant("w", np.array(weights)), builder.constant("b", np.array(bias))
    ir.save(builder.finish(builder.node("dense", "scores", x=x, w=w, bias=b), labels=labels), path)
    return path


@pytest.fixture
def points(tmp_path: Path) -> Path:
    X = np.random.default_rng(0).normal(size=(60, 2))
    np.savez(tmp_path / "points.npz", X=X)
    return tmp_path / "points.npz"


@pytest.mark.parametrize("command", ["compile", "verify", "cost"])
def test_lost_accuracy_is_one_line_on_stderr_once(
    command: str, points: Path, tmp_path: Path, edgewright: Edgewright
) -> None:
    model = saved(tmp_path / "net.edgewright", [[1.0, 0.0], [0.0, 1.0]], [900.0, 900.0], ("a", "b"))
    more = {"compile": ["--board", "host", "--out", tmp_path / "out"], "verify": ["--board", "host"]}
    boards = more.get(command, ["--board", "host", "--board", "stm32f405", "--json"])
    result = edgewright(command, model, "--calibration", points, "--quantise", "activation=int8", *boards)
    assert result.code == 0, result.err
    (line,) = result.err.splitlines()
    assert line.startswith("edgewright: warning: net: the integers lose accuracy: ")
    assert "of 60 calibration rows" in line
    assert "activation=int16" in line
    sound = edgewright(command, model, "--calibration", points, *boards, *["--force"] * (command == "compile"))
    assert sound.err == ""
    if command == "cost":
        assert sound.document["records"][0]["numbers"]["agreement_calibration"] >= 0.97


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (("False", "True"), [0.0, 1.0]),
        (("False", "True"), [False, True]),
        (("0", "1"), [0.0, 1.0]),
        (("-1", "1"), ["-1", "1"]),
        (("no", "yes"), ["no", "yes"]),
    ],
)
def test_classes_are_the_same_however_they_are_written(
    labels: tuple[str, ...], classes: list[Any], points: Path, tmp_path: Path, edgewright: Edgewright
) -> None:
    model = saved(tmp_path / "net.edgewright", [[1.0, 0.0], [0.0, 1.0]], [0.0, 0.0], labels)
    with np.load(points) as file:
        X = file["X"]
    np.savez(tmp_path / "labelled.npz", X=X, y=np.array(classes)[X.argmax(axis=1)])
    given = ["--board", "host", "--calibration", points, "--data", tmp_path / "labelled.npz", "--json"]
    result = edgewright("cost", model, *given)
    assert result.code == 0, result.err
    assert result.document["records"][0]["numbers"]["accuracy_integer"] == 1.0


def test_the_layout_of_an_image_is_shown(points: Path, tmp_path: Path, edgewright: Edgewright) -> None:
    builder = Builder("net")
    x = builder.input("picture", Type((4, 4, 2)))
    w, b = builder.constant("w", np.ones((1, 1, 1, 2))), builder.constant("b", np.zeros(1))
    attributes = {"strides": (1, 1), "dilations": (1, 1), "padding": (0, 0, 0, 0)}
    ir.save(builder.finish(builder.node("conv2d", x=x, w=w, bias=b, attributes=attributes)), tmp_path / "i.edgewright")
    assert "picture is an image [height, width, channels]" in edgewright("show", tmp_path / "i.edgewright").out
    plain = saved(tmp_path / "net.edgewright", [[1.0, 0.0]], [0.0], ())
    assert "image" not in edgewright("show", plain).out
