"""A folder such as the reader of the documentation has: some tables, some models, the commands on the path."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import skops.io
from sklearn.ensemble import RandomForestClassifier

CLASSES = ("circle", "shake", "still")
FEATURES = 6
DETECTOR = Path("mlperf_tiny") / "ad01_int8.tflite"


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with gestures.csv, table.csv, forest.skops and, where EDGEWRIGHT_DATA has it, model.tflite; it becomes the working one."""
    folder = tmp_path / "reader"
    folder.mkdir()
    x, y = _gestures()
    for name in ("gestures.csv", "table.csv"):
        rows = [",".join([*map(str, row), CLASSES[label]]) for row, label in zip(x, y, strict=True)]
        header = ",".join([*(f"f{number}" for number in range(FEATURES)), "label"])
        (folder / name).write_text("\n".join([header, *rows]) + "\n")
    forest = RandomForestClassifier(n_estimators=5, max_depth=4, random_state=0)
    skops.io.dump(forest.fit(x, np.array(CLASSES)[y]), folder / "forest.skops")
    if data := os.environ.get("EDGEWRIGHT_DATA"):
        detector = Path(data) / DETECTOR
        if detector.is_file():
            shutil.copy(detector, folder / "model.tflite")
    monkeypatch.setenv("PATH", f"{_programs(tmp_path)}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(folder)
    return folder


def _gestures(count: int = 240) -> tuple[np.ndarray, np.ndarray]:
    """Three classes that overlap a little."""
    generator = np.random.default_rng(0)
    y = np.arange(count) % len(CLASSES)
    return (generator.normal(size=(count, FEATURES)) + 4 * np.eye(len(CLASSES), FEATURES)[y]).round(3), y


def _programs(folder: Path) -> Path:
    """A folder in which `edgewright` and `python` are those that run this test."""
    programs = folder / "bin"
    programs.mkdir()
    for name, arguments in {"edgewright": "-c 'from edgewright.cli import main; main()'", "python": ""}.items():
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
        (programs / name).chmod(0o755)
    return programs
