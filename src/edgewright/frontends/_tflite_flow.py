"""The values of a .tflite model on their way into a graph: their types, constants and fused activations."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from edgewright import ops
from edgewright.errors import BadModelFile, UnsupportedModel
from edgewright.frontends._tflite_file import ACTIVATION, Model, Operator, Tensor, activation_name, count
from edgewright.ir.types import INTEGER_RANGES, Array, Type
from edgewright.lowering import Builder

CONVERT = (
    "Convert the model with full-integer quantisation: optimizations = [tf.lite.Optimize.DEFAULT], a representative_dataset, "
    "target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8], int8 as inference_input_type and inference_output_type."
)
# The real bounds of fused activations
ACTIVATIONS: Mapping[str, tuple[float, float]] = {
    "NONE": (-math.inf, math.inf),
    "RELU": (0.0, math.inf),
    "RELU6": (0.0, 6.0),
    "RELU_N1_TO_1": (-1.0, 1.0),
}
LARGEST_CONSTANTS = 2**24  # entries
LARGEST_REPEATED = 2**16 - 1  # entries that kernels count
MOST_STEPS = 2.0**16  # more than any integer type has

Lower = Callable[["Flow", Operator], str]


@dataclass
class Flow:
    """What is known while the operators become nodes: values by the number of their tensor.

    folded: tensors that are constants because what makes them was computed here. entries: of all constants so far.
    """

    model: Model
    builder: Builder
    values: dict[int, str] = field(default_factory=dict)
    folded: dict[int, Array] = field(default_factory=dict)
    entries: int = 0

    def tensor(self, operator: Operator, port: int = 0) -> Tensor:
        """Return the tensor that an operator reads at a port. Raises BadModelFile where there is none."""
        index = self.index(operator, port)
        if index is None:
            raise BadModelFile(f"The file is damaged: {operator.name} has no input {port}.")
        return self.model.tensors[index]

    def index(self, operator: Operator, port: int) -> int | None:
        """Return the number of the tensor that an operator reads at a port, None where it reads none."""
        if port >= len(operator.inputs) or operator.inputs[port] < 0:
            return None
        return operator.inputs[port]

    def output(self, operator: Operator) -> Tensor:
        """Return the tensor that an operator makes. Raises BadModelFile unless it makes one."""
        if len(operator.outputs) != 1 or operator.outputs[0] < 0:
            raise BadModelFile(
                f"The file is damaged: {operator.name} has {len(operator.inputs)} inputs and {len(operator.outputs)} outputs."
            )
        return self.model.tensors[operator.outputs[0]]

    def is_constant(self, index: int) -> bool:
        """Whether a tensor is known before the model runs."""
        return index not in self.values and (index in self.folded or bool(self.model.tensors[index].data))

    def array(self, operator: Operator, port: int) -> Array | None:
        """Return the constant at a port as it is stored, None where the port is empty. Raises UnsupportedModel where it is computed."""
        index = self.index(operator, port)
        if index is None:
            return None
        tensor = self.model.tensors[index]
        if not self.is_constant(index):
            raise UnsupportedModel(
                f"its input {tensor.name!r} is computed at run time; only a constant is compiled there"
            )
        return self.folded[index] if index in self.folded else tensor.array()

    def reals(self, operator: Operator, port: int) -> Array:
        """Return the constant at a port as float32, dequantised where it is stored in integers. Raises BadModelFile."""
        array = self.array(operator, port)
        if array is None:
            raise BadModelFile(f"The file is damaged: {operator.name} has no input {port}.")
        tensor = self.tensor(operator, port)
        if array.dtype.kind == "f":
            return array.astype(np.float32)
        return dequantised(tensor, array)

    def whole(self, operator: Operator, port: int) -> list[int]:
        """Return the whole numbers of a constant at a port: sizes, axes, bounds."""
        tensor, array = self.tensor(operator, port), self.array(operator, port)
        if array is None or array.dtype.kind != "i" or tensor.scale.size:
            raise BadModelFile(
                f"The file is damaged: {tensor.name!r} of {operator.name} is {tensor.dtype}, not whole numbers."
            )
        return [int(entry) for entry in array.ravel()]

    def value(self, operator: Operator, port: int = 0, shape: tuple[int, ...] | None = None) -> str:
        """Return the value at a port, or a constant that is read like one: of `shape`, or a single entry.

        Raises BadModelFile where nothing makes it and UnsupportedModel where a constant does not fit.
        """
        index, tensor = self.index(operator, port), self.tensor(operator, port)
        assert index is not None
        if index in self.values:
            return self.values[index]
        if not self.is_constant(index):
            raise BadModelFile(f"The file is damaged: tensor {index} is read before it is made.")
        if shape is None:
            raise UnsupportedModel(
                f"its input {tensor.name!r} is a constant; fold what is computed from it into a constant"
            )
        if not is_float(self.output(operator)):
            if (
                problems := quantisation_problems(tensor)
                if tensor.dtype == "int8"
                else [f"its constant is {tensor.dtype}"]
            ):
                raise UnsupportedModel("; ".join(problems))
            array, type = tensor.array(), quantised_type(tensor)
        else:
            array, type = self.reals(operator, port), Type(())
        array = array if array.size == 1 else spread(array, tensor.name, shape)
        array = array.reshape(()) if array.size == 1 else array
        return self.constant("constant", array, replace(type, shape=array.shape))

    def constant(self, name: str, array: Array, type: Type | None = None) -> str:
        """Add a constant. Raises UnsupportedModel where all of them together are too large for any device."""
        self.entries += array.size
        if self.entries > LARGEST_CONSTANTS:
            raise UnsupportedModel(
                f"its constants and those before it have more than {LARGEST_CONSTANTS} entries, too many for any device"
            )
        return self.builder.constant(name, array, type)

    def type(self, value: str) -> Type:
        """Return the type of a value."""
        return self.builder.type(value)

    def node(
        self, op: str, type: Type | None = None, /, *, attributes: dict[str, object] | None = None, **inputs: str
    ) -> str:
        """Append a node; its shape follows from the operator, all else from `type` (None: float)."""
        found = ops.get(op).shape({port: self.type(value) for port, value in inputs.items()}, attributes or {})
        return self.builder.node(op, None, replace(type or Type(()), shape=found), attributes=attributes, **inputs)

    def reshaped(self, value: str, shape: tuple[int, ...]) -> str:
        """Return the value in another shape."""
        if self.type(value).shape == shape:
            return value
        return self.node("reshape", self.type(value), x=value, attributes={"shape": shape})

    def with_integers(self, value: str, y: Tensor, limits: tuple[int, int] | None = None) -> str:
        """Return the value with the scale, the zero point and the limits that a tensor has; float stays as it is."""
        type = self.type(value)
        if type.is_float:
            return value
        wanted = quantised_type(y, limits)
        same = (type.scale, type.zero_point) == (wanted.scale, wanted.zero_point)
        if same and wanted.range[0] <= type.range[0] and type.range[1] <= wanted.range[1]:
            return value
        return self.node("rescale", wanted, x=value)

    def activated(self, operator: Operator, value: str) -> str:
        """Return the value behind the fused activation of an operator, in a node of its own."""
        low, high = bounds_of(operator)
        return self.cut(value, low, high, self.output(operator))

    def cut(self, value: str, low: float, high: float, y: Tensor) -> str:
        """Return the value cut to real bounds: relu or clip in float, a range in integers."""
        if (low, high) == ACTIVATIONS["NONE"]:
            return self.with_integers(value, y)
        if not self.type(value).is_float:
            return self.with_integers(value, y, limits_of(low, high, y))
        if (low, high) == ACTIVATIONS["RELU"]:
            return self.node("relu", x=value)
        return self.node("clip", x=value, attributes={"low": low, "high": high})


def is_float(tensor: Tensor) -> bool:
    """Whether a tensor holds real numbers."""
    return tensor.dtype in ("float32", "float16")


def bounds_of(operator: Operator) -> tuple[float, float]:
    """Return the real bounds of an operator's fused activation. Raises UnsupportedModel."""
    name = activation_name(operator.option(ACTIVATION))
    if name not in ACTIVATIONS:
        raise UnsupportedModel(f"its fused activation is {name}; {', '.join(ACTIVATIONS)} are compiled")
    return ACTIVATIONS[name]


