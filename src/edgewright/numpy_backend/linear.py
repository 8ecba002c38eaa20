"""Products of matrices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from edgewright.numpy_backend._values import Array, wide


def matmul(a: Array, b: Array) -> Array:
    """Return the product of matrices, stacked along the axes before the last two."""
    return np.asarray(np.matmul(wide(a), wide(b))).astype(a.dtype)


def gemm(
    a: Array, b: Array, c: Array | None = None, *,
    alpha: float = 1.0, beta: float = 1.0, transA: int = 0, transB: int = 0, broadcast: int = 1,
) -> Array:  # fmt: skip
    """Return alpha * a b + beta * c, with a and b transposed or not. broadcast: what c does anyway, a hint before opset 7."""
    left, right = (wide(a.T if transA else a), wide(b.T if transB else b))
    y = left @ right
    y = y if alpha == 1 else alpha * y
    if c is not None:
        y = y + (wide(c) if beta == 1 else beta * wide(c))
    return y.astype(a.dtype)


def einsum(*arrays: Array, equation: str) -> Array:
    """Return the sum of products that an equation such as "ij,jk->ik" states."""
    return np.asarray(np.einsum(equation, *[wide(array) for array in arrays])).astype(arrays[0].dtype)


def determinant(x: Array) -> Array:
    """Return the determinants of square matrices [..., n, n]."""
    return np.asarray(np.linalg.det(wide(x))).astype(x.dtype)


ENTRY: dict[str, Callable[..., Any]] = {"Det": determinant, "Einsum": einsum, "Gemm": gemm, "MatMul": matmul}
