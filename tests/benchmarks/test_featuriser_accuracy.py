"""Log-mel bands against those of librosa, which works in floating point."""

import librosa
import numpy as np
import pytest

from benchmarks.sequences.featurisers import reference
from edgewright import features
from edgewright.features.log_mel import LogMel

pytestmark = pytest.mark.slow  # librosa takes seconds to begin


def sound(rows=8):
    """Noise that falls by 12 decibels an octave, as speech does, at several loudnesses."""
    generator = np.random.default_rng(5)
    spectrum = np.fft.rfft(generator.normal(0, 1, (rows, 8000)), axis=1)
    spectrum /= np.maximum(1, np.arange(spectrum.shape[1]) / 200) ** 2
    noise = np.fft.irfft(spectrum, axis=1)
    noise *= 10 ** generator.uniform(1.5, 3.5, (rows, 1)) / noise.std(axis=1, keepdims=True)
    return np.round(noise).clip(-(2**15), 2**15 - 1).astype(np.int16)


@pytest.mark.parametrize(
    "log_mel",
    [LogMel(), LogMel(frame=400, hop=160, bands=40, low=125.0, high=7500.0), LogMel(8000, 256, 128, bands=16)],
    ids=["default", "25 ms", "8 kHz"],
)
def test_energies_of_each_band_are_within_one_percent(log_mel):
    recordings = sound()
    ours = 2.0 ** features.transform(log_mel, recordings).astype(np.float64)
    theirs = np.maximum(np.stack([reference(log_mel, recording) for recording in recordings]), log_mel.floor)
    assert ours.shape == theirs.shape
    errors = np.abs(ours / theirs - 1).reshape(-1, log_mel.bands)
    assert np.median(errors, axis=0).max() < 0.01
    assert np.quantile(errors, 0.99) < 0.05


def test_filters_are_those_of_librosa():
    log_mel = LogMel()
    theirs = librosa.filters.mel(sr=16000, n_fft=512, n_mels=32, fmin=20, fmax=8000, htk=True, norm=None)
    np.testing.assert_allclose(log_mel.filters(), theirs, atol=1e-6)
