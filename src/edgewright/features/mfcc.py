"""Mel-frequency cepstral coefficients of sound, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass, field

from edgewright.errors import BadInput
from edgewright.features._maps import add_map
from edgewright.features.log_mel import LogMel, as_one_channel
from edgewright.ir.types import Array
from edgewright.lowering import Builder


@dataclass(frozen=True)
class MFCC:
    """The first coefficients of the cosine transform (orthonormal DCT-II) of logarithms of energies in mel bands (to the base 2).

    Davis, Mermelstein, "Comparison of parametric representations for monosyllabic word recognition", 1980. Raises BadInput for more
    coefficients than bands.
    """

    bands: LogMel = field(default_factory=LogMel)
    coefficients: int = 13

    def __post_init__(self) -> None:
        if not 1 <= self.coefficients <= self.bands.bands:
            raise BadInput(
                f"There are {self.bands.bands} bands, so 1 to as many coefficients; not {self.coefficients}."
            )

    def shape(self, raw: tuple[int, ...]) -> tuple[int, ...]:
        """Return (frames, coefficients). Raises BadData."""
        return self.bands.frames(raw), self.coefficients

    def add_to(self, builder: Builder, x: str) -> str:
        """Append the nodes and return the features [frames, coefficients]."""
        return add_map(builder, as_one_channel(builder, x), self.bands.frame, self.bands.hop, self.add_frame)

    def add_frame(self, body: Builder, frame: str) -> str:
        """Append the nodes of one frame and return its coefficients."""
        bands = self.bands.add_frame(body, frame)
        return body.node("cosine_transform", "coefficients", x=bands, attributes={"coefficients": self.coefficients})

    def check(self, recordings: Array, hertz: float | None) -> None:
        """Raise BadData for another sampling rate; warn (PoorRecordings) of silent and clipped rows."""
        self.bands.check(recordings, hertz)


ENTRY = MFCC
