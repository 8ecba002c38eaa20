"""Small .tflite files, written field by field with the schema's own builder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np
import tflite

from edgewright.frontends._tflite_file import ACTIVATION, OPTIONS

NAMES = {number: name for name, number in vars(tflite.BuiltinOperator).items() if isinstance(number, int)}
DTYPES = {"int8": np.int8, "int32": np.int32, "float32": np.float32, "uint8": np.uint8}


@dataclass(frozen=True)
class SmallTensor:
    """A tensor; with `data` a constant."""

    name: str
    shape: tuple[int, ...]
    dtype: str = "int8"
    scale: tuple[float, ...] = ()
    zero_point: tuple[int, ...] = (0,)
    data: np.ndarray | None = None
    axis: int = 0


@dataclass(frozen=True)
class SmallOperator:
    """An operator between tensors, named by their position."""

    code: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: dict[str, float] = field(default_factory=dict)


def small_tflite(
    tensors: Sequence[SmallTensor], operators: Sequence[SmallOperator], inputs: Sequence[int], outputs: Sequence[int]
) -> bytes:
    """Return the bytes of a model with one subgraph."""
    builder = flatbuffers.Builder(1024)
    buffers = [_buffer(builder, None), *(_buffer(builder, tensor.data) for tensor in tensors)]
    codes = sorted({operator.code for operator in operators})
    code_tables = [_code(builder, code) for code in codes]
    tensor_tables = [_tensor(builder, tensor, number + 1) for number, tensor in enumerate(tensors)]
    operator_tables = [_operator(builder, operator, codes.index(operator.code)) for operator in operators]
    parts = {
        "Tensors": _offsets(builder, tflite.SubGraphStartTensorsVector, tensor_tables),
        "Operators": _offsets(builder, tflite.SubGraphStartOperatorsVector, operator_tables),
        "Inputs": builder.CreateNumpyVector(np.array(inputs, np.int32)),
        "Outputs": builder.CreateNumpyVector(np.array(outputs, np.int32)),
    }
    tflite.SubGraphStart(builder)
    for name, part in parts.items():
        getattr(tflite, f"SubGraphAdd{name}")(builder, part)
    subgraph = tflite.SubGraphEnd(builder)
    parts = {
        "Subgraphs": _offsets(builder, tflite.ModelStartSubgraphsVector, [subgraph]),
        "Buffers": _offsets(builder, tflite.ModelStartBuffersVector, buffers),
        "OperatorCodes": _offsets(builder, tflite.ModelStartOperatorCodesVector, code_tables),
    }
    tflite.ModelStart(builder)
    tflite.ModelAddVersion(builder, 3)
    for name, part in parts.items():
        getattr(tflite, f"ModelAdd{name}")(builder, part)
    builder.Finish(tflite.ModelEnd(builder), b"TFL3")
    return bytes(builder.Output())


def _offsets(builder: Any, start: Callable[[Any, int], Any], tables: Sequence[int]) -> Any:
    start(builder, len(tables))
    for table in reversed(tables):
        builder.PrependUOffsetTRelative(table)
    return builder.EndVector()


def _buffer(builder: Any, data: np.ndarray | None) -> Any:
    vector = None if data is None else builder.CreateByteVector(np.ascontiguousarray(data).tobytes())
    tflite.BufferStart(builder)
    if vector is not None:
        tflite.BufferAddData(builder, vector)
    return tflite.BufferEnd(builder)


def _code(builder: Any, code: int) -> Any:
    tflite.OperatorCodeStart(builder)
    tflite.OperatorCodeAddDeprecatedBuiltinCode(builder, min(code, 127))
    tflite.OperatorCodeAddBuiltinCode(builder, code)
    tflite.OperatorCodeAddVersion(builder, {FULLY_CONNECTED: 4, QUANTIZE: 2, DEQUANTIZE: 2}.get(code, 1))
    return tflite.OperatorCodeEnd(builder)


def _tensor(builder: Any, tensor: SmallTensor, buffer: int) -> Any:
    name, shape = builder.CreateString(tensor.name), builder.CreateNumpyVector(np.array(tensor.shape, np.int32))
    quantisation = None
    if tensor.scale:
        scale = builder.CreateNumpyVector(np.array(tensor.scale, np.float32))
        zero_point = builder.CreateNumpyVector(np.resize(np.array(tensor.zero_point, np.int64), len(tensor.scale)))
        tflite.QuantizationParametersStart(builder)
        tflite.QuantizationParametersAddQuantizedDimension(builder, tensor.axis)
        tflite.QuantizationParametersAddScale(builder, scale)
        tflite.QuantizationParametersAddZeroPoint(builder, zero_point)
        quantisation = tflite.QuantizationParametersEnd(builder)
    tflite.TensorStart(builder)
    tflite.TensorAddShape(builder, shape)
    tflite.TensorAddType(builder, getattr(tflite.TensorType, tensor.dtype.upper()))
    tflite.TensorAddBuffer(builder, buffer)
    tflite.TensorAddName(builder, name)
    if quantisation is not None:
        tflite.TensorAddQuantization(builder, quantisation)
    return tflite.TensorEnd(builder)


def _operator(builder: Any, operator: SmallOperator, code: int) -> Any:
    table, options = OPTIONS.get(NAMES[operator.code], ("", ()))[0], None
    if table:
        getattr(tflite, f"{table}Start")(builder)
        for name, value in operator.options.items():
            getattr(tflite, f"{table}Add{name}")(builder, value)
        options = getattr(tflite, f"{table}End")(builder)
    inputs = builder.CreateNumpyVector(np.array(operator.inputs, np.int32))
    outputs = builder.CreateNumpyVector(np.array(operator.outputs, np.int32))
    tflite.OperatorStart(builder)
    tflite.OperatorAddOpcodeIndex(builder, code)
    tflite.OperatorAddInputs(builder, inputs)
    tflite.OperatorAddOutputs(builder, outputs)
    if options is not None:
        tflite.OperatorAddBuiltinOptionsType(builder, getattr(tflite.BuiltinOptions, table))
        tflite.OperatorAddBuiltinOptions(builder, options)
    return tflite.OperatorEnd(builder)


CEIL, FLOOR, SOFTMAX, RELU_OPERATOR = (
    tflite.BuiltinOperator.CEIL,
    tflite.BuiltinOperator.FLOOR,
    tflite.BuiltinOperator.SOFTMAX,
    tflite.BuiltinOperator.RELU,
)
FULLY_CONNECTED = tflite.BuiltinOperator.FULLY_CONNECTED
RESHAPE, QUANTIZE, DEQUANTIZE = (
    tflite.BuiltinOperator.RESHAPE,
    tflite.BuiltinOperator.QUANTIZE,
    tflite.BuiltinOperator.DEQUANTIZE,
)
RELU, RELU6, TANH = (
    tflite.ActivationFunctionType.RELU,
    tflite.ActivationFunctionType.RELU6,
    tflite.ActivationFunctionType.TANH,
)


def one_operator(
    name: str,
    x: tuple[int, ...],
    y: tuple[int, ...],
    options: dict[str, float] | None = None,
    constants: Sequence[SmallTensor] = (),
    *,
    scales: tuple[float, float] = (0.05, 0.05),
    zero_points: tuple[int, int] = (-7, -7),
    dtype: str = "int8",
    ports: tuple[int, ...] | None = None,
) -> bytes:
    """Return a model of one operator: tensors 0 input, 1 output, then its constants; shapes with the batch axis.

    ports: what it reads, the input and all constants unless given. Raises AttributeError for an operator that the schema lacks.
    """
    tensors = [
        SmallTensor("input", x, dtype, scales[:1] if dtype == "int8" else (), zero_points[:1]),
        SmallTensor("output", y, dtype, scales[1:] if dtype == "int8" else (), zero_points[1:]),
        *constants,
    ]
    inputs = ports or (0, *range(2, len(tensors)))
    operator = SmallOperator(getattr(tflite.BuiltinOperator, name), inputs, (1,), options or {})
    return small_tflite(tensors, [operator], [0], [1])


def whole_numbers(values: Sequence[int] | np.ndarray) -> SmallTensor:
    """Return a constant of sizes, axes or bounds."""
    array = np.array(values, np.int32)
    return SmallTensor("numbers", array.shape, "int32", data=array)


def one_layer(
    *,
    rows: int = 5,
    columns: int = 8,
    weight_scales: tuple[float, ...] = (0.02,),
    activation: int = 0,
    zero_points: tuple[int, int] = (-7, 11),
    output_scale: float = 0.043,
    bias: bool = True,
    seed: int = 0,
) -> tuple[list[SmallTensor], list[SmallOperator]]:
    """Return a fully connected layer: tensors 0 input, 1 weights, 2 bias, 3 output."""
    generator = np.random.default_rng(seed)
    weights = generator.integers(-128, 128, (rows, columns)).astype(np.int8)
    offsets = generator.integers(-3000, 3000, rows).astype(np.int32)
    input_scale = 0.05
    products = tuple(input_scale * scale for scale in weight_scales)
    tensors = [
        SmallTensor("input", (1, columns), "int8", (input_scale,), (zero_points[0],)),
        SmallTensor("weights", (rows, columns), "int8", weight_scales, (0,), weights),
        SmallTensor("bias", (rows,), "int32", products, (0,), offsets),
        SmallTensor("output", (1, rows), "int8", (output_scale,), (zero_points[1],)),
    ]
    layer = SmallOperator(FULLY_CONNECTED, (0, 1, 2) if bias else (0, 1, -1), (3,), {ACTIVATION: activation})
    return tensors, [layer]
