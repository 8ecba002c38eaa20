"""Two-dimensional convolution over images [height, width, channels]."""

from __future__ import annotations

import math

import numpy as np

from edgewright.errors import BadGraph
from edgewright.ir.graph import Attributes
from edgewright.ir.types import Array, Type
from edgewright.ops import INTEGERS, Case, Kernel, Op, Quantised, Request, Types, Values
from edgewright.ops._windows import Windows, gathered_entries, geometry, rows_between, windows_of
from edgewright.ops.arithmetic import requantise
from edgewright.ops.forms import requantise_arguments
from edgewright.ops.quantisation import coarse_enough, dense_accumulator, largest_real, quantise_rows, row_ratios


def windows(types: Types, attributes: Attributes) -> Windows:
    """Return where the filters lie on the image."""
    return windows_of(attributes, types["w"].shape[1:3])


def shape(types: Types, attributes: Attributes) -> tuple[int, ...]:
    """Return (down, across, filters)."""
    x, w, bias = types["x"], types["w"], types["bias"]
    if len(x.shape) != 3 or len(w.shape) != 4 or w.shape[3] != x.shape[2] or bias.shape != w.shape[:1]:
        raise BadGraph(
            f"x is {x.shape}, w {w.shape} and bias {bias.shape}; they must be [height, width, channels], "
            "[filters, height, width, channels] and [filters]"
        )
    return (*windows(types, attributes).counts(x.shape), w.shape[0])


def products(x: Array, w: Array, bias: Array, windows: Windows, fill: float | int) -> Array:
    """Return the sums [n, down, across, filters] of the windows of x with w, plus bias."""
    cut = windows.cut(x, fill)
    flat = cut.reshape(*cut.shape[:3], -1)
    return flat @ w.reshape(len(w), -1).T + bias


def real(v: Values, attributes: Attributes) -> Array:
    """Return the convolution; padding is 0."""
    w = v["w"]
    return products(v["x"], w, v["bias"], windows_of(attributes, w.shape[1:3]), 0)


def integer(v: Values, t: Types, attributes: Attributes) -> Array:
    """Return requantise(windows w + bias); padding is the zero point of x, and the bias holds what that adds."""
    sums = products(v["x"], v["w"], v["bias"], windows(t, attributes), t["x"].zero_point)
    return requantise(sums, row_ratios(t["bias"], t["y"]), t["y"])


def quantise(request: Request) -> Quantised:
    """Weights a filter at its finest proven scale."""
    x, w, bias = request.types["x"], request.parameters["w"], request.parameters["bias"]
    flat = w.reshape(len(w), -1)
    largest = np.abs(flat).sum(axis=1) * largest_real(x) + np.abs(bias)
    y = coarse_enough(request.output, float(largest.max()))
    rows = quantise_rows(flat, bias, x, y)
    weights, type = rows.weights
    return Quantised(
        y,
        {
            "w": (weights.reshape(w.shape), Type(w.shape, type.dtype, type.scale, axis=0, limits=type.limits)),
            "bias": rows.bias,
        },
    )


def accumulator(v: Values, t: Types, attributes: Attributes) -> tuple[int, int]:
    """Return the extremes of the sum of any filter."""
    flat = v["w"].reshape(len(v["w"]), -1)
    return dense_accumulator(flat, v["bias"], t["x"], t["y"], row_ratios(t["bias"], t["y"]))


def arguments(v: Values, t: Types, attributes: Attributes) -> dict[str, int | Array]:
    """Return the geometry, the filters, the zero point of x and the requantisation."""
    return {
        "geometry": geometry(windows(t, attributes), t["x"].shape),
        "filters": t["w"].shape[0],
        "x_zero_point": t["x"].zero_point,
        **requantise_arguments(row_ratios(t["bias"], t["y"]), t["y"]),
    }


def scratch(t: Types, attributes: Attributes) -> dict[str, tuple[str, int]]:
    """One window."""
    return {"window": (t["x"].dtype, gathered_entries(windows(t, attributes), t["x"].shape[2]))}


def overlap(t: Types, attributes: Attributes) -> dict[str, int]:
    """Rows of y follow the rows of x that no later window needs."""
    return {"x": rows_between(windows(t, attributes), t["x"].shape, t["w"].shape[0])}


def cases(generator: np.random.Generator) -> list[Case]:
    """Every pair of dtypes; strides, dilations and padding on each side; one pixel, one filter, zero points, all forms."""
    found = []
    for x_dtype, y_dtype, bias_dtype in (
        ("int8", "int8", "int32"),
        ("int8", "int16", "int16"),
        ("int16", "int8", "int32"),
        ("int16", "int16", "int32"),
    ):
        for image, kernel, attributes in (
            ((5, 4, 3), (4, 3, 3), {"padding": (1, 1, 1, 1)}),
            ((6, 7, 2), (3, 2, 3), {"strides": (2, 3), "padding": (0, 1, 2, 0)}),
            ((7, 7, 1), (2, 3, 2), {"dilations": (2, 3), "padding": (1, 0, 0, 2)}),
            ((3, 4, 8), (5, 1, 1), {}),
            ((1, 1, 4), (1, 1, 1), {}),
        ):
            for scale in (2.0**-9, 0.0031, 0.4):
                found.append(_case(generator, image, kernel, attributes, (x_dtype, y_dtype, bias_dtype), scale))
    return found


def _case(
    generator: np.random.Generator,
    image: tuple[int, int, int],
    kernel: tuple[int, int, int],
    attributes: Attributes,
    dtypes: tuple[str, str, str],
    scale: float,
) -> Case:
    filters = kernel[0]
    w_shape = (filters, *kernel[1:], image[2])
    scales = tuple(scale * factor for factor in generator.choice([0.5, 1.0, 2.0], filters))
    x = Type(image, dtypes[0], 2.0**-5, zero_point=-128 if dtypes[0] == "int8" else 0)
    count = math.prod(w_shape[1:])
    types = {
        "x": x,
        "w": Type(w_shape, "int8", scales, axis=0, limits=(-127, 127)),
        "bias": Type((filters,), dtypes[2], tuple(one * 2.0**-5 for one in scales), axis=0),
    }
    unit = 2.0 ** (-5 + (4 if dtypes[0] == "int16" else 0) - (8 if dtypes[1] == "int16" else 0))
    y = Type((), dtypes[1], unit * scale * count * 16, zero_point=-3 if dtypes[1] == "int8" else 0)
    y = Type(shape({**types}, attributes), y.dtype, y.scale, y.zero_point)
    values = {
        "w": generator.integers(-127, 128, w_shape).astype(np.int8),
        "bias": generator.integers(-30000, 30000, filters).astype(dtypes[2]),
    }
    return Case({**types, "y": y}, values, attributes)


ENTRY = Op(
    doc="Convolution of x [height, width, channels] with w [filters, height, width, channels]: `strides`, `dilations`, "
    "`padding` (top, left, bottom, right).",
    inputs=("x", "w", "bias"),
    parameters=("w", "bias"),
    shape=shape,
    float=real,
    integer=integer,
    quantise=quantise,
    accumulator=accumulator,
    arguments=arguments,
    kernels=(
        Kernel(
            "conv2d_X_BIAS_Y_FORM",
            ("x", "y", "w", "bias", "window", "geometry", "filters", "x_zero_point", "FORM"),
            {"x": INTEGERS, "w": ("int8",), "bias": ("int16", "int32"), "y": INTEGERS},
            ratios=lambda t, a: row_ratios(t["bias"], t["y"]),
            scratch=scratch,
            overlap=overlap,
        ),
    ),
    cases=cases,
)
