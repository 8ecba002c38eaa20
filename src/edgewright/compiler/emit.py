"""From quantised graphs to C99: calls of kernels over static arrays. No heap, no float, no library."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import jinja2

from edgewright.compiler import library
from edgewright.compiler.c_language import c_text, check_name, literals, real
from edgewright.compiler.program import Entry, Program, Step
from edgewright.compiler.stages import SYMBOLS, StepSource, step_source
from edgewright.compiler.statements import ModelSource
from edgewright.errors import BadInput
from edgewright.ir.graph import Graph
from edgewright.ir.stream import Stream
from edgewright.ir.types import Array, Type, describe_scale

_OWN_SYMBOLS = ("run", "predict", "selftest", *SYMBOLS, *(f"arena_{code}" for code in library.CODES.values()))


@dataclass(frozen=True)
class Golden:
    """Vectors for the self-test: integers in and out of one model, [n, size].

    samples: of a stream, how many of its inputs are given, round and round; the outputs are then its answers. None for a graph.
    """

    inputs: Array
    outputs: Array
    samples: int | None = None


def emit(
    graphs: Mapping[str, Graph | Stream],
    name: str | None = None,
    golden: Mapping[str, Golden] | None = None,
    features: Iterable[str] = (),
) -> Program:
    """Return the C of one quantised graph or several, which share their kernels.

    graphs: by the prefix of their symbols; a stream becomes NAME_reset and NAME_step instead of NAME_run. name: of the files; the
    prefix where there is one graph. golden: vectors by prefix, put into NAME_selftest.c. features: of the core that the kernels are
    chosen for; the C is right on every core. Raises BadInput for a bad name, BadGraph where a graph is not quantised or a sum may
    overflow.
    """
    from edgewright import __version__

    prefixes = [check_name(prefix) for prefix in graphs]
    if not prefixes:
        raise BadInput("There is no model to emit.")
    name = check_name(name or prefixes[0])
    taken = {f"{prefix}_{word}" for prefix in prefixes for word in _OWN_SYMBOLS}
    models = [_model(prefix, graph, taken, frozenset(features)) for prefix, graph in graphs.items()]
    functions: dict[str, str] = {}
    for model in models:
        functions |= model.source.functions
    if clash := taken & functions.keys():
        raise BadInput(f"A model cannot be named so: it makes {', '.join(sorted(clash))}, which is a kernel's name.")
    context = {
        "name": name,
        "version": __version__,
        "models": models,
        "functions": functions,
        "prelude": library.prelude(),
    }
    files = {f"{name}.{kind}": _template(kind).render(context) for kind in ("h", "c")}
    if golden:
        tests = [_selftest(model, golden[model.prefix]) for model in models if model.prefix in golden]
        files[f"{name}_selftest.c"] = _template("selftest").render(context | {"tests": tests})
    vectors = {
        prefix: len(given.inputs if given.samples is None else given.outputs)
        for prefix, given in (golden or {}).items()
    }
    return Program(name, files, tuple(replace(m.entry, golden_vectors=vectors.get(m.prefix, 0)) for m in models))


@dataclass(frozen=True)
class _Parameter:
    name: str
    c_type: str
    type: Type
    scale: str


@dataclass(frozen=True)
class _Model:
    """One graph or stream as C: its parameters, the statements of NAME_run or NAME_step, and what they need."""

    prefix: str
    labels: tuple[str, ...]
    source: ModelSource
    inputs: list[_Parameter]
    outputs: list[_Parameter]
    statements: list[str]
    entry: Entry
    step: StepSource | None = None

    @property
    def predicts(self) -> bool:
        """Whether the output is one score a class."""
        return bool(self.labels) and len(self.outputs) == 1


def _model(prefix: str, graph: Graph | Stream, taken: set[str], features: frozenset[str]) -> _Model:
    source = ModelSource(prefix, taken, features)
    return _stream(source, graph) if isinstance(graph, Stream) else _graph(source, graph)


def _graph(source: ModelSource, graph: Graph) -> _Model:
    statements = source.run(graph, _names(graph.inputs, "input"), _names(graph.outputs, "output"))
    inputs = _parameters([graph.types[value] for value in graph.inputs], "input")
    outputs = _parameters([graph.types[value] for value in graph.outputs], "output")
    entry = _entry(source, inputs, outputs, graph)
    return _Model(
        source.prefix, graph.labels, source, inputs, outputs, [*statements, *_unread(inputs, statements)], entry
    )


def _stream(source: ModelSource, stream: Stream) -> _Model:
    step = step_source(source, stream)
    inputs, outputs = _parameters([stream.sample_type], "input"), _parameters([stream.output_type], "output")
    entry = _entry(source, inputs, outputs, stream)
    facts = Step(step.state_bytes, stream.first, stream.every)
    entry = replace(entry, step=facts, arena_bytes=entry.arena_bytes + step.array_bytes)
    statements = [*_unread(inputs, step.step), *step.step]
    return _Model(source.prefix, stream.labels, source, inputs, outputs, statements, entry, step)


def _entry(source: ModelSource, inputs: list[_Parameter], outputs: list[_Parameter], model: Graph | Stream) -> Entry:
    return Entry(
        source.prefix,
        tuple(one.type for one in inputs),
        tuple(one.type for one in outputs),
        source.arena_bytes,
        source.constant_bytes,
        model.labels,
        model.hash,
        tables=tuple(sorted(symbol.removeprefix(f"{source.prefix}_") for symbol in source.tables)),
        layers=tuple(source.layers),
    )


def _unread(inputs: list[_Parameter], statements: Sequence[str]) -> list[str]:
    words = set(re.findall(r"\w+", " ".join(statements)))
    return [f"    (void){one.name};" for one in inputs if one.name not in words]


def _names(values: Sequence[object], word: str) -> list[str]:
    return [word] if len(values) == 1 else [f"{word}{number}" for number in range(len(values))]


def _parameters(types: Sequence[Type], word: str) -> list[_Parameter]:
    return [
        _Parameter(name, library.C_TYPES[type.dtype], type, describe_scale(type.scale))
        for name, type in zip(_names(types, word), types, strict=True)
    ]


def _selftest(model: _Model, golden: Golden) -> dict[str, Any]:
    (parameter,), (output,) = model.inputs, model.outputs
    return {
        "model": model,
        "input": parameter,
        "output": output,
        "count": len(golden.inputs),
        "answers": len(golden.outputs),
        "samples": golden.samples,
        "inputs": literals(golden.inputs),
        "outputs": literals(golden.outputs),
        "read": library.CODES[parameter.type.dtype].upper(),
        "read_output": library.CODES[output.type.dtype].upper(),
    }


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("edgewright.compiler"),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
        autoescape=False,
    )
    environment.filters |= {"c_text": c_text, "real": real}
    return environment


def _template(kind: str) -> jinja2.Template:
    return _environment().get_template(f"model.{kind}.jinja")
