"""ONNX files: read with every name, size and link checked, and constants computed by the NumPy backend. Nothing in them is executed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
import onnx.numpy_helper
from google.protobuf.message import DecodeError

from edgewright.errors import BadModelFile, UnsupportedModel
from edgewright.ir.types import Array
from edgewright.ir.verify import LARGEST_VALUE
from edgewright.numpy_backend.execute import run_model

OLDEST_OPSET = 7  # the first with today's broadcasting
LARGEST_FOLDED = 2**24  # entries of one computed constant; far more than any device holds
LARGEST_SUM = 2**27  # entries of all values together, weights counted at each of their readers
LARGEST_ROW = 2**20  # entries of an input
MOST_AXES = 8  # of an input
MOST_NODES = 5000

DAMAGE = (ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError, TypeError, ValueError)
"""What Python and NumPy raise where a file asks for what cannot be."""

# The number types that are read, and the field of a tensor that holds each where it is not given as raw bytes
_FIELDS: dict[int, str] = {
    onnx.TensorProto.FLOAT: "float_data",
    onnx.TensorProto.DOUBLE: "double_data",
    onnx.TensorProto.INT64: "int64_data",
    onnx.TensorProto.UINT32: "uint64_data",
    onnx.TensorProto.UINT64: "uint64_data",
    **dict.fromkeys(
        (
            onnx.TensorProto.FLOAT16,
            onnx.TensorProto.BFLOAT16,
            onnx.TensorProto.BOOL,
            onnx.TensorProto.INT8,
            onnx.TensorProto.UINT8,
            onnx.TensorProto.INT16,
            onnx.TensorProto.UINT16,
            onnx.TensorProto.INT32,
        ),
        "int32_data",
    ),
}


@dataclass(frozen=True)
class Model:
    """A file whose structure is sound.

    opset: version of ONNX's own operators. nodes: those that the output needs, each with its number in the file.
    inputs, outputs: as declared, without the initial values. constants: the initial values.
    """

    opset: int
    nodes: tuple[tuple[int, onnx.NodeProto], ...]
    inputs: tuple[onnx.ValueInfoProto, ...]
    outputs: tuple[str, ...]
    constants: Mapping[str, Array]
    readers: Mapping[str, int]


def parse(data: bytes) -> Model:
    """Return the model in a file's bytes. Raises BadModelFile where it is damaged, UnsupportedModel where it needs what we never read."""
    try:
        proto = onnx.ModelProto.FromString(data)
    except (DecodeError, RecursionError, ValueError) as error:
        raise BadModelFile(f"The file is damaged, or no ONNX model: {error}.") from error
    if not proto.graph.node or not proto.graph.output:
        raise BadModelFile("The file holds no graph with nodes and an output: it is damaged, or no ONNX model.")
    if len(proto.graph.node) > MOST_NODES:
        raise UnsupportedModel(
            f"It has {len(proto.graph.node)} nodes; {MOST_NODES} at most are read. No device holds more."
        )
    if proto.functions or proto.graph.sparse_initializer or proto.training_info:
        raise UnsupportedModel(
            "It holds functions, sparse tensors or training steps. Export it inlined, dense, for inference."
        )
    graph = proto.graph
    _check_names(graph)
    _check_opset(proto)
    constants = {entry.name: array(entry, entry.name) for entry in graph.initializer}
    inputs = tuple(entry for entry in graph.input if entry.name not in constants)
    outputs = tuple(entry.name for entry in graph.output)
    _check_links(graph, {*constants, *(entry.name for entry in inputs)})
    nodes = _needed(graph, outputs)
    readers = Counter([name for _, node in nodes for name in node.input] + list(outputs))
    return Model(_opset(proto), nodes, inputs, outputs, constants, readers)


def _opset(proto: onnx.ModelProto) -> int:
    return max((int(entry.version) for entry in proto.opset_import if entry.domain in ("", "ai.onnx")), default=0)


def _check_opset(proto: onnx.ModelProto) -> None:
    version, newest = _opset(proto), onnx.defs.onnx_opset_version()
    if not OLDEST_OPSET <= version <= newest:
        raise UnsupportedModel(
            f"It uses opset {version}; {OLDEST_OPSET} to {newest} are read. Export it with opset_version=17, or convert it with "
            "onnx.version_converter."
        )


