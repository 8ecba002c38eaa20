"""Operators that front ends need: their real meaning is that of torch, and their integers keep it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edgewright import ops
from edgewright.compiler.quantise import quantise
from edgewright.errors import BadGraph
from edgewright.ir.types import Array, Type, dequantise_array, quantise_array
from edgewright.lowering import Builder
from edgewright.runtime.integer import run_integer
from edgewright.runtime.interpret import run_float

X = np.linspace(-6.0, 6.0, 401)


def functional(name: str, **settings: Any) -> Callable[[Array], Array]:
    def computed(x: Array) -> Array:
        torch = pytest.importorskip("torch")
        function = getattr(torch.nn.functional, name, None) or getattr(torch, name)
        return np.asarray(function(torch.from_numpy(x), **settings))

    return computed


@pytest.mark.parametrize(
    ("op", "attributes", "reference"),
    [
        ("leaky_relu", {"slope": 0.1}, functional("leaky_relu", negative_slope=0.1)),
        ("elu", {"alpha": 0.7}, functional("elu", alpha=0.7)),
        ("elu", {"alpha": 1.6732632423543772, "scale": 1.0507009873554805}, functional("selu")),
        ("gelu", {}, functional("gelu")),
        ("gelu", {"approximate": True}, functional("gelu", approximate="tanh")),
        ("hard_swish", {}, functional("hardswish")),
        ("softplus", {}, functional("softplus")),
        ("erf", {}, functional("erf")),
        ("absolute", {}, functional("abs")),
        ("square_root", {}, lambda x: np.sqrt(np.maximum(x, 0.0))),
    ],
)
def test_functions_of_one_number(op: str, attributes: dict[str, Any], reference: Callable[[Array], Array]) -> None:
    builder = Builder()
    x = builder.input("x", Type((1,)))
    graph = builder.finish(builder.node(op, x=x, attributes=attributes))
    rows = X[:, None]
    assert np.abs(run_float(graph, rows) - reference(rows)).max() < 1e-6
    integers = quantise(graph, rows)
    found = dequantise_array(run_integer(integers, quantise_array(rows, integers.input_type)), integers.output_type)
    steps = float(integers.input_type.scales) + float(integers.output_type.scales)
    steep = math.sqrt(float(integers.input_type.scales)) if op == "square_root" else 0.0
    assert np.abs(found - reference(rows)).max() < 2.0 * steps + 2.0**-9 + steep


@pytest.mark.parametrize("coordinates", ["half_pixel", "align_corners"])
@pytest.mark.parametrize("size", [(8, 10), (3, 7), (2, 2)])
def test_linear_resizing(coordinates: str, size: tuple[int, int]) -> None:
    torch = pytest.importorskip("torch")
    image = np.random.default_rng(0).normal(0.0, 1.0, (3, 4, 5, 2))
    builder = Builder()
    x = builder.input("x", Type((4, 5, 2)))
    graph = builder.finish(builder.node("resize_bilinear", x=x, attributes={"size": size, "coordinates": coordinates}))
    turned = torch.from_numpy(np.moveaxis(image, -1, 1).copy())
    expected = torch.nn.functional.interpolate(
        turned, size, mode="bilinear", align_corners=coordinates == "align_corners"
    )
    assert np.abs(run_float(graph, image) - np.moveaxis(expected.numpy(), 1, -1)).max() < 1e-6


@pytest.mark.parametrize(("dtype", "allowed"), [("int8", 1.0), ("int16", 2.0**16 / 2**7)])
def test_linear_resizing_in_integers(dtype: str, allowed: float) -> None:
    """The error is that of the shares, of 10 and 7 bits, and one rounding."""
    type = Type((5, 4, 1), dtype, 1.0)
    attributes = {"size": (7, 9), "coordinates": "half_pixel"}
    op = ops.get("resize_bilinear")
    types = {"x": type, "y": Type((7, 9, 1), dtype, 1.0)}
    x = np.random.default_rng(1).integers(*type.range, (50, 5, 4, 1))
    assert op.integer is not None
    assert op.float is not None
    difference = op.integer({"x": x}, types, attributes) - op.float({"x": x.astype(float)}, attributes)
    assert np.abs(difference).max() <= allowed


@pytest.mark.parametrize(
    ("op", "attributes", "says"),
    [
        ("transpose", {"axes": (0, 1)}, "each once"),
        ("transpose", {"axes": (0, 0, 1)}, "each once"),
        ("pad", {"before": (1, 0), "behind": (0, 0, 0)}, "each must hold 3 numbers"),
        ("pad", {"before": (-1, 0, 0), "behind": (0, 0, 0)}, "each must hold 3 numbers"),
        ("pad", {"before": (1, 0, 0), "behind": (0, 0, 0), "value": math.inf}, "finite"),
        ("pad", {"before": (2**15 - 1, 0, 0), "behind": (9, 0, 0)}, "are allowed"),
        ("resize_nearest", {"size": (0, 3)}, "two numbers"),
        ("resize_bilinear", {"size": (4, 4), "coordinates": "cubic"}, "must be one of"),
    ],
)
def test_attributes_that_do_not_fit_are_refused(op: str, attributes: dict[str, Any], says: str) -> None:
    with pytest.raises(BadGraph, match=says):
        ops.get(op).shape({"x": Type((2, 3, 4))}, attributes)


def test_a_fill_out_of_reach_is_cut_and_one_beyond_the_proven_range_widens_it() -> None:
    x = Type((2,), "int8", 0.5, limits=(0, 10))
    attributes = {"before": (1,), "behind": (0,), "value": -3.0}
    pad = ops.get("pad")
    assert pad.quantise is not None
    made = pad.quantise(ops.Request({"x": x}, {}, attributes, Type((3,), "int8", 0.5)))
    assert made.output.range == (-6, 10)
    assert pad.integer is not None
    types = {"x": x, "y": made.output}
    assert pad.integer({"x": np.array([[4, 5]])}, types, attributes).tolist() == [[-6, 4, 5]]
