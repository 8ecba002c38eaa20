"""ONNX files: read with every name, size and link checked, and constants computed by the NumPy backend. Nothing in them is executed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

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

    @property
    def readers(self) -> Counter[str]:
        """How many read each value, the model's outputs included."""
        return Counter([name for _, node in self.nodes for name in node.input] + list(self.outputs))


def parse(data: bytes, folder: Path | None = None) -> Model:
    """Return the model in a file's bytes; tensors in other files are read from its folder alone.

    Raises BadModelFile where it is damaged, UnsupportedModel where it needs what we never read.
    """
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
    constants = {entry.name: array(entry, entry.name, folder) for entry in graph.initializer}
    inputs = tuple(entry for entry in graph.input if entry.name not in constants)
    outputs = tuple(entry.name for entry in graph.output)
    _check_links(graph, {*constants, *(entry.name for entry in inputs)})
    nodes = _needed(graph, outputs)
    return Model(_opset(proto), nodes, inputs, outputs, constants)


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


def _outside(tensor: onnx.TensorProto, name: str, folder: Path | None, length: int) -> bytes:
    """Return the bytes of a tensor in another file, which must lie in the model's folder. Raises BadModelFile, UnsupportedModel."""
    told = {entry.key: entry.value for entry in tensor.external_data}
    location = told.get("location", "")
    refused = UnsupportedModel(
        f"The tensor {name!r} lies in another file, {location!r}; only files in the folder of the model are opened, by their plain "
        "name. Save the model as one file: onnx.save(onnx.load(path), path, save_as_external_data=False)."
    )
    if folder is None or not location or Path(location).name != location or "\\" in location or location in (".", ".."):
        raise refused
    path = folder / location
    if path.is_symlink() or not path.is_file():
        raise refused
    try:
        offset, claimed = int(told.get("offset", 0)), int(told.get("length", length))
        if offset < 0 or claimed != length or offset + length > path.stat().st_size:
            raise BadModelFile(
                f"The tensor {name!r} claims {claimed} bytes from {offset} on in {location!r}: the file is damaged."
            )
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(length)
    except (OSError, ValueError) as error:
        raise BadModelFile(f"The tensor {name!r} cannot be read from {location!r}: {error}.") from error


def _needed(graph: onnx.GraphProto, outputs: Sequence[str]) -> tuple[tuple[int, onnx.NodeProto], ...]:
    """Return the nodes that the outputs follow from, in their order, with their numbers."""
    wanted, found = set(outputs), []
    for number in reversed(range(len(graph.node))):
        node = graph.node[number]
        if wanted & set(filter(None, node.output)):
            wanted.update(node.input)
            found.append((number, node))
    return tuple(reversed(found))


def array(tensor: onnx.TensorProto, name: str, folder: Path | None = None) -> Array:
    """Return a tensor as an array, its declared size checked against the bytes that are there.

    Raises BadModelFile where they differ, UnsupportedModel for tensors in other files or of other types than numbers.
    """
    if tensor.data_type not in _FIELDS or tensor.HasField("segment"):
        raise UnsupportedModel(
            f"The tensor {name!r} is of type {tensor.data_type}, or in pieces; whole tensors of floats and integers are read. "
            "Export the model in float32."
        )
    shape = tuple(tensor.dims)
    if any(size < 0 for size in shape) or math.prod(shape) > LARGEST_VALUE:
        raise BadModelFile(f"The tensor {name!r} claims the shape {list(shape)}, which cannot be.")
    dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)
    if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
        tensor = onnx.TensorProto(
            dims=shape,
            data_type=tensor.data_type,
            raw_data=_outside(tensor, name, folder, math.prod(shape) * int(dtype.itemsize)),
        )
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


