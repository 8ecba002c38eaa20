"""Sampling, resampling, normalisation, signals and boxes against torch's, NumPy's or their definitions."""

from __future__ import annotations

import io
import sys

import ml_dtypes
import numpy as np
import pytest
import torch
from torch.nn import functional

from edgewright.errors import BadModelFile, UnsupportedModel
from edgewright.numpy_backend import image, normalisation, signal
from edgewright.numpy_backend.resize import resize, upsample


def normal(rng, *shape):
    return rng.standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("align", [0, 1])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize(("mode", "rank"), [("linear", 2), ("linear", 3), ("nearest", 2), ("nearest", 3), ("cubic", 2)])
def test_grid_sample_is_that_of_torch(mode, rank, padding, align):
    rng = np.random.default_rng([1, rank, align])
    x = normal(rng, 2, 3, *[5, 6, 4][:rank])
    grid = rng.uniform(-2.5, 2.5, (2, *[4, 7, 3][:rank], rank)).astype(np.float32)
    expected = functional.grid_sample(
        torch.from_numpy(x),
        torch.from_numpy(grid),
        {"linear": "bilinear", "cubic": "bicubic"}.get(mode, mode),
        padding,
        bool(align),
    )
    y = image.grid_sample(x, grid, mode=mode, padding_mode=padding, align_corners=align)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, expected.numpy(), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("align", [0, 1])
@pytest.mark.parametrize("size", [(2, 3, 4, 5), (2, 1, 3, 4, 5)])
def test_affine_grid_is_that_of_torch(size, align):
    rank = len(size) - 2
    theta = normal(np.random.default_rng(2), 2, rank, rank + 1)
    expected = functional.affine_grid(torch.from_numpy(theta), size, align_corners=bool(align))
    y = image.affine_grid(theta, np.array(size), align_corners=align)
    np.testing.assert_allclose(y, expected.numpy(), rtol=1e-5, atol=1e-6)


def test_a_single_row_of_a_grid_is_the_middle():
    theta = np.array([[[1, 0, 0], [0, 1, 0]]], np.float32)
    for align in (0, 1):
        np.testing.assert_array_equal(image.affine_grid(theta, np.array([1, 1, 1, 3]), align_corners=align)[..., 1], 0)


@pytest.mark.parametrize("target", [(11, 13), (4, 5), (7, 3), (1, 9)])
@pytest.mark.parametrize(
    ("mode", "coordinates", "antialias"),
    [
        ("linear", "half_pixel", 0),
        ("linear", "align_corners", 0),
        ("cubic", "half_pixel", 0),
        ("cubic", "align_corners", 0),
        ("linear", "half_pixel", 1),
        ("cubic", "half_pixel", 1),
        ("nearest", "asymmetric", 0),
    ],
)
def test_resize_is_that_of_torch(target, mode, coordinates, antialias):
    x = normal(np.random.default_rng(3), 2, 3, 7, 8)
    expected = functional.interpolate(
        torch.from_numpy(x),
        target,
        mode={"linear": "bilinear", "cubic": "bicubic"}.get(mode, mode),
        align_corners=None if mode == "nearest" else coordinates == "align_corners",
        antialias=bool(antialias),
    )
    y = resize(
        x,
        sizes=np.array(target),
        axes=[2, -1],
        mode=mode,
        coordinate_transformation_mode=coordinates,
        nearest_mode="floor",
        antialias=antialias,
        exclude_outside=antialias,
        cubic_coeff_a=-0.5 if antialias else -0.75,
    )
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, expected.numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("coordinates", "expected"),
    [
        ("half_pixel", 2),
        ("half_pixel_symmetric", 2),
        ("pytorch_half_pixel", 0),
        ("align_corners", 0),
        ("asymmetric", 0),
        ("tf_half_pixel_for_nn", 2.5),
    ],
)
def test_a_single_element_looks_where_its_rule_says(coordinates, expected):
    x = np.arange(5, dtype=np.float64)
    y = resize(x, sizes=np.array([1]), mode="linear", coordinate_transformation_mode=coordinates)
    np.testing.assert_allclose(y, [expected])


def test_resize_of_whole_numbers_rounds_and_saturates():
    x = np.array([[[0, 255, 255, 0, 1]]], np.uint8)
    y = resize(x, sizes=np.array([1, 1, 10]), mode="cubic")
    assert y.dtype == np.uint8
    assert y.max() == 255
    assert y[0, 0, 4] == 255  # the cubic kernel overshoots there
    narrow = resize(x.astype(ml_dtypes.bfloat16), sizes=np.array([1, 1, 3]), mode="linear")
    assert narrow.dtype == ml_dtypes.bfloat16