def _check_names(graph: onnx.GraphProto) -> None:
    """Raise BadModelFile where a name is no text or is declared twice."""
    declared = [entry.name for entries in (graph.initializer, graph.input, graph.output) for entry in entries]
    used = [
        name for node in graph.node for name in (*node.input, *node.output, node.op_type, node.domain, node.name)
    ] + [entry.name for node in graph.node for entry in node.attribute]
    if bad := [name for name in (*declared, *used) if not isinstance(name, str)]:
        raise BadModelFile(f"The file is damaged: the name {bad[0]!r} is no UTF-8 text.")
    for kind, entries in (("initial value", graph.initializer), ("input", graph.input), ("output", graph.output)):
        counts = Counter(entry.name for entry in entries)
        if bad := [name for name, count in counts.items() if count > 1 or not name]:
            raise BadModelFile(f"The file is damaged: the {kind} {bad[0]!r} has no name, or is declared twice.")


def _check_links(graph: onnx.GraphProto, known: set[str]) -> None:
    """Raise BadModelFile where a value is made twice, or read before it is made (a circle of nodes is that too)."""
    known = {"", *known}
    for number, node in enumerate(graph.node):
        if missing := [name for name in node.input if name not in known]:
            raise BadModelFile(
                f"The file is damaged: node {number} {node.name!r} ({node.op_type}) reads {missing[0]!r}, which nothing before it makes."
            )
        for name in filter(None, node.output):
            if name in known:
                raise BadModelFile(f"The file is damaged: {name!r} is made twice, the second time by node {number}.")
            known.add(name)
    if missing := [entry.name for entry in graph.output if entry.name not in known]:
        raise BadModelFile(f"The file is damaged: nothing makes its output {missing[0]!r}.")


def _needed(graph: onnx.GraphProto, outputs: Sequence[str]) -> tuple[tuple[int, onnx.NodeProto], ...]:
    """Return the nodes that the outputs follow from, in their order, with their numbers."""
    wanted, found = set(outputs), []
    for number in reversed(range(len(graph.node))):
        node = graph.node[number]
        if wanted & set(filter(None, node.output)):
            wanted.update(node.input)
            found.append((number, node))
    return tuple(reversed(found))


def array(tensor: onnx.TensorProto, name: str) -> Array:
    """Return a tensor as an array, its declared size checked against the bytes that are there.

    Raises BadModelFile where they differ, UnsupportedModel for tensors in other files or of other types than numbers.
    """
    if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
        raise UnsupportedModel(
            f"The tensor {name!r} lies in another file, and other files are never opened. Save the model as one file: "
            "onnx.save(onnx.load(path), path, save_as_external_data=False)."
        )
    if tensor.data_type not in _FIELDS or tensor.HasField("segment"):
        raise UnsupportedModel(
            f"The tensor {name!r} is of type {tensor.data_type}, or in pieces; whole tensors of floats and integers are read. "
            "Export the model in float32."
        )
    shape = tuple(tensor.dims)
    if any(size < 0 for size in shape) or math.prod(shape) > LARGEST_VALUE:
        raise BadModelFile(f"The tensor {name!r} claims the shape {list(shape)}, which cannot be.")
    dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)
    if tensor.HasField("raw_data"):
        given, needed = len(tensor.raw_data), math.prod(shape) * int(dtype.itemsize)
    else:
        given, needed = len(getattr(tensor, _FIELDS[tensor.data_type])), math.prod(shape)
    if given != needed:
        raise BadModelFile(
            f"The tensor {name!r} of shape {list(shape)} needs {needed} bytes or entries and has {given}: the file is damaged."
        )
    try:
        with np.errstate(all="ignore"):
            return np.array(onnx.numpy_helper.to_array(tensor))
    except DAMAGE as error:
        raise BadModelFile(f"The tensor {name!r} of shape {list(shape)} is damaged: {error}.") from error


