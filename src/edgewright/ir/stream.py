"""The stream: a chain of stages that takes samples one at a time and now and then has an answer."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, replace
from functools import cached_property

from edgewright.errors import BadGraph
from edgewright.ir.graph import Graph
from edgewright.ir.text import to_text
from edgewright.ir.types import Type


@dataclass(frozen=True)
class Stage:
    """A graph that runs whenever enough elements of the stage before it (the first stage: samples) are there.

    size, stride: it runs on `size` elements, [size, ...], then moves on by `stride` of them; where both are 1 it takes the element
    as it is. every: its output is handed on after every `every`-th run. anew: the state of the graph begins anew after so many
    runs; `every` is 1 or that. until: a bool value of shape (1,) in the graph: the run in which it is 1 hands on at once, and there
    are no more runs before the stream begins anew.
    """

    graph: Graph
    size: int = 1
    stride: int = 1
    every: int = 1
    anew: int = 1
    until: str | None = None

    @property
    def is_direct(self) -> bool:
        """Whether it takes each element as it is, without a buffer."""
        return self.size == 1 and self.stride == 1

    @property
    def element_type(self) -> Type:
        """The type of one element that it takes."""
        return self.graph.input_type if self.is_direct else element_of(self.graph.input_type)

    def needed(self, outputs: int) -> int:
        """Return how many elements it takes until it has handed on so many outputs."""
        return self.size + (outputs * self.every - 1) * self.stride


@dataclass(frozen=True)
class Stream:
    """Stages, each on what the one before it hands on; the last one's output is the answer.

    window: samples that an answer is about, those of the whole-sequence graph; a few at their end may be read by none. every: samples
    from one answer to the next. begins_anew: whether all buffers and states are emptied after each answer, so that the next
    window begins `every` samples after the last one; else they overlap or follow each other by themselves.
    Raises BadGraph where stages do not fit together.
    """

    stages: tuple[Stage, ...]
    window: int
    every: int
    begins_anew: bool
    name: str = "model"

    def __post_init__(self) -> None:
        if not self.stages:
            raise BadGraph(f"The stream {self.name!r} has no stage.")
        for number, stage in enumerate(self.stages):
            _check(stage, f"Stage {number} of {self.name!r}")
        for number, (before, after) in enumerate(zip(self.stages, self.stages[1:], strict=False)):
            given, taken = before.graph.output_type, after.element_type
            if replace(given, limits=None) != replace(taken, limits=None):
                raise BadGraph(f"Stage {number + 1} of {self.name!r} takes {taken}, and stage {number} gives {given}.")
        if self.exits_early and not self.begins_anew:
            raise BadGraph(f"The stream {self.name!r} leaves a window early, and so must begin anew for the next.")
        if self.first > (self.every if self.begins_anew else self.window):
            raise BadGraph(f"The stream {self.name!r} needs {self.first} samples for an answer about {self.window}.")
        steps = math.prod(stage.stride * stage.every for stage in self.stages)
        if not self.begins_anew and steps != self.every:
            raise BadGraph(f"The stages of {self.name!r} give an answer every {steps} samples, not every {self.every}.")

    @property
    def sample_type(self) -> Type:
        """The type of one sample."""
        return self.stages[0].element_type

    @property
    def output_type(self) -> Type:
        """The type of an answer."""
        return self.stages[-1].graph.output_type

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the classes, where an answer holds one score a class."""
        return self.stages[-1].graph.labels

    @cached_property
    def first(self) -> int:
        """The number of samples after which the first answer is there at the latest."""
        needed = 1
        for stage in reversed(self.stages):
            needed = stage.needed(needed)
        return needed

    @cached_property
    def hash(self) -> str:
        """Sixteen hexadecimal digits that name the stages and their integers (the name left out)."""
        numbers = [
            [stage.size, stage.stride, stage.every, stage.anew, stage.until, stage.graph.hash] for stage in self.stages
        ]
        text = json.dumps([numbers, self.window, self.every, self.begins_anew])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def exits_early(self) -> bool:
        """Whether an answer may be there before all samples that it may need."""
        return any(stage.until for stage in self.stages)

    def windows(self, samples: int) -> int:
        """Return how many whole windows so many samples hold; each has its answer."""
        return max(0, (samples - self.window) // self.every + 1)


def element_of(type: Type) -> Type:
    """Return the type of what lies along axis 0 of a value. Raises BadGraph where each has a scale of its own."""
    if type.axis == 0:
        raise BadGraph(f"{type} has a scale for each entry of axis 0, so these are no samples of one kind.")
    return replace(type, shape=type.shape[1:], axis=None if type.axis is None else type.axis - 1)


def to_text_of_stream(stream: Stream) -> str:
    """Return a stream as text: what each stage waits for, and its graph."""
    lines = [f"stream {stream.name}: an answer every {stream.every} samples, the first after {stream.first}"]
    for number, stage in enumerate(stream.stages):
        taken = "each element" if stage.is_direct else f"{stage.size} elements, moving on by {stage.stride}"
        handed = "each run" if stage.every == 1 else f"every {stage.every} runs"
        lines.append(f"stage {number}: takes {taken}; hands on {handed}")
        lines.append(to_text(stage.graph, "  "))
    return "\n".join(lines)


def _check(stage: Stage, what: str) -> None:
    """Raise BadGraph where the numbers of a stage, or its graph, make no stage."""
    if min(stage.size, stage.stride, stage.anew) < 1 or stage.every not in (1, stage.anew):
        raise BadGraph(
            f"{what} has size {stage.size}, stride {stage.stride}, every {stage.every}, anew {stage.anew}; all must be 1 or more, and "
            "its output is handed on after each run or when its state begins anew."
        )
    graph = stage.graph
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise BadGraph(f"{what} has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs; it needs one of each.")
    if not stage.is_direct and graph.input_type.shape[:1] != (stage.size,):
        raise BadGraph(f"{what} collects {stage.size} elements, and its graph takes {graph.input_type}.")