def test_resize_crops_and_fills_what_lies_outside():
    x = np.arange(5, dtype=np.float32)
    y = resize(
        x,
        np.array([0.5, 1.5], np.float32),
        sizes=np.array([3]),
        mode="linear",
        coordinate_transformation_mode="tf_crop_and_resize",
        extrapolation_value=9.0,
    )
    np.testing.assert_array_equal(y, [2, 4, 9])


def test_early_versions_of_resize_look_at_index_over_scale():
    x = np.arange(4, dtype=np.float32)
    np.testing.assert_array_equal(resize(x, np.array([1.5], np.float32), opset=10), [0, 0, 1, 2, 2, 3])
    np.testing.assert_array_equal(upsample(x, scales=[1.5]), [0, 0, 1, 2, 2, 3])
    np.testing.assert_array_equal(upsample(x, np.array([2.0]), mode="linear"), [0, 0.5, 1, 1.5, 2, 2.5, 3, 3])


def test_normalisations_are_those_of_torch():
    rng = np.random.default_rng(4)
    x, scale, bias = normal(rng, 2, 6, 4, 5), normal(rng, 6), normal(rng, 6)
    tensors = [torch.from_numpy(array) for array in (x, scale, bias)]
    close = {"rtol": 1e-4, "atol": 1e-5}
    y = normalisation.group_normalization(x, scale, bias, num_groups=3)
    np.testing.assert_allclose(y, functional.group_norm(tensors[0], 3, *tensors[1:]).numpy(), **close)
    y = normalisation.instance_normalization(x, scale, bias)
    np.testing.assert_allclose(y, functional.instance_norm(tensors[0], None, None, *tensors[1:]).numpy(), **close)
    wide = normal(rng, 4, 5)
    y, mean, _ = normalisation.layer_normalization(x, wide, axis=2)
    assert mean.shape == (2, 6, 1, 1)
    expected = functional.layer_norm(tensors[0], (4, 5), torch.from_numpy(wide))
    np.testing.assert_allclose(y, expected.numpy(), **close)
    expected = functional.rms_norm(tensors[0], (4, 5), torch.from_numpy(wide), 1e-5)
    np.testing.assert_allclose(normalisation.rms_normalization(x, wide, axis=2), expected.numpy(), **close)
    expected = functional.local_response_norm(tensors[0], 3, 0.1, 0.5, 2.0)
    y = normalisation.local_response_normalization(x, size=3, alpha=0.1, beta=0.5, bias=2.0)
    np.testing.assert_allclose(y, expected.numpy(), **close)


@pytest.mark.parametrize("training", [0, 1])
def test_batch_normalization_uses_the_statistics_of_its_mode(training):
    rng = np.random.default_rng(5)
    x, scale, bias, mean = normal(rng, 3, 4, 5), normal(rng, 4), normal(rng, 4), normal(rng, 4)
    variance = rng.uniform(0.5, 2, 4).astype(np.float32)
    running = [torch.from_numpy(array.copy()) for array in (mean, variance)]
    expected = functional.batch_norm(
        torch.from_numpy(x), *running, torch.from_numpy(scale), torch.from_numpy(bias), bool(training), 0.1
    )
    result = normalisation.batch_normalization(x, scale, bias, mean, variance, training_mode=training)
    y = result[0] if training else result
    np.testing.assert_allclose(y, expected.numpy(), rtol=1e-4, atol=1e-5)
    if training:
        np.testing.assert_allclose(result[1], running[0].numpy(), rtol=1e-5, atol=1e-6)
        population = 0.9 * variance + 0.1 * x.var(axis=(0, 2))  # torch's own divides by n - 1
        np.testing.assert_allclose(result[2], population, rtol=1e-5)


