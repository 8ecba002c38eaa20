"""Depthwise two-dimensional convolution: each channel of an image has filters of its own."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from edgewright.errors import BadGraph
from edgewright.ir.graph import Attributes
from edgewright.ir.types import Array, Type
from edgewright.ops import INTEGERS, Case, Kernel, Op, Quantised, Request, Types, Values, _rows
from edgewright.ops._windows import Windows, entries_between, gathered_entries, geometry, windows_of
from edgewright.ops.arithmetic import Ratio, requantise
from edgewright.ops.forms import requantise_arguments
from edgewright.ops.quantisation import coarse_enough, dense_accumulator, largest_real, quantise_rows, row_ratios


def windows(types: Types, attributes: Attributes) -> Windows:
    """Return where the filters lie on the image."""
    return windows_of(attributes, types["w"].shape[:2])


def shape(types: Types, attributes: Attributes) -> tuple[int, ...]:
    """Return (down, across, outputs)."""
    x, w, bias = types["x"], types["w"], types["bias"]
    if len(x.shape) != 3 or len(w.shape) != 3 or w.shape[2] % x.shape[2] or bias.shape != w.shape[2:]:
        raise BadGraph(
            f"x is {x.shape}, w {w.shape} and bias {bias.shape}; they must be [height, width, channels], "
            "[height, width, outputs] and [outputs], with as many outputs for each channel"
        )
    return (*windows(types, attributes).counts(x.shape), w.shape[2])


def ratios(t: Types, attributes: Attributes) -> tuple[Ratio, ...]:
    """Return the factors from sums to outputs."""
    return row_ratios(t["bias"], t["y"], attributes)


def products(x: Array, w: Array, bias: Array, windows: Windows, fill: float | int) -> Array:
    """Return the sums [n, down, across, outputs] of the windows of x with w, plus bias."""
    cut = windows.cut(x, fill)
    sums = np.einsum("ndaijc,ijck->ndack", cut, w.reshape(*w.shape[:2], x.shape[3], -1))
    return sums.reshape(*sums.shape[:3], -1) + bias


def real(v: Values, attributes: Attributes) -> Array:
    """Return the convolution; padding is 0."""
    return products(v["x"], v["w"], v["bias"], windows_of(attributes, v["w"].shape[:2]), 0)


def integer(v: Values, t: Types, attributes: Attributes) -> Array:
    """Return requantise(windows w + bias); padding is the zero point of x, and the bias holds what that adds."""
    sums = products(v["x"], v["w"], v["bias"], windows(t, attributes), t["x"].zero_point)
    return requantise(sums, ratios(t, attributes), t["y"])


def filters(w: Array) -> Array:
    """Return the weights as one row an output."""
    return np.ascontiguousarray(w.reshape(-1, w.shape[2]).T)


def quantise(request: Request) -> Quantised:
    """Weights an output at its finest proven scale."""
    x, w, bias = request.types["x"], request.parameters["w"], request.parameters["bias"]
    flat = filters(w)
    largest = np.abs(flat).sum(axis=1) * largest_real(x) + np.abs(bias)
    y = coarse_enough(request.output, float(largest.max()))
    rows = quantise_rows(flat, bias, x, y)
    weights, type = rows.weights
    return Quantised(
        y,
        {
            "w": (
                np.ascontiguousarray(weights.T).reshape(w.shape),
                Type(w.shape, type.dtype, type.scale, axis=2, limits=type.limits),
            ),
            "bias": rows.bias,
        },
    )


def accumulator(v: Values, t: Types, attributes: Attributes) -> tuple[int, int]:
    """Return the extremes of the sum of any filter."""
    return dense_accumulator(filters(v["w"]), v["bias"], t["x"], t["y"], ratios(t, attributes))


def arguments(v: Values, t: Types, attributes: Attributes) -> dict[str, int | Array]:
    """Return the geometry, the outputs a channel, the zero point of x and the requantisation."""
    return {
        "geometry": geometry(windows(t, attributes), t["x"].shape),
        "each": t["w"].shape[2] // t["x"].shape[2],
        "x_zero_point": t["x"].zero_point,
        **requantise_arguments(ratios(t, attributes), t["y"]),
    }


def scratch(t: Types, attributes: Attributes) -> dict[str, tuple[str, int]]:
    """One window."""
    return {"window": (t["x"].dtype, gathered_entries(windows(t, attributes), t["x"].shape[2]))}


def overlap(t: Types, attributes: Attributes) -> dict[str, int]:
    """A window is gathered before its outputs are written, or read channel by channel as they are."""
    return {"x": entries_between(windows(t, attributes), t["x"].shape, t["w"].shape[2])}


PAIRS = ((0, 1), (2, 5), (3, 4), (6, 7))  # of the taps of a filter of 3 x 3; the last is alone


def one_a_channel(v: Values, t: Types, attributes: Attributes) -> bool:
    """Whether each channel has one filter."""
    return t["w"].shape[2] == t["x"].shape[2]


def in_words(v: Values, t: Types, attributes: Attributes) -> bool:
    """Whether each channel has one filter, and the channels are a multiple of four."""
    return one_a_channel(v, t, attributes) and t["x"].shape[2] % 4 == 0


def nine_taps(v: Values, t: Types, attributes: Attributes) -> bool:
    """Whether the filters are also 3 x 3."""
    return in_words(v, t, attributes) and t["w"].shape[:2] == (3, 3)


def nine_words(w: Array) -> dict[str, int | Array]:
    """Return w [3, 3, channels] as nine words for each four channels."""
    return {"packed": _words(w.reshape(9, -1), PAIRS, (8,))}


def pairs_of_taps(w: Array) -> dict[str, int | Array]:
    """Return w [height, width, channels] as words of two taps of a row or, for one column, of that."""
    down, across = w.shape[:2] if w.shape[1] > 1 else (1, w.shape[0])
    rows = [
        _words(row, tuple((tap, tap + 1) for tap in range(0, across - 1, 2)), tuple(range(across // 2 * 2, across)))
        for row in w.reshape(down, across, -1)
    ]
    groups = w.shape[2] // 4
    return {"packed": np.concatenate([row.reshape(groups, -1) for row in rows], axis=1).ravel()}


def _words(taps: Array, pairs: tuple[tuple[int, int], ...], alone: tuple[int, ...]) -> Array:
    """Return the words of taps [n, channels] for each four channels: two a pair of taps, one for each that is alone."""
    fours = taps.reshape(len(taps), -1, 2, 2)  # tap, four channels, two of them
    two = [np.stack([fours[one], fours[other]], axis=2).reshape(-1, 2, 4) for one, other in pairs]
    packed = np.concatenate([*two, *(fours[tap].reshape(-1, 1, 4) for tap in alone)], axis=1)
    return np.ascontiguousarray(packed.astype(np.int8)).view("<i4").astype(np.int32).ravel()


def cases(generator: np.random.Generator) -> list[Case]:
    """Every pair of dtypes; strides, dilations and padding on each side; one pixel, one channel, several outputs a channel."""
    found = []
    for x_dtype, y_dtype, bias_dtype in (
        ("int8", "int8", "int32"),
        ("int8", "int16", "int16"),
        ("int16", "int8", "int32"),
        ("int16", "int16", "int32"),
    ):
        for image, kernel, attributes in (
            ((5, 4, 4), (3, 3, 4), {"padding": (1, 1, 1, 1)}),
            ((6, 7, 3), (2, 3, 6), {"strides": (2, 3), "padding": (0, 1, 2, 0)}),
            ((7, 7, 1), (3, 2, 3), {"dilations": (2, 3), "padding": (1, 0, 0, 2)}),
            ((6, 8, 4), (3, 3, 4), {"strides": (1, 2), "dilations": (2, 1), "padding": (0, 1, 1, 2)}),
            ((3, 4, 8), (1, 1, 8), {}),
            ((1, 1, 1), (1, 1, 1), {}),
            ((4, 3, 4), (2, 2, 4), {"rounds_twice": True}),
            ((2, 2, 1), (2, 1, 1), {"rounds_twice": True}),
        ):
            for scale in (2.0**-9, 0.0031, 0.4):
                found.append(random_case(generator, image, kernel, attributes, (x_dtype, y_dtype, bias_dtype), scale))
    for image, kernel, attributes in (
        ((5, 3, 5), (3, 2, 5), {"strides": (2, 1), "padding": (1, 0, 0, 0)}),
        ((7, 2, 8), (5, 1, 8), {"padding": (2, 0, 1, 0)}),
        ((3, 5, 4), (2, 3, 4), {"dilations": (1, 2), "padding": (0, 1, 0, 1)}),
    ):
        found.append(random_case(generator, image, kernel, attributes, ("int8", "int8", "int32"), 0.0031))
        found.append(random_case(generator, image, kernel, attributes, ("int16", "int16", "int16"), 2.0**-9))
        found.append(_one_scale(found[-2]))
    return [*found, _one_scale(random_case(generator, (3, 4, 4), (3, 3, 4), {}, ("int8", "int8", "int32"), 0.0031))]


def _one_scale(case: Case) -> Case:
    """Return the case with one factor for all outputs."""
    one = {port: replace(case.types[port], scale=np.ravel(case.types[port].scales)[0].item()) for port in ("w", "bias")}
    return Case(
        {**case.types, **{port: replace(type, axis=None) for port, type in one.items()}},
        case.parameters,
        case.attributes,
    )


def random_case(
    generator: np.random.Generator,
    image: tuple[int, int, int],
    w_shape: tuple[int, int, int],
    attributes: Attributes,
    dtypes: tuple[str, str, str],
    scale: float,
) -> Case:
    """Return a node with random constants; dtypes: of x, y and the bias; scale: of its weights."""
    outputs, count = w_shape[2], math.prod(w_shape[:2])
    scales = tuple(scale * factor for factor in generator.choice([0.5, 1.0, 2.0], outputs))
    types = {
        "x": Type(image, dtypes[0], 2.0**-5, zero_point=-128 if dtypes[0] == "int8" else 0),
        "w": Type(w_shape, "int8", scales, axis=2, limits=(-127, 127)),
        "bias": Type((outputs,), dtypes[2], tuple(one * 2.0**-5 for one in scales), axis=0),
    }
    unit = 2.0 ** (-5 + (4 if dtypes[0] == "int16" else 0) - (8 if dtypes[1] == "int16" else 0))
    y = Type(
        shape(types, attributes), dtypes[1], unit * scale * count * 16, zero_point=-3 if dtypes[1] == "int8" else 0
    )
    values = {
        "w": generator.integers(-127, 128, w_shape).astype(np.int8),
        "bias": generator.integers(-30000, 30000, outputs).astype(dtypes[2]),
    }
    return Case({**types, "y": y}, values, attributes)


_DTYPES = {"x": INTEGERS, "w": ("int8",), "bias": ("int16", "int32"), "y": INTEGERS}


def _dsp_kernel(
    name: str,
    when: Callable[[Values, Types, Attributes], bool],
    layout: Callable[[Array], dict[str, int | Array]],
) -> Kernel:
    return Kernel(
        name,
        ("x", "y", "packed", "bias", "window", "geometry", "x_zero_point", "FORM"),
        {**_DTYPES, "x": ("int8",)},
        when=when,
        ratios=ratios,
        needs="dsp",
        layout=lambda v, t, a: layout(v["w"]),
        scratch=scratch,
        overlap=overlap,
    )


ENTRY = Op(
    doc="Convolution of each channel of x [height, width, channels] with its own filters w [height, width, outputs], as many for "
    "each channel: `strides`, `dilations`, `padding` (top, left, bottom, right).",
    inputs=("x", "w", "bias"),
    parameters=("w", "bias"),
    shape=shape,
    float=real,
    integer=integer,
    quantise=quantise,
    accumulator=accumulator,
    arguments=arguments,
    kernels=(
        _dsp_kernel("depthwise_conv2d_nine_X_BIAS_Y_FORM", nine_taps, nine_words),
        _dsp_kernel("depthwise_conv2d_pairs_X_BIAS_Y_FORM", in_words, pairs_of_taps),
        Kernel(
            "depthwise_conv2d_alone_X_BIAS_Y_FORM",
            ("x", "y", "rows_of_w", "bias", "window", "geometry", "x_zero_point", "FORM"),
            _DTYPES,
            when=one_a_channel,
            ratios=ratios,
            layout=lambda v, t, a: _rows.side_by_side(filters(v["w"])),
            scratch=scratch,
            overlap=overlap,
        ),
        Kernel(
            "depthwise_conv2d_X_BIAS_Y_FORM",
            ("x", "y", "w", "bias", "window", "geometry", "each", "x_zero_point", "FORM"),
            _DTYPES,
            ratios=ratios,
            scratch=scratch,
            overlap=overlap,
        ),
    ),
    cases=cases,
)
