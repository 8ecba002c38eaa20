"""Which kernels convolutions get, and how closely their outputs may follow their inputs in memory."""

import numpy as np
import pytest

from edgewright import ops
from edgewright.ops import _dsp, depthwise_conv2d
from edgewright.ops._windows import Windows, entries_between

DSP = frozenset({"dsp"})


def needed(windows, image, channels, together):
    """The least distance, found by asking for each entry of x when it is read last and when it is written over."""
    size = int(np.prod(image))
    cut = windows.cut(np.arange(size).reshape(1, *image), -1)[0]
    entries = cut.reshape(cut.shape[0] * cut.shape[1], -1)
    least = -size
    for number, window in enumerate(entries):
        inside = window[window >= 0]
        if inside.size:
            written = number // together * together * channels
            least = max(least, written - int(inside.min()))
    return max(least, 0)


@pytest.mark.parametrize("together", [1, 2])
@pytest.mark.parametrize("channels", [1, 2, 5])
@pytest.mark.parametrize(
    "windows",
    [
        Windows((3, 3), (1, 1), (1, 1), (1, 1, 1, 1)),
        Windows((1, 1), (1, 1), (1, 1), (0, 0, 0, 0)),
        Windows((3, 2), (2, 3), (1, 1), (0, 1, 2, 0)),
        Windows((2, 2), (1, 2), (2, 1), (0, 0, 1, 2)),
    ],
)
def test_an_output_follows_its_input_as_closely_as_windows_are_read(windows, channels, together):
    image = (5, 6, 2)
    assert entries_between(windows, image, channels, together) == needed(windows, image, channels, together)


@pytest.mark.parametrize(
    ("image", "w", "features", "name"),
    [
        ((4, 4, 8), (3, 3, 8), DSP, "depthwise_conv2d_nine_X_BIAS_Y_FORM"),
        ((4, 4, 8), (3, 1, 8), DSP, "depthwise_conv2d_pairs_X_BIAS_Y_FORM"),
        ((4, 4, 6), (3, 3, 6), DSP, "depthwise_conv2d_alone_X_BIAS_Y_FORM"),
        ((4, 4, 8), (3, 3, 8), frozenset(), "depthwise_conv2d_alone_X_BIAS_Y_FORM"),
        ((4, 4, 4), (3, 3, 8), DSP, "depthwise_conv2d_X_BIAS_Y_FORM"),
    ],
)
def test_depthwise_kernels_are_chosen_by_the_filters(image, w, features, name):
    case = depthwise_conv2d.random_case(np.random.default_rng(0), image, w, {}, ("int8", "int8", "int32"), 0.0031)
    graph = ops.single_node_graph("depthwise_conv2d", case)
    assert ops.kernel_of(graph, graph.nodes[0], features).name == name


def bytes_of(words):
    return words.astype("<i4").view(np.int8).reshape(-1, 4)


def test_taps_in_one_column_are_paired_like_those_of_a_row():
    w = np.arange(1, 21, dtype=np.int8).reshape(5, 1, 4)
    expected = [[1, 2, 5, 6], [3, 4, 7, 8], [9, 10, 13, 14], [11, 12, 15, 16], [17, 18, 19, 20]]
    for filters in (w, w.reshape(1, 5, 4)):
        assert bytes_of(depthwise_conv2d.pairs_of_taps(filters)["packed"]).tolist() == expected


def test_rows_for_int16_lie_by_columns_0_2_1_3_and_are_filled_up():
    w = np.arange(1, 11, dtype=np.int8).reshape(2, 5)
    found = bytes_of(_dsp.packed_halves(w)["packed"])
    zero = [0, 0, 0, 0]
    assert found.tolist() == [[1, 3, 2, 4], [6, 8, 7, 9], zero, zero, [5, 0, 0, 0], [10, 0, 0, 0], zero, zero]
