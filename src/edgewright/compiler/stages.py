"""The statements of NAME_step and NAME_reset: stages that run when their elements are there, over a state that the caller holds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from edgewright.compiler import library
from edgewright.compiler.statements import Frame, ModelSource
from edgewright.errors import BadGraph
from edgewright.ir.stream import Stage, Stream
from edgewright.ir.types import Type

_COUNTERS = ("uint8", "uint16", "uint32")
_ENDED = "ended"
SYMBOLS = (
    "reset",
    "step",
    "state",
    "state_has_its_bytes",
    _ENDED,
    *(f"handed_{code}" for code in library.CODES.values()),
)
_PADDING = "unused"
_INDENT = "    "


@dataclass(frozen=True)
class Field:
    """One field of NAME_state. entries: of an array, None for a number."""

    name: str
    dtype: str
    entries: int | None = None

    @property
    def c_text(self) -> str:
        """Return its declaration."""
        size = "" if self.entries is None else f"[{self.entries}]"
        return f"{self.dtype}_t {self.name}{size};"

    @property
    def itemsize(self) -> int:
        """Bytes of one entry, which it is aligned to."""
        return int(np.dtype(self.dtype).itemsize)

    @property
    def nbytes(self) -> int:
        """Bytes of all entries."""
        return self.itemsize * (1 if self.entries is None else self.entries)


@dataclass(frozen=True)
class StepSource:
    """The C of one stream.

    stream: what was emitted. fields: of NAME_state, without gaps on any core. reset, step: the statements of the functions. arrays:
    name without the prefix -> C type and entries of the static arrays through which stages hand elements on.
    """

    stream: Stream
    fields: tuple[Field, ...]
    reset: tuple[str, ...]
    step: tuple[str, ...]
    arrays: Mapping[str, tuple[str, int]]

    @property
    def state_bytes(self) -> int:
        """The size of NAME_state."""
        return sum(field.nbytes for field in self.fields)

    @property
    def array_bytes(self) -> int:
        """Bytes of the static arrays."""
        return sum(np.dtype(c_type.removesuffix("_t")).itemsize * size for c_type, size in self.arrays.values())


def step_source(source: ModelSource, stream: Stream, taken: str = "input", given: str = "output") -> StepSource:
    """Return the statements of a stream. taken, given: the pointers to the sample and the answer. Raises BadGraph as `ModelSource` does."""
    return _Steps(source, stream, taken, given).made()


def stage_layer(number: int, node: str) -> str:
    """Return the name of a layer: two stages may have nodes of one name."""
    return f"{number}/{node}"


class _Steps:
    """Collects fields and statements, stage by stage."""

    def __init__(self, source: ModelSource, stream: Stream, taken: str, given: str) -> None:
        self.source, self.stream, self.given = source, stream, given
        self.fields: list[Field] = []
        self.reset: list[str] = []
        self.step: list[str] = []
        self.sizes = _handed_sizes(stream)
        self._count_samples()
        for number in range(len(stream.stages)):
            taken = self._stage(number, taken)
        if taken != given:
            self.step.append(source.copy(self.frame, stream.output_type, given, taken))
        if stream.exits_early:
            self._put("state->answered = 1;")
        self._put("return 1;")

    def made(self) -> StepSource:
        """Return what was collected, with the fields in the order of their alignment."""
        fields = sorted(self.fields, key=lambda field: -field.itemsize)
        gap = -sum(field.nbytes for field in fields) % max(field.itemsize for field in fields)
        if gap:
            fields.append(Field(_PADDING, "uint8", gap))
        arrays = {f"handed_{library.CODES[dtype]}": (f"{dtype}_t", size) for dtype, size in self.sizes.items()}
        if self.stream.exits_early:
            arrays[_ENDED] = ("uint8_t", 1)
        return StepSource(self.stream, tuple(fields), tuple(self.reset), tuple(self.step), arrays)

    def _count_samples(self) -> None:
        """Let the stream begin anew every so many samples, where it does not do so by itself."""
        stream = self.stream
        if not stream.begins_anew:
            return
        sample = self._counter("sample", stream.every)
        self._put(f"if ({sample} == {stream.every}) {self.source.prefix}_reset(state);")
        self._put(f"{sample}++;")
        if stream.exits_early:
            self._put(f"if ({self._counter('answered', 1)}) return 0;")
        elif stream.first < stream.every:
            self._put(f"if ({sample} > {stream.first}) return 0;")

    def _stage(self, number: int, taken: str) -> str:
        """Add the statements of a stage that reads an element at `taken`; returns where the element is that it hands on."""
        stage = self.stream.stages[number]
        waits = stage.size > 1
        x = self._array(f"waiting{number}", stage.element_type.dtype, stage.graph.input_type.size) if waits else taken
        made = self._target(number)
        self.frame = frame = self._frame(number, stage, x, made)
        self._collect(number, stage, taken)
        (output,) = stage.graph.outputs
        before = len(self.source.layers)
        self.step += self.source.statements(frame)
        named = [replace(layer, node=stage_layer(number, layer.node)) for layer in self.source.layers[before:]]
        self.source.layers[before:] = named
        self.step += self.source.give(frame, output, made)
        if stage.until:
            self.step += self.source.give(frame, stage.until, self.ended)
        self.step += self.source.carry(frame)
        if not stage.is_direct:
            self._move_on(number, stage, frame, x)
        self._hand_on(number, stage, frame)
        return made

    def _collect(self, number: int, stage: Stage, taken: str) -> None:
        """Add the statements that wait for the elements of a run."""
        if stage.stride > stage.size:
            skipped = self._counter(f"skipped{number}", stage.stride - stage.size)
            self._put(f"if ({skipped}) {{", f"{_INDENT}{skipped}--;", f"{_INDENT}return 0;", "}")
        if stage.size == 1:
            return
        filled = self._counter(f"filled{number}", stage.size)
        if number == 0:
            self.step.append(self.source.copy(self.frame, stage.element_type, self._slot(number), taken))
        self._put(f"if (++{filled} < {stage.size}) return 0;")

    def _move_on(self, number: int, stage: Stage, frame: Frame, waiting: str) -> None:
        """Add the statements that drop the elements that no later run reads."""
        kept, size = max(0, stage.size - stage.stride), stage.element_type.size
        if kept:
            flat = replace(stage.element_type, shape=(kept * size,))
            self.step.append(self.source.copy(frame, flat, waiting, f"{waiting} + {stage.stride * size}"))
        if stage.size > 1:
            self._put(f"state->filled{number} = {kept};")
        if stage.stride > stage.size:
            self._put(f"state->skipped{number} = {stage.stride - stage.size};")

    def _hand_on(self, number: int, stage: Stage, frame: Frame) -> None:
        """Add the statements that count runs, and go on where the output is handed on."""
        if stage.anew == 1 and not stage.graph.state:
            return
        start = self.source.start(frame, 1)
        self.reset += start
        runs = self._counter(f"runs{number}", stage.anew) if stage.anew > 1 else ""
        if stage.until:
            if runs:
                self._put(f"if (!*{self.ended} && ++{runs} < {stage.every}) return 0;")
        elif stage.every > 1:
            self._put(f"if (++{runs} < {stage.every}) return 0;", f"{runs} = 0;")
            self.step += start
        elif stage.anew > 1:
            again = self.source.start(frame, 2)
            self._put(f"if (++{runs} == {stage.anew}) {{", f"{_INDENT}{runs} = 0;")
            self.step += again
            self._put("}")
        else:
            self.step += start

    def _frame(self, number: int, stage: Stage, x: str, made: str) -> Frame:
        graph = stage.graph
        where = {graph.inputs[0]: x}
        for state in sorted(graph.state):
            name = f"carried{number}_{re.sub(r'[^a-zA-Z0-9]+', '_', state)}"
            while name in {field.name for field in self.fields}:
                name += "_"
            type = graph.types[state]
            where[state] = self._array(name, type.dtype, type.size)
        nodes = {node.output for node in graph.nodes}
        places = {graph.outputs[0]: made} | ({stage.until: self.ended} if stage.until else {})
        for value, place in places.items():
            if value in nodes:
                where.setdefault(value, place)
        return self.source.frame(graph, where)

    @property
    def ended(self) -> str:
        """Where a stage says that it needs no more runs."""
        return f"{self.source.prefix}_{_ENDED}"

    def _target(self, number: int) -> str:
        """Return where a stage puts its output: where the next one waits for it, else into memory that neighbours share."""
        stages = self.stream.stages
        if number + 1 == len(stages) and stages[number].every == 1:
            return self.given
        if number + 1 < len(stages) and stages[number + 1].size > 1:
            return self._slot(number + 1)
        type = stages[number].graph.output_type
        array = f"{self.source.prefix}_handed_{library.CODES[type.dtype]}"
        offset = 0 if number % 2 == 0 else self.sizes[_stored(type)] - type.size
        return f"{array} + {offset}" if offset else array

    def _slot(self, number: int) -> str:
        """Return where the next element goes that a stage waits for."""
        stage = self.stream.stages[number]
        entries = stage.element_type.size
        filled = f"state->filled{number}"
        if stage.size * entries > np.iinfo(np.int16).max:
            filled = f"(uint32_t){filled}"
        return f"state->waiting{number} + {filled}{f' * {entries}' if entries > 1 else ''}"

    def _array(self, name: str, dtype: str, entries: int) -> str:
        self.fields.append(Field(name, "uint8" if dtype == "bool" else dtype, entries))
        return f"state->{name}"

    def _counter(self, name: str, largest: int) -> str:
        """Add a counter, which begins at 0."""
        dtype = next((dtype for dtype in _COUNTERS if largest <= np.iinfo(dtype).max), None)
        if dtype is None:
            raise BadGraph(f"The stream {self.stream.name!r} counts to {largest}, and 32 bits do not hold that.")
        self.fields.append(Field(name, dtype))
        self.reset.append(f"{_INDENT}state->{name} = 0;")
        return f"state->{name}"

    def _put(self, *lines: str) -> None:
        self.step += [_INDENT + line for line in lines]


def _stored(type: Type) -> str:
    """Return the element type that C holds a value in."""
    return "uint8" if type.dtype == "bool" else type.dtype


def _handed_sizes(stream: Stream) -> dict[str, int]:
    """Return dtype -> entries of the array where stages that do not wait find what is handed on.

    Elements lie at its begin and its end in turn: one is read while the next is made.
    """
    sizes: dict[str, int] = {}
    before: dict[str, int] = {}
    for number, stage in enumerate(stream.stages):
        here = {}
        last = number + 1 == len(stream.stages)
        if stage.every > 1 if last else stream.stages[number + 1].size == 1:
            here = {_stored(stage.graph.output_type): stage.graph.output_type.size}
        for dtype in here.keys() | before.keys():
            sizes[dtype] = max(sizes.get(dtype, 0), here.get(dtype, 0) + before.get(dtype, 0))
        before = here
    return sizes
