"""The features by which GesturePod tells gestures of a white cane (Patil et al., UIST 2019)."""

from __future__ import annotations

from dataclasses import dataclass

from edgewright.errors import BadData, BadInput
from edgewright.features._maps import add_map
from edgewright.ir.types import Array
from edgewright.lowering import Builder

CHANNELS = ("ax", "ay", "az", "gx", "gy", "gz")
EDGES = (
    16384,
    16384,
    16384,
    512,
    2048,
    512,
)  # of each channel, in steps of its sensor: 2 g; 31, 125 and 31 degrees a second
RUNS = CHANNELS.index("gy")
RUN_FEATURES = 4


@dataclass(frozen=True)
class GesturePod:
    """124 features of windows of an accelerometer and a gyroscope: two runs of gy, and a histogram of each of the six channels.

    Samples are ax, ay, az, gx, gy, gz as an MPU-6050 gives them; normalised, a channel is (x - low) / (high - low) with low and high as in
    EDGES. The features of a window, in their order: where the longest run of normalised gy above `above` begins, and its length; the
    length of the longest run below `below`, and where it begins (-1 and 0 for runs shorter than `least`); then 20 counts a channel, of
    equal bins over 0..1, the first and last of which also count what lies beyond.

    Of the two definitions that were published and differ, this is the one of the training program, whose features the published model
    was trained on. The published C instead cuts normalised values to whole percents (rounding towards 0), lets a run go on between two
    thresholds of its own, and counts runs only from 4 samples on. Two details of the training program are left out: a histogram of its
    first window alone that leaves out what lies beyond, and divisions in floating point; here all is exact in whole numbers.

    window, stride: samples of a window (2 s at 200 Hz), and from one to the next. Raises BadInput.
    """

    window: int = 400
    stride: int = 20
    above: float = 0.62
    below: float = 0.32
    least: int = 3
    bins: int = 20

    def __post_init__(self) -> None:
        if min(self.window, self.stride, self.least, self.bins) < 1:
            raise BadInput(
                f"window is {self.window}, stride {self.stride}, least {self.least} and bins {self.bins}; each is 1 or more."
            )

    def shape(self, raw: tuple[int, ...]) -> tuple[int, ...]:
        """Return (windows, 4 + 6 * bins) for recordings [samples, 6]. Raises BadData."""
        if len(raw) != 2 or raw[1] != len(CHANNELS):
            raise BadData(f"A recording is {raw}; it must be (samples, 6): {', '.join(CHANNELS)}.")
        if raw[0] < self.window:
            raise BadData(f"A recording of {raw[0]} samples is shorter than one window of {self.window}.")
        return (raw[0] - self.window) // self.stride + 1, RUN_FEATURES + len(CHANNELS) * self.bins

    def add_to(self, builder: Builder, x: str) -> str:
        """Append the nodes and return the features [windows, features]."""
        return add_map(builder, x, self.window, self.stride, self.add_window)

    def add_window(self, body: Builder, window: str) -> str:
        """Append the nodes of one window [window, 6] and return its features."""
        rise = self._run(body, window, "above", self.above)
        fall = self._run(body, window, "below", self.below)
        length, start = (
            body.node("slice", name, x=fall, attributes={"axis": 0, "start": at, "length": 1})
            for name, at in (("fall_length", 1), ("fall_start", 0))
        )
        attributes = {"bins": self.bins, "low": [-edge for edge in EDGES], "high": list(EDGES)}
        counts = body.node("histogram", "counts", x=window, attributes=attributes)
        flat = body.node("reshape", "bins", x=counts, attributes={"shape": (len(CHANNELS) * self.bins,)})
        return _joined(body, (_joined(body, (rise, _joined(body, (length, start)))), flat))

    def _run(self, body: Builder, window: str, side: str, share: float) -> str:
        threshold = EDGES[RUNS] * (2 * share - 1)
        attributes = {"channel": RUNS, "side": side, "threshold": threshold, "least": self.least}
        return body.node("longest_run", side, x=window, attributes=attributes)

    def check(self, recordings: Array, hertz: float | None) -> None:
        """Accept every recording: a cane at rest is no fault, and its rate is what `window` was chosen for."""


def _joined(body: Builder, parts: tuple[str, str]) -> str:
    return body.node("concatenate", "joined", a=parts[0], b=parts[1], attributes={"axis": 0})


ENTRY = GesturePod
