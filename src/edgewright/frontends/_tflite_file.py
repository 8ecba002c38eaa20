"""Reading a .tflite file into plain data. Nothing that the file says is believed before it is checked.

The schema reader raises where an offset leaves the file and shares the file's memory; what is left to do here is to bound every count and
to compare every size with the bytes that are there.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from edgewright.errors import BadModelFile, EdgewrightError
from edgewright.ir.types import Array
from edgewright.ir.verify import LARGEST_VALUE

LARGEST_COUNT = 5_000  # of tensors, operators or buffers
LONGEST_NAME = 100  # bytes of a name that messages repeat
READER_ERRORS = (struct.error, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)

ACTIVATION = "FusedActivationFunction"
_STRIDES = ("Padding", "StrideH", "StrideW", ACTIVATION)
_DILATIONS = ("DilationHFactor", "DilationWFactor")
_CORNERS = ("AlignCorners", "HalfPixelCenters")

# Operator -> the table of the schema that holds its options, and those that matter here.
OPTIONS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "FULLY_CONNECTED": ("FullyConnectedOptions", (ACTIVATION, "WeightsFormat")),
    "CONV_2D": ("Conv2DOptions", (*_STRIDES, *_DILATIONS)),
    "DEPTHWISE_CONV_2D": ("DepthwiseConv2DOptions", (*_STRIDES, *_DILATIONS, "DepthMultiplier")),
    "AVERAGE_POOL_2D": ("Pool2DOptions", (*_STRIDES, "FilterHeight", "FilterWidth")),
    "MAX_POOL_2D": ("Pool2DOptions", (*_STRIDES, "FilterHeight", "FilterWidth")),
    "ADD": ("AddOptions", (ACTIVATION,)),
    "SUB": ("SubOptions", (ACTIVATION,)),
    "MUL": ("MulOptions", (ACTIVATION,)),
    "CONCATENATION": ("ConcatenationOptions", ("Axis", ACTIVATION)),
    "SOFTMAX": ("SoftmaxOptions", ("Beta",)),
    "LEAKY_RELU": ("LeakyReluOptions", ("Alpha",)),
    "RESIZE_BILINEAR": ("ResizeBilinearOptions", _CORNERS),
    "RESIZE_NEAREST_NEIGHBOR": ("ResizeNearestNeighborOptions", _CORNERS),
    "STRIDED_SLICE": (
        "StridedSliceOptions",
        ("BeginMask", "EndMask", "EllipsisMask", "NewAxisMask", "ShrinkAxisMask", "Offset"),
    ),
}

Item = TypeVar("Item")


@dataclass(frozen=True)
class Tensor:
    """A tensor of the file.

    shape: with the batch axis. scale, zero_point: [1] or one an entry of `axis`, empty where it is not quantised. data: the bytes of a
    constant, else empty.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    scale: npt.NDArray[np.float32]
    zero_point: npt.NDArray[np.int64]
    axis: int
    data: memoryview
    is_sparse: bool

    def array(self) -> Array:
        """Return the constant. Raises BadModelFile where its bytes are not those of its shape."""
        dtype = np.dtype(self.dtype).newbyteorder("<")
        if any(size < 1 for size in self.shape) or len(self.data) != count(self.shape) * dtype.itemsize:
            raise BadModelFile(
                f"The file is damaged: the constant {self.name!r} is {self.dtype}{list(self.shape)} and holds {len(self.data)} bytes."
            )
        return np.frombuffer(self.data, dtype).reshape(self.shape).astype(self.dtype)


@dataclass(frozen=True)
class Operator:
    """An operator of the file: its name, the tensors that it reads (-1: none) and makes, its options by their names in the schema."""

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, float] = field(default_factory=dict)

    def option(self, name: str, default: int = 0) -> int:
        """Return an option that is a whole number; `default` where the file holds none."""
        return int(self.options.get(name, default))


@dataclass(frozen=True)
class Model:
    """The only subgraph of a file."""

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    subgraphs: int


def count(shape: tuple[int, ...]) -> int:
    """Return the entries of a shape, without overflow. Raises BadModelFile where there are too many for any device."""
    total = 1
    for size in shape:
        total *= size
        if total > LARGEST_VALUE:
            raise BadModelFile(f"The file is damaged: a tensor of shape {list(shape)} is larger than any device's.")
    return total


def parse(data: bytes) -> Model:
    """Return what a .tflite file holds. Raises BadModelFile where it is damaged or not a .tflite file."""
    if data[4:8] != b"TFL3":
        raise BadModelFile("The file is not a .tflite file: it lacks the mark TFL3.")
    try:
        return _model(data)
    except EdgewrightError:
        raise
    except READER_ERRORS as error:
        raise BadModelFile(f"The file is damaged: {type(error).__name__}: {error}.") from error


