"""Reading WAV audio as 16-bit samples of one channel."""

from __future__ import annotations

import io
import struct
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.io import wavfile

FULL_SCALE = 1 << 15
CLIPPED_RUN = 3  # equal samples at the end of the range, one after another
SILENT_SPAN = 16  # largest less smallest sample: below -72 dB of full scale
FIX = "Save it as 16-bit PCM, one channel."


@dataclass(frozen=True)
class Audio:
    """samples: int16 [n]. hertz: samples a second. mixed: two channels became one. clipped, silent: whether it seems so."""

    samples: npt.NDArray[np.int16]
    hertz: int
    mixed: bool
    clipped: bool
    silent: bool


def read(path: Path) -> Audio:
    """Return a WAV file on the scale of 16-bit PCM.

    1. 16-bit samples stay as they are. 2. 8-bit ones are less 128, times 256. 3. 24- and 32-bit ones are rounded to their upper 16
    bits. 4. Floats are times 32,768, rounded and cut to the range, as full scale is 1. 5. Two channels become their mean.
    Raises ValueError for what is no sound WAV of one or two channels, OSError.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", wavfile.WavFileWarning)
            warnings.filterwarnings("ignore", message="Chunk .* not understood", category=wavfile.WavFileWarning)
            # From memory: what a header claims is then never allocated, only what the file holds.
            hertz, stored = wavfile.read(io.BytesIO(path.read_bytes()))
    except (wavfile.WavFileWarning, struct.error, EOFError, TypeError, UnboundLocalError, ZeroDivisionError) as error:
        raise ValueError(f"it is no sound WAV file ({error}). {FIX}") from error
    if hertz < 1:
        raise ValueError(f"it states {hertz} samples a second. {FIX}")
    if stored.ndim > 2 or (stored.ndim == 2 and stored.shape[1] > 2):
        raise ValueError(f"it has {stored.shape[1]} channels; one, or two that are mixed, are taken. {FIX}")
    if stored.dtype.kind == "f" and not np.isfinite(stored).all():
        raise ValueError(f"it holds NaN or infinity. {FIX}")
    samples = _sixteen_bits(stored)
    clipped = any(_is_clipped(channel) for channel in np.atleast_2d(stored.T))
    mixed = samples.ndim == 2 and samples.shape[1] == 2
    wide = samples.reshape(len(samples), -1).astype(np.int32)
    one = ((wide.sum(1) + 1) >> 1 if mixed else wide[:, 0]).astype(np.int16)
    span = int(one.max()) - int(one.min()) if one.size else 0
    return Audio(one, int(hertz), mixed, clipped, bool(one.size) and span < SILENT_SPAN)


def _sixteen_bits(stored: npt.NDArray[Any]) -> npt.NDArray[np.int16]:
    if stored.dtype == np.int16:
        return stored
    if stored.dtype == np.uint8:
        wide = (stored.astype(np.int64) - 128) << 8
    elif stored.dtype == np.int32:  # scipy gives 24 bits in the upper bits of 32
        wide = (stored.astype(np.int64) + (1 << 15)) >> 16
    elif stored.dtype in (np.float32, np.float64):
        wide = np.rint(np.clip(stored.astype(np.float64), -2, 2) * FULL_SCALE).astype(np.int64)
    else:
        raise ValueError(f"its samples are {stored.dtype}; 8, 16, 24 or 32 bits, or floats, are taken. {FIX}")
    return np.clip(wide, -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)


def _is_clipped(channel: npt.NDArray[Any]) -> bool:
    """Whether a channel stays at the end of its range for some samples."""
    lowest, highest = (-1.0, 1.0)
    if channel.dtype.kind != "f":
        lowest, highest = np.iinfo(channel.dtype).min, np.iinfo(channel.dtype).max
    if channel.dtype == np.int32:
        highest -= 0xFF  # what 24 bits reach in the upper bits of 32
    for cut in (channel <= lowest, channel >= highest):
        runs = np.convolve(cut.astype(np.int64), np.ones(CLIPPED_RUN, np.int64), "valid") if len(cut) else np.zeros(1)
        if runs.max() == CLIPPED_RUN:
            return True
    return False
