"""Statistics of each channel of a sensor, window by window."""

from __future__ import annotations

from dataclasses import dataclass

from edgewright.errors import BadData, BadInput, UnknownName
from edgewright.features._maps import add_map
from edgewright.ir.types import Array
from edgewright.lowering import Builder
from edgewright.ops import statistics


@dataclass(frozen=True)
class Statistics:
    """Statistics of windows of raw samples, channel by channel: the operator `statistics` says what each is.

    window, stride: samples of a window, and from one to the next. which: names, as "mean", "deviation" or "zero_crossings", in the order
    in which they come for each channel. bits: of a sample; what is beyond is cut, and fewer bits leave more for fractions.
    Raises BadInput for sizes below 1 or other bits, UnknownName for a statistic that is not there.
    """

    window: int
    stride: int
    which: tuple[str, ...] = ("mean", "deviation", "minimum", "maximum")
    bits: int = statistics.BITS

    def __post_init__(self) -> None:
        if not 1 <= self.window <= statistics.MOST_STEPS or self.stride < 1 or not self.which:
            raise BadInput(
                f"window is {self.window}, stride {self.stride} and which {self.which!r}: a window has 1 to {statistics.MOST_STEPS} "
                "samples, they lie 1 or more apart, and one statistic at least is named."
            )
        if not statistics.FEWEST_BITS <= self.bits <= statistics.BITS:
            raise BadInput(f"bits is {self.bits}; a sample has {statistics.FEWEST_BITS} to {statistics.BITS}.")
        for name in self.which:
            if name not in statistics.STATISTICS:
                raise UnknownName("statistic", name, statistics.STATISTICS)

    def shape(self, raw: tuple[int, ...]) -> tuple[int, ...]:
        """Return (windows, channels * statistics) for recordings [samples] or [samples, channels]. Raises BadData."""
        if len(raw) not in (1, 2) or raw[-1] < 1:
            raise BadData(f"A recording is {raw}; it must be (samples,) or (samples, channels).")
        if raw[0] < self.window:
            raise BadData(f"A recording of {raw[0]} samples is shorter than one window of {self.window}.")
        channels = raw[1] if len(raw) == 2 else 1
        return (raw[0] - self.window) // self.stride + 1, channels * len(self.which)

    def add_to(self, builder: Builder, x: str) -> str:
        """Append the nodes and return the features [windows, channels * statistics]."""
        return add_map(builder, x, self.window, self.stride, self.add_window)

    def add_window(self, body: Builder, window: str) -> str:
        """Append the nodes of one window [window] or [window, channels] and return its features."""
        shape = body.type(window).shape
        channels = shape[1] if len(shape) == 2 else 1
        if len(shape) == 1:
            window = body.node("reshape", "column", x=window, attributes={"shape": (self.window, 1)})
        attributes = {"which": list(self.which), "bits": self.bits}
        found = body.node("statistics", "statistics", x=window, attributes=attributes)
        return body.node("reshape", "row", x=found, attributes={"shape": (channels * len(self.which),)})

    def check(self, recordings: Array, hertz: float | None) -> None:
        """Accept every recording: a sensor at rest is no fault, and no statistic depends on the rate."""


ENTRY = Statistics
