"""Arrays to the bytes that an engine feeds to a model, and back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgewright.engines import Vectors
from edgewright.ir.types import Array, Type

ALIGNMENT = 4  # bytes; every input and output of a run begins at a multiple


def padded(type: Type) -> int:
    """Return the bytes of a value, rounded up to the alignment."""
    return -(-type.nbytes // ALIGNMENT) * ALIGNMENT


def pack(arrays: Sequence[Array], types: Sequence[Type]) -> Vectors:
    """Return [n, bytes] from one array [n, *shape] of integers a type."""
    parts = []
    for array, type in zip(arrays, types, strict=True):
        integers = np.ascontiguousarray(array, dtype=np.dtype(type.dtype).newbyteorder("<"))
        count = len(integers)
        plain = integers.reshape(count, -1).view(np.uint8).reshape(count, -1)
        parts.append(np.pad(plain, ((0, 0), (0, padded(type) - type.nbytes))))
    return np.concatenate(parts, axis=1)


def unpack(vectors: Vectors, types: Sequence[Type]) -> list[Array]:
    """Return one array [n, *shape] a type from [n, bytes]."""
    arrays, start = [], 0
    for type in types:
        plain = np.ascontiguousarray(vectors[:, start : start + type.nbytes])
        arrays.append(
            plain.view(np.dtype(type.dtype).newbyteorder("<")).reshape(len(plain), *type.shape).astype(type.dtype)
        )
        start += padded(type)
    return arrays
