"""Keywords: tiny models of three tones instead of words, at a thousand samples a second, and the words themselves where they are there."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import wavfile

from edgewright import apps, data, engines
from edgewright.apps import Order, Outcome, earlier
from edgewright.apps.keywords import listening, microphone, training
from edgewright.boards import get as board
from edgewright.data import Split
from edgewright.data.recordings import read_recordings
from edgewright.data.tables import split_table
from edgewright.errors import BadData, BadInput, BadModelFile, MissingTool
from edgewright.estimators import load_estimator, save_estimator
from edgewright.files import write_file
from edgewright.ir import load, save
from edgewright.records import write as write_records

HERTZ, SAMPLES = 1000, 400
TONES = {"_silence_": 0.0, "high": 300.0, "low": 60.0}
QUICK: dict[str, Any] = {"epochs": 20, "hidden": 8, "bands": 6, "distorted": 1}


def tone(hertz: float, seed: int, samples: int = SAMPLES) -> np.ndarray:
    generator = np.random.default_rng(seed)
    sound = 8000 * np.sin(2 * np.pi * hertz * np.arange(samples) / HERTZ + generator.uniform(0, 6))
    return (sound * (hertz > 0) + generator.normal(0, 200, samples)).astype(np.int16)


def saved(path: Path, samples: np.ndarray, hertz: int = HERTZ) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    wavfile.write(path, hertz, samples)
    return path


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Split:
    folder = tmp_path_factory.mktemp("tones")
    for label, hertz in TONES.items():
        for number in range(12):
            name = f"speaker{number % 4}_nohash_{number}.wav"
            saved(folder / label / name, tone(hertz, number))
    return split_table(read_recordings(folder), 0.25, 0)


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Silence, low, silence, high: a tone a window."""
    parts = [tone(TONES[label], 50 + place) for place, label in enumerate(("_silence_", "low", "_silence_", "high"))]
    return saved(tmp_path_factory.mktemp("spoken") / "spoken.wav", np.concatenate(parts))


@pytest.fixture(scope="module")
def made(split: Split, spoken: Path) -> Outcome:
    return apps.get("keywords").run(Order("host", split, "tones", spoken, settings=QUICK))


