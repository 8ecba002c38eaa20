"""Operators: one file an operator, beside its kernel in C.

The value `ENTRY` of each file says everything about its operator: the shape rule, the float meaning, how it becomes
integers, the integer meaning (which is the definition), the kernels and the conformance cases.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np

from edgewright import catalog
from edgewright.errors import BadGraph, UnknownName, list_problems
from edgewright.ir.graph import Attributes, Graph, Node
from edgewright.ir.types import Array, Type
from edgewright.ir.verify import verify_structure
from edgewright.ops.arithmetic import Ratio
from edgewright.ops.forms import form_of

NOT_ENTRIES = ("arithmetic", "forms", "quantisation", "tables")

Types = Mapping[str, Type]
Values = Mapping[str, Array]
INTEGERS = ("int8", "int16")
NONE = "none"  # the dtype of what is left out of the C
Real = float  # within Op, `float` is the meaning of an operator


@dataclass(frozen=True)
class Kernel:
    """One C function of an operator.

    name: as in the .c file; the letters X, Y, ... in it stand for the dtypes of the ports x, y, ... (dense_X_Y_shift
    becomes dense_i8_i16_shift), and so do X_T (the C type) and EW_READ_X (reading a constant) in its text; FORM stands for
    the way in which a sum becomes an output (see `ops.forms`).
    call: the C arguments in order: ports, FORM, and names that `Op.arguments`, `layout` and `scratch` give. dtypes: what each
    port may be. when: further conditions on the types, constants and attributes.
    ratios(types, attributes): the factors from its sums to its outputs, where the name has a FORM.
    needs: a feature of the core without which the kernel is no faster than the others; its file is then OP.FEATURE.c. It is right
    everywhere: what a core lacks is written in plain C beside it.
    layout(values, types, attributes): constants as this kernel reads them, by the names in `call`.
    scratch(types, attributes): name in `call` -> dtype and entries of memory that it needs while it runs.
    overlap(types, attributes): port -> the least number of entries by which y must begin before it, where the two share
    memory: y is never written where the port is still to be read. Ports that are not named share nothing with y.
    left_out: parameters that are not stored where they are 0 everywhere; EW_READ of their letter then gives 0.
    """

    name: str
    call: tuple[str, ...]
    dtypes: Mapping[str, tuple[str, ...]]
    when: Callable[[Values, Types, Attributes], bool] | None = None
    ratios: Callable[[Types, Attributes], tuple[Ratio, ...]] | None = None
    needs: str | None = None
    layout: Callable[[Values, Types, Attributes], Mapping[str, int | Array]] | None = None
    scratch: Callable[[Types, Attributes], Mapping[str, tuple[str, int]]] | None = None
    overlap: Callable[[Types, Attributes], Mapping[str, int]] | None = None
    left_out: tuple[str, ...] = ()

    def serves(self, values: Values, types: Types, attributes: Attributes) -> bool:
        """Whether this kernel can compute a node of these types."""
        fits = all(types[port].dtype in allowed for port, allowed in self.dtypes.items())
        return fits and (self.when is None or self.when(values, types, attributes))

    def letters(self, values: Values, types: Types, attributes: Attributes) -> dict[str, str]:
        """Return what stands in the place of the letters: dtypes of ports, and the form."""
        letters = {port.upper(): types[port].dtype for port in self.dtypes}
        letters |= {port.upper(): NONE for port in self.left_out if not values[port].any()}
        return letters | {"FORM": form_of(self.ratios(types, attributes))} if self.ratios else letters


@dataclass(frozen=True)
class Case:
    """One node for the conformance tests: quantised types of all ports (output "y"), parameters, attributes."""

    types: Types
    parameters: Values = field(default_factory=dict)
    attributes: Attributes = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """What an operator is asked when its node is quantised.

    types: integer types of the inputs that are not parameters. parameters: float values. output: a type that covers what
    the output reached in calibration; an operator that knows better (a table, an index) may answer with another.
    """

    types: Types
    parameters: Values
    attributes: Attributes
    output: Type


@dataclass(frozen=True)
class Quantised:
    """The integer node that takes the place of a float one.

    op: None for the same operator. parameters: port -> integers and their type. output: the type of the result.
    """

    output: Type
    parameters: Mapping[str, tuple[Array, Type]] = field(default_factory=dict)
    attributes: Attributes = field(default_factory=dict)
    op: str | None = None


@dataclass(frozen=True)
class Op:
    """An operator.

    inputs: its ports; one that ends in "*" stands for any number (x0, x1, ...); "?" marks an optional one.
    parameters: the ports that must be constants; they come without a batch axis, all others with one in front.
    shape(types, attributes): shape of the output. float(values, attributes): the real meaning.
    integer(values, types, attributes): the definition, int64 in and out. accumulator(values, types, attributes): the lowest and
    highest intermediate sum for any input within its proven range, rounding term included.
    arguments(values, types, attributes): integers and arrays of the C call, by the names in `Kernel.call`.
    quantise(request): the integer node for a float one. cases(generator): nodes for the conformance tests.
    alias: the port whose memory the output shares, for operators without a kernel. scale_a_feature: whether the port x may
    have one scale an entry of its last axis. prescribes(largest, attributes): dtype and scale that some of its ports, and y, are to
    have whatever the settings say, from the largest magnitude of each, in calibration or as a parameter. samples: the ports that
    take raw samples alone: int16 in steps of 1, whatever the settings say. fits(graph, node): raises BadGraph where what the node
    says of the values around it does not hold.
    """

    doc: str
    inputs: tuple[str, ...]
    shape: Callable[[Types, Attributes], tuple[int, ...]]
    float: Callable[[Values, Attributes], Array] | None = None
    integer: Callable[[Values, Types, Attributes], Array] | None = None
    quantise: Callable[[Request], Quantised] | None = None
    accumulator: Callable[[Values, Types, Attributes], tuple[int, int]] | None = None
    arguments: Callable[[Values, Types, Attributes], Mapping[str, int | Array]] | None = None
    kernels: tuple[Kernel, ...] = ()
    cases: Callable[[np.random.Generator], Sequence[Case]] | None = None
    parameters: tuple[str, ...] = ()
    alias: str | None = None
    scale_a_feature: bool = False
    prescribes: Callable[[Mapping[str, Real], Attributes], Mapping[str, tuple[str, Real]]] | None = None
    samples: tuple[str, ...] = ()
    fits: Callable[[Graph, Node], None] | None = None


def get(name: str) -> Op:
    """Return an operator by name. Raises UnknownName."""
    return cast(Op, catalog.get("edgewright.ops", name))


def names() -> tuple[str, ...]:
    """Return the names of all operators."""
    return catalog.names("edgewright.ops")


def kernel_of(graph: Graph, node: Node, features: frozenset[str] = frozenset()) -> Kernel:
    """Return the kernel that computes a node on a core with these features: the first one that serves. Raises BadGraph."""
    types, values = graph.types_of(node), graph.values_of(node)
    for kernel in get(node.op).kernels:
        if (kernel.needs is None or kernel.needs in features) and kernel.serves(values, types, node.attributes):
            return kernel
    given = ", ".join(f"{port} {type}" for port, type in types.items())
    raise BadGraph(f"Node {node.output!r}: no kernel of {node.op!r} takes {given}.")


def verify(graph: Graph) -> Graph:
    """Return the graph, or raise BadGraph with every rule it breaks.

    Beside the rules of the IR: the operator exists, its ports are given, its parameters are constants, and the output has
    the shape that the operator says.
    """
    verify_structure(graph)
    problems = [
        f"node {node.output!r} ({node.op}): {problem}" for node in graph.nodes for problem in _problems(graph, node)
    ]
    if problems:
        raise BadGraph(list_problems(f"The graph {graph.name!r} breaks the rules:", problems))
    for node in graph.nodes:
        if node.body:
            verify(node.body)
    return graph


def single_node_graph(op: str, case: Case) -> Graph:
    """Return the graph that holds just the node of a conformance case."""
    inputs = tuple(port for port in case.types if port != "y" and port not in case.parameters)
    node = Node(op, {port: port for port in case.types if port != "y"}, "y", case.attributes)
    return verify(Graph(inputs, ("y",), (node,), dict(case.types), dict(case.parameters), name=op))


def _problems(graph: Graph, node: Node) -> list[str]:
    try:
        op = get(node.op)
    except UnknownName as error:
        return [str(error)]
    problems = []
    required = {port for port in op.inputs if port[-1] not in "*?"}
    optional = {port[:-1] for port in op.inputs if port.endswith("?")}
    repeated = tuple(port[:-1] for port in op.inputs if port.endswith("*"))
    for port in sorted(required - set(node.inputs)):
        problems.append(f"the port {port!r} is not given")
    for port in node.inputs:
        if port not in required | optional and not (repeated and port.rstrip("0123456789") in repeated):
            problems.append(f"it has no port {port!r}; its ports are {', '.join(op.inputs)}")
    for port in op.parameters:
        if port in node.inputs and (node.inputs[port] not in graph.constants or node.inputs[port] in graph.state):
            problems.append(f"the port {port!r} must be a constant")
    if problems:
        return problems
    types = graph.types_of(node)
    try:
        shape = op.shape(types, node.attributes)
        if op.fits:
            op.fits(graph, node)
    except BadGraph as error:
        return [f"its inputs do not fit: {error}"]
    except (
        LookupError,
        TypeError,
        ValueError,
        ArithmeticError,
        AttributeError,
    ) as error:  # attributes of a damaged file
        return [f"its inputs or attributes do not fit: {error!r}"]
    if shape != types["y"].shape:
        problems.append(f"its output is {types['y'].shape} where the operator makes {shape}")
    return problems