def input_shape(declared: onnx.ValueInfoProto) -> tuple[int | None, tuple[int, ...]]:
    """Return the batch size (None: any) and the shape of one row. Raises BadModelFile, UnsupportedModel."""
    name, type = declared.name, declared.type.tensor_type
    floats = (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT16)
    if not declared.type.HasField("tensor_type") or type.elem_type not in floats:
        raise UnsupportedModel(
            f"The input {name!r} is no tensor of floats. Export the float model; Edgewright chooses the integers."
        )
    axes = [entry.dim_value if entry.HasField("dim_value") else None for entry in type.shape.dim]
    if not type.HasField("shape") or len(axes) < 2:
        raise UnsupportedModel(
            f"The input {name!r} has {len(axes)} axes; it must be [batch, features] or have more. Export it with a batch axis."
        )
    sizes = [1 if size is None else size for size in axes]
    if len(axes) > MOST_AXES or min(sizes) < 1 or math.prod(sizes) > LARGEST_ROW:
        raise BadModelFile(
            f"The input {name!r} claims the shape {axes[: MOST_AXES + 1]}; {MOST_AXES} axes and {LARGEST_ROW} entries are allowed."
        )
    row = tuple(size for size in axes[1:] if size is not None)
    if len(row) < len(axes) - 1:
        shown = [entry.dim_param if size is None else size for size, entry in zip(axes, type.shape.dim, strict=True)]
        open_axes = ", ".join(
            f"{axis} ({shown[axis] or 'unnamed'!r})" for axis, size in enumerate(axes) if axis and size is None
        )
        raise UnsupportedModel(
            f"The input {name!r} of shape {shown} has no fixed size along axis {open_axes}; only the batch axis may be open, and there "
            "is no --input-shape yet. Export it with an example of the right shape and without dynamic axes (torch.onnx.export: "
            "leave dynamic_axes and dynamic_shapes out)."
        )
    return axes[0], row


# An upper bound of the entries that an operator makes of constants, before it runs
_Bound = Callable[[Sequence[Array]], int]


def _broadcast(arrays: Sequence[Array]) -> int:
    return math.prod(np.broadcast_shapes(*(entry.shape for entry in arrays)))


def _alike(arrays: Sequence[Array]) -> int:
    return arrays[0].size


_FOLDED: dict[str, _Bound] = {
    **dict.fromkeys(("Add", "Sub", "Mul", "Div"), _broadcast),
    **dict.fromkeys(
        ("Identity", "Cast", "Neg", "Sqrt", "Exp", "Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Slice"),
        _alike,
    ),
    **dict.fromkeys(
        ("ReduceSum", "ReduceMean", "ReduceMax", "ReduceProd", "Relu", "Tanh", "Sigmoid", "Reciprocal"), _alike
    ),
    **dict.fromkeys(("Shape", "Size"), lambda arrays: arrays[0].ndim),
    "Constant": lambda arrays: 0,
    "Concat": lambda arrays: sum(entry.size for entry in arrays),
    "Gather": lambda arrays: arrays[0].size * max(arrays[1].size, 1),
    "ConstantOfShape": lambda arrays: math.prod(abs(int(size)) for size in arrays[0].ravel()),
    "Expand": lambda arrays: math.prod(
        np.broadcast_shapes(arrays[0].shape, tuple(abs(int(size)) for size in arrays[1].ravel()))
    ),
}
FOLDED = frozenset(_FOLDED)


def fold(node: onnx.NodeProto, arrays: Sequence[Array | None], opset: int) -> Array:
    """Return what a node of FOLDED makes of constants (None: an input that is left out), computed by the NumPy backend.

    Raises BadModelFile where it cannot be computed, UnsupportedModel where it is far too large.
    """
    try:
        entries = _FOLDED[node.op_type]([entry for entry in arrays if entry is not None])
    except DAMAGE as error:
        raise BadModelFile(f"its constants do not fit together: {error}") from error
    if entries > LARGEST_FOLDED:
        raise UnsupportedModel(f"it makes a constant of up to {entries} entries; {LARGEST_FOLDED} are allowed")
    for attribute in node.attribute:
        if attribute.type == onnx.AttributeProto.TENSOR:
            array(attribute.t, attribute.name)
        elif attribute.type in (onnx.AttributeProto.GRAPH, onnx.AttributeProto.SPARSE_TENSOR):
            raise UnsupportedModel(f"its attribute {attribute.name!r} is a graph or a sparse tensor. Export it without")
    given = {name: entry for name, entry in zip(node.input, arrays, strict=True) if entry is not None}
    graph = onnx.GraphProto(
        name="constant",
        node=[node],
        input=[onnx.ValueInfoProto(name=name) for name in given],
        output=[onnx.ValueInfoProto(name=node.output[0])],
    )
    model = onnx.ModelProto(graph=graph, opset_import=[onnx.OperatorSetIdProto(domain="", version=opset)])
    (result,) = run_model(model, given)
    if not isinstance(result, np.ndarray) or result.dtype.kind not in "fiubV":
        raise UnsupportedModel("it makes no array of numbers. Export the model without it")
    return result
