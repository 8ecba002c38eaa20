"""TensorFlow Lite: models in full-integer quantisation keep their integers, scales and zero points (Jacob et al., CVPR 2018)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

from edgewright.errors import BadGraph, BadModelFile, UnsupportedModel, list_problems
from edgewright.frontends import FrontEnd, read_bytes
from edgewright.frontends._tflite_file import Model, Operator, Tensor, activation_name, count, parse
from edgewright.ir.graph import Graph
from edgewright.ir.types import INTEGER_RANGES, Type
from edgewright.lowering import Builder
from edgewright.runtime.ranges import accumulator_bounds

CONVERT = (
    "Convert the model with full-integer quantisation: optimizations = [tf.lite.Optimize.DEFAULT], a representative_dataset, "
    "target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8], int8 as inference_input_type and inference_output_type."
)
ACTIVATIONS: dict[str, float | None] = {"NONE": None, "RELU": None, "RELU6": 6.0}  # the highest real value
BIAS = 2  # the third input of FULLY_CONNECTED, which may be missing


def to_graph(path: Path | str) -> Graph:
    """Return the quantised graph of a .tflite file; its integers are those of LiteRT's reference kernels.

    A float input that is quantised at once, and a dequantised output, are left to the host: the graph takes and gives the int8
    values. Raises BadModelFile where the file is damaged and UnsupportedModel, with everything that stands in the way, where it
    cannot be compiled.
    """
    path = Path(path)
    data = read_bytes(path)
    try:
        model = parse(data)
        found = problems(model)
        if not found:
            graph = _Lowering(model, path.stem).graph()
            accumulator_bounds(graph)
            return graph
    except BadModelFile as error:
        raise BadModelFile(f"{path}: {error}") from error
    except (BadGraph, UnsupportedModel) as error:
        raise UnsupportedModel(f"{path} cannot be compiled. {error}") from error
    raise UnsupportedModel(list_problems(f"{path} cannot be compiled:", found))


def problems(model: Model) -> list[str]:
    """Return everything in a model that cannot be compiled, each with what to do."""
    found = []
    if model.subgraphs != 1:
        found.append(f"It has {model.subgraphs} subgraphs; one is allowed. Export it without control flow.")
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        found.append(
            f"It has {len(model.inputs)} inputs and {len(model.outputs)} outputs; one of each is allowed. Export its parts."
        )
    if floats := [operator.name for operator in model.operators if _computes_in_float(model, operator)]:
        whole = (
            "It is a float model" if len(floats) == len(model.operators) else f"It computes {_counted(floats)} in float"
        )
        found.append(f"{whole}. {CONVERT}")
    if unknown := [operator.name for operator in model.operators if operator.name not in _CHECKS]:
        found.append(
            f"It needs operators that are not compiled yet: {_counted(unknown)}. Those that are: {', '.join(sorted(_CHECKS))}. "
            "Build the model from these."
        )
    for number, operator in enumerate(model.operators):
        if operator.name in _CHECKS and not _computes_in_float(model, operator):
            found += [
                f"Operator {number}, {operator.name}: {problem}" for problem in _operator_problems(model, operator)
            ]
    return found


def _counted(names: list[str]) -> str:
    return ", ".join(name if times == 1 else f"{name} ({times} times)" for name, times in Counter(names).items())


def _computes_in_float(model: Model, operator: Operator) -> bool:
    tensors = [model.tensors[index] for index in (*operator.inputs, *operator.outputs) if index >= 0]
    return not _is_border(model, operator) and any(tensor.dtype in ("float32", "float16") for tensor in tensors)


def _is_border(model: Model, operator: Operator) -> bool:
    """Whether an operator only turns the model's float input into int8, or its int8 output into float."""
    if len(operator.inputs) != 1 or len(operator.outputs) != 1 or min(operator.inputs + operator.outputs) < 0:
        return False
    (before,), (after,) = operator.inputs, operator.outputs
    dtypes = model.tensors[before].dtype, model.tensors[after].dtype
    if operator.name == "QUANTIZE" and dtypes == ("float32", "int8"):
        readers = [other for other in model.operators if before in other.inputs]
        return model.inputs == (before,) and len(readers) == 1
    return operator.name == "DEQUANTIZE" and dtypes == ("int8", "float32") and model.outputs == (after,)


