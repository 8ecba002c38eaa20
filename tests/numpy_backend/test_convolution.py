"""Convolutions and pools against torch's, over dimensions, strides, paddings, dilations, groups and dtypes."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
import torch
from torch.nn import functional

from edgewright.errors import BadModelFile
from edgewright.numpy_backend.convolution import causal_conv_with_state, col2im, conv, conv_transpose, deform_conv
from edgewright.numpy_backend.pooling import average_pool, lp_pool, max_pool, max_roi_pool, max_unpool, roi_align

CONVOLVE = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}
TRANSPOSE = {1: functional.conv_transpose1d, 2: functional.conv_transpose2d, 3: functional.conv_transpose3d}
MAXIMUM = {1: functional.max_pool1d, 2: functional.max_pool2d, 3: functional.max_pool3d}
UNPOOL = {1: functional.max_unpool1d, 2: functional.max_unpool2d, 3: functional.max_unpool3d}
AVERAGE = {1: functional.avg_pool1d, 2: functional.avg_pool2d, 3: functional.avg_pool3d}
RANKS = pytest.mark.parametrize("rank", [1, 2, 3])
SEEDS = pytest.mark.parametrize("seed", range(6))


def numbers(rng, low, high, rank):
    return [int(n) for n in rng.integers(low, high + 1, rank)]


def normal(rng, *shape, dtype=np.float32):
    return rng.standard_normal(shape).astype(dtype)


def torch_of(*arrays):
    return [torch.from_numpy(array) for array in arrays]


@RANKS
@SEEDS
@pytest.mark.parametrize("depthwise", [False, True])
def test_conv_is_that_of_torch(rank, seed, depthwise):
    rng = np.random.default_rng([1, rank, seed, depthwise])
    group, each, outputs = (6, 1, 12) if depthwise else (int(rng.integers(1, 4)), 2, 6)
    kernel, strides, dilations, pads = (numbers(rng, 1, 3, rank) for _ in range(4))
    x = normal(rng, 2, group * each, *numbers(rng, 7, 10, rank))
    w = normal(rng, outputs, each, *kernel)
    bias = normal(rng, outputs) if seed % 2 else None
    y = conv(x, w, bias, strides=strides, dilations=dilations, pads=pads * 2, group=group, kernel_shape=kernel)
    expected = CONVOLVE[rank](
        *torch_of(x, w), None if bias is None else torch.from_numpy(bias), strides, pads, dilations, group
    )
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, expected.numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("auto_pad", "before"), [("SAME_UPPER", 1), ("SAME_LOWER", 2)])
def test_same_padding_puts_the_odd_element_where_it_says(auto_pad, before):
    rng = np.random.default_rng(2)
    x, w = normal(rng, 1, 2, 9), normal(rng, 3, 2, 4)
    around = np.pad(x, ((0, 0), (0, 0), (before, 3 - before)))
    np.testing.assert_array_equal(conv(x, w, auto_pad=auto_pad), conv(around, w))


def test_asymmetric_pads_are_begins_and_then_ends():
    rng = np.random.default_rng(3)
    x, w = normal(rng, 1, 2, 5, 6), normal(rng, 3, 2, 3, 3)
    around = np.pad(x, ((0, 0), (0, 0), (0, 2), (1, 3)))
    np.testing.assert_array_equal(conv(x, w, pads=[0, 1, 2, 3]), conv(around, w))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ml_dtypes.bfloat16])
def test_the_dtype_stays_and_narrow_ones_are_summed_wide(dtype):
    rng = np.random.default_rng(4)
    x, w, bias = (normal(rng, *shape, dtype=dtype) for shape in ((1, 64, 6, 6), (4, 64, 3, 3), (4,)))
    exact = conv(*(array.astype(np.float64) for array in (x, w, bias)))
    pooled = average_pool(x, kernel_shape=[2, 2])
    y = conv(x, w, bias)
    assert y.dtype == pooled.dtype == max_pool(x, kernel_shape=[2, 2]).dtype == dtype
    rounding = float(ml_dtypes.finfo(dtype).eps)
    np.testing.assert_allclose(y.astype(np.float64), exact, rtol=rounding, atol=1e-4)
    np.testing.assert_allclose(
        pooled.astype(np.float64), average_pool(x.astype(np.float64), kernel_shape=[2, 2]), rtol=rounding, atol=1e-6
    )


@RANKS
@SEEDS
def test_conv_transpose_is_that_of_torch(rank, seed):
    rng = np.random.default_rng([5, rank, seed])
    group = int(rng.integers(1, 4))
    kernel, strides, dilations = numbers(rng, 1, 3, rank), numbers(rng, 2, 3, rank), numbers(rng, 1, 3, rank)
    extra = numbers(rng, 0, 1, rank)
    pads = [min(int(rng.integers(0, 3)), (k - 1) * d) for k, d in zip(kernel, dilations, strict=True)]
    x = normal(rng, 2, 2 * group, *numbers(rng, 3, 5, rank))
    w, bias = normal(rng, 2 * group, 3, *kernel), normal(rng, 3 * group)
    y = conv_transpose(
        x, w, bias, strides=strides, dilations=dilations, pads=pads * 2, output_padding=extra, group=group
    )
    expected = TRANSPOSE[rank](*torch_of(x, w, bias), strides, pads, extra, group, dilations)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, expected.numpy(), rtol=1e-4, atol=1e-5)


@RANKS
@SEEDS
def test_max_pool_and_its_indices_are_those_of_torch(rank, seed):
    rng = np.random.default_rng([6, rank, seed])
    kernel, strides, dilations = numbers(rng, 1, 3, rank), numbers(rng, 1, 3, rank), numbers(rng, 1, 2, rank)
    pads, ceil_mode = [k // 2 for k in kernel], seed % 2
    x = normal(rng, 2, 3, *numbers(rng, 6, 9, rank))
    options = {"strides": strides, "dilations": dilations, "pads": pads * 2, "ceil_mode": ceil_mode}
    y, where = max_pool(x, kernel_shape=kernel, outputs=2, **options)
    expected, spots = MAXIMUM[rank](
        torch.from_numpy(x), kernel, strides, pads, dilations, ceil_mode=bool(ceil_mode), return_indices=True
    )
    channels = np.arange(6).reshape(2, 3, *(1,) * rank) * np.prod(x.shape[2:])
    np.testing.assert_array_equal(y, expected.numpy())
    np.testing.assert_array_equal(where, spots.numpy() + channels)
    np.testing.assert_array_equal(y, max_pool(x, kernel_shape=kernel, **options))


def test_max_pool_counts_column_by_column_on_request():
    x = np.random.default_rng(7).permutation(2 * 3 * 4 * 5 * 2).reshape(2, 3, 4, 5, 2).astype(np.int8)
    y, where = max_pool(x, kernel_shape=[2, 2, 2], storage_order=1, outputs=2)
    columns = x.transpose(0, 1, 4, 3, 2).reshape(-1)
    assert y.dtype == np.int8
    np.testing.assert_array_equal(columns[where], y)


def test_padding_never_wins_a_maximum():
    x = np.full((1, 1, 3, 3), -100, np.int8)
    np.testing.assert_array_equal(max_pool(x, kernel_shape=[3, 3], pads=[1] * 4), x)


@RANKS
@SEEDS
@pytest.mark.parametrize("count_include_pad", [0, 1])
def test_average_pool_is_that_of_torch(rank, seed, count_include_pad):
    rng = np.random.default_rng([8, rank, seed])
    kernel, strides = numbers(rng, 2, 3, rank), numbers(rng, 1, 3, rank)
    pads, ceil_mode = [k // 2 for k in kernel], seed % 2
    x = normal(rng, 2, 3, *numbers(rng, 6, 9, rank))
    y = average_pool(
        x,
        kernel_shape=kernel,
        strides=strides,
        pads=pads * 2,
        ceil_mode=ceil_mode,
        count_include_pad=count_include_pad,
    )
    expected = AVERAGE[rank](torch.from_numpy(x), kernel, strides, pads, bool(ceil_mode), bool(count_include_pad))
    np.testing.assert_allclose(y, expected.numpy(), rtol=1e-5, atol=1e-6)


def test_dilated_average_pool_is_a_convolution_with_equal_weights():
    x = normal(np.random.default_rng(9), 2, 1, 9, 8)
    w = np.full((1, 1, 3, 2), 1 / 6, np.float32)
    y = average_pool(x, kernel_shape=[3, 2], dilations=[2, 3], strides=[2, 1])
    np.testing.assert_allclose(y, conv(x, w, dilations=[2, 3], strides=[2, 1]), rtol=1e-4, atol=1e-6)


def test_lp_pool_is_that_of_torch():
    x = normal(np.random.default_rng(10), 2, 3, 8, 9)
    expected = functional.lp_pool2d(torch.from_numpy(np.abs(x)), 3, (3, 2), (2, 1))
    y = lp_pool(x, kernel_shape=[3, 2], strides=[2, 1], p=3)
    np.testing.assert_allclose(y, expected.numpy(), rtol=1e-5)


@RANKS
def test_max_unpool_is_that_of_torch(rank):
    x = normal(np.random.default_rng([11, rank]), 2, 3, *[6, 4, 8][:rank])
    y, where = max_pool(x, kernel_shape=[2] * rank, strides=[2] * rank, outputs=2)
    _, spots = MAXIMUM[rank](torch.from_numpy(x), 2, 2, return_indices=True)
    back = max_unpool(y, where, kernel_shape=[2] * rank, strides=[2] * rank)
    np.testing.assert_array_equal(back, UNPOOL[rank](torch.from_numpy(y), spots, 2).numpy())


def test_col2im_is_fold():
    columns = normal(np.random.default_rng(12), 2, 3 * 6, 12)
    expected = functional.fold(torch.from_numpy(columns), (7, 9), (2, 3), (2, 1), (1, 0), (2, 3))
    y = col2im(columns, np.array([7, 9]), np.array([2, 3]), dilations=[2, 1], pads=[1, 0, 1, 0], strides=[2, 3])
    np.testing.assert_allclose(y, expected.numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("rank", [2, 3])
def test_deform_conv_that_moves_nothing_is_a_convolution(rank):
    rng = np.random.default_rng([13, rank])
    x, w, bias = normal(rng, 2, 4, *[6, 7, 5][:rank]), normal(rng, 6, 2, *[3, 2, 2][:rank]), normal(rng, 6)
    options = {"strides": [1, 2, 1][:rank], "dilations": [2, 1, 1][:rank], "pads": [1] * (2 * rank), "group": 2}
    expected = conv(x, w, bias, **options)
    elements = int(np.prod(w.shape[2:]))
    offset = np.zeros((2, 2 * elements * rank, *expected.shape[2:]), np.float32)
    y = deform_conv(x, w, offset, bias, offset_group=2, **options)
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)


def test_deform_conv_looks_where_offsets_point():
    x = np.arange(25, dtype=np.float32).reshape(1, 1, 5, 5)
    w = np.ones((1, 1, 1, 1), np.float32)
    offset = np.zeros((1, 2, 5, 5), np.float32)
    offset[0, 0], offset[0, 1] = 1, 0.5
    y = deform_conv(x, w, offset, mask=np.full((1, 1, 5, 5), 2, np.float32))
    np.testing.assert_allclose(y[0, 0, :4, :4], 2 * (x[0, 0, 1:, :4] + 0.5))
    np.testing.assert_array_equal(y[0, 0, 4], 0)
    np.testing.assert_allclose(y[0, 0, :4, 4], x[0, 0, 1:, 4])


def test_a_causal_convolution_goes_on_where_it_left_off():
    rng = np.random.default_rng(14)
    x, w, bias = normal(rng, 2, 3, 10), normal(rng, 3, 1, 4), normal(rng, 3)
    whole, state = causal_conv_with_state(x, w, bias, activation="silu")
    expected = functional.silu(
        functional.conv1d(functional.pad(torch.from_numpy(x), (3, 0)), *torch_of(w, bias), groups=3)
    )
    np.testing.assert_allclose(whole, expected.numpy(), rtol=1e-4, atol=1e-6)
    first, middle = causal_conv_with_state(x[:, :, :2], w, bias, activation="silu")
    second, last = causal_conv_with_state(x[:, :, 2:], w, bias, middle, activation="silu")
    np.testing.assert_allclose(np.concatenate([first, second], axis=2), whole, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(last, state)


def test_max_roi_pool_takes_whole_elements_and_skips_empty_cells():
    x = np.arange(36, dtype=np.float32).reshape(1, 1, 6, 6)
    rois = np.array([[0, 0, 0, 7, 7], [0, 20, 20, 22, 22]], np.float32)
    y = max_roi_pool(x, rois, pooled_shape=[2, 2], spatial_scale=0.5)
    np.testing.assert_array_equal(y[0, 0], [[x[0, 0, 2, 2], x[0, 0, 2, 4]], [x[0, 0, 4, 2], x[0, 0, 4, 4]]])
    np.testing.assert_array_equal(y[1], 0)


def test_roi_align_of_a_plane_gives_the_centres_of_its_cells():
    rows, columns = np.meshgrid(np.arange(8.0), np.arange(9.0), indexing="ij")
    x = (3 * rows + columns).astype(np.float32)[np.newaxis, np.newaxis]
    rois = np.array([[1, 2, 5, 6]], np.float32)
    y = roi_align(x, rois, np.array([0]), output_height=2, output_width=4, sampling_ratio=2)
    down, right = np.array([3.0, 5.0]) - 0.5, np.array([1.5, 2.5, 3.5, 4.5]) - 0.5
    np.testing.assert_allclose(y[0, 0], 3 * down[:, np.newaxis] + right, rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda x, w: conv(x, w, group=3), "3 groups"),
        (lambda x, w: conv(x, w, kernel_shape=[5, 5]), "kernel_shape"),
        (lambda x, w: conv(x, w, strides=[1]), "strides"),
        (lambda x, w: conv(x, w, pads=[1, 1]), "pads"),
        (lambda x, w: conv(x, w, auto_pad="SOME"), "auto_pad"),
        (lambda x, w: conv(x[:, :, :2], w), "does not fit"),
        (lambda x, w: conv_transpose(x, w, pads=[4] * 4), "leaves nothing"),
        (lambda x, w: max_pool(x, kernel_shape=[0, 1]), "1 or more"),
    ],
)
def test_impossible_attributes_are_refused(call, says):
    x, w = np.zeros((1, 4, 5, 5), np.float32), np.zeros((4, 4, 3, 3), np.float32)
    with pytest.raises(BadModelFile, match=says):
        call(x, w)
