"""The statements that run quantised graphs: calls of kernels, loops and copies over static arrays."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from edgewright import ops
from edgewright.compiler import library
from edgewright.compiler.c_language import literal, literals
from edgewright.compiler.memory import Plan, plan_memory, scratch_name
from edgewright.compiler.memory.lives import is_strided, outside_of
from edgewright.compiler.program import Layer
from edgewright.errors import BadGraph
from edgewright.ir.graph import Graph, Node
from edgewright.ir.types import Array, Type
from edgewright.ops.forms import FORMS
from edgewright.runtime.ranges import accumulator_bounds

_INDENT = "    "
_MOVES = ("ew_copy_", "ew_fill_")
LARGEST_COUNT = 2**16 - 1


@dataclass(frozen=True)
class Frame:
    """A graph while its statements are made: a whole one, or the body of a node.

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


@dataclass(frozen=True)
class Constant:
    """An array in flash, or where RAM is read."""

    symbol: str
    array: Array = field(repr=False)
    flash: bool

    @property
    def nbytes(self) -> int:
        """Bytes of the array."""
        return int(self.array.nbytes)

    @property
    def c_type(self) -> str:
        """The C type of an entry."""
        return library.C_TYPES[str(self.array.dtype)]

    @property
    def rows(self) -> list[str]:
        """The entries as C, some a row."""
        return literals(self.array)


