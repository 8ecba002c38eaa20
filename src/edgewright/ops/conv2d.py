"""Two-dimensional convolution over images [height, width, channels]."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from edgewright.errors import BadGraph
from edgewright.ir.graph import Attributes
from edgewright.ir.types import Array, Type
from edgewright.ops import INTEGERS, Case, Kernel, Op, Quantised, Request, Types, Values, _dsp, _rows
from edgewright.ops._windows import Windows, entries_between, gathered_entries, geometry, windows_of
from edgewright.ops.arithmetic import Ratio, exact_products, requantise
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


def ratios(t: Types, attributes: Attributes) -> tuple[Ratio, ...]:
    """Return the factors from sums to outputs."""
    return row_ratios(t["bias"], t["y"], attributes)


def products(x: Array, w: Array, bias: Array, windows: Windows, fill: float | int) -> Array:
    """Return the sums [n, down, across, filters] of the windows of x with w, plus bias."""
    cut = windows.cut(x, fill)
    flat = cut.reshape(*cut.shape[:3], -1)
    return exact_products(flat, w.reshape(len(w), -1).T) + bias


def real(v: Values, attributes: Attributes) -> Array:
    """Return the convolution; padding is 0."""
    w = v["w"]
    return products(v["x"], w, v["bias"], windows_of(attributes, w.shape[1:3]), 0)


def integer(v: Values, t: Types, attributes: Attributes) -> Array:
    """Return requantise(windows w + bias); padding is the zero point of x, and the bias holds what that adds."""
    sums = products(v["x"], v["w"], v["bias"], windows(t, attributes), t["x"].zero_point)
    return requantise(sums, ratios(t, attributes), t["y"])


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
    return dense_accumulator(flat, v["bias"], t["x"], t["y"], ratios(t, attributes))


def arguments(v: Values, t: Types, attributes: Attributes) -> dict[str, int | Array]:
    """Return the geometry, the filters, the zero point of x and the requantisation."""
    return {
        "geometry": geometry(windows(t, attributes), t["x"].shape),
        "filters": t["w"].shape[0],
        "channels": t["x"].shape[2],
        "pixels": t["y"].shape[0] * t["y"].shape[1],
        "x_zero_point": t["x"].zero_point,
        **requantise_arguments(ratios(t, attributes), t["y"]),
    }


def scratch(t: Types, attributes: Attributes) -> dict[str, tuple[str, int]]:
    """One window."""
    return {"window": (t["x"].dtype, gathered_entries(windows(t, attributes), t["x"].shape[2]))}


def fits_words(v: Values, t: Types, attributes: Attributes) -> bool:
    """Whether 256 times the products fit 32 bits."""
    return _dsp.fits(v["w"].reshape(len(v["w"]), -1), t["x"])


def whole_words(v: Values, t: Types, attributes: Attributes) -> bool:
    """Whether rows of windows are whole words of an image."""
    across = windows(t, attributes).dilations[1] == 1 or t["w"].shape[2] == 1
    return across and t["x"].shape[2] % _dsp.COLUMNS == 0 and fits_words(v, t, attributes)


def pixels_alone(v: Values, t: Types, attributes: Attributes) -> bool:
    """Whether the windows are the pixels of the image."""
    lie = windows(t, attributes)
    return lie.size == lie.strides == (1, 1) and not any(lie.padding)


def words_alone(v: Values, t: Types, attributes: Attributes) -> bool:
    """Whether the windows are the pixels of the image, and these are whole words."""
    return pixels_alone(v, t, attributes) and whole_words(v, t, attributes)


def rows(v: Values, t: Types, attributes: Attributes) -> dict[str, int | Array]:
    """Return each filter as a row."""
    return _rows.side_by_side(v["w"].reshape(len(v["w"]), -1))


def words(v: Values, t: Types, attributes: Attributes) -> dict[str, int | Array]:
    """Return the words of two filters together."""
    flat = v["w"].reshape(len(v["w"]), -1)
    return {**_dsp.packed(flat, 2), **_dsp.start(flat, v["bias"], t["x"], 2)}


def pairs(t: Types, attributes: Attributes) -> dict[str, tuple[str, int]]:
    """Two windows, widened."""
    return {"pairs": ("int32", _dsp.filled(gathered_entries(windows(t, attributes), t["x"].shape[2]), _dsp.COLUMNS))}


def pairs_of_bytes(t: Types, attributes: Attributes) -> dict[str, tuple[str, int]]:
    """One window, and two of them widened."""
    wide = pairs(t, attributes)
    return {"window": ("int8", wide["pairs"][1]), **wide}


def overlap(t: Types, attributes: Attributes) -> dict[str, int]:
    """A window is gathered before its outputs are written."""
    return {"x": entries_between(windows(t, attributes), t["x"].shape, t["w"].shape[0])}


def overlap_of_pixels(t: Types, attributes: Attributes) -> dict[str, int]:
    """A pixel is read while its outputs are written."""
    pixels, filters = t["y"].shape[0] * t["y"].shape[1], t["w"].shape[0]
    return {"x": filters + max(0, (pixels - 1) * (filters - t["x"].shape[2]))}


def overlap_of_pairs(t: Types, attributes: Attributes) -> dict[str, int]:
    """Two windows are widened before their outputs are written."""
    return {"x": entries_between(windows(t, attributes), t["x"].shape, t["w"].shape[0], together=2)}


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
            ((7, 5, 4), (3, 3, 2), {"strides": (1, 2), "dilations": (2, 1), "padding": (2, 1, 0, 1)}),
            ((3, 5, 8), (5, 1, 1), {}),
            ((1, 1, 4), (1, 1, 1), {}),
            ((4, 3, 4), (4, 2, 2), {"rounds_twice": True}),
            ((2, 2, 4), (1, 2, 1), {"rounds_twice": True}),
        ):
            for scale in (2.0**-9, 0.0031, 0.4):
                found.append(random_case(generator, image, kernel, attributes, (x_dtype, y_dtype, bias_dtype), scale))
    return [*found, _large_biases(generator, (3, 5, 8), (5, 1, 1)), _large_biases(generator, (4, 4, 3), (3, 2, 2))]


def _large_biases(generator: np.random.Generator, image: tuple[int, int, int], kernel: tuple[int, int, int]) -> Case:
    """Filters that add next to nothing to a large bias, as networks have them where a channel died."""
    case = random_case(generator, image, kernel, {}, ("int8", "int8", "int32"), 0.0031)
    scales = (1e-6, 3e-6, *(float(scale) for scale in np.ravel(case.types["w"].scales)[2:]))
    types = {
        **case.types,
        "w": replace(case.types["w"], scale=scales),
        "bias": replace(case.types["bias"], scale=tuple(scale * 2.0**-5 for scale in scales)),
        "y": replace(case.types["y"], scale=0.25),
    }
    bias = np.concatenate([[2**29, -(2**28)], case.parameters["bias"][2:]]).astype(np.int32)
    return Case(types, {**case.parameters, "bias": bias}, case.attributes)


def random_case(
    generator: np.random.Generator,
    image: tuple[int, int, int],
    kernel: tuple[int, int, int],
    attributes: Attributes,
    dtypes: tuple[str, str, str],
    scale: float,
) -> Case:
    """Return a node with random constants; dtypes: of x, y and the bias; scale: of its weights."""
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


_DTYPES = {"x": INTEGERS, "w": ("int8",), "bias": ("int16", "int32"), "y": INTEGERS}


def _dsp_kernel(
    name: str,
    call: tuple[str, ...],
    when: Callable[[Values, Types, Attributes], bool],
    scratch: Callable[[Types, Attributes], dict[str, tuple[str, int]]],
) -> Kernel:
    return Kernel(
        name,
        ("x", "y", "packed", "start", "rest", *call, "FORM"),
        {**_DTYPES, "x": ("int8",)},
        when=when,
        ratios=ratios,
        needs="dsp",
        layout=words,
        scratch=scratch,
        overlap=overlap_of_pairs,
    )


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
        _dsp_kernel("conv2d_pixels_Y_FORM", ("pairs", "pixels", "channels", "filters"), words_alone, pairs),
        _dsp_kernel("conv2d_words_Y_FORM", ("pairs", "geometry", "filters", "x_zero_point"), whole_words, pairs),
        _dsp_kernel(
            "conv2d_bytes_Y_FORM",
            ("window", "pairs", "geometry", "filters", "x_zero_point"),
            fits_words,
            pairs_of_bytes,
        ),
        Kernel(
            "conv2d_alone_X_BIAS_Y_FORM",
            ("x", "y", "rows_of_w", "bias", "pixels", "channels", "filters", "FORM"),
            _DTYPES,
            when=pixels_alone,
            ratios=ratios,
            layout=rows,
            overlap=overlap_of_pixels,
        ),
        Kernel(
            "conv2d_X_BIAS_Y_FORM",
            ("x", "y", "rows_of_w", "bias", "window", "geometry", "filters", "x_zero_point", "FORM"),
            _DTYPES,
            ratios=ratios,
            layout=rows,
            scratch=scratch,
            overlap=overlap,
        ),
    ),
    cases=cases,
)