def limits_of(low: float, high: float, y: Tensor) -> tuple[int, int] | None:
    """Return the range of int8 that real bounds leave; in float32 and to nearest, ties away from zero, as LiteRT does."""
    scale, zero_point = y.scale[0], int(y.zero_point[0])
    lowest, highest = INTEGER_RANGES["int8"]
    bounds = []
    for bound in (low, high):
        steps = 0.0 if bound == 0.0 else float(np.clip(np.float64(np.float32(bound) / scale), -MOST_STEPS, MOST_STEPS))
        bounds.append(int(np.clip(zero_point + math.copysign(math.floor(abs(steps) + 0.5), steps), lowest, highest)))
    return None if tuple(bounds) == (lowest, highest) else (bounds[0], bounds[1])


def quantised_type(tensor: Tensor, limits: tuple[int, int] | None = None) -> Type:
    """Return the type of an int8 tensor with one scale, its shape without the batch axis."""
    return Type(tensor.shape[1:], "int8", float(tensor.scale[0]), int(tensor.zero_point[0]), limits=limits)


def type_of(tensor: Tensor) -> Type:
    """Return the type of a value: float32, or the integers that the file gives."""
    return Type(tensor.shape[1:]) if is_float(tensor) else quantised_type(tensor)


def activation_problems(tensor: Tensor) -> list[str]:
    """Return what keeps a tensor from being a value of the graph."""
    if not is_float(tensor):
        if tensor.dtype != "int8":
            return [f"the activation {tensor.name!r} is {tensor.dtype}, and only int8 is compiled. {CONVERT}"]
        if problems := quantisation_problems(tensor):
            return problems
    return shape_problems(tensor)


