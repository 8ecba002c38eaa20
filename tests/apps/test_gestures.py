import numpy as np
import pytest

from edgewright import apps
from edgewright.apps import Order, earlier, votes
from edgewright.apps.gestures import published
from edgewright.data import Split
from edgewright.errors import BadData, BadInput, UnknownName
from edgewright.features import transform
from edgewright.features.gesture_pod import GesturePod
from edgewright.frontends.protonn import read_model
from edgewright.ir import save
from edgewright.records import write
from edgewright.runtime.interpret import run_float


def test_a_majority_takes_the_first_of_equals_in_the_order_of_the_classes():
    answers = ["b", "a", "a", "c", "c", "c"]
    assert votes.majority(answers, ("a", "b", "c"), of=4) == [
        ("b", 1),
        ("a", 1),
        ("a", 2),
        ("a", 2),
        ("a", 2),
        ("c", 3),
    ]


def test_what_goes_on_is_one_event_where_it_does_not_repeat():
    answers = ["rest"] * 4 + ["tap"] * 12 + ["rest"] * 8 + ["tap"] * 4
    seconds = [0.1 * number for number in range(len(answers))]
    heard = votes.events(answers, ("rest", "tap"), seconds, ("rest",), pause=0.5, of=2, repeats=False)
    assert [(round(one.seconds, 1), one.label) for one in heard] == [(0.5, "tap"), (2.5, "tap")]


def test_one_gesture_at_a_time():
    answers = ["rest"] * 6 + ["tap"] * 12
    seconds = [0.1 * number for number in range(len(answers))]
    heard = votes.events(answers, ("rest", "tap"), seconds, ("rest",), pause=0.5)
    assert [(round(one.seconds, 1), one.label, one.votes) for one in heard] == [(0.9, "tap", 4), (1.4, "tap", 6)]


def test_the_published_model_hears_the_recorded_taps(data_folder):
    data_folder("gesturepod")
    made = apps.get("gestures").run(Order("host"))
    assert [row[1] for row in made.heard] == ["double tap", "double tap"]
    assert made.record.numbers["verified"] == 1
    assert made.record.numbers["mismatches"] == 0
    assert made.record.numbers["agreement_with_float"] > 0.95
    assert made.estimator is None


def test_the_whole_graph_is_the_model_on_the_features(data_folder):
    folder = data_folder("gesturepod")
    model = read_model(folder / "data.h")
    windows = published.read_samples(folder / "taps.txt")[:800].reshape(2, 400, 6)
    features = transform(GesturePod(), windows)[:, 0]
    whole = published.whole_graph(model, GesturePod())
    assert np.allclose(run_float(whole, windows.astype(np.float64)), run_float(model.graph(), features), rtol=1e-9)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("1 2 3\n" * 500, "500 samples of 3 numbers"),
        ("1 2 3 4 5 6\n" * 10, "10 samples of 6 numbers"),
        ("0.5 2 3 4 5 6\n" * 500, "no readings of 16 bits"),
        ("1 2 3 4 5 99999\n" * 500, "no readings of 16 bits"),
        ("1 2 x\n" * 500, "cannot be read"),
        ("", "empty"),
    ],
)
def test_a_recording_that_is_none_of_the_sensor(tmp_path, rows, said):
    (tmp_path / "stream.txt").write_text(rows)
    with pytest.raises(BadData, match=said):
        published.read_samples(tmp_path / "stream.txt")


def test_files_that_are_not_here_are_named_with_where_to_get_them(monkeypatch, tmp_path):
    monkeypatch.setenv("EDGEWRIGHT_DATA", str(tmp_path))
    monkeypatch.setenv("EDGEWRIGHT_CACHE", str(tmp_path / "cache"))
    with pytest.raises(BadData, match=r"data\.h is not on this machine: .*github\.com/microsoft/EdgeML"):
        apps.get("gestures").run(Order("host"))


@pytest.fixture
def motions():
    """Three channels of which the first rises, falls or stays, 24 recordings of 12 steps."""
    generator = np.random.default_rng(0)
    y = np.arange(24) % 3
    x = generator.normal(0, 0.1, (24, 12, 3)).astype(np.float32)
    x[..., 0] += (y[:, None] - 1) * np.linspace(-2, 2, 12, dtype=np.float32)
    labels = np.array(["fall", "rest", "rise"])
    return Split(x[:18], labels[y[:18]], x[18:], labels[y[18:]], tuple(labels), hertz=10.0)


def test_a_model_is_trained_and_answers_once_a_window(motions, tmp_path):
    np.savetxt(tmp_path / "stream.csv", motions.x_test.reshape(-1, 3), delimiter=",")
    settings = {"epochs": 12, "hidden": 8, "size_kb": None}
    order = Order("host", motions, "motions", tmp_path / "stream.csv", settings=settings)
    made = apps.get("gestures").run(order)
    assert made.record.numbers["mismatches"] == 0
    assert made.record.numbers["accuracy_float"] == made.estimator.score(motions.x_test, motions.y_test)
    assert made.record.data == "motions"
    assert [row[0] for row in made.heard] == ["1.2", "2.4", "3.6", "4.8", "6.0", "7.2"]


def test_a_trained_model_answers_again_without_training(motions, tmp_path):
    np.savetxt(tmp_path / "stream.csv", motions.x_test.reshape(-1, 3), delimiter=",")
    run = apps.get("gestures").run
    made = run(Order("host", motions, "motions", tmp_path / "stream.csv", settings={"epochs": 12, "hidden": 8}))
    folder = tmp_path / "made"
    folder.mkdir()
    save(made.firmware.models["gestures"].graph, folder / earlier.GRAPH_FILE)
    write(folder / earlier.RECORDS_FILE, [made.record])
    again = run(Order("host", recording=tmp_path / "stream.csv", model=folder))
    assert again.heard == made.heard
    assert again.estimator is None
    assert again.record.graph_hash == made.record.graph_hash
    assert again.record.numbers["verified"] == 1
    with pytest.raises(BadInput, match="trained already, so epochs cannot be set"):
        run(Order("host", model=folder, settings={"epochs": 3}))
    short = tmp_path / "short.csv"
    np.savetxt(short, motions.x_test[0, :5], delimiter=",")
    with pytest.raises(BadData, match="5 samples of 3 numbers; 12 or more of 3 are needed"):
        run(Order("host", recording=short, model=folder))


def test_a_setting_that_is_none(motions):
    with pytest.raises(UnknownName, match=r"setting of fastgrnn named 'epoch'\. Did you mean 'epochs'"):
        apps.get("gestures").run(Order("host", motions, "motions", settings={"epoch": 3}))


def test_an_unknown_application_suggests_the_nearest():
    with pytest.raises(UnknownName, match=r"application named 'gesture'\. Did you mean 'gestures'"):
        apps.get("gesture")
