"""A folder of recordings as --data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from command_line import Edgewright

from edgewright import records


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two gestures of four people each, three recordings a person, of one axis that rises or falls."""
    generator = np.random.default_rng(0)
    lines = ["file,label,group"]
    made = tmp_path / "gestures"
    made.mkdir()
    for label, slope in (("fall", -1.0), ("rise", 1.0)):
        for person in "abcd":
            for take in range(3):
                name = f"{label}-{person}{take}.csv"
                values = slope * np.arange(8) + generator.normal(0, 0.2, 8)
                np.savetxt(made / name, values)
                lines.append(f"{name},{label},{person}")
    (made / "labels.csv").write_text("\n".join(lines) + "\n")
    return made


def test_a_folder_of_recordings_becomes_firmware_and_verifies_it(
    folder: Path, tmp_path: Path, edgewright: Edgewright
) -> None:
    out = tmp_path / "firmware"
    given = ("build", "--data", folder, "--model", "decision-tree", "--board", "host", "--out", out)
    result = edgewright(*given, "--rate", "50")
    assert result.code == 0, result.err
    assert "split by 4 groups" in result.err
    (record,) = records.read(out / "records.jsonl")
    assert record.split == "by group, 0.25 to test, seed 0"
    assert record.data == "gestures"
    assert record.numbers["accuracy_board"] == 1.0
    assert record.numbers["mismatches"] == 0
    verified = edgewright("verify", out / "model.edgewright", "--board", "host", "--data", folder, "--json")
    assert verified.document["verified"] is True
    assert verified.document["vectors"] >= 24


def test_recordings_are_cut_to_what_a_model_takes(folder: Path, tmp_path: Path, edgewright: Edgewright) -> None:
    out = tmp_path / "firmware"
    build = (
        "build",
        "--data",
        folder,
        "--model",
        "fastgrnn",
        "--set",
        "epochs=3",
        "--set",
        "hidden=4",
        "--length",
        "6",
    )
    built = edgewright(*build, "--board", "host", "--out", out)
    assert built.code == 0, built.err
    assert "24 recordings were cut to 6 samples" in built.err
    saved = next(path for path in out.iterdir() if path.suffix == ".estimator")
    priced = edgewright("cost", saved, "--calibration", folder, "--data", folder, "--board", "host", "--json")
    assert priced.code == 0, priced.err
    assert priced.document["records"][0]["numbers"]["accuracy_board"] is not None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--target", "label"), ("is a folder of recordings", "leave the target 'label' out")),
        (("--length", "0"), ("--length",)),
        (("--rate", "0"), ("--rate",)),
    ],
)
def test_options_that_do_not_serve_a_folder(
    folder: Path, tmp_path: Path, edgewright: Edgewright, options: tuple[str, ...], said: tuple[str, ...]
) -> None:
    result = edgewright("build", "--data", folder, "--board", "host", "--out", tmp_path / "out", *options)
    assert result.code == 2
    for words in said:
        assert words in result.err
    assert not (tmp_path / "out").exists()


def test_a_length_is_for_folders_only(table: Path, tmp_path: Path, edgewright: Edgewright) -> None:
    given = ("build", "--data", table, "--target", "label", "--board", "host", "--length", "4", "--rate", "50")
    result = edgewright(*given, "--out", tmp_path / "out")
    assert result.code == 2
    assert "--length and --rate can be given for a folder of recordings only" in result.err
