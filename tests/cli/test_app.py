"""`edgewright app`: an application, from data to a firmware project."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from command_line import Edgewright


def test_gestures_are_heard_and_written(
    tmp_path: Path, edgewright: Edgewright, data_folder: Callable[[str], Path]
) -> None:
    data_folder("gesturepod")
    result = edgewright("app", "gestures", "--board", "host", "--out", tmp_path / "out")
    assert result.code == 0, result.err
    assert result.out.count("double tap") == 2
    assert (tmp_path / "out" / "c" / "gestures.c").is_file()
    assert (tmp_path / "out" / "records.jsonl").is_file()


def test_options_of_training_need_data(tmp_path: Path, edgewright: Edgewright) -> None:
    given = ("app", "gestures", "--board", "host", "--out", tmp_path / "out")
    result = edgewright(*given, "--set", "epochs=3", "--rate", "50")
    assert result.code == 2
    assert "--rate and --set can be given with --data only" in result.err
    assert not (tmp_path / "out").exists()


def test_applications_are_listed(edgewright: Edgewright) -> None:
    entries = edgewright("list", "applications", "--json").document["applications"]
    assert "gestures" in [entry["name"] for entry in entries]
