"""Running an ONNX model node by node: it is planned once, then run any number of times."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx

from edgewright.errors import BadData, BadModelFile, EdgewrightError, UnsupportedModel, list_problems
from edgewright.numpy_backend import _functions as functions
from edgewright.numpy_backend._table import Operator, asks, domain_of, full_name, operators
from edgewright.numpy_backend._values import Array, Value, dense, from_attribute, settled, tensor, type_of

__all__ = ["Plan", "Value", "operators", "plan_model", "run_model"]

DAMAGE = (ArithmeticError, LookupError, MemoryError, RecursionError, TypeError, ValueError)
"""What Python and NumPy raise where a model asks for what cannot be."""
ELEMENT_TYPES = frozenset(onnx.TensorProto.DataType.values())


@dataclass(frozen=True)
class Scope:
    """What the nodes of a graph share. opsets: the version of each domain; local: the functions of the model, by `full_name`."""

    opsets: Mapping[str, int]
    local: Mapping[str, onnx.FunctionProto]


@dataclass(frozen=True)
class Body:
    """A graph attribute with the values around it: a function from values to a tuple of values."""

    plan: Plan
    outer: Mapping[str, Value]

    def __call__(self, *arguments: Value) -> tuple[Value, ...]:
        """Return the outputs of the graph."""
        return self.plan.call(self.outer, *arguments)

    def empty(self, output: int) -> Array:
        """Return no values of an output, as an array [0, *its declared shape]; a size that is not declared is 0."""
        kind = self.plan.output_types[output].tensor_type
        sizes = [size.dim_value for size in kind.shape.dim]
        return np.zeros([0, *sizes], onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type or onnx.TensorProto.FLOAT))


@dataclass(frozen=True)
class Step:
    """One node. bodies: its graph attributes; constants: its other keywords; done: the values that no later node reads."""

    name: str
    operator: Operator
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    constants: Mapping[str, Any]
    bodies: Mapping[str, Plan]
    done: tuple[str, ...] = ()

    def run(self, values: Mapping[str, Value]) -> Sequence[Value]:
        """Return the outputs. Raises BadModelFile where the values cannot be what the operator takes."""
        unknown = [name for name in self.inputs if name not in values]
        if unknown:
            raise BadModelFile(f"{self.name} reads {unknown[0]!r}, which nothing before it makes.")
        bodies = {name: Body(body, values) for name, body in self.bodies.items()}
        try:
            result = self.operator(*(values[name] for name in self.inputs), **self.constants, **bodies)
        except EdgewrightError:
            raise
        except DAMAGE as error:
            raise BadModelFile(f"{self.name} cannot be computed: {error}") from error
        return tuple(settled(value) for value in result) if isinstance(result, tuple) else (settled(result),)


@dataclass(frozen=True)
class Plan:
    """A graph that is ready to run. types, output_types: as they are declared."""

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    constants: Mapping[str, Value]
    steps: tuple[Step, ...]
    types: Mapping[str, onnx.TypeProto]
    output_types: tuple[onnx.TypeProto, ...]

    def run(self, inputs: Mapping[str, Value]) -> list[Value]:
        """Return the outputs, in order, for inputs by name. Raises BadData for inputs that are missing, unknown or of another type."""
        problems = [f"input {name!r} is missing" for name in self.inputs if name not in {*inputs, *self.constants}]
        problems += [f"there is no input {name!r}" for name in inputs if name not in self.inputs]
        problems += [
            problem
            for name, value in inputs.items()
            if name in self.types and (problem := _mismatch(name, value, self.types[name]))
        ]
        if problems:
            listed = ", ".join(self.inputs) or "none"
            raise BadData(list_problems(f"The graph {self.name!r} takes these inputs: {listed}.", problems))
        with np.errstate(all="ignore"):
            return list(self.call({}, *inputs.values(), names=tuple(inputs)))

    def call(
        self, outer: Mapping[str, Value], *arguments: Value, names: tuple[str, ...] | None = None
    ) -> tuple[Value, ...]:
        """Return the outputs for inputs by position, or by `names`. outer: the values around the body of a loop or a branch."""
        names = self.inputs[: len(arguments)] if names is None else names
        if len(names) != len(arguments):
            raise BadModelFile(
                f"The graph {self.name!r} takes {len(self.inputs)} inputs and was given {len(arguments)}."
            )
        own: dict[str, Value] = {"": None, **self.constants, **dict(zip(names, arguments, strict=True))}
        values = ChainMap(own, dict(outer) if not isinstance(outer, ChainMap) else outer)
        for step in self.steps:
            own.update((name, result) for name, result in zip(step.outputs, step.run(values), strict=False) if name)
            for name in step.done:
                own.pop(name, None)
        missing = [name for name in self.outputs if name not in values]
        if missing:
            raise BadModelFile(f"The graph {self.name!r} never makes its output {missing[0]!r}.")
        return tuple(values[name] for name in self.outputs)


def _mismatch(name: str, value: Value, declared: onnx.TypeProto) -> str | None:
    if not declared.HasField("tensor_type") or not declared.tensor_type.elem_type:
        return None
    kind = declared.tensor_type
    if kind.elem_type not in ELEMENT_TYPES:
        return f"input {name!r} is declared as type {kind.elem_type}, which ONNX does not have"
    dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type))
    if not isinstance(value, np.ndarray | np.generic):
        return f"input {name!r} is an array of {dtype.name}, not a {type(value).__name__}"
    if value.dtype != dtype and not (dtype.kind in "OUS" and value.dtype.kind in "OUS"):
        return f"input {name!r} is of dtype {dtype.name}, not {value.dtype.name}"
    sizes = [entry.dim_value if entry.HasField("dim_value") else None for entry in kind.shape.dim]
    if kind.HasField("shape") and (
        len(sizes) != value.ndim
        or any(size not in (None, given) for size, given in zip(sizes, value.shape, strict=True))
    ):
        return f"input {name!r} is of shape {sizes} (None: any size), not {list(value.shape)}"
    return None


def plan_model(model: onnx.ModelProto) -> Plan:
    """Return a model ready to run. Raises UnsupportedModel with every operator that we lack, BadModelFile for a damaged model."""
    missing: list[str] = []
    try:
        opsets = {domain_of(entry.domain): entry.version for entry in model.opset_import}
        local = {full_name(function.domain, function.name, function.overload): function for function in model.functions}
        plan = _plan_graph(model.graph, Scope(opsets, local), missing)
        _refuse(missing)
        not_text = [name for name in (*plan.inputs, *plan.outputs) if not isinstance(name, str)]
    except EdgewrightError:
        raise
    except DAMAGE as error:
        raise BadModelFile(f"The graph {model.graph.name!r} is damaged: {error}") from error
    if not_text:
        raise BadModelFile(f"The graph {model.graph.name!r} has a name that is no UTF-8 text: {not_text[0]!r}.")
    return plan


def run_model(model: onnx.ModelProto, inputs: Mapping[str, Value]) -> list[Value]:
    """Return the outputs of a model, in its order, for inputs by name."""
    return plan_model(model).run(inputs)


def _refuse(missing: Sequence[str]) -> None:
    if missing:
        names = ", ".join(sorted(set(missing)))
        raise UnsupportedModel(
            f"NumPy has no operator for: {names}. Give the model a function of that name (ModelProto.functions), or export it without."
        )


def _with_last_uses(steps: Sequence[Step], outputs: Sequence[str]) -> tuple[Step, ...]:
    needed, result = {"", *outputs}, []
    for step in reversed(steps):
        names = _names(step)
        result.append(replace(step, done=tuple(sorted(names - needed))))
        needed |= names
    return tuple(reversed(result))


def _names(step: Step) -> set[str]:
    """Return all names that a step reads or makes, those in its bodies among them."""
    bodies = step.bodies.values()
    inside = {name for body in bodies for inner in body.steps for name in _names(inner)}
    return {*step.inputs, *step.outputs, *inside, *(name for body in bodies for name in body.outputs)}


def _plan_graph(
    graph: onnx.GraphProto, scope: Scope, missing: list[str], outputs: tuple[str, ...] | None = None
) -> Plan:
    """Return a graph ready to run. outputs: what it gives instead of its own outputs, which a function lists elsewhere."""
    constants = {entry.name: tensor(entry) for entry in graph.initializer}
    constants |= {entry.values.name: dense(entry) for entry in graph.sparse_initializer}
    outputs = tuple(entry.name for entry in graph.output) if outputs is None else outputs
    return Plan(
        name=graph.name,
        inputs=tuple(entry.name for entry in graph.input),
        outputs=outputs,
        constants=constants,
        steps=_with_last_uses([_plan_node(node, scope, missing) for node in graph.node], outputs),
        types={entry.name: entry.type for entry in graph.input},
        output_types=tuple(entry.type for entry in graph.output),
    )


def _plan_node(node: onnx.NodeProto, scope: Scope, missing: list[str]) -> Step:
    """Return one node ready to run; operators that we lack are added to `missing`."""
    domain = domain_of(node.domain)
    where = f"Node {node.name or (node.output[0] if node.output else '')!r} ({node.op_type})"
    function = scope.local.get(full_name(domain, node.op_type, node.overload))
    own = operators().get(full_name(domain, node.op_type))
    constants: dict[str, Any] = {}
    bodies: dict[str, Plan] = {}
    if function is not None:
        operator = _plan_function(function, node, scope, missing, {})
    elif own is not None:
        operator = own
        constants, bodies = _keywords(node, own, where, scope, missing)
    else:
        operator = _expansion(node, scope, missing)
    return Step(where, operator, tuple(node.input), tuple(node.output), constants, bodies)


def _keywords(
    node: onnx.NodeProto, operator: Operator, where: str, scope: Scope, missing: list[str]
) -> tuple[dict[str, Any], dict[str, Plan]]:
    asked = asks(operator)
    given = [entry for entry in node.attribute if entry.name != "consumed_inputs"]  # a hint of the first opset
    if asked is not None and (unknown := [entry.name for entry in given if entry.name not in asked]):
        raise UnsupportedModel(f"{where} has the attribute {unknown[0]!r}, which this operator does not have.")
    constants: dict[str, Any] = {}
    bodies: dict[str, Plan] = {}
    for entry in given:
        if entry.type == onnx.AttributeProto.GRAPH:
            bodies[entry.name] = _plan_graph(entry.g, scope, missing)
        else:
            constants[entry.name] = from_attribute(entry, where)
    if asked is not None and "opset" in asked:
        domain = domain_of(node.domain)
        constants["opset"] = scope.opsets.get(domain, onnx.defs.onnx_opset_version())
    if asked is not None and "outputs" in asked:
        constants["outputs"] = len(node.output)
    return constants, bodies


def _plan_function(
    function: onnx.FunctionProto, node: onnx.NodeProto, scope: Scope, missing: list[str], defaults: functions.Attributes
) -> Operator:
    """Return a function of nodes as an operator, with the attributes of the node that calls it and `defaults` for others."""
    name = full_name(function.domain, function.name, function.overload)
    opsets = {domain_of(entry.domain): entry.version for entry in function.opset_import} or scope.opsets
    inner = Scope(opsets, {key: value for key, value in scope.local.items() if key != name})  # no recursion
    graph = onnx.GraphProto(name=function.name, node=functions.bound(function, node, defaults))
    inputs = tuple(function.input)
    asked = [*map(bool, node.output), *[False] * len(function.output)]  # a function may not make what nobody asks for
    outputs = tuple(name if wanted else "" for name, wanted in zip(function.output, asked, strict=False))
    plan = replace(_plan_graph(graph, inner, missing, outputs), inputs=inputs)

    def operator(*arguments: Value) -> tuple[Value, ...]:
        return plan.call({}, *arguments, *[None] * (len(inputs) - len(arguments)))

    return operator


def _expansion(node: onnx.NodeProto, scope: Scope, missing: list[str]) -> Operator:
    """Return an operator that we lack as the function that ONNX defines it by; it is added to `missing` where there is none."""
    domain = domain_of(node.domain)
    version = scope.opsets.get(domain, onnx.defs.onnx_opset_version())
    schema = functions.schema_of(node.op_type, domain, version)
    if schema is not None and schema.has_function:
        return _plan_function(functions.plain(schema, version), node, scope, missing, functions.defaults(schema))
    if schema is None or not schema.has_context_dependent_function:
        missing.append(full_name(domain, node.op_type))

    def operator(*arguments: Value) -> tuple[Value, ...]:
        if schema is None:
            raise UnsupportedModel(f"NumPy has no operator {node.op_type!r}.")
        function = functions.for_types(schema, version, node, [type_of(value) for value in arguments])
        later: list[str] = []
        expanded = _plan_function(function, node, scope, later, functions.defaults(schema))
        _refuse(later)
        return tuple(expanded(*arguments))

    return operator
