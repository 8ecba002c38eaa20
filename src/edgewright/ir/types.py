"""The type of a value: its shape, its integers and what they mean."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

INTEGER_RANGES: dict[str, tuple[int, int]] = {
    "bool": (0, 1),
    "int8": (-(2**7), 2**7 - 1),
    "uint8": (0, 2**8 - 1),
    "int16": (-(2**15), 2**15 - 1),
    "uint16": (0, 2**16 - 1),
    "int32": (-(2**31), 2**31 - 1),
}
DTYPES = ("float32", *INTEGER_RANGES)

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Type:
    """What a value is: `real = scale * (integer - zero_point)`.

    shape: without a batch axis.
    scale: one number, or one per entry of the axis `axis` (weights, and graph inputs that an `affine` reads). None for float32.
    limits: the proven (lowest, highest) integer where that is less than what the dtype holds; read it through `range`.
    """

    shape: tuple[int, ...]
    dtype: str = "float32"
    scale: float | tuple[float, ...] | None = None
    zero_point: int = 0
    axis: int | None = None
    limits: tuple[int, int] | None = None

    @property
    def is_float(self) -> bool:
        """Whether the value is not quantised."""
        return self.dtype == "float32"

    @property
    def range(self) -> tuple[int, int]:
        """The proven (lowest, highest) integer."""
        return self.limits if self.limits is not None else INTEGER_RANGES[self.dtype]

    @property
    def size(self) -> int:
        """The number of entries."""
        return math.prod(self.shape)

    @property
    def itemsize(self) -> int:
        """Bytes of one entry."""
        return int(np.dtype(self.dtype).itemsize)

    @property
    def nbytes(self) -> int:
        """Bytes of all entries."""
        return self.size * self.itemsize

    @property
    def scales(self) -> npt.NDArray[np.float64]:
        """The scale as an array that multiplies the integers entry by entry (broadcast along `axis`)."""
        scale = np.asarray(1.0 if self.scale is None else self.scale, dtype=np.float64)
        if self.axis is None or scale.ndim == 0:
            return scale
        return scale.reshape([-1 if axis == self.axis else 1 for axis in range(len(self.shape))])

    def with_range(self, lowest: int, highest: int) -> Type:
        """Return this type with a proven range, cut to what it already allows."""
        low, high = self.range
        return replace(self, limits=(max(low, lowest), min(high, highest)))

    def __str__(self) -> str:
        shape = "x".join(map(str, self.shape)) or "scalar"
        if self.is_float:
            return f"float32[{shape}]"
        parts = [f"{self.dtype}[{shape}]", f"scale {describe_scale(self.scale)}"]
        if self.zero_point:
            parts.append(f"zero {self.zero_point}")
        if self.limits is not None:
            parts.append(f"in {self.limits[0]}..{self.limits[1]}")
        return " ".join(parts)


def power_of_two(scale: float) -> int | None:
    """Return k if scale is exactly 2**k, else None."""
    mantissa, exponent = math.frexp(scale)
    return exponent - 1 if mantissa == 0.5 else None


def describe_scale(scale: float | tuple[float, ...] | None) -> str:
    """Return a scale as people read it: 2^-7, 0.0123, or the extremes of several."""
    if scale is None or scale == ():
        return "none"
    if isinstance(scale, tuple):
        low, high = describe_scale(min(scale)), describe_scale(max(scale))
        return low if low == high else f"{low}..{high}"
    exponent = power_of_two(scale)
    return f"{scale:.6g}" if exponent is None else f"2^{exponent}"


def quantise_array(values: npt.ArrayLike, type: Type) -> npt.NDArray[np.int64]:
    """Return real values as int64 integers of a type: rounded half up, saturated to its range.

    values: [..., *type.shape]. Ties go towards +infinity, as everywhere in the integer arithmetic.
    """
    integers = np.floor(np.asarray(values, dtype=np.float64) / type.scales + 0.5) + type.zero_point
    low, high = type.range
    return np.clip(integers, low, high).astype(np.int64)


def dequantise_array(integers: npt.ArrayLike, type: Type) -> npt.NDArray[np.float64]:
    """Return the real values of integers of a type."""
    return (np.asarray(integers, dtype=np.float64) - type.zero_point) * type.scales
