"""Depthwise convolution and the convolution of its pixels that follows, without an image between them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from edgewright.errors import BadGraph
from edgewright.ir.graph import Attributes
from edgewright.ir.types import Array, Type
from edgewright.ops import INTEGERS, Case, Kernel, Op, Types, Values, _dsp, _rows, conv2d, depthwise_conv2d
from edgewright.ops._windows import entries_between, geometry
from edgewright.ops.arithmetic import Ratio
from edgewright.ops.forms import requantise_arguments


def middle_attributes(middle: Type) -> dict[str, Any]:
    """Return the attributes that say of which type the pixels between both convolutions are."""
    return {"middle_scale": middle.scale, "middle_zero_point": middle.zero_point, "middle_range": middle.range}


def middle_of(types: Types, attributes: Attributes) -> Type:
    """Return the type of the pixels between both; its dtype is that of x. Raises BadGraph."""
    x, w, bias = types["x"], types["w"], types["bias"]
    plain = Type((), x.dtype, attributes["middle_scale"], attributes["middle_zero_point"])
    middle = plain.with_range(*attributes["middle_range"])
    return replace(middle, shape=depthwise_conv2d.shape({"x": x, "w": w, "bias": bias}, attributes))


def depthwise_types(types: Types, attributes: Attributes) -> Types:
    """Return the types as `depthwise_conv2d` knows them."""
    return {**{port: types[port] for port in ("x", "w", "bias")}, "y": middle_of(types, attributes)}


def filter_types(types: Types, attributes: Attributes) -> Types:
    """Return the types as `conv2d` knows them."""
    found = {"x": middle_of(types, attributes), "w": types["filters"], "bias": types["filter_bias"]}
    return {**found, "y": types["y"]} if "y" in types else found


def filter_attributes(attributes: Attributes) -> dict[str, Any]:
    """Return the attributes as `conv2d` knows them."""
    return {"rounds_twice": bool(attributes.get("rounds_twice"))}


def shape(types: Types, attributes: Attributes) -> tuple[int, ...]:
    """Return (down, across, filters)."""
    if types["filters"].shape[1:3] != (1, 1):
        raise BadGraph(f"filters is {types['filters'].shape}; it must be [filters, 1, 1, channels]")
    if types["bias"].dtype != types["filter_bias"].dtype:
        raise BadGraph(
            f"bias is {types['bias'].dtype} and filter_bias {types['filter_bias'].dtype}; they must be alike"
        )
    if types["w"].shape[-1] != types["x"].shape[-1]:
        raise BadGraph(f"x is {types['x'].shape} and w {types['w'].shape}; each channel must have one filter")
    if "y" in types and types["y"].dtype != types["x"].dtype:
        raise BadGraph(f"x is {types['x'].dtype} and y {types['y'].dtype}; they must be alike")
    return conv2d.shape(filter_types(types, attributes), {})


def integer(v: Values, t: Types, attributes: Attributes) -> Array:
    """Return what the integers of both operators are, one after the other."""
    middle = depthwise_conv2d.integer(v, depthwise_types(t, attributes), attributes)
    values = {"x": middle, "w": v["filters"], "bias": v["filter_bias"]}
    return conv2d.integer(values, filter_types(t, attributes), filter_attributes(attributes))


def accumulator(v: Values, t: Types, attributes: Attributes) -> tuple[int, int]:
    """Return the extremes of the sums of both."""
    first = depthwise_conv2d.accumulator(v, depthwise_types(t, attributes), attributes)
    values = {"w": v["filters"], "bias": v["filter_bias"]}
    second = conv2d.accumulator(values, filter_types(t, attributes), filter_attributes(attributes))
    return min(first[0], second[0]), max(first[1], second[1])


def ratios(t: Types, attributes: Attributes) -> tuple[Ratio, ...]:
    """Return one factor for each filter, then one for each channel."""
    filters = conv2d.ratios(filter_types(t, attributes), filter_attributes(attributes))
    channels = depthwise_conv2d.ratios(depthwise_types(t, attributes), attributes)
    each = zip((filters, channels), (t["y"].shape[2], t["x"].shape[2]), strict=True)
    return tuple(factor for factors, count in each for factor in (factors * count if len(factors) == 1 else factors))


def arguments(v: Values, t: Types, attributes: Attributes) -> dict[str, int | Array]:
    """Return the geometry, the number of filters, zero points, the range between both and the requantisation."""
    middle = middle_of(t, attributes)
    return {
        "geometry": geometry(depthwise_conv2d.windows(t, attributes), t["x"].shape),
        "count": t["y"].shape[2],
        "x_zero_point": t["x"].zero_point,
        "middle_zero_point": middle.zero_point,
        "middle_lowest": middle.range[0],
        "middle_highest": middle.range[1],
        **requantise_arguments(ratios(t, attributes), t["y"]),
    }


def nine_taps(v: Values, t: Types, attributes: Attributes) -> bool:
    """Whether both convolutions have kernels for cores with DSP instructions, the first with filters of 3 x 3."""
    return depthwise_conv2d.nine_taps(v, t, attributes) and _dsp.fits(_flat(v), middle_of(t, attributes))


def words(v: Values, t: Types, attributes: Attributes) -> dict[str, int | Array]:
    """Return the words of both."""
    start = _dsp.start(_flat(v), v["filter_bias"], middle_of(t, attributes), 2)
    return {"taps": depthwise_conv2d.nine_words(v["w"])["packed"], **_dsp.packed(_flat(v), 2), **start}


def rows(v: Values, t: Types, attributes: Attributes) -> dict[str, int | Array]:
    """Return the rows of both."""
    return {
        "taps": _rows.side_by_side(depthwise_conv2d.filters(v["w"]))["rows_of_w"],
        **_rows.side_by_side(_flat(v)),
    }


def _flat(v: Values) -> Array:
    return v["filters"].reshape(len(v["filters"]), -1)


def pixel(t: Types, attributes: Attributes) -> dict[str, tuple[str, int]]:
    """One window, and the channels of a pixel."""
    return {**depthwise_conv2d.scratch(t, attributes), "pixel": (t["x"].dtype, t["x"].shape[2])}


def pairs(t: Types, attributes: Attributes) -> dict[str, tuple[str, int]]:
    """One window, and the channels of two pixels widened."""
    return {**depthwise_conv2d.scratch(t, attributes), "pairs": ("int32", t["x"].shape[2])}


def overlap(t: Types, attributes: Attributes) -> dict[str, int]:
    """A window is read before the outputs of its pixel are written."""
    return _overlap(t, attributes, together=1)


def overlap_of_pairs(t: Types, attributes: Attributes) -> dict[str, int]:
    """Two windows are read before the outputs of their pixels are written."""
    return _overlap(t, attributes, together=2)


def _overlap(t: Types, attributes: Attributes, together: int) -> dict[str, int]:
    windows = depthwise_conv2d.windows(t, attributes)
    return {"x": entries_between(windows, t["x"].shape, t["y"].shape[2], together)}


def cases(generator: np.random.Generator) -> list[Case]:
    """Both dtypes, all ways to requantise, strides and padding, one filter and many, an odd number of pixels."""
    found = []
    for dtypes in (("int8", "int8", "int32"), ("int8", "int8", "int16"), ("int16", "int16", "int32")):
        for image, size, filters, attributes in (
            ((5, 4, 4), (3, 3), 5, {"padding": (1, 1, 1, 1)}),
            ((5, 5, 8), (3, 3), 1, {"strides": (2, 1), "rounds_twice": True}),
            ((5, 4, 3), (2, 3), 4, {"padding": (1, 0, 0, 2)}),
        ):
            for first, second in ((0.0031, 2.0**-9), (2.0**-9, 0.0031), (0.4, 0.4)):
                found.append(_case(generator, image, size, filters, attributes, dtypes, (first, second)))
    found.append(_case(generator, (3, 4, 4), (3, 3), 3, {}, ("int8", "int8", "int32"), (2.0**-9, 2.0**-9)))
    return found


def _case(
    generator: np.random.Generator,
    image: tuple[int, int, int],
    size: tuple[int, int],
    filters: int,
    attributes: Attributes,
    dtypes: tuple[str, str, str],
    scales: tuple[float, float],
) -> Case:
    first = depthwise_conv2d.random_case(generator, image, (*size, image[2]), attributes, dtypes, scales[0])
    middle = first.types["y"]
    second = conv2d.random_case(
        generator, (middle.shape[0], middle.shape[1], image[2]), (filters, 1, 1), {}, dtypes, scales[1]
    )
    types = {
        **{port: first.types[port] for port in ("x", "w", "bias")},
        "filters": second.types["w"],
        "filter_bias": second.types["bias"],
        "y": second.types["y"],
    }
    values = {**first.parameters, "filters": second.parameters["w"], "filter_bias": second.parameters["bias"]}
    return Case(types, values, {**attributes, **middle_attributes(middle)})


_DTYPES = {
    "x": INTEGERS,
    "w": ("int8",),
    "bias": ("int16", "int32"),
    "filters": ("int8",),
    "y": INTEGERS,
}

ENTRY = Op(
    doc="`depthwise_conv2d` of x with w and bias, one filter a channel, and `conv2d` of its result with filters [filters, 1, 1, "
    "channels] and filter_bias; `middle_scale`, `middle_zero_point`, `middle_range`: the type between them.",
    inputs=("x", "w", "bias", "filters", "filter_bias"),
    parameters=("w", "bias", "filters", "filter_bias"),
    shape=shape,
    integer=integer,
    accumulator=accumulator,
    arguments=arguments,
    kernels=(
        Kernel(
            "separable_conv2d_nine_BIAS_Y_FORM",
            ("x", "y", "taps", "bias", "packed", "start", "rest", "window", "pairs", "geometry", "count", "x_zero_point",
             "middle_zero_point", "middle_lowest", "middle_highest", "FORM"),
            {**_DTYPES, "x": ("int8",)},
            when=nine_taps,
            ratios=ratios,
            needs="dsp",
            layout=words,
            scratch=pairs,
            overlap=overlap_of_pairs,
        ),
        Kernel(
            "separable_conv2d_X_BIAS_Y_FORM",
            ("x", "y", "taps", "bias", "rows_of_w", "filter_bias", "window", "pixel", "geometry", "count", "x_zero_point",
             "middle_zero_point", "middle_lowest", "middle_highest", "FORM"),
            _DTYPES,
            ratios=ratios,
            layout=rows,
            scratch=pixel,
            overlap=overlap,
        ),
    ),
    cases=cases,
)  # fmt: skip
