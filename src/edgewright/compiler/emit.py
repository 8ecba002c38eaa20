"""From quantised graphs to C99: calls of kernels over static arrays. No heap, no float, no library."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import jinja2
import numpy as np

from edgewright import ops
from edgewright.compiler import library
from edgewright.compiler.c_language import c_text, check_name, literal, literals, real
from edgewright.compiler.memory import Plan, plan_memory, scratch_name
from edgewright.compiler.program import Entry, Layer, Program
from edgewright.errors import BadGraph, BadInput
from edgewright.ir.graph import Graph, Node
from edgewright.ir.types import Array, Type, describe_scale
from edgewright.ops.forms import FORMS
from edgewright.runtime.ranges import accumulator_bounds

_INDENT = "    "
_MOVES = ("ew_copy_", "ew_fill_")
LARGEST_COUNT = 2**16 - 1
_OWN_SYMBOLS = ("run", "predict", "selftest", *(f"arena_{code}" for code in library.CODES.values()))


@dataclass(frozen=True)
class Golden:
    """Vectors for the self-test: integers in and out of one model, [n, size]."""

    inputs: Array
    outputs: Array


def emit(
    graphs: Mapping[str, Graph],
    name: str | None = None,
    golden: Mapping[str, Golden] | None = None,
    features: Iterable[str] = (),
) -> Program:
    """Return the C of one quantised graph or several, which share their kernels.

    graphs: by the prefix of their symbols. name: of the files; the prefix where there is one graph. golden: vectors by prefix, put into
    NAME_selftest.c. features: of the core that the kernels are chosen for; the C is right on every core.
    Raises BadInput for a bad name, BadGraph where a graph is not quantised or a sum may overflow.
    """
    from edgewright import __version__

    prefixes = [check_name(prefix) for prefix in graphs]
    if not prefixes:
        raise BadInput("There is no model to emit.")
    name = check_name(name or prefixes[0])
    taken = {f"{prefix}_{word}" for prefix in prefixes for word in _OWN_SYMBOLS}
    models = [_Model(prefix, graph, taken, frozenset(features)) for prefix, graph in graphs.items()]
    functions: dict[str, str] = {}
    for model in models:
        functions |= model.functions
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
    vectors = {prefix: len(given.inputs) for prefix, given in (golden or {}).items()}
    return Program(name, files, tuple(replace(m.entry, golden_vectors=vectors.get(m.prefix, 0)) for m in models))


@dataclass(frozen=True)
class _Frame:
    """A graph while its statements are made: the model itself, or the body of a scan.

    where: value -> C expression, of what lives outside the arenas. base: dtype -> where the places of `plan` begin in its arena.
    depth: of indentation. path: what comes before the names of constants.
    """

    graph: Graph
    plan: Plan
    where: Mapping[str, str]
    base: Mapping[str, int] = field(default_factory=dict)
    depth: int = 1
    path: str = ""

    def line(self, statement: str) -> str:
        """Return a statement, indented."""
        return _INDENT * self.depth + statement


class _Model:
    """One graph on its way to C: collects constants, functions and statements."""

    def __init__(self, prefix: str, graph: Graph, taken: set[str], features: frozenset[str]) -> None:
        _check(graph)
        self.prefix, self.graph, self.taken, self.features = prefix, graph, taken, features
        plan = plan_memory(graph, features)
        self.functions: dict[str, str] = {}
        self.constants: list[_Constant] = []
        self.tables: set[str] = set()
        self.read: dict[str, None] = {}  # symbols of the constants that the layer under way reads
        self.layers: list[Layer] = []
        self.inputs = _parameters(graph, graph.inputs, "input")
        self.outputs = _parameters(graph, graph.outputs, "output")
        self.arenas = {library.CODES[dtype]: (library.C_TYPES[dtype], size) for dtype, size in plan.sizes.items()}
        where = {value: parameter.name for value, parameter in zip(graph.inputs, self.inputs, strict=True)}
        made = {node.output for node in graph.nodes}
        for value, parameter in zip(graph.outputs, self.outputs, strict=True):
            if value in made and plan.homes.get(value, value) == value:
                where.setdefault(value, parameter.name)
        frame = _Frame(graph, plan, where)
        self.statements = []
        for node in graph.nodes:
            self._layer(node.output, self._of_node(frame, node))
        for value, parameter in zip(graph.outputs, self.outputs, strict=True):
            source = self._pointer(frame, value)
            if source != parameter.name:
                self.statements.append(self._copy(frame, graph.types[value], parameter.name, source))
        words = set(re.findall(r"\w+", " ".join(self.statements)))
        self.statements += [frame.line(f"(void){one.name};") for one in self.inputs if one.name not in words]
        self.labels = graph.labels
        self.entry = Entry(
            prefix,
            tuple(graph.types[value] for value in graph.inputs),
            tuple(graph.types[value] for value in graph.outputs),
            plan.arena_bytes,
            {constant.symbol.removeprefix(f"{prefix}_"): constant.nbytes for constant in self.constants},
            graph.labels,
            graph.hash,
            tables=tuple(sorted(symbol.removeprefix(f"{prefix}_") for symbol in self.tables)),
            layers=tuple(self.layers),
        )

    def _layer(self, value: str, lines: list[str]) -> None:
        """Add the statements that make a value, and what they are."""
        calls = [line for line in lines if line.endswith(");") and not line.lstrip().startswith(_MOVES)]
        repeated = sum(line.startswith(2 * _INDENT) for line in calls)
        read = tuple(symbol.removeprefix(f"{self.prefix}_") for symbol in self.read)
        self.layers.append(Layer(value, len(calls), repeated, read))
        self.statements += lines
        self.read.clear()

    @property
    def predicts(self) -> bool:
        """Whether the output is one score a class."""
        return bool(self.labels) and len(self.graph.outputs) == 1

    def _statements(self, frame: _Frame) -> list[str]:
        return [line for node in frame.graph.nodes for line in self._of_node(frame, node)]

    def _of_node(self, frame: _Frame, node: Node) -> list[str]:
        if node.op == "scan":
            return self._scan(frame, node)
        return [] if ops.get(node.op).alias else [frame.line(self._call(frame, node))]

    def _call(self, frame: _Frame, node: Node) -> str:
        op, types = ops.get(node.op), frame.graph.types_of(node)
        kernel = ops.kernel_of(frame.graph, node, self.features)
        values = {port: array.astype(np.int64) for port, array in frame.graph.values_of(node).items()}
        letters = kernel.letters(values, types, node.attributes)
        self.functions |= library.functions_for(node.op, kernel, letters)
        arguments: dict[str, int | Array] = {}
        for source in (op.arguments, kernel.layout):
            arguments |= source(values, types, node.attributes) if source else {}
        scratch = kernel.scratch(types, node.attributes) if kernel.scratch else {}
        texts = []
        for item in _spelled_out(kernel.call, letters):
            if item in scratch:
                texts.append(self._place(frame, scratch_name(node, item)))
            elif letters.get(item.upper()) == ops.NONE:
                texts.append("0")
            elif item in arguments:
                texts.append(self._argument(arguments[item], f"{frame.path}{node.output}_{item}"))
            else:
                value = node.output if item == "y" else node.inputs[item]
                texts.append(self._pointer(frame, value, flash=item in op.parameters))
            if item == "table":
                self.tables.add(texts[-1])
        return f"{library.function_name(kernel, letters)}({', '.join(texts)});"

    def _scan(self, frame: _Frame, node: Node) -> list[str]:
        body: Graph = node.attributes["body"]
        (output,) = body.outputs
        x, y = self._pointer(frame, node.inputs["x"]), self._pointer(frame, node.output)
        steps, step = frame.graph.types[node.inputs["x"]].shape[0], f"step{frame.depth}"
        index = f"({steps - 1} - {step})" if node.attributes.get("reverse") else step
        plan = frame.plan.bodies[node.output]
        offsets = {dtype: frame.plan.block(f"{node.output}/{dtype}").offset for dtype in plan.sizes}
        inner = _Frame(
            body,
            plan,
            where={body.inputs[0]: f"{x} + {index} * {body.input_type.size}"},
            base={dtype: frame.base.get(dtype, 0) + offset for dtype, offset in offsets.items()},
            depth=frame.depth + 1,
            path=f"{frame.path}{node.output}_",
        )
        lines = [self._start(frame, inner, state) for state in sorted(body.state)]
        lines.append(frame.line(f"for (uint16_t {step} = 0; {step} < {steps}; {step}++) {{"))
        lines += self._statements(inner)
        # What the last step gives is copied after the loop, unless it is gone by then
        passing = plan.homes.get(output, output) in (*body.state, *body.inputs)
        stacked = node.attributes["output"] == "stacked"
        if stacked or passing:
            target = f"{y} + {index} * {body.output_type.size}" if stacked else y
            lines.append(self._copy(inner, body.output_type, target, self._pointer(inner, output)))
        for state in _in_order(body, plan.homes):
            source = self._pointer(inner, body.state[state])
            lines.append(self._copy(inner, body.types[state], self._place(inner, state), source))
        lines.append(frame.line("}"))
        if not stacked and not passing:
            lines.append(self._copy(frame, body.output_type, y, self._pointer(inner, output)))
        return lines

    def _start(self, frame: _Frame, inner: _Frame, state: str) -> str:
        """Return the statement that sets a state before the first step."""
        body, type = inner.graph, inner.graph.types[state]
        place = self._place(inner, state)
        if state in body.constants:
            constant = self._constant(f"{inner.path}{state}", body.constants[state], flash=False)
            return self._copy(frame, type, place, constant)
        return frame.line(f"{self._move('ew_fill_X', type)}({type.zero_point}, {place}, {type.size});")

    def _copy(self, frame: _Frame, type: Type, target: str, source: str) -> str:
        return frame.line(f"{self._move('ew_copy_X', type)}({source}, {target}, {type.size});")

    def _move(self, function: str, type: Type) -> str:
        """Return the name of a function of move.h for an element type, which is added to the functions."""
        name, text = library.moving_function(function, type)
        self.functions[name] = text
        return name

    def _argument(self, argument: int | Array, name: str) -> str:
        if isinstance(argument, np.ndarray):
            return self._constant(name, argument, flash=True)
        return literal(int(argument))

    def _pointer(self, frame: _Frame, value: str, *, flash: bool = False) -> str:
        """Return the C expression of where a value lives."""
        home = frame.plan.homes.get(value, value)
        if home in frame.where:
            return frame.where[home]
        if home in frame.graph.constants and home not in frame.graph.state:
            return self._constant(f"{frame.path}{home}", frame.graph.constants[home], flash=flash)
        return self._place(frame, home)

    def _place(self, frame: _Frame, value: str) -> str:
        block = frame.plan.block(value)
        offset = block.offset + frame.base.get(block.dtype, 0)
        return f"{self.prefix}_arena_{library.CODES[block.dtype]}{f' + {offset}' if offset else ''}"

    def _constant(self, name: str, array: Array, *, flash: bool) -> str:
        """Return the symbol of a constant; equal ones are kept once. Without `flash` it can be read like RAM on every core."""
        for known in self.constants:
            if known.flash == flash and known.array.dtype == array.dtype and np.array_equal(known.array, array):
                self.read[known.symbol] = None
                return known.symbol
        symbol = f"{self.prefix}_{re.sub(r'[^a-zA-Z0-9]+', '_', name)}"
        while symbol in self.taken:
            symbol += "_"
        self.taken.add(symbol)
        self.constants.append(_Constant(symbol, array, flash))
        self.read[symbol] = None
        return symbol


def _spelled_out(call: tuple[str, ...], letters: Mapping[str, str]) -> list[str]:
    """Return the arguments of a kernel with FORM replaced by those of its form."""
    return [name for item in call for name in (FORMS[letters["FORM"]].parameters if item == "FORM" else (item,))]


def _check(graph: Graph) -> None:
    """Raise BadGraph where a graph cannot be emitted."""
    if not graph.is_quantised:
        raise BadGraph(f"The graph {graph.name!r} is not quantised; quantise it first.")
    if graph.state:
        raise BadGraph(
            f"The graph {graph.name!r} carries {', '.join(graph.state)} from run to run; put it into a scan."
        )
    accumulator_bounds(ops.verify(graph))
    _check_sizes(graph)


def _in_order(body: Graph, homes: Mapping[str, str]) -> list[str]:
    """Return the states in an order in which each can be overwritten: after those that are carried from it."""
    sources = {state: homes.get(successor, successor) for state, successor in sorted(body.state.items())}
    ordered: list[str] = []
    while len(ordered) < len(sources):
        waiting = {state: source for state, source in sources.items() if state not in ordered}
        free = [
            state for state in waiting if all(source != state or other == state for other, source in waiting.items())
        ]
        if not free:
            raise BadGraph(f"The states {', '.join(waiting)} of {body.name!r} are carried in a circle.")
        ordered.append(free[0])
    return ordered


def _check_sizes(graph: Graph) -> None:
    """Raise BadGraph where a value has more entries along an axis, or in all, than the loops of the kernels count."""
    for node in graph.nodes:
        for value in (*node.inputs.values(), node.output):
            type = graph.types[value]
            largest = max(type.shape, default=1) if value in graph.constants else type.size
            if largest > LARGEST_COUNT:
                raise BadGraph(
                    f"Node {node.output!r}: {value!r} has {largest} entries, and kernels count to {LARGEST_COUNT}."
                )
        for item in node.attributes.values():
            if isinstance(item, Graph):
                _check_sizes(item)


@dataclass(frozen=True)
class _Constant:
    symbol: str
    array: Array = field(repr=False)
    flash: bool

    @property
    def nbytes(self) -> int:
        return int(self.array.nbytes)

    @property
    def c_type(self) -> str:
        return library.C_TYPES[str(self.array.dtype)]

    @property
    def rows(self) -> list[str]:
        return literals(self.array)


@dataclass(frozen=True)
class _Parameter:
    name: str
    c_type: str
    type: Type
    scale: str


def _parameters(graph: Graph, values: Iterable[str], word: str) -> list[_Parameter]:
    values = list(values)
    names = [word] if len(values) == 1 else [f"{word}{number}" for number in range(len(values))]
    return [
        _Parameter(
            name,
            library.C_TYPES[graph.types[value].dtype],
            graph.types[value],
            describe_scale(graph.types[value].scale),
        )
        for name, value in zip(names, values, strict=True)
    ]


def _selftest(model: _Model, golden: Golden) -> dict[str, Any]:
    (parameter,), (output,) = model.inputs, model.outputs
    return {
        "model": model,
        "input": parameter,
        "output": output,
        "count": len(golden.inputs),
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