def input_axes(declared: onnx.ValueInfoProto, given: Sequence[int] | None) -> tuple[tuple[int | None, ...], bool]:
    """Return the sizes of an input's axes (None: open, as the batch may be), and whether it holds integers of a quantised model.

    given: sizes that fill the open axes, with or without the batch. Raises BadModelFile, UnsupportedModel.
    """
    name, type = declared.name, declared.type.tensor_type
    floats = (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT16)
    integers = (onnx.TensorProto.INT8, onnx.TensorProto.UINT8)
    if not declared.type.HasField("tensor_type") or type.elem_type not in (*floats, *integers):
        raise UnsupportedModel(
            f"The input {name!r} is no tensor of floats, and none of int8 or uint8 for a quantised model. Export it with such an input."
        )
    axes = [entry.dim_value if entry.HasField("dim_value") else None for entry in type.shape.dim]
    if given is not None:
        axes = _filled(name, axes, given, type.HasField("shape"))
    elif not type.HasField("shape"):
        raise UnsupportedModel(f"The input {name!r} has no shape. Give one with --input-shape, as 1,3,32,32.")
    if len(axes) < 2:
        raise UnsupportedModel(
            f"The input {name!r} has {len(axes)} axes; it must be [batch, features] or have more. Export it with a batch axis."
        )
    sizes = [1 if size is None else size for size in axes]
    if len(axes) > MOST_AXES or min(sizes) < 1 or math.prod(sizes) > LARGEST_ROW:
        raise BadModelFile(
            f"The input {name!r} claims the shape {axes[: MOST_AXES + 1]}; {MOST_AXES} axes and {LARGEST_ROW} entries are allowed."
        )
    return tuple(axes), type.elem_type in integers


def _filled(name: str, axes: list[int | None], given: Sequence[int], declared: bool) -> list[int | None]:
    """Return the axes with open ones filled. Raises UnsupportedModel where a size contradicts the file."""
    sizes: list[int | None] = [int(size) for size in given]
    if not declared:
        return sizes
    if len(sizes) == len(axes) - 1:
        sizes = [axes[0], *sizes]
    fits = len(sizes) == len(axes) and all(own is None or own == size for own, size in zip(axes, sizes, strict=True))
    if not fits:
        shown = ["open" if size is None else size for size in axes]
        raise UnsupportedModel(
            f"--input-shape is {list(given)}, and the input {name!r} has the shape {shown}: give a size for each open axis and the "
            "file's own for the others."
        )
    return sizes


def check_closed(declared: onnx.ValueInfoProto, axes: Sequence[int | None], batch_at: int) -> None:
    """Raise UnsupportedModel where another axis than that of the batch is open."""
    names = [entry.dim_param for entry in declared.type.tensor_type.shape.dim]
    open_axes = ", ".join(
        f"{axis} ({names[axis] or 'unnamed'!r})" for axis, size in enumerate(axes) if axis != batch_at and size is None
    )
    if open_axes:
        shown = [names[axis] or "?" if size is None else size for axis, size in enumerate(axes)]
        example = ",".join(str(1 if size is None else size) for size in axes)
        raise UnsupportedModel(
            f"The input {declared.name!r} of shape {shown} has no fixed size along axis {open_axes}; only the batch axis may be open. "
            f"Say its size with --input-shape, for example --input-shape {example}, or export it without dynamic axes."
        )


# An upper bound of the entries that an operator makes of constants, before it runs
_Bound = Callable[[Sequence[Array]], int]


def _broadcast(arrays: Sequence[Array]) -> int:
    return math.prod(np.broadcast_shapes(*(entry.shape for entry in arrays)))


def _alike(arrays: Sequence[Array]) -> int:
    return arrays[0].size


def _range(arrays: Sequence[Array]) -> int:
    start, limit, delta = (float(entry.reshape(())) for entry in arrays)
    return int(abs(limit - start) / max(abs(delta), 1e-30)) + 1


_FOLDED: dict[str, _Bound] = {
    **dict.fromkeys(("Add", "Sub", "Mul", "Div", "Pow", "Mod", "Min", "Max", "Where"), _broadcast),
    **dict.fromkeys(("Equal", "Less", "Greater", "And", "Or"), _broadcast),
    **dict.fromkeys(("Abs", "Floor", "Ceil", "Not", "QuantizeLinear"), _alike),
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
    "Range": _range,
    "Tile": lambda arrays: arrays[0].size * math.prod(abs(int(size)) for size in arrays[1].ravel()),
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
