"""One model of a firmware: its float graph, its integers, what its class indices mean, and what proves it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from edgewright.boards import Board
from edgewright.compiler.agreement import Agreement
from edgewright.compiler.emit import Golden
from edgewright.compiler.settings import Settings
from edgewright.errors import BadInput
from edgewright.ir.graph import Graph
from edgewright.ir.stream import Stream
from edgewright.ir.types import Array, Type, dequantise_array, quantise_array
from edgewright.runtime.integer import run_integer
from edgewright.runtime.stream import run_stream
from edgewright.runtime.walk import layout_hint

GOLDEN_VECTORS = 8
GOLDEN_BYTES = 1024  # of the samples that the self-test of a stream repeats
CORNER_VECTORS = 24
MOST_VECTORS_ON_AVR = 1000  # a cycle-exact simulator is slow
MOST_SAMPLES, MOST_SAMPLES_ON_AVR = 320_000, 20_000  # 20 seconds of sound at 16 kHz
MOST_WINDOWS = 64  # of a stream that are compared with the whole-sequence twin
WHOLE_SEQUENCE = "whole sequence"  # beside the engines: the twin of a stream against that of its graph

Ready = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Deployed:
    """One model of a firmware.

    prepared: the float graph that was quantised, the same as `graph` for a model that came quantised. settings: of its quantisation,
    None for such a model. agreement: of integers and real numbers on calibration rows, None for such a model. stream: of the graph,
    where the C takes samples one at a time.
    """

    name: str
    prepared: Graph
    graph: Graph
    classes: Array | None
    settings: Settings | None = None
    agreement: Agreement | None = None
    stream: Stream | None = None

    @property
    def compiled(self) -> Graph | Stream:
        """What becomes C."""
        return self.stream or self.graph

    @cached_property
    def graphs(self) -> tuple[Graph, ...]:
        """The graphs that run on the device, one after the other."""
        return tuple(stage.graph for stage in self.stream.stages) if self.stream else (self.graph,)

    def rows(self, X: Array) -> Array:
        """Return float rows [n, *shape of the graph's input] as its integers; the one place where this happens."""
        return self._integers(X, self.graph.input_type)

    def integers(self, X: Array) -> Array:
        """Return what the C is given as integers: rows [n, *shape], or of a stream samples [n, *shape of one].

        For a stream X may hold recordings as long as a window, [n, steps, *shape of a sample]: they follow each other.
        """
        if self.stream is None:
            return self.rows(X)
        X = np.asarray(X)
        type = self.stream.sample_type
        if X.shape[1:] == self.graph.input_type.shape:
            return self.rows(X).reshape(-1, *type.shape)
        return self._integers(X, type)

    def answers(self, outputs: Array) -> Array:
        """Return classes for integer outputs [n, ...] of a classifier, real values for another model."""
        if self.classes is not None:
            answers: Array = self.classes[outputs.reshape(len(outputs), -1).argmax(axis=1)]
            return answers
        return dequantise_array(outputs, self.graph.output_type)

    def twin(self, integers: Array) -> tuple[Ready, Array]:
        """Return what the C must give for integers: at which of them there is an answer, [n], and the answers [answers, *shape]."""
        if self.stream is not None:
            return run_stream(self.stream, integers)
        return np.ones(len(integers), np.bool_), run_integer(self.graph, integers)

    def strays(self, samples: Array) -> int:
        """Return how many answers of the stream's twin differ from the whole-sequence twin's on the windows that they are about."""
        assert self.stream is not None
        window, every = self.stream.window, self.stream.every
        count = self.stream.windows(len(samples))
        if not count:
            return 0
        chosen = np.unique(np.linspace(0, count - 1, min(count, MOST_WINDOWS)).astype(int))
        _, answers = run_stream(self.stream, samples)
        whole = run_integer(self.graph, np.stack([samples[k * every : k * every + window] for k in chosen]))
        return int(np.any((answers[chosen] != whole).reshape(len(chosen), -1), axis=1).sum())

    def corners(self, count: int = CORNER_VECTORS) -> Array:
        """Return integer inputs at the corners of the proven range: all lowest, all highest, zero, and seeded mixtures."""
        type = self.graph.input_type
        low, high = type.range
        generator = np.random.default_rng(0)
        mixtures = generator.choice([low, high], size=(count, *type.shape))
        for row, value in enumerate(
            (low, high, min(max(0, low), high), min(max(1, low), high), min(max(-1, low), high))
        ):
            mixtures[row] = value
        return mixtures.astype(type.dtype)

    def corner_trials(self) -> tuple[Array, ...]:
        """Return integer inputs at the corners of the proven range, an array a run: of a stream, as long as two windows or more."""
        if self.stream is None:
            return (self.corners(),)
        type = self.stream.sample_type
        low, high = type.range
        generator = np.random.default_rng(0)
        shape = (max(2 * self.stream.window, self.stream.window + self.stream.every), *type.shape)
        found = (
            np.full(shape, low),
            np.full(shape, high),
            generator.choice([low, high], size=shape),
            generator.integers(low, high + 1, size=shape),
        )
        return tuple(samples.astype(type.dtype) for samples in found)

    def bearable(self, integers: Array, board: Board) -> Array:
        """Return as many of the inputs as the board's engine can bear in one run; of a stream two windows at least."""
        if self.stream is not None:
            most = MOST_SAMPLES_ON_AVR if board.core == "avr" else MOST_SAMPLES
            return integers[: max(most, 2 * self.stream.window)]
        return integers[:MOST_VECTORS_ON_AVR] if board.core == "avr" else integers

    def golden(self, calibration: Array | None) -> Golden:
        """Return the vectors of the self-test: corners, and typical rows where there are any."""
        if self.stream is not None:
            return self._golden_stream(self.stream, calibration)
        vectors = self.corners()[:GOLDEN_VECTORS]
        if calibration is not None:
            half = GOLDEN_VECTORS // 2
            vectors = np.concatenate([vectors[:half], self.rows(calibration[:half])])
        return Golden(vectors, run_integer(self.graph, vectors))

    def _golden_stream(self, stream: Stream, calibration: Array | None) -> Golden:
        """Return samples that are given round and round until there were two answers."""
        count = stream.window + stream.every
        kept = min(count, max(1, GOLDEN_BYTES // stream.sample_type.nbytes))
        samples = (
            self.corner_trials()[-1] if calibration is None else self.integers(calibration[: 1 + kept // stream.window])
        )
        samples = samples[:kept]
        _, answers = run_stream(stream, samples[np.arange(count) % len(samples)])
        return Golden(samples, answers, count)

    def _integers(self, X: Array, type: Type) -> Array:
        X = np.asarray(X)
        if X.shape[1:] != type.shape or len(X) == 0:
            expected = ", ".join(map(str, type.shape))
            what = "rows" if self.stream is None else "samples"
            raise BadInput(
                f"The model {self.name!r} takes {what} of shape [n, {expected}] with n of 1 or more, not {list(X.shape)}."
                f"{layout_hint(type.shape, X.shape[1:])}"
            )
        if not np.issubdtype(X.dtype, np.number) or not np.all(np.isfinite(X)):
            raise BadInput(f"The rows for {self.name!r} hold NaN, infinity or something that is not a number.")
        return quantise_array(X, type).astype(type.dtype)