@pytest.fixture(scope="module")
def folder(made: Outcome, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the command line writes."""
    place = tmp_path_factory.mktemp("made")
    save(made.firmware.models["keywords"].graph, place / earlier.GRAPH_FILE)
    write_records(place / earlier.RECORDS_FILE, [made.record])
    return place


def test_words_are_heard_where_they_are_spoken(made: Outcome) -> None:
    assert made.heard == (("spoken.wav", "0.80", "low", "1 of 1"), ("spoken.wav", "1.60", "high", "1 of 1"))


def test_the_integers_on_the_device_are_those_of_the_model(made: Outcome, split: Split) -> None:
    numbers = made.record.numbers
    assert numbers["mismatches"] == 0
    assert numbers["verified"] == 1
    assert numbers["accuracy_float"] == made.estimator.score(split.x_test, split.y_test) > 0.9
    assert numbers["accuracy_integer"] > 0.9
    assert "accuracy_board" not in numbers
    assert made.record.split == "by speaker"


def test_the_featuriser_follows_the_rate_of_the_recordings(made: Outcome) -> None:
    settings = made.record.settings
    assert (settings["sample_rate"], settings["frame"], settings["hop"], settings["bands"]) == (1000, 25, 20, 6)
    assert settings["hertz"] == 1000
    assert made.record.tables["stream"] == {"window": SAMPLES, "first": 385, "every": SAMPLES}


def test_a_trained_model_listens_again_without_training(made: Outcome, folder: Path, spoken: Path) -> None:
    again = apps.get("keywords").run(Order("host", recording=spoken, model=folder))
    assert again.estimator is None
    assert again.heard == made.heard
    assert again.record.graph_hash == made.record.graph_hash
    assert again.record.numbers["mismatches"] == 0
    assert again.record.settings == made.record.settings


def test_answers_can_overlap_and_vote(folder: Path, spoken: Path) -> None:
    again = apps.get("keywords").run(Order("host", recording=spoken, model=folder, settings={"every": 0.1}))
    assert again.record.tables["stream"]["every"] == 100
    assert [row[2] for row in again.heard] == ["low", "high"]
    assert all(row[3].endswith(" of 4") for row in again.heard)
    assert again.record.numbers["mismatches"] == 0


def test_a_model_listens_to_nothing_and_is_still_proven(folder: Path) -> None:
    again = apps.get("keywords").run(Order("host", model=folder))
    assert again.heard == ()
    assert again.record.data == "random"
    assert again.record.numbers["verified"] == 1


def test_all_files_of_a_folder_are_heard_each_from_its_beginning(folder: Path, tmp_path: Path) -> None:
    saved(tmp_path / "b.wav", tone(TONES["low"], 80, 500))  # what is left over does not reach into the next file
    saved(tmp_path / "c.WAV", tone(TONES["high"], 81))
    saved(tmp_path / "a.wav", tone(0, 82))
    (tmp_path / "notes.txt").write_text("no recording")
    again = apps.get("keywords").run(Order("host", recording=tmp_path, model=folder))
    assert [(row[0], row[2]) for row in again.heard] == [("a.wav", "-"), ("b.wav", "low"), ("c.WAV", "high")]


def test_the_recording_may_be_stereo_and_what_is_poor_is_said(tmp_path: Path) -> None:
    loud = np.clip(tone(60, 0).astype(np.int32) * 100, -(2**15), 2**15 - 1).astype(np.int16)
    saved(tmp_path / "loud.wav", loud)
    saved(tmp_path / "two.wav", np.stack([tone(60, 0), tone(60, 0)], axis=1))
    saved(tmp_path / "zero.wav", np.zeros(SAMPLES, np.int16))
    loud_one, two, zero = listening.read(tmp_path, HERTZ, SAMPLES)
    assert loud_one.notes == ("loud.wav seems clipped (recorded too loudly).",)
    assert two.notes == ("two.wav has two channels, which were mixed to their mean.",)
    assert np.array_equal(two.samples, tone(60, 0))
    assert zero.notes == ("zero.wav is silent.",)


@pytest.mark.parametrize(
    ("samples", "hertz", "said"),
    [
        (SAMPLES, 8000, r"a\.wav has 8,000 samples a second, and the model hears 1,000\. .*ffmpeg -i a\.wav -ar 1000"),
        (SAMPLES - 1, HERTZ, r"a\.wav lasts 0\.40 s, and the first answer needs 0\.40 s"),
        (10, HERTZ, r"a\.wav lasts 0\.01 s, and the first answer needs 0\.40 s"),
    ],
)
def test_a_recording_that_cannot_be_heard(tmp_path: Path, samples: int, hertz: int, said: str) -> None:
    with pytest.raises(BadData, match=said):
        listening.read(saved(tmp_path / "a.wav", tone(60, 0, samples), hertz), HERTZ, SAMPLES)


def test_all_recordings_that_cannot_be_heard_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadData, match=r"holds no \.wav files"):
        listening.read(tmp_path, HERTZ, SAMPLES)
    with pytest.raises(BadData, match=r"missing\.wav cannot be read"):
        listening.read(tmp_path / "missing.wav", HERTZ, SAMPLES)
    (tmp_path / "text.wav").write_text("no sound")
    saved(tmp_path / "short.wav", tone(60, 0, 5))
    with pytest.raises(BadData, match=r"(?s)short\.wav lasts.*text\.wav cannot be read: .*Save it as 16-bit PCM"):
        listening.read(tmp_path, HERTZ, SAMPLES)


def fake_library(monkeypatch: pytest.MonkeyPatch, rec: Any) -> None:
    module: Any = types.ModuleType(microphone.PACKAGE)
    module.PortAudioError = type("PortAudioError", (Exception,), {})
    module.rec = rec(module.PortAudioError)
    monkeypatch.setitem(sys.modules, microphone.PACKAGE, module)


def test_a_microphone_is_recorded_then_heard(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    asked: dict[str, Any] = {}

    def recorder(_: Any) -> Any:
        def rec(frames: int, **options: Any) -> np.ndarray:
            asked.update(options, frames=frames)
            return np.resize(tone(TONES["high"], 3, 400), (frames, 1))

        return rec

    fake_library(monkeypatch, recorder)
    said: list[str] = []
    order = Order("host", recording=Path("microphone"), model=folder, say=said.append)
    heard = apps.get("keywords").run(order).heard
    assert asked == {"frames": 5000, "samplerate": 1000, "channels": 1, "dtype": "int16", "blocking": True}
    assert {row[:1] + row[2:3] for row in heard} == {("microphone", "high")}
    assert "listening to the microphone for 5 s: speak now" in said


def test_a_package_that_is_not_installed_is_named_before_anything_is_trained(
    monkeypatch: pytest.MonkeyPatch, split: Split
) -> None:
    monkeypatch.setitem(sys.modules, microphone.PACKAGE, None)
    said: list[str] = []
    with pytest.raises(
        MissingTool, match=r"sounddevice, which is not installed: pip install 'edgewright\[microphone\]'"
    ):
        apps.get("keywords").run(Order("host", split, "tones", Path("microphone"), settings=QUICK, say=said.append))
    assert said == []


def test_a_computer_without_a_microphone(monkeypatch: pytest.MonkeyPatch) -> None:
    def recorder(error: Any) -> Any:
        def rec(*_: Any, **__: Any) -> None:
            raise error("no default device")

        return rec

    fake_library(monkeypatch, recorder)
    with pytest.raises(MissingTool, match="no sound at 1,000 samples a second: no default device"):
        microphone.record(1000)


def test_a_system_library_that_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / f"{microphone.PACKAGE}.py").write_text("raise OSError('PortAudio library not found')\n")
    monkeypatch.delitem(sys.modules, microphone.PACKAGE, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingTool, match=r"PortAudio library not found\. Install PortAudio"):
        microphone.library()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"epoch": 3}, r"setting of keywords with fastgrnn named 'epoch'\. Did you mean 'epochs'"),
        ({"model": "fastgrn"}, r"model of sequences named 'fastgrn'\. Did you mean 'fastgrnn'"),
        ({"model": "bonsai"}, r"model of sequences named 'bonsai'"),
        ({"features": "mfcc"}, r"named 'features'"),
        ({"distorted": -1}, "distorted is -1; allowed: a whole number from 0 on"),
        ({"bands": 0}, "bands is 0; allowed: a whole number from 1 on"),
        ({"bands": 200}, "lies between two frequencies"),
        ({"every": "often"}, "every is 'often'; allowed: seconds above 0"),
        ({"every": 0.03}, r"30 samples; allowed: whole multiples of the 20 samples .*\(0\.02 s\)"),
        ({"distorted": 10**6}, "give --set distorted="),
        ({"epochs": "many"}, "fastgrnn cannot be trained with these settings"),
    ],
)
def test_settings_that_cannot_be(split: Split, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        apps.get("keywords").run(Order("host", split, "tones", settings={"bands": 6, **settings}))


def test_another_model_and_its_own_settings() -> None:
    choice, settings = training.choose({"model": "sharnn", "epochs": 5, "every": 0.5})
    assert (choice.model, choice.every, settings["hidden_upper"], settings["epochs"]) == ("sharnn", 0.5, 28, 5)
    assert "hidden_upper" not in training.choose({"model": "gru"})[1]


def test_data_that_are_no_sound(split: Split) -> None:
    run = apps.get("keywords").run
    with pytest.raises(BadInput, match=r"brings no model\. Give --data"):
        run(Order("host"))
    with pytest.raises(BadData, match="not known how many samples a second"):
        run(Order("host", data.get("digits").load(), "digits"))
    with pytest.raises(BadData, match="sound has one channel"):
        run(Order("host", Split(*_two_channels(split), split.labels, hertz=1000.0), "stereo", settings={"bands": 6}))


def _two_channels(split: Split) -> tuple[np.ndarray, ...]:
    x_train, x_test = (np.stack([x, x], axis=2) for x in (split.x_train, split.x_test))
    return x_train, split.y_train, x_test, split.y_test


def test_a_folder_that_is_none_of_an_earlier_run(folder: Path, tmp_path: Path, made: Outcome) -> None:
    run = apps.get("keywords").run
    with pytest.raises(BadModelFile, match="There is no folder"):
        run(Order("host", model=tmp_path / "nothing"))
    with pytest.raises(BadModelFile, match=r"holds no model\.edgewright"):
        run(Order("host", model=tmp_path))
    with pytest.raises(BadInput, match="was made for keywords, and this is the application gestures"):
        apps.get("gestures").run(Order("host", model=folder))
    with pytest.raises(BadInput, match="only `every` can be given anew"):
        run(Order("host", model=folder, settings={"epochs": 3}))
    write_file(tmp_path / earlier.GRAPH_FILE, (folder / earlier.GRAPH_FILE).read_bytes())
    for damage in ("", "{}\n", "[]\n", "no record\n", '{"what": "deploy", "model": "keywords"}\n'):
        (tmp_path / earlier.RECORDS_FILE).write_text(damage)
        with pytest.raises(BadModelFile, match="does not say how often"):
            run(Order("host", model=tmp_path))


def test_the_estimator_and_the_integers_come_back_from_their_files(made: Outcome, split: Split, folder: Path) -> None:
    save_estimator(made.estimator, folder / "model.estimator")
    again = load_estimator(folder / "model.estimator")
    assert np.array_equal(again.decision_function(split.x_test), made.estimator.decision_function(split.x_test))
    assert load(folder / earlier.GRAPH_FILE).hash == made.record.graph_hash


def test_the_arduino_project_is_fed_samples(made: Outcome, tmp_path: Path) -> None:
    project = made.firmware.export("arduino", tmp_path / "arduino")
    sketch = (project / "examples" / "selftest" / "selftest.ino").read_text()
    assert "keywords_step(&keywords_kept" in sketch
    assert "int keywords_step(keywords_state *" in (project / "src" / "keywords.h").read_text()


@pytest.mark.slow
def test_tones_on_an_emulated_board(folder: Path, spoken: Path, made: Outcome) -> None:
    if reason := engines.get("unicorn").why_not(board("nano33ble")):
        pytest.skip(reason)
    again = apps.get("keywords").run(Order("nano33ble", recording=spoken, model=folder))
    assert again.heard == made.heard
    numbers = again.record.numbers
    assert numbers["mismatches"] == 0
    assert numbers["instructions_per_sample"] < numbers["instructions_per_sample_largest"]
    assert numbers["sampling_hertz_estimated"] > HERTZ


@pytest.mark.slow
def test_words_after_few_epochs(data_folder: Any) -> None:
    data_folder("speech_commands_v2_test12")
    settings = {"epochs": 6, "distorted": 0, "hidden": 24, "learning_rate": 0.01}
    split = data.get("speech-commands").load()
    made = apps.get("keywords").run(Order("host", split, "speech-commands", settings=settings))
    assert made.record.numbers["mismatches"] == 0
    assert made.record.numbers["accuracy_integer"] > 2 / 12