class ModelSource:
    """The C of one model, which is one graph or several that run one after another: statements, and what they need beside them.

    `run` gives the statements of a graph; where its steps are wanted one by one, `frame`, `statements`, `give` and `carry` do.
    prefix: of all symbols. taken: symbols that are in use; those of this model are added. features: of the core that the kernels are
    chosen for. functions: name -> text of the kernels. constants, tables: arrays, and the symbols of those that are tables of functions.
    layers: the nodes in the order of their calls. sizes: dtype -> entries of the arena that all graphs of the model share.
    """

    def __init__(self, prefix: str, taken: set[str], features: frozenset[str]) -> None:
        self.prefix, self.taken, self.features = prefix, taken, features
        self.functions: dict[str, str] = {}
        self.constants: list[Constant] = []
        self.tables: set[str] = set()
        self.layers: list[Layer] = []
        self.sizes: dict[str, int] = {}
        self._read: dict[str, None] = {}  # symbols of the constants that the layer under way reads

    @property
    def arenas(self) -> dict[str, tuple[str, int]]:
        """The static arrays: code of the element type -> C type and entries."""
        return {library.CODES[dtype]: (library.C_TYPES[dtype], size) for dtype, size in self.sizes.items()}

    @property
    def arena_bytes(self) -> int:
        """Bytes of the static arrays."""
        return sum(size * int(np.dtype(dtype).itemsize) for dtype, size in self.sizes.items())

    @property
    def constant_bytes(self) -> dict[str, int]:
        """Bytes by constant, without the prefix."""
        return {self._short(constant.symbol): constant.nbytes for constant in self.constants}

    def run(self, graph: Graph, inputs: Sequence[str], outputs: Sequence[str]) -> list[str]:
        """Return the statements that run a graph without state.

        inputs, outputs: the C expressions of pointers, in the order of the graph's own. Raises BadGraph as `frame` does.
        """
        places = dict(zip(graph.inputs, inputs, strict=True))
        made = {node.output for node in graph.nodes}
        for value, place in zip(graph.outputs, outputs, strict=True):
            if value in made:
                places.setdefault(value, place)
        frame = self.frame(graph, places)
        lines = self.statements(frame)
        for value, place in zip(graph.outputs, outputs, strict=True):
            lines += self.give(frame, value, place)
        return lines

    def frame(self, graph: Graph, where: Mapping[str, str]) -> Frame:
        """Return a checked graph with a memory plan.

        where: value -> C expression of a pointer, for inputs, states and whatever else is to live outside the arenas, such as outputs;
        an alias among them lives where its source lives. Raises BadGraph where the graph is not quantised, carries a state that has no
        place, or holds a sum that may overflow.
        """
        _check(graph, where)
        plan = plan_memory(graph, self.features, frozenset(where))
        for dtype, size in plan.sizes.items():
            self.sizes[dtype] = max(self.sizes.get(dtype, 0), size)
        return Frame(graph, plan, where)

    def statements(self, frame: Frame) -> list[str]:
        """Return the statements of a graph's nodes, which become layers."""
        lines = []
        for node in frame.graph.nodes:
            self._read.clear()
            own = self._of_node(frame, node)
            calls, repeated, conditional = _calls(own)
            self.layers.append(Layer(node.output, calls, repeated, tuple(map(self._short, self._read)), conditional))
            lines += own
        return lines

    def give(self, frame: Frame, value: str, target: str) -> list[str]:
        """Return the statement that copies a value to where `target` points, none where it is there."""
        source = self._pointer(frame, value)
        return [] if source == target else [self.copy(frame, frame.graph.types[value], target, source)]

    def carry(self, frame: Frame) -> list[str]:
        """Return the statements that set each state of a graph to what follows it."""
        return [
            self.copy(
                frame,
                frame.graph.types[state],
                self._pointer(frame, state),
                self._pointer(frame, frame.graph.state[state]),
            )
            for state in _in_order(frame.graph, frame.plan.homes)
        ]

    def start(self, frame: Frame, depth: int) -> list[str]:
        """Return the statements, indented by `depth`, that set each state of a graph to what it begins with."""
        return [self._start(frame, state, depth) for state in sorted(frame.graph.state)]

    def _short(self, symbol: str) -> str:
        return symbol.removeprefix(f"{self.prefix}_")

    def _of_node(self, frame: Frame, node: Node) -> list[str]:
        if node.op == "scan":
            return self._scan(frame, node, node.attributes["body"])
        if node.op == "when":
            return self._when(frame, node, node.attributes["body"])
        alias = ops.get(node.op).alias or is_strided(frame.graph, node, frozenset(frame.where))
        return [] if alias else [frame.line(self._call(frame, node))]

    def _call(self, frame: Frame, node: Node) -> str:
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
            if item == "table" or item.endswith("_table"):
                self.tables.add(texts[-1])
        return f"{library.function_name(kernel, letters)}({', '.join(texts)});"

    def _inner(self, frame: Frame, node: Node, body: Graph, where: Mapping[str, str]) -> Frame:
        """Return the body of a node as a frame."""
        plan = frame.plan.bodies[node.output]
        offsets = {dtype: frame.plan.block(f"{node.output}/{dtype}").offset for dtype in plan.sizes}
        base = {dtype: frame.base.get(dtype, 0) + offset for dtype, offset in offsets.items()}
        return Frame(body, plan, where, base, frame.depth + 1, f"{frame.path}{node.output}_")

    def _when(self, frame: Frame, node: Node, body: Graph) -> list[str]:
        (given,), (output,) = body.inputs, body.outputs
        y = self._pointer(frame, node.output)
        where = {given: self._pointer(frame, node.inputs["x"])}
        if output in {inner.output for inner in body.nodes}:
            where[output] = y
        inner = self._inner(frame, node, body, where)
        lines = [frame.line(f"if ({self._truth(frame, node.inputs['condition'])}) {{")]
        for inner_node in body.nodes:
            lines += self._of_node(inner, inner_node)
        lines += self.give(inner, output, y)
        lines.append(frame.line("} else {"))
        otherwise = self._pointer(frame, node.inputs["otherwise"])
        lines.append(self.copy(inner, frame.graph.types[node.output], y, otherwise))
        lines.append(frame.line("}"))
        return lines

    def _truth(self, frame: Frame, value: str) -> str:
        """Return the C expression of a bool."""
        return f"*({self._pointer(frame, value)})"

    def _scan(self, frame: Frame, node: Node, body: Graph) -> list[str]:
        (output,) = body.outputs
        x, y = self._pointer(frame, node.inputs["x"]), self._pointer(frame, node.output)
        steps, step = frame.graph.types[node.inputs["x"]].shape[0], f"step{frame.depth}"
        index = f"({steps - 1} - {step})" if node.attributes.get("reverse") else step
        where = {body.inputs[0]: f"{x} + {index} * {_apart(frame, node.inputs['x'])}"}
        inner = self._inner(frame, node, body, where)
        plan = inner.plan
        lines = self.start(inner, frame.depth)
        lines.append(frame.line(f"for (uint16_t {step} = 0; {step} < {steps}; {step}++) {{"))
        for inner_node in body.nodes:
            lines += self._of_node(inner, inner_node)
        # What the last step gives is copied after the loop, unless it is gone by then
        passing = plan.homes.get(output, output) in (*body.state, *body.inputs)
        stacked = node.attributes["output"] == "stacked"
        if stacked or passing:
            target = f"{y} + {index} * {body.output_type.size}" if stacked else y
            lines.append(self.copy(inner, body.output_type, target, self._pointer(inner, output)))
        lines += self.carry(inner)
        if until := node.attributes.get("until"):
            lines.append(inner.line(f"if ({self._truth(inner, until)}) break;"))
        lines.append(frame.line("}"))
        if not stacked and not passing:
            lines.append(self.copy(frame, body.output_type, y, self._pointer(inner, output)))
        return lines

    def _start(self, frame: Frame, state: str, depth: int) -> str:
        graph, type, place = frame.graph, frame.graph.types[state], self._pointer(frame, state)
        if state in graph.constants:
            constant = self._constant(f"{frame.path}{state}", graph.constants[state], flash=False)
            call = f"{self._move('ew_copy_X', type)}({constant}, {place}, {type.size});"
        else:
            call = f"{self._move('ew_fill_X', type)}({type.zero_point}, {place}, {type.size});"
        return _INDENT * depth + call

    def copy(self, frame: Frame, type: Type, target: str, source: str) -> str:
        """Return the statement that copies all entries of a type from where `source` points."""
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

    def _pointer(self, frame: Frame, value: str, *, flash: bool = False) -> str:
        """Return the C expression of where a value lives."""
        home = frame.plan.homes.get(value, value)
        if home in frame.where:
            return frame.where[home]
        if home in frame.graph.constants and home not in frame.graph.state:
            return self._constant(f"{frame.path}{home}", frame.graph.constants[home], flash=flash)
        return self._place(frame, home)

    def _place(self, frame: Frame, value: str) -> str:
        block = frame.plan.block(value)
        offset = block.offset + frame.base.get(block.dtype, 0)
        return f"{self.prefix}_arena_{library.CODES[block.dtype]}{f' + {offset}' if offset else ''}"

    def _constant(self, name: str, array: Array, *, flash: bool) -> str:
        """Return the symbol of a constant; equal ones are kept once. Without `flash` it can be read like RAM on every core."""
        for known in self.constants:
            if known.flash == flash and known.array.dtype == array.dtype and np.array_equal(known.array, array):
                self._read[known.symbol] = None
                return known.symbol
        symbol = f"{self.prefix}_{re.sub(r'[^a-zA-Z0-9]+', '_', name)}"
        while symbol in self.taken:
            symbol += "_"
        self.taken.add(symbol)
        self.constants.append(Constant(symbol, array, flash))
        self._read[symbol] = None
        return symbol


