"""ONNX's tensors, attributes and types as arrays and Python's values, and back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnx.numpy_helper

from edgewright.errors import BadModelFile, UnsupportedModel

Array = npt.NDArray[Any]
Value = Any  # an array, a list of arrays (a sequence) or None (an optional that holds nothing)


def wide(x: Array) -> Array:
    """Return x in a type that NumPy computes in: float16 and the types of ml_dtypes become float32."""
    return x.astype(np.float32) if x.dtype == np.float16 or x.dtype.isbuiltin == 2 else x


def tensor(proto: onnx.TensorProto) -> Array:
    """Return a tensor as an array; types that NumPy lacks are those of ml_dtypes. Raises BadModelFile for a damaged one."""
    if proto.data_location == onnx.TensorProto.EXTERNAL:
        raise BadModelFile(
            f"The tensor {proto.name!r} lies in another file: read the model with onnx.load, which fetches it."
        )
    try:
        return np.array(onnx.numpy_helper.to_array(proto))
    except (KeyError, TypeError, ValueError) as error:
        raise BadModelFile(f"The tensor {proto.name!r} of shape {list(proto.dims)} is damaged: {error}") from error


def dense(proto: onnx.SparseTensorProto) -> Array:
    """Return a sparse tensor with its zeros. Its indices are [entries], into the flat tensor, or [entries, rank]."""
    values, indices, shape = tensor(proto.values), tensor(proto.indices), tuple(proto.dims)
    flat = indices if indices.ndim == 1 else indices @ np.array([math.prod(shape[i + 1 :]) for i in range(len(shape))])
    size = math.prod(shape)
    if flat.shape != values.shape or (flat.size and not 0 <= flat.min() <= flat.max() < size):
        raise BadModelFile(f"The sparse tensor {proto.values.name!r} of shape {list(shape)} has indices outside of it.")
    result = np.zeros(size, values.dtype)
    result[flat] = values
    return result.reshape(shape)


def from_attribute(attribute: onnx.AttributeProto, where: str) -> Any:
    """Return the value of an attribute that is no graph: texts as str, tensors as arrays."""
    kinds = onnx.AttributeProto
    if attribute.type in (kinds.GRAPHS, kinds.TENSORS, kinds.SPARSE_TENSORS):
        raise UnsupportedModel(
            f"{where}: the attribute {attribute.name!r} is a list of graphs or of tensors, which no operator takes."
        )
    value = onnx.helper.get_attribute_value(attribute)
    if attribute.type == kinds.TENSOR:
        return tensor(attribute.t)
    if attribute.type == kinds.SPARSE_TENSOR:
        return dense(attribute.sparse_tensor)
    try:
        if attribute.type == kinds.STRING:
            return value.decode()
        if attribute.type == kinds.STRINGS:
            return [entry.decode() for entry in value]
    except UnicodeDecodeError as error:
        raise BadModelFile(f"{where}: the attribute {attribute.name!r} is no UTF-8 text.") from error
    return list(value) if attribute.type in (kinds.FLOATS, kinds.INTS) else value


def settled(value: Value) -> Value:
    """Return what an operator gave as an array where NumPy made a scalar of it."""
    if isinstance(value, str):
        return np.array(value, dtype=object)
    return np.asarray(value) if isinstance(value, np.generic | bool | int | float) else value


def type_of(value: Value) -> onnx.TypeProto:
    """Return the ONNX type of a value; that of nothing is the empty one."""
    if value is None:
        return onnx.TypeProto()
    if isinstance(value, list):
        return onnx.helper.make_sequence_type_proto(type_of(value[0]) if value else onnx.TypeProto())
    return onnx.helper.make_tensor_type_proto(onnx.helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