def _model(data: bytes) -> Model:
    import tflite

    model = tflite.Model.GetRootAs(data, 0)
    if model.Version() != 3:
        raise BadModelFile(f"The file follows version {model.Version()} of the schema; version 3 is known.")
    if model.SubgraphsLength() < 1:
        raise BadModelFile("The file is damaged: it holds no subgraph.")
    subgraph = model.Subgraphs(0)
    buffers = _items("buffers", model.BuffersLength(), model.Buffers)
    codes = _items("operator codes", model.OperatorCodesLength(), model.OperatorCodes)
    tensors = _items("tensors", subgraph.TensorsLength(), lambda index: _tensor(subgraph.Tensors(index), buffers))
    operators = _items(
        "operators", subgraph.OperatorsLength(), lambda index: _operator(subgraph.Operators(index), codes)
    )
    inputs, outputs = _integers(subgraph.InputsAsNumpy()), _integers(subgraph.OutputsAsNumpy())
    used = {*inputs, *outputs} | {tensor for operator in operators for tensor in (*operator.inputs, *operator.outputs)}
    if used and not -1 <= min(used) <= max(used) < len(tensors):
        raise BadModelFile(f"The file is damaged: it speaks of tensor {max(used, key=abs)} and has {len(tensors)}.")
    return Model(tensors, operators, inputs, outputs, model.SubgraphsLength())


def _items(what: str, length: int, get: Callable[[int], Item]) -> tuple[Item, ...]:
    if length > LARGEST_COUNT:
        raise BadModelFile(f"The file is damaged: it says that it has {length} {what}.")
    return tuple(get(index) for index in range(length))


def _integers(vector: Any) -> tuple[int, ...]:
    """Return a vector of the schema reader, which gives 0 for one that is not there."""
    if isinstance(vector, int):
        return ()
    if len(vector) > LARGEST_COUNT:
        raise BadModelFile(f"The file is damaged: a list has {len(vector)} entries.")
    return tuple(int(entry) for entry in vector)


def _tensor(tensor: Any, buffers: tuple[Any, ...]) -> Tensor:
    quantisation = tensor.Quantization()
    scale = quantisation.ScaleAsNumpy() if quantisation and quantisation.ScaleLength() else ()
    zero_point = quantisation.ZeroPointAsNumpy() if quantisation and quantisation.ZeroPointLength() else ()
    buffer = buffers[tensor.Buffer()]
    if buffer.Offset() or buffer.Size():
        raise BadModelFile(
            "The file keeps its constants outside the schema, as files above 2 GB do; no device holds such a model."
        )
    return Tensor(
        name=(tensor.Name() or b"")[:LONGEST_NAME].decode(errors="replace"),
        dtype=_names("TensorType").get(tensor.Type(), f"type {tensor.Type()}").lower(),
        shape=_integers(tensor.ShapeAsNumpy()),
        scale=np.array(scale, np.float32),
        zero_point=np.array(zero_point, np.int64),
        axis=int(quantisation.QuantizedDimension()) if quantisation else 0,
        data=memoryview(buffer.DataAsNumpy() if buffer.DataLength() else b""),
        is_sparse=tensor.Sparsity() is not None,
    )


def _operator(operator: Any, codes: tuple[Any, ...]) -> Operator:
    import tflite

    code = codes[operator.OpcodeIndex()]
    number = max(code.DeprecatedBuiltinCode(), code.BuiltinCode())
    name = _names("BuiltinOperator").get(number, f"operator {number}")
    if name == "CUSTOM":
        name = f"CUSTOM {(code.CustomCode() or b'')[:LONGEST_NAME].decode(errors='replace')}"
    options: dict[str, float] = {}
    if name in OPTIONS:
        table, fields = OPTIONS[name]
        given = operator.BuiltinOptions()
        reader = getattr(tflite, table)()
        if given is not None:
            if operator.BuiltinOptionsType() != getattr(tflite.BuiltinOptions, table):
                raise BadModelFile(f"The file is damaged: the options of {name} are those of another operator.")
            reader.Init(given.Bytes, given.Pos)
            options = {field: getattr(reader, field)() for field in fields}
    return Operator(name, _integers(operator.InputsAsNumpy()), _integers(operator.OutputsAsNumpy()), options)


@cache
def _names(enumeration: str) -> dict[int, str]:
    """Return number -> name of an enumeration of the schema."""
    import tflite

    members = vars(getattr(tflite, enumeration)).items()
    return {number: name for name, number in members if isinstance(number, int) and not name.startswith("_")}


def activation_name(number: int) -> str:
    """Return the name of a fused activation."""
    return _names("ActivationFunctionType").get(number, f"activation {number}")