def test_transforms_are_those_of_numpy_and_torch():
    rng = np.random.default_rng(6)
    x, window = normal(rng, 2, 50, 1), signal.hann_window(np.array(16))
    np.testing.assert_allclose(window, torch.hann_window(16).numpy(), atol=1e-6)
    hamming = torch.hamming_window(9, periodic=False, alpha=25 / 46, beta=21 / 46)
    np.testing.assert_allclose(signal.hamming_window(np.array(9), periodic=0), hamming.numpy(), atol=1e-6)
    np.testing.assert_allclose(signal.blackman_window(np.array(9), periodic=0), np.blackman(9), atol=1e-6)
    expected = torch.stft(
        torch.from_numpy(x[..., 0]), 16, 5, window=torch.from_numpy(window), center=False, return_complex=True
    )
    y = signal.stft(x, np.array(5), window)
    np.testing.assert_allclose(y, torch.view_as_real(expected).numpy().swapaxes(1, 2), rtol=1e-4, atol=1e-4)
    spectrum = signal.dft(x, None, np.array(1), onesided=1)
    assert spectrum.dtype == np.float32
    np.testing.assert_allclose(signal.dft(spectrum, np.array(50), np.array(1), onesided=1, inverse=1), x, atol=1e-5)
    again = signal.dft(signal.dft(x, axis=1, opset=17), axis=1, inverse=1, opset=17)
    np.testing.assert_allclose(again[..., 0], x[..., 0], atol=1e-5)


def test_depth_and_space_are_each_others_reverse():
    x = normal(np.random.default_rng(7), 2, 12, 3, 4)
    expected = functional.pixel_shuffle(torch.from_numpy(x), 2).numpy()
    np.testing.assert_array_equal(image.depth_to_space(x, blocksize=2, mode="CRD"), expected)
    for mode in ("DCR", "CRD"):
        np.testing.assert_array_equal(
            image.space_to_depth(image.depth_to_space(x, blocksize=2, mode=mode), blocksize=2, mode=mode), x
        )


def test_suppression_keeps_what_touches_at_the_threshold():
    boxes = np.array([[[0, 0, 2, 1], [1, 0, 3, 1], [0, 0, 2, 1], [9, 9, 8, 8]]], np.float32)
    scores = np.array([[[0.9, 0.8, 0.7, 0.1]]], np.float32)
    third = np.float32(1 / 3)
    kept = image.non_max_suppression(boxes, scores, np.array(9), third, np.array(0.2, np.float32))
    np.testing.assert_array_equal(kept, [[0, 0, 0], [0, 0, 1]])
    tied = image.non_max_suppression(boxes, scores, np.array(9), third, np.array(0.8, np.float32))
    np.testing.assert_array_equal(tied, kept)  # a score that is the threshold is not less than it
    kept = image.non_max_suppression(boxes, scores, np.array(9), np.float32(0.3))
    np.testing.assert_array_equal(kept, [[0, 0, 0], [0, 0, 3]])
    assert image.non_max_suppression(boxes, scores).shape == (0, 3)


def test_an_image_is_decoded_in_the_order_asked_for():
    pil = pytest.importorskip("PIL.Image")
    pixels = np.random.default_rng(8).integers(0, 256, (4, 5, 3), np.uint8)
    stream = io.BytesIO()
    pil.fromarray(pixels).save(stream, "png")
    encoded = np.frombuffer(stream.getvalue(), np.uint8)
    np.testing.assert_array_equal(image.image_decoder(encoded), pixels)
    np.testing.assert_array_equal(image.image_decoder(encoded, pixel_format="BGR"), pixels[..., ::-1])
    assert image.image_decoder(encoded, pixel_format="Grayscale").shape == (4, 5, 1)
    assert image.image_decoder(encoded[:20]).size == 0


def test_without_pillow_the_message_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(UnsupportedModel, match="pip install pillow"):
        image.image_decoder(np.zeros(3, np.uint8))


@pytest.mark.parametrize(
    "call",
    [
        lambda x: resize(x, scales=np.ones(1, np.float32)),
        lambda x: resize(x, sizes=np.array(x.shape), mode="quintic"),
        lambda x: resize(x, sizes=np.array(x.shape), keep_aspect_ratio_policy="any"),
        lambda x: image.grid_sample(x, np.zeros((1, 2, 2, 2), np.float32), mode="quintic"),
        lambda x: image.depth_to_space(x, blocksize=2),
        lambda x: image.center_crop_pad(x, np.array([3])),
        lambda x: normalisation.group_normalization(x, np.ones(3), np.ones(3), num_groups=2),
        lambda x: signal.dft(x),
        lambda x: signal.stft(x[0, :, :, :1], np.array(9), frame_length=np.array(99)),
    ],
)
def test_impossible_input_is_refused(call):
    with pytest.raises(BadModelFile):
        call(np.zeros((1, 3, 5, 5), np.float32))
