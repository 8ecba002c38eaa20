"""Logarithms of the energy of sound in mel bands, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgewright.errors import BadData, BadInput
from edgewright.features._audio import check_rate, warn_of_poor
from edgewright.features._maps import add_map
from edgewright.ir.types import Array
from edgewright.lowering import Builder
from edgewright.ops import fft

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LogMel:
    """log2 of the energy in triangular bands that are evenly spaced on the mel scale, of frames under a Hann window.

    sample_rate: samples a second. frame, hop: samples of a frame, and from one to the next; a frame is filled up to a power of two.
    low, high: Hz between which the bands lie; None is half the sample rate. floor: the least energy, of samples in steps of 1: 16 is
    about that of the rounding to 16 bits. The mel scale is 2595 log10(1 + f / 700) and a band's peak is 1 (Davis, Mermelstein, 1980).
    Raises BadInput for settings that no filters fit.
    """

    sample_rate: int = 16000
    frame: int = 512
    hop: int = 320
    bands: int = 32
    low: float = 20.0
    high: float | None = None
    floor: float = 16.0

    def __post_init__(self) -> None:
        if self.sample_rate < 1 or self.hop < 1 or self.bands < 1 or not 0 < self.floor < float("inf"):
            raise BadInput("sample_rate, hop and bands must be 1 or more, and floor positive.")
        if not fft.SHORTEST // 2 < self.frame <= fft.LONGEST:
            raise BadInput(f"A frame of {self.frame} samples is not within {fft.SHORTEST // 2 + 1}..{fft.LONGEST}.")
        if not 0 <= self.low < self.highest <= self.sample_rate / 2:
            raise BadInput(
                f"Bands from {self.low:g} to {self.highest:g} Hz do not lie within 0 to half of {self.sample_rate} samples a second."
            )
        empty = np.flatnonzero(~self.filters().any(axis=1))
        if len(empty):
            raise BadInput(
                f"Band {empty[0]} of {self.bands} lies between two frequencies of a frame of {self.length} samples: use fewer bands, a "
                "higher `low` or a longer frame."
            )

    @property
    def length(self) -> int:
        """Samples of a frame with the zeros behind it."""
        return 1 << (self.frame - 1).bit_length()

    @property
    def highest(self) -> float:
        """Hz where the last band ends."""
        return self.sample_rate / 2 if self.high is None else self.high

    def filters(self) -> Floats:
        """Return the weights [bands, length / 2 + 1] of the triangles."""
        mel = np.linspace(_mel(self.low), _mel(self.highest), self.bands + 2)
        edges = 700 * (10 ** (mel / 2595) - 1)
        hertz = np.arange(self.length // 2 + 1) * self.sample_rate / self.length
        rise = (hertz - edges[:-2, np.newaxis]) / np.diff(edges)[:-1, np.newaxis]
        fall = (edges[2:, np.newaxis] - hertz) / np.diff(edges)[1:, np.newaxis]
        triangles: Floats = np.maximum(0.0, np.minimum(rise, fall))
        return triangles

    def shape(self, raw: tuple[int, ...]) -> tuple[int, ...]:
        """Return (frames, bands) for recordings [samples] or [samples, 1]. Raises BadData."""
        return self.frames(raw), self.bands

    def frames(self, raw: tuple[int, ...]) -> int:
        """Return how many frames recordings have. Raises BadData where they are shorter than one, or have several channels."""
        if len(raw) not in (1, 2) or (len(raw) == 2 and raw[1] != 1):
            raise BadData(f"A recording is {raw}; sound has one channel here: (samples,) or (samples, 1).")
        if raw[0] < self.frame:
            raise BadData(f"A recording of {raw[0]} samples is shorter than one frame of {self.frame}.")
        return (raw[0] - self.frame) // self.hop + 1

    def add_to(self, builder: Builder, x: str) -> str:
        """Append the nodes and return the features [frames, bands]."""
        return add_map(builder, as_one_channel(builder, x), self.frame, self.hop, self.add_frame)

    def add_frame(self, body: Builder, frame: str) -> str:
        """Append the nodes of one frame [frame] and return its features [bands]."""
        hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(self.frame) / self.frame)
        window = body.constant("window", hann)
        spectrum = body.node("fft", "spectrum", x=frame, window=window, attributes={"length": self.length})
        weights = body.constant("filters", self.filters())
        return body.node(
            "log_band_energy", "bands", x=spectrum, weights=weights, attributes={"floor": float(self.floor)}
        )

    def check(self, recordings: Array, hertz: float | None) -> None:
        """Raise BadData for another sampling rate; warn (PoorRecordings) of silent and clipped rows."""
        check_rate(self.sample_rate, hertz)
        warn_of_poor(recordings)


def as_one_channel(builder: Builder, x: str) -> str:
    """Return a value [samples] for one [samples] or [samples, 1]."""
    shape = builder.type(x).shape
    return x if len(shape) == 1 else builder.node("reshape", "sound", x=x, attributes={"shape": shape[:1]})


def _mel(hertz: float) -> float:
    return float(2595 * np.log10(1 + hertz / 700))


ENTRY = LogMel
