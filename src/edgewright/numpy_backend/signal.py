"""Fourier transforms, windows and the mel scale."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from edgewright.errors import BadModelFile
from edgewright.numpy_backend._windows import Array, widened


def _whole(value: Array) -> int:
    """Return the one number of an array, whatever its rank. Raises BadModelFile where it has more."""
    if np.size(value) != 1:
        raise BadModelFile(
            f"A length, a step or an axis is an array of shape {np.shape(value)}; it must be one number."
        )
    return int(np.asarray(value).item())


def _complex(x: Array) -> Array:
    """Return numbers whose real and imaginary parts are the last axis of x, or whose only axis there is the real part."""
    wide = widened(x)
    if x.shape[-1] not in (1, 2):
        raise BadModelFile(
            f"A signal has {x.shape[-1]} numbers on its last axis: it needs 1 (real) or 2 (real, imaginary)."
        )
    real: Array = wide[..., 0]
    return real if x.shape[-1] == 1 else real + wide[..., 1] * np.asarray(1j, np.result_type(wide, np.complex64))


def _parts(values: Array, dtype: npt.DTypeLike) -> Array:
    return np.stack([values.real, values.imag], axis=-1).astype(dtype, copy=False)


def dft(
    x: Array,
    dft_length: Array | None = None,
    axis_input: Array | None = None,
    *,
    axis: int | None = None,
    inverse: int = 0,
    onesided: int = 0,
    opset: int = 20,
) -> Array:
    """Return the discrete Fourier transform of x (..., 1 or 2) along an axis: (..., 2), or (..., 1) for a one-sided inverse.

    The axis is an input from version 20 on, by default the last of the signal; before, an attribute, by default 1.
    """
    chosen = _whole(axis_input) if axis_input is not None else axis if axis is not None else (-2 if opset >= 20 else 1)
    chosen %= x.ndim
    values = _complex(x)
    if onesided and not inverse and x.shape[-1] == 2:
        raise BadModelFile("A one-sided DFT needs a real signal, with 1 number on its last axis.")
    if onesided and inverse:
        length = _whole(dft_length) if dft_length is not None else 2 * (x.shape[chosen] - 1)
        return np.fft.irfft(values, length, chosen)[..., np.newaxis].astype(x.dtype, copy=False)
    length = x.shape[chosen] if dft_length is None else _whole(dft_length)
    transform = np.fft.rfft if onesided else np.fft.ifft if inverse else np.fft.fft
    return _parts(transform(values, length, chosen), x.dtype)


def stft(
    signal: Array,
    frame_step: Array,
    window: Array | None = None,
    frame_length: Array | None = None,
    *,
    onesided: int = 1,
) -> Array:
    """Return the Fourier transforms (batch, frames, bins, 2) of frames of a signal (batch, length, 1 or 2), or (batch, length)."""
    values = _complex(signal) if signal.ndim == 3 else widened(signal)
    length = _whole(frame_length) if frame_length is not None else values.shape[1] if window is None else len(window)
    step = _whole(frame_step)
    if step < 1 or not 1 <= length <= values.shape[1] or (window is not None and len(window) != length):
        raise BadModelFile(
            f"STFT has a signal of {values.shape[1]}, frames of {length} every {step} and a window of "
            f"{'nothing' if window is None else len(window)}: frames must fit the signal and be as long as the window."
        )
    frames = np.lib.stride_tricks.sliding_window_view(values, length, axis=1)[:, ::step]
    if window is not None:
        frames = frames * widened(window)
    if onesided and np.iscomplexobj(frames):
        raise BadModelFile("A one-sided STFT needs a real signal and a real window.")
    return _parts((np.fft.rfft if onesided else np.fft.fft)(frames, axis=-1), signal.dtype)


def _cosines(size: Array, output_datatype: int, periodic: int, coefficients: tuple[float, ...]) -> Array:
    """Return the sum of cosines that makes a window: coefficient k has k periods, with alternating signs."""
    count = _whole(size)
    period = count if periodic else max(count - 1, 1)
    angle = 2 * np.pi * np.arange(count) / period
    values = sum(
        (coefficient * (-1) ** k * np.cos(k * angle) for k, coefficient in enumerate(coefficients)), np.zeros(count)
    )
    dtype: npt.DTypeLike = onnx.helper.tensor_dtype_to_np_dtype(output_datatype)
    return np.asarray(values).astype(dtype)


def blackman_window(size: Array, *, output_datatype: int = 1, periodic: int = 1) -> Array:
    """Return a Blackman window of `size` numbers, one period of it or symmetric."""
    return _cosines(size, output_datatype, periodic, (0.42, 0.5, 0.08))


def hann_window(size: Array, *, output_datatype: int = 1, periodic: int = 1) -> Array:
    """Return a Hann window of `size` numbers, one period of it or symmetric."""
    return _cosines(size, output_datatype, periodic, (0.5, 0.5))


def hamming_window(size: Array, *, output_datatype: int = 1, periodic: int = 1) -> Array:
    """Return a Hamming window of `size` numbers, one period of it or symmetric."""
    return _cosines(size, output_datatype, periodic, (25 / 46, 21 / 46))


def mel_weight_matrix(
    num_mel_bins: Array,
    dft_length: Array,
    sample_rate: Array,
    lower_edge_hertz: Array,
    upper_edge_hertz: Array,
    *,
    output_datatype: int = 1,
) -> Array:
    """Return (dft_length // 2 + 1, num_mel_bins): triangles over the bins of a spectrum, evenly spaced in mel, that peak at 1.

    Edges are rounded down to bins; the step between them is the range over num_mel_bins + 2, as in ONNX's own cases.
    """
    bands, length = _whole(num_mel_bins), _whole(dft_length)
    low, high = (
        2595 * np.log10(1 + float(np.asarray(edge).item()) / 700) for edge in (lower_edge_hertz, upper_edge_hertz)
    )
    mels = low + np.arange(bands + 2) * ((high - low) / (bands + 2))
    hertz = 700 * (10 ** (mels / 2595) - 1)
    edges = np.floor((length + 1) * hertz / _whole(sample_rate))
    left, peak, right = edges[:-2], edges[1:-1], edges[2:]
    position = np.arange(length // 2 + 1)[:, np.newaxis]
    rising = (position - left) / np.maximum(peak - left, 1)
    falling = (right - position) / np.maximum(right - peak, 1)
    weights = np.where(position < peak, rising, falling)
    weights = np.where((position >= left) & (position < right), weights, 0)
    weights[position == peak] = 1
    dtype: npt.DTypeLike = onnx.helper.tensor_dtype_to_np_dtype(output_datatype)
    return weights.astype(dtype)


ENTRY: dict[str, Any] = {
    "BlackmanWindow": blackman_window,
    "DFT": dft,
    "HammingWindow": hamming_window,
    "HannWindow": hann_window,
    "MelWeightMatrix": mel_weight_matrix,
    "STFT": stft,
}