def _operator_problems(model: Model, operator: Operator) -> list[str]:
    ports = [model.tensors[index] if index >= 0 else None for index in operator.inputs]
    outputs = [model.tensors[index] for index in operator.outputs if index >= 0]
    fewest, most = {"FULLY_CONNECTED": (2, 3), "RESHAPE": (1, 2)}.get(operator.name, (1, 1))
    required = [port for port in ports[:fewest] if port]
    if not fewest <= len(ports) <= most or len(required) < fewest or len(outputs) != 1:
        raise BadModelFile(f"The file is damaged: {operator.name} has {len(ports)} inputs and {len(outputs)} outputs.")
    if any(port and port.is_sparse for port in ports):
        return ["its weights are sparse. Export them dense; Edgewright makes weights sparse itself"]
    if _is_border(model, operator):
        (quantised,) = [tensor for tensor in (required[0], outputs[0]) if tensor.dtype == "int8"]
        return _activation_problems(quantised)
    found = [problem for tensor in (required[0], outputs[0]) for problem in _activation_problems(tensor)]
    return found or _CHECKS[operator.name](operator, [*ports, None, None][:3], outputs[0])


def _activation_problems(tensor: Tensor) -> list[str]:
    if tensor.dtype != "int8":
        return [f"the activation {tensor.name!r} is {tensor.dtype}, and only int8 is compiled. {CONVERT}"]
    if tensor.scale.size != 1 or tensor.zero_point.size != 1:
        return [
            f"the activation {tensor.name!r} has {tensor.scale.size} scales and {tensor.zero_point.size} zero points, not one"
        ]
    if len(tensor.shape) < 2 or tensor.shape[0] != 1 or min(tensor.shape) < 1:
        return [
            f"the activation {tensor.name!r} has the shape {list(tensor.shape)}; its first axis must be a batch of 1. Export it so"
        ]
    return []


def _dense_problems(operator: Operator, ports: list[Tensor | None], y: Tensor) -> list[str]:
    x, w, bias = ports
    assert x
    assert w
    found = []
    if w.dtype != "int8" or not w.data or len(w.shape) != 2:
        return [f"its weights {w.name!r} are {w.dtype}{list(w.shape)}; a constant int8 matrix is compiled. {CONVERT}"]
    rows, columns = w.shape
    if w.zero_point.any() or w.scale.size not in (1, rows) or (w.scale.size > 1 and w.axis != 0):
        found.append(f"its weights {w.name!r} must have zero points of 0 and one scale, or one a row")
    if bias and (bias.dtype != "int32" or bias.shape != (rows,) or not bias.data):
        found.append(f"its bias {bias.name!r} is {bias.dtype}{list(bias.shape)}; a constant int32[{rows}] is compiled")
    if count(x.shape) != columns or count(y.shape) != rows:
        found.append(
            f"it turns {list(x.shape)} into {list(y.shape)} with weights {list(w.shape)}; one vector at a time is compiled"
        )
    activation = activation_name(operator.options.get("activation", 0))
    if activation not in ACTIVATIONS:
        found.append(f"its fused activation is {activation}; {', '.join(ACTIVATIONS)} are compiled")
    if operator.options.get("weights_format"):
        found.append("its weights are shuffled; export the model without shuffled weights")
    return found


def _reshape_problems(operator: Operator, ports: list[Tensor | None], y: Tensor) -> list[str]:
    x, shape, _ = ports
    assert x
    if shape and not shape.data:
        return ["its shape is computed at run time; export the model with fixed shapes"]
    if count(x.shape) != count(y.shape):
        raise BadModelFile(f"The file is damaged: RESHAPE turns {list(x.shape)} into {list(y.shape)}.")
    return [] if _same_integers(x, y) else ["its input and output have different scales or zero points"]


def _quantize_problems(operator: Operator, ports: list[Tensor | None], y: Tensor) -> list[str]:
    x = ports[0]
    assert x
    if x.shape != y.shape:
        raise BadModelFile(f"The file is damaged: QUANTIZE turns {list(x.shape)} into {list(y.shape)}.")
    return []


def _dequantize_problems(operator: Operator, ports: list[Tensor | None], y: Tensor) -> list[str]:
    return ["it gives integers where it should give float"]


_CHECKS = {
    "FULLY_CONNECTED": _dense_problems,
    "RESHAPE": _reshape_problems,
    "QUANTIZE": _quantize_problems,
    "DEQUANTIZE": _dequantize_problems,
}


def _same_integers(x: Tensor, y: Tensor) -> bool:
    return np.array_equal(x.scale, y.scale) and np.array_equal(x.zero_point, y.zero_point)


