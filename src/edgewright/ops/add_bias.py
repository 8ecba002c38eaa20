"""A constant a feature added to x: cheaper than `affine` where nothing is scaled, and kept in flash."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgewright.errors import BadGraph
from edgewright.ir.graph import Attributes
from edgewright.ir.types import INTEGER_RANGES, Array, Type
from edgewright.ops import INTEGERS, Case, Kernel, Op, Quantised, Request, Types, Values, affine
from edgewright.ops._layout import in_place
from edgewright.ops.arithmetic import Ratio, ratios, requantise, requantise_cost
from edgewright.ops.forms import requantise_arguments
from edgewright.ops.quantisation import coarse_enough, largest_real

LARGEST_BIAS = 2**24  # steps of x


def shape(types: Types, attributes: Attributes) -> tuple[int, ...]:
    """Return the shape of x."""
    x, bias = types["x"], types["bias"]
    if bias.shape != x.shape[-1:]:
        raise BadGraph(f"x is {x.shape}, so bias must be {x.shape[-1:]}")
    if x.axis is not None or (not x.is_float and float(bias.scales) != float(x.scales)):
        raise BadGraph("x needs one scale, and bias the same")
    return x.shape


def integer(v: Values, t: Types, attributes: Attributes) -> Array:
    """Return requantise(x + bias); the bias holds the zero point of x."""
    return requantise(v["x"] + v["bias"], _factor(t), t["y"])


def _factor(t: Types) -> tuple[Ratio, ...]:
    return ratios(np.array([float(t["x"].scales) / float(t["y"].scales)]))


def quantise(request: Request) -> Quantised:
    """The bias in steps of x, int16 where that holds it, else int32; an `affine` where x is far too fine for that."""
    x, bias = request.types["x"], request.parameters["bias"].astype(np.float64)
    integers = np.floor(bias / float(x.scales) + 0.5) - x.zero_point
    largest = float(np.abs(integers).max())
    if largest > LARGEST_BIAS:
        parameters = {"scale": np.ones(1), "offset": bias}
        return replace(affine.quantise(replace(request, parameters=parameters)), op="affine")
    dtype = "int16" if largest <= INTEGER_RANGES["int16"][1] else "int32"
    y = coarse_enough(request.output, largest_real(x) + float(np.abs(bias).max()))
    return Quantised(y, {"bias": (integers.astype(dtype), Type(bias.shape, dtype, x.scale))})


def accumulator(v: Values, t: Types, attributes: Attributes) -> tuple[int, int]:
    """Return the extremes of the sum of any feature."""
    low, high = t["x"].range
    return requantise_cost(low + int(v["bias"].min()), high + int(v["bias"].max()), _factor(t), t["y"])


def arguments(v: Values, t: Types, attributes: Attributes) -> dict[str, int | Array]:
    """Return rows and features, and the requantisation."""
    features = t["bias"].size
    return {"rows": t["x"].size // features, "features": features, **requantise_arguments(_factor(t), t["y"])}


def cases(generator: np.random.Generator) -> list[Case]:
    """Every pair of dtypes, to coarser, equal and finer scales, several rows, a zero point, one entry."""
    found = []
    for x_dtype, bias_dtype, y_dtype in (
        ("int8", "int16", "int8"),
        ("int8", "int16", "int16"),
        ("int16", "int32", "int8"),
        ("int16", "int16", "int16"),
    ):
        for y_scale, bounds in ((2.0**-5, None), (2.0**-6, None), (2.0**-3, (-20, 100))):
            x = Type((2, 3), x_dtype, 2.0**-5)
            y = Type((2, 3), y_dtype, y_scale, zero_point=5 if y_dtype == "int8" else 0, limits=bounds)
            bias = generator.integers(-30000, 30000, 3).astype(bias_dtype)
            found.append(Case({"x": x, "bias": Type((3,), bias_dtype, 2.0**-5), "y": y}, {"bias": bias}))
    one = {"x": Type((1,), "int16", 0.3), "bias": Type((1,), "int16", 0.3), "y": Type((1,), "int16", 0.07)}
    return [*found, Case(one, {"bias": np.array([-1], np.int16)})]


ENTRY = Op(
    doc="y = x + bias, one entry of `bias` for each of the last axis of x.",
    inputs=("x", "bias"),
    parameters=("bias",),
    shape=shape,
    float=lambda v, a: v["x"] + v["bias"],
    integer=integer,
    quantise=quantise,
    accumulator=accumulator,
    arguments=arguments,
    kernels=(
        Kernel(
            "add_bias_X_BIAS_Y_FORM",
            ("x", "y", "bias", "rows", "features", "FORM"),
            {"x": INTEGERS, "bias": ("int16", "int32"), "y": INTEGERS},
            ratios=lambda t, a: _factor(t),
            overlap=in_place,
        ),
    ),
    cases=cases,
)
