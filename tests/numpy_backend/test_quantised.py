"""Quantisation by ONNX's rules: nearest, ties to even, saturation, per tensor, axis and block."""

import ml_dtypes
import numpy as np
import onnx
import pytest

from edgewright.errors import BadModelFile
from edgewright.numpy_backend import quantised

HALVES = np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5], np.float32)
ONE = np.array(1, np.float32)


def test_halves_go_to_the_even_neighbour_before_the_zero_point_is_added():
    result = quantised.quantize_linear(HALVES, ONE, np.array(1, np.int8))
    assert result.dtype == np.int8
    assert result.tolist() == [-1, -1, 1, 1, 3, 3]


@pytest.mark.parametrize(
    ("kind", "low", "high"),
    [
        (np.int8, -128, 127),
        (np.uint8, 0, 255),
        (np.int16, -32768, 32767),
        (np.uint16, 0, 65535),
        (ml_dtypes.int4, -8, 7),
        (ml_dtypes.uint4, 0, 15),
        (ml_dtypes.int2, -2, 1),
        (ml_dtypes.uint2, 0, 3),
    ],
)
def test_integers_saturate_at_both_ends(kind, low, high):
    values = np.array([-1e9, -np.inf, 1e9, np.inf], np.float32)
    result = quantised.quantize_linear(values, ONE, np.zeros((), kind))
    assert result.dtype == np.dtype(kind)
    assert result.astype(int).tolist() == [low, low, high, high]


@pytest.mark.parametrize(
    ("kind", "saturate", "expected"),
    [
        (ml_dtypes.float8_e4m3fn, 1, 448.0),
        (ml_dtypes.float8_e4m3fn, 0, np.nan),
        (ml_dtypes.float8_e5m2, 1, 57344.0),
        (ml_dtypes.float8_e5m2, 0, np.inf),
        (ml_dtypes.float4_e2m1fn, 0, 6.0),
    ],
)
def test_small_floats_beyond_their_range(kind, saturate, expected):
    result = quantised.quantize_linear(np.array([1e6], np.float32), ONE, np.zeros((), kind), saturate=saturate)
    np.testing.assert_array_equal(result.astype(np.float32), [expected])


def test_without_a_zero_point_the_type_is_uint8_or_the_one_asked_for():
    assert quantised.quantize_linear(HALVES, ONE).dtype == np.uint8
    asked = quantised.quantize_linear(HALVES, ONE, output_dtype=onnx.TensorProto.INT4)
    assert asked.dtype == np.dtype(ml_dtypes.int4)
    assert asked.astype(int).tolist() == [-2, -2, 0, 0, 2, 2]


def test_the_scale_type_or_the_precision_attribute_divides():
    x, scale = np.array([2049.0 * 8], np.float32), np.array(8, np.float16)  # float16 has no 2049
    zero_point = np.array(0, np.int16)
    in_half = quantised.quantize_linear(x, scale, zero_point)
    in_single = quantised.quantize_linear(x, scale, zero_point, precision=onnx.TensorProto.FLOAT)
    assert (in_half.tolist(), in_single.tolist()) == ([2048], [2049])


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_one_scale_an_index_of_an_axis_comes_back(axis):
    x = np.arange(-6, 6, dtype=np.float32).reshape(3, 4)
    scale = np.array([0.5, 0.25, 1, 0.125][: x.shape[axis]], np.float32)
    zero_point = np.arange(len(scale)).astype(np.int8)
    integers = quantised.quantize_linear(x, scale, zero_point, axis=axis)
    shape = (-1, 1) if axis == 0 else (1, -1)
    np.testing.assert_array_equal(integers, x / scale.reshape(shape) + zero_point.reshape(shape))
    np.testing.assert_array_equal(quantised.dequantize_linear(integers, scale, zero_point, axis=axis), x)


def test_a_last_block_may_be_shorter():
    x = np.array([[1, 2, 3, 4, 5]], np.float32)
    scale = np.array([[1, 0.5, 0.25]], np.float32)
    integers = quantised.quantize_linear(x, scale, np.zeros((1, 3), np.int8), axis=1, block_size=2)
    assert integers.tolist() == [[1, 2, 6, 8, 20]]
    np.testing.assert_array_equal(quantised.dequantize_linear(integers, scale, axis=1, block_size=2), x)


@pytest.mark.parametrize(("shape", "block_size"), [((3,), 0), ((1, 2), 2)])
def test_scales_of_the_wrong_shape_are_refused(shape, block_size):
    with pytest.raises(BadModelFile, match="needed"):
        quantised.quantize_linear(
            np.ones((1, 5), np.float32), np.ones(shape, np.float32), axis=1, block_size=block_size
        )


