import numpy as np
import pytest

from edgewright.compiler.quantise import quantise
from edgewright.errors import BadData, BadInput
from edgewright.features import gesture_pod, transform
from edgewright.features.gesture_pod import GesturePod
from edgewright.ir.types import Type
from edgewright.lowering import Builder
from edgewright.runtime.integer import run_integer


def run_of(within):
    """The first longest run of what is true, step by step."""
    start, length, step = -1, 0, 0
    while step < len(within):
        end = step
        while end < len(within) and within[end]:
            end += 1
        if end - step > length:
            start, length = step, end - step
        step = end + 1
    return (start, length) if length >= 3 else (-1, 0)


def by_hand(window):
    """The features by their definition in real numbers."""
    edges = np.array(gesture_pod.EDGES, np.float64)
    shares = (window + edges) / (2 * edges)
    rise, fall = run_of(shares[:, 4] > 0.62), run_of(shares[:, 4] < 0.32)
    bins = np.clip(np.floor(shares * 20), 0, 19).astype(int)
    counts = [np.bincount(bins[:, channel], minlength=20) for channel in range(6)]
    return np.concatenate([rise, fall[::-1], *counts])


def motion(steps=520):
    """A recording that swings slowly enough for long runs, beyond the edges of every channel."""
    time = np.arange(steps)[:, None] * np.array([0.02, 0.031, 0.017, 0.05, 0.023, 0.041])
    noise = np.random.default_rng(0).normal(0, 0.05, (steps, 6))
    return np.round((1.2 * np.sin(time) + noise) * np.array(gesture_pod.EDGES)).astype(np.int16)


def test_features_are_those_of_the_definition():
    recording = motion()
    found = transform(GesturePod(), recording[None])[0]
    expected = [by_hand(recording[start : start + 400]) for start in range(0, 121, 20)]
    assert found.shape == (7, 124)
    assert np.array_equal(found, expected)
    assert (found[:, :4] > 3).all()


def test_values_on_the_edges_of_bins_and_thresholds():
    recording = np.zeros((400, 6), np.int16)
    recording[:6, 0] = (-16384, -8193, -8192, 0, 16383, 16384)
    recording[:3, 4], recording[3:6, 4] = 491, 492
    recording[6:9, 4], recording[9:12, 4] = -737, -738
    features = transform(GesturePod(), recording[None])[0, 0]
    assert features[:4].tolist() == [3, 3, 3, 9]
    first = features[4:24]
    assert (first[0], first[4], first[5], first[10], first[19]) == (1, 1, 1, 395, 2)


@pytest.mark.parametrize(("length", "run"), [(2, [-1, 0]), (3, [50, 3])])
def test_runs_count_from_three_samples_on(length, run):
    recording = np.zeros((400, 6), np.int16)
    recording[50 : 50 + length, 4] = 2000
    assert transform(GesturePod(), recording[None])[0, 0, :2].tolist() == run


def test_features_keep_their_integers_whatever_calibration_saw():
    builder = Builder()
    x = builder.input("x", Type((400, 6)))
    graph = builder.finish(GesturePod().add_to(builder, x))
    moved = motion(400)[None]
    still = quantise(graph, np.array([[[0.0] * 6] * 400, [[1.0] * 6] * 400]))
    assert still.output_type.scale == 1.0
    assert np.array_equal(run_integer(still, moved), [[by_hand(moved[0])]])


def test_the_recorded_stream_is_featurised(data_folder):
    taps = np.loadtxt(data_folder("gesturepod") / "taps.txt").astype(np.int16)
    found = transform(GesturePod(), taps[None])[0]
    assert found.shape == (152, 124)
    assert np.array_equal(found, [by_hand(taps[start : start + 400]) for start in range(0, 3021, 20)])


def test_what_is_no_recording_of_the_sensor():
    with pytest.raises(BadData, match="399 samples is shorter than one window of 400"):
        GesturePod().shape((399, 6))
    with pytest.raises(BadData, match=r"must be \(samples, 6\): ax, ay"):
        GesturePod().shape((400, 3))
    with pytest.raises(BadInput, match="stride 0"):
        GesturePod(stride=0)
