"""Operators that are functions of other operators: those of a model, and those that ONNX defines by a body of nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import onnx
import onnx.defs

from edgewright.errors import BadModelFile

Attributes = Mapping[str, onnx.AttributeProto]
Schema = Any  # onnx.defs.OpSchema, whose type stub leaves out its functions


def schema_of(name: str, domain: str, version: int) -> Schema | None:
    """Return what ONNX says of an operator at a version of its domain, or None where it knows of none."""
    try:
        return onnx.defs.get_schema(name, version, domain)
    except onnx.defs.SchemaError:
        return None


def _nearest(versions: Sequence[int], version: int) -> int:
    return max((entry for entry in versions if entry <= version), default=min(versions))


def plain(schema: Schema, version: int) -> onnx.FunctionProto:
    """Return the body that an operator has whatever its inputs are, for a version of its domain."""
    nearest = _nearest(schema.function_opset_versions, version)
    return onnx.FunctionProto.FromString(schema.get_function_with_opset_version(nearest))


def for_types(
    schema: Schema, version: int, node: onnx.NodeProto, types: Sequence[onnx.TypeProto]
) -> onnx.FunctionProto:
    """Return the body that an operator has for the types of its inputs."""
    nearest = _nearest(schema.context_dependent_function_opset_versions, version)
    spelled = [entry.SerializeToString() for entry in types]
    body = schema.get_context_dependent_function_with_opset_version(nearest, node.SerializeToString(), spelled)
    if not body:
        raise BadModelFile(f"ONNX defines no {node.op_type} for inputs of these types.")
    return onnx.FunctionProto.FromString(body)


def defaults(schema: Schema) -> Attributes:
    """Return the attributes of an operator that have a default."""
    return {name: entry.default_value for name, entry in schema.attributes.items() if entry.default_value.name}


def bound(function: onnx.FunctionProto, caller: onnx.NodeProto, otherwise: Attributes) -> list[onnx.NodeProto]:
    """Return the nodes of a function with the caller's attributes, or the defaults, in the places that refer to them."""
    attributes = {**otherwise, **{entry.name: entry for entry in function.attribute_proto}}
    attributes |= {entry.name: entry for entry in caller.attribute}
    return [_node(node, attributes) for node in function.node]


def _node(node: onnx.NodeProto, attributes: Attributes) -> onnx.NodeProto:
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    del copy.attribute[:]
    for entry in node.attribute:
        if entry.ref_attr_name and entry.ref_attr_name not in attributes:
            continue
        added = copy.attribute.add()
        added.CopyFrom(attributes[entry.ref_attr_name] if entry.ref_attr_name else entry)
        added.name = entry.name
        if not entry.ref_attr_name and added.type == onnx.AttributeProto.GRAPH:
            nodes = [_node(inner, attributes) for inner in entry.g.node]
            del added.g.node[:]
            added.g.node.extend(nodes)
    return copy