def test_dequantised_numbers_have_the_type_of_the_scale_or_the_one_asked_for():
    x, scale = np.array([-128, 127], np.int8), np.array(0.5, np.float16)
    assert quantised.dequantize_linear(x, scale).dtype == np.float16
    asked = quantised.dequantize_linear(x, scale, np.array(-128, np.int8), output_dtype=onnx.TensorProto.FLOAT)
    assert (asked.dtype, asked.tolist()) == (np.float32, [0.0, 127.5])


def test_a_scale_of_powers_of_two_dequantises_to_float32():
    result = quantised.dequantize_linear(np.array([3], np.int8), np.array(0.25, ml_dtypes.float8_e8m0fnu))
    assert (result.dtype, result.tolist()) == (np.float32, [0.75])


@pytest.mark.parametrize("low", [-3.0, 0.0, 1.0])
def test_dynamic_quantisation_keeps_zero_and_comes_back_within_half_a_step(low):
    x = np.linspace(low, 5, 101, dtype=np.float32)
    integers, scale, zero_point = quantised.dynamic_quantize_linear(x)
    assert (integers.dtype, scale.dtype, zero_point.dtype, scale.shape) == (np.uint8, np.float32, np.uint8, ())
    assert scale == pytest.approx((5 - min(low, 0)) / 255)
    back = quantised.dequantize_linear(integers, scale, zero_point)
    assert np.abs(back - x).max() <= float(scale) * 0.501 + float(scale) * 0.5 * (low < 0)


def test_dynamic_quantisation_of_zeros_divides_by_nothing_silly():
    integers, scale, zero_point = quantised.dynamic_quantize_linear(np.zeros(3, np.float32))
    assert (integers.tolist(), float(scale), int(zero_point)) == ([0, 0, 0], 1.0, 0)


def test_integer_products_take_zero_points_by_row_and_by_column_and_wrap_at_32_bits():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 256, (3, 5), np.uint8), rng.integers(-128, 128, (5, 2), np.int8)
    rows, columns = np.array([1, 128, 255], np.uint8), np.array([-128, 127], np.int8)
    expected = (a.astype(int) - rows[:, None]) @ (b.astype(int) - columns)
    result = quantised.mat_mul_integer(a, b, rows, columns)
    assert result.dtype == np.int32
    np.testing.assert_array_equal(result, expected)
    many = np.full((1, 40_000), 255, np.uint8)
    assert quantised.mat_mul_integer(many, many.T).tolist() == [[255 * 255 * 40_000 - 2**32]]


def test_a_quantised_matrix_product_scales_by_row_and_by_column():
    a, b = np.array([[1, 2], [3, 4]], np.int8), np.array([[1, 0], [0, 1]], np.int8)
    zero = np.zeros((), np.int8)
    rows, columns = np.array([0.5, 1], np.float32), np.array([1, 2], np.float32)
    result = quantised.q_linear_mat_mul(
        a, rows, zero, b, columns, zero, np.array(0.5, np.float32), np.array(3, np.int8)
    )
    assert result.tolist() == [[4, 7], [9, 19]]


def test_a_quantised_convolution_is_the_real_one_quantised():
    rng = np.random.default_rng(1)
    x, w = rng.integers(0, 256, (2, 4, 6, 5), np.uint8), rng.integers(-128, 128, (6, 2, 3, 2), np.int8)
    bias = rng.integers(-1000, 1000, 6).astype(np.int32)
    x_zero, w_zero = np.array(121, np.uint8), rng.integers(-5, 5, 6).astype(np.int8)
    options = {"group": 2, "pads": [1, 0, 1, 1], "strides": [2, 1]}
    sums = quantised.conv_integer(x, w, x_zero, w_zero, **options)
    assert (sums.dtype, sums.shape) == (np.int32, (2, 6, 3, 5))
    padded = np.pad(x.astype(int) - 121, [(0, 0), (0, 0), (1, 1), (0, 1)])
    window = padded[1, 2:4, 2:5, 3:5]  # second group, second row of windows, fourth window
    assert sums[1, 4, 1, 3] == (window * (w[4].astype(int) - w_zero[4])).sum()

    w_scale, y_scale = np.linspace(0.01, 0.02, 6, dtype=np.float32), np.array(3, np.float32)
    x_scale, y_zero = np.array(0.5, np.float32), np.array(-7, np.int8)
    result = quantised.q_linear_conv(x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero, bias, **options)
    real = (sums + bias[:, None, None]) * 0.5 * w_scale.astype(np.float64)[:, None, None]
    np.testing.assert_array_equal(result, np.clip(np.rint(real / 3) - 7, -128, 127))
    assert result.dtype == np.int8