class _Lowering:
    """Builds the graph of a model that has no problems."""

    def __init__(self, model: Model, name: str) -> None:
        self.model, self.builder = model, Builder(name)
        self.values: dict[int, str] = {}

    def graph(self) -> Graph:
        (first,), (last,) = self.model.inputs, self.model.outputs
        borders = [operator for operator in self.model.operators if _is_border(self.model, operator)]
        begin = {operator.inputs[0]: operator.outputs[0] for operator in borders if operator.name == "QUANTIZE"}
        end = {operator.outputs[0]: operator.inputs[0] for operator in borders if operator.name == "DEQUANTIZE"}
        first, last = begin.get(first, first), end.get(last, last)
        for index in (first, last):
            if index < 0 or (found := _activation_problems(self.model.tensors[index])):
                raise UnsupportedModel("; ".join(found) if index >= 0 else "The model has no input or output.")
        self.values[first] = self.builder.input("x", _type(self.model.tensors[first]))
        for operator in self.model.operators:
            if operator not in borders:
                self._add(operator)
        return self.builder.finish(self._value(last))

    def _add(self, operator: Operator) -> None:
        x, y = operator.inputs[0], operator.outputs[0]
        if y in self.values:
            raise BadModelFile(f"The file is damaged: tensor {y} is made twice.")
        value, before, after = self._value(x), self.model.tensors[x], self.model.tensors[y]
        if operator.name == "FULLY_CONNECTED":
            value = self._dense(operator, value, before, after)
        elif operator.name == "QUANTIZE" and not _same_integers(before, after):
            value = self.builder.node("rescale", None, _type(after), x=value)
        self.values[y] = self._reshaped(value, after.shape[1:])

    def _dense(self, operator: Operator, value: str, x: Tensor, y: Tensor) -> str:
        """Return a dense node: the zero point of x goes into the bias, the activation into the range of y."""
        w = self.model.tensors[operator.inputs[1]]
        weights = w.array()
        rows, columns = weights.shape
        bias = np.zeros(rows, np.int64)
        if len(operator.inputs) > BIAS and operator.inputs[BIAS] >= 0:
            bias = self.model.tensors[operator.inputs[BIAS]].array().astype(np.int64)
        folded = bias - int(x.zero_point[0]) * weights.astype(np.int64).sum(axis=1)
        dtype = next((dtype for dtype in ("int16", "int32") if _fits(folded, dtype)), None)
        if dtype is None:
            raise UnsupportedModel(f"The bias of {y.name!r}, with the zero point of its input, does not fit 32 bits.")
        scales, axis = _product_scales(x, w)
        type = replace(
            _type(y), shape=(rows,), limits=_limits(activation_name(operator.options.get("activation", 0)), y)
        )
        return self.builder.node(
            "dense",
            None,
            type,
            x=self._reshaped(value, (columns,)),
            w=self.builder.constant("weights", weights, Type(weights.shape, "int8", _scales(w), axis=axis)),
            bias=self.builder.constant("bias", folded, Type((rows,), dtype, scales, axis=axis)),
        )

    def _reshaped(self, value: str, shape: tuple[int, ...]) -> str:
        type = self.builder.type(value)
        if type.shape == shape:
            return value
        return self.builder.node("reshape", None, replace(type, shape=shape), x=value, attributes={"shape": shape})

    def _value(self, index: int) -> str:
        if index not in self.values:
            raise BadModelFile(f"The file is damaged: tensor {index} is read before it is made.")
        return self.values[index]


def _type(tensor: Tensor) -> Type:
    return Type(tensor.shape[1:], "int8", float(tensor.scale[0]), int(tensor.zero_point[0]))


def _scales(tensor: Tensor) -> float | tuple[float, ...]:
    return float(tensor.scale[0]) if tensor.scale.size == 1 else tuple(map(float, tensor.scale))


def _product_scales(x: Tensor, w: Tensor) -> tuple[float | tuple[float, ...], int | None]:
    """Return the scale of the products, and the axis of several. LiteRT multiplies one scale in float32 and several in float64."""
    if w.scale.size == 1:
        with np.errstate(over="ignore", under="ignore"):
            return float(x.scale[0] * w.scale[0]), None
    return tuple(float(x.scale[0]) * float(scale) for scale in w.scale), 0


def _limits(activation: str, y: Tensor) -> tuple[int, int] | None:
    """Return the range that a fused activation leaves of int8."""
    if activation == "NONE":
        return None
    low, high = INTEGER_RANGES["int8"]
    zero_point, highest = int(y.zero_point[0]), ACTIVATIONS[activation]
    if highest is not None:
        steps = np.float32(highest) / y.scale[0]  # in float32 and rounded to nearest, as LiteRT does
        high = min(high, zero_point + int(np.floor(min(float(steps), 255.0) + 0.5)))
    return max(low, zero_point), high


def _fits(values: np.ndarray, dtype: str) -> bool:
    low, high = INTEGER_RANGES[dtype]
    return bool(low <= values.min() and values.max() <= high)


ENTRY = FrontEnd(
    doc="a TensorFlow Lite model",
    suffix=".tflite",
    begins=lambda head: head[4:8] == b"TFL3",
    read=to_graph,
)
