"""`edgewright app`: an application, from data to a firmware project."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from command_line import Edgewright
from scipy.io import wavfile


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


def test_an_earlier_model_needs_no_data(tmp_path: Path, edgewright: Edgewright) -> None:
    given = ("app", "keywords", "--board", "host", "--out", tmp_path / "out")
    result = edgewright(*given, "--model", tmp_path, "--data", "speech-commands")
    assert result.code == 2
    assert "--model is trained already: leave --data out" in result.err
    result = edgewright(*given, "--model", tmp_path)
    assert result.code == 2
    assert "holds no model.edgewright" in result.err
    result = edgewright(*given)
    assert result.code == 2
    assert "brings no model" in result.err
    assert not (tmp_path / "out").exists()


def test_words_are_heard_again_from_what_was_written(tmp_path: Path, edgewright: Edgewright) -> None:
    generator = np.random.default_rng(0)
    for label, hertz in (("low", 60), ("high", 300)):
        (tmp_path / "tones" / label).mkdir(parents=True)
        for number in range(8):
            sound = 8000 * np.sin(2 * np.pi * hertz * np.arange(300) / 1000) + generator.normal(0, 200, 300)
            wavfile.write(tmp_path / "tones" / label / f"{number}.wav", 1000, sound.astype(np.int16))
    given = ("app", "keywords", "--board", "host", "--export", "arduino")
    quick = [part for text in ("epochs=8", "hidden=8", "bands=6", "distorted=0") for part in ("--set", text)]
    result = edgewright(*given, "--data", tmp_path / "tones", "--out", tmp_path / "kws", *quick)
    assert result.code == 0, result.err
    assert (tmp_path / "kws" / "arduino" / "examples" / "selftest" / "selftest.ino").is_file()
    assert (tmp_path / "kws" / "model.estimator").is_file()
    recording = ("--recording", tmp_path / "tones" / "low")
    result = edgewright(*given, "--model", tmp_path / "kws", "--out", tmp_path / "again", *recording)
    assert result.code == 0, result.err
    assert result.out.count(" low ") >= 6
    assert all(f"{number}.wav" in result.out for number in range(8))


def test_applications_are_listed(edgewright: Edgewright) -> None:
    entries = edgewright("list", "applications", "--json").document["applications"]
    assert [entry["name"] for entry in entries] == ["gestures", "keywords"]