def quantisation_problems(tensor: Tensor) -> list[str]:
    """Return what is wrong with the scale and the zero point of an activation."""
    if tensor.scale.size != 1 or tensor.zero_point.size != 1:
        return [
            f"the activation {tensor.name!r} has {tensor.scale.size} scales and {tensor.zero_point.size} zero points, not one"
        ]
    low, high = INTEGER_RANGES["int8"]
    found = []
    if not (np.isfinite(tensor.scale[0]) and tensor.scale[0] > 0):
        found.append(f"the scale of the activation {tensor.name!r} is {tensor.scale[0]:g}, not positive and finite")
    if not low <= int(tensor.zero_point[0]) <= high:
        found.append(
            f"the activation {tensor.name!r} has the zero point {int(tensor.zero_point[0])}, not one in {low}..{high}"
        )
    return found


def shape_problems(tensor: Tensor) -> list[str]:
    """Return what is wrong with the shape of an activation."""
    if len(tensor.shape) < 2 or tensor.shape[0] != 1 or min(tensor.shape) < 1:
        return [
            f"the activation {tensor.name!r} has the shape {list(tensor.shape)}; its first axis must be a batch of 1. Export it so"
        ]
    count(tensor.shape)
    return []


def dequantised(tensor: Tensor, integers: Array) -> Array:
    """Return the real numbers of a constant in integers, float32. Raises UnsupportedModel where its scales do not fit."""
    scales, zero_points = tensor.scale, tensor.zero_point
    axis = tensor.axis if scales.size > 1 else 0
    rows = tensor.shape[axis] if 0 <= axis < len(tensor.shape) else 0
    fits = scales.size in (1, rows) and zero_points.size in (1, scales.size)
    if tensor.dtype not in ("int8", "uint8", "int16") or not fits or not np.all(np.isfinite(scales)):
        raise UnsupportedModel(
            f"its constant {tensor.name!r} is {tensor.dtype}{list(tensor.shape)} with {scales.size} scales; a number needs a "
            "float, or an integer with one finite scale or one an entry of an axis"
        )
    along = [1] * len(tensor.shape)
    if scales.size > 1:
        along[axis] = -1
    shifted = integers.astype(np.int64) - np.broadcast_to(zero_points, scales.shape).reshape(along)
    return (shifted.astype(np.float32) * scales.reshape(along)).astype(np.float32)


def spread(array: Array, name: str, shape: tuple[int, ...]) -> Array:
    """Return a constant of a file, with or without a batch axis, repeated to fill a shape. Raises UnsupportedModel."""
    if math.prod(shape) > LARGEST_REPEATED:
        raise UnsupportedModel(
            f"its constant {name!r} would be repeated to {list(shape)}; {LARGEST_REPEATED} entries are allowed"
        )
    try:
        return np.array(np.broadcast_to(array, (1, *shape))[0])
    except ValueError as error:
        raise UnsupportedModel(
            f"its constant {name!r} is {list(array.shape)}, which does not fill {list(shape)}"
        ) from error


def require_same_integers(flow: Flow, operator: Operator) -> None:
    """Raise UnsupportedModel where an operator that only moves integers has another scale or zero point behind it."""
    x, y = flow.tensor(operator), flow.output(operator)
    if is_float(x) != is_float(y) or not (
        np.array_equal(x.scale, y.scale) and np.array_equal(x.zero_point, y.zero_point)
    ):
        raise UnsupportedModel("its input and output have different scales or zero points")