def _spelled_out(call: tuple[str, ...], letters: Mapping[str, str]) -> list[str]:
    """Return the arguments of a kernel with FORM replaced by those of its form."""
    return [name for item in call for name in (FORMS[letters["FORM"]].parameters if item == "FORM" else (item,))]


def _check(graph: Graph, where: Mapping[str, str]) -> None:
    """Raise BadGraph where a graph cannot be emitted."""
    if not graph.is_quantised:
        raise BadGraph(f"The graph {graph.name!r} is not quantised; quantise it first.")
    if homeless := [state for state in graph.state if state not in where]:
        raise BadGraph(f"The graph {graph.name!r} carries {', '.join(homeless)} from run to run; put it into a scan.")
    accumulator_bounds(ops.verify(graph))
    _check_sizes(graph, frozenset(where))


def _apart(frame: Frame, value: str) -> int:
    """Return how many entries lie between two steps of a scan over a value."""
    type = frame.graph.types[value]
    for node in frame.graph.nodes:
        if node.output == value and is_strided(frame.graph, node, frozenset(frame.where)):
            return int(node.attributes["stride"]) * math.prod(type.shape[2:])
    return math.prod(type.shape[1:])


def _calls(lines: Sequence[str]) -> tuple[int, int, int]:
    """Return how many calls of kernels statements hold, how many of them are inside a loop, and inside a branch but no loop."""
    blocks: list[str] = []
    found = {"": 0, "for": 0, "if": 0}
    for line in map(str.strip, lines):
        if line.startswith("}"):
            blocks.pop()
        if line.endswith("{"):
            blocks.append("for" if line.startswith("for") else "if")
        elif line.endswith(");") and not line.startswith(_MOVES):
            found["for" if "for" in blocks else "if" if blocks else ""] += 1
    return sum(found.values()), found["for"], found["if"]


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


def _check_sizes(graph: Graph, outside: frozenset[str]) -> None:
    """Raise BadGraph where a value has more entries along an axis, or in all, than the loops of the kernels count."""
    strided = {node.output for node in graph.nodes if is_strided(graph, node, outside)}
    for node in graph.nodes:
        for value in (value for value in (*node.inputs.values(), node.output) if value not in strided):
            type = graph.types[value]
            largest = max(type.shape, default=1) if value in graph.constants else type.size
            if largest > LARGEST_COUNT:
                raise BadGraph(
                    f"Node {node.output!r}: {value!r} has {largest} entries, and kernels count to {LARGEST_COUNT}."
                )
        if node.body:
            _check_sizes(node.body, outside_of(node))
