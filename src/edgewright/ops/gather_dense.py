"""Matrix-vector products with chosen blocks of rows: the predictors of the nodes on a Bonsai path."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgewright.errors import BadGraph
from edgewright.ir.graph import Attributes
from edgewright.ir.types import Array, Type
from edgewright.ops import INTEGERS, Case, Kernel, Op, Quantised, Request, Types, Values, _avr, _rows
from edgewright.ops.arithmetic import Ratio, product_bounds, ratios, saturate
from edgewright.ops.forms import requantise_arguments
from edgewright.ops.quantisation import coarse_enough, largest_real, quantise_rows, quantise_weights, row_costs


def shape(types: Types, attributes: Attributes) -> tuple[int, ...]:
    """Return (chosen blocks, rows of a block)."""
    total, columns = types["w"].shape
    rows = attributes["rows"]
    if types["x"].zero_point:
        raise BadGraph("x must have its zero point at 0, as our own activations have")
    if types["x"].shape != (columns,) or total % rows:
        raise BadGraph(f"w is {total}x{columns}, so x must be {columns} and {rows} rows a block must divide {total}")
    if len(types["index"].shape) != 1 or (
        not types["index"].is_float and not 0 <= types["index"].range[0] <= types["index"].range[1] < total // rows
    ):
        raise BadGraph(f"index must be a vector of integers proven to lie in 0..{total // rows - 1}")
    return (types["index"].shape[0], rows)


def chosen_rows(v: Values, attributes: Attributes) -> Array:
    """Return the row numbers that the index chooses: [n, blocks, rows]."""
    return v["index"].astype(np.int64)[..., None] * attributes["rows"] + np.arange(attributes["rows"])


def products(v: Values, attributes: Attributes) -> Array:
    """Return w[chosen] x: [n, blocks, rows]."""
    return np.take_along_axis(v["x"] @ v["w"].T, chosen_rows(v, attributes).reshape(len(v["x"]), -1), axis=1).reshape(
        len(v["x"]), -1, attributes["rows"]
    )


def integer(v: Values, t: Types, attributes: Attributes) -> Array:
    """Return requantise(w[chosen] x), each row by its own factor."""
    sums, factors = products(v, attributes), _factors(t)
    if len(factors) == 1:
        scaled = factors[0].apply(sums)
    else:
        scaled = np.zeros_like(sums)
        chosen = chosen_rows(v, attributes)
        for row, factor in enumerate(factors):
            here = chosen == row
            scaled[here] = factor.apply(sums[here])
    return saturate(scaled + t["y"].zero_point, t["y"])


def _factors(t: Types) -> tuple[Ratio, ...]:
    scales = np.broadcast_to(t["w"].scales.ravel(), t["w"].shape[:1])
    factors = ratios(scales * float(t["x"].scales) / float(t["y"].scales))
    return factors[:1] if len(set(factors)) == 1 else factors


def quantise(request: Request) -> Quantised:
    """Weights a row at its finest proven scale; all at the coarsest of these where that changes no weight: one shift serves them all."""
    w, x = request.parameters["w"], request.types["x"]
    y = coarse_enough(request.output, float(np.abs(w).sum(axis=1).max()) * largest_real(x))
    integers, type = quantise_rows(w, np.zeros(len(w)), x, y).weights
    scales = np.asarray(type.scales).reshape(-1, 1)
    common = quantise_weights(w, scales.max())
    if np.array_equal(common * scales.max(), integers * scales):
        integers, type = common, replace(type, scale=(float(scales.max()),) * len(w))
    return Quantised(y, {"w": (integers, type)})


def accumulator(v: Values, t: Types, attributes: Attributes) -> tuple[int, int]:
    """Return the extremes of the sum of any row."""
    lowest, highest = product_bounds(v["w"], min(t["x"].range[0], 0), max(t["x"].range[1], 0))
    return row_costs(lowest, highest, _factors(t), t["y"])


def arguments(v: Values, t: Types, attributes: Attributes) -> dict[str, int | Array]:
    """Return the sizes and the requantisation."""
    sizes = {"blocks": t["index"].shape[0], "rows": attributes["rows"], "columns": t["w"].shape[1]}
    return {**sizes, **requantise_arguments(_factors(t), t["y"])}


def side_by_side(v: Values, t: Types, attributes: Attributes) -> dict[str, int | Array]:
    """Return the rows of each block as rows.h reads them."""
    blocks = v["w"].reshape(-1, attributes["rows"], v["w"].shape[1])
    return {"rows_of_w": np.concatenate([np.asarray(_rows.side_by_side(block)["rows_of_w"]) for block in blocks])}


def cases(generator: np.random.Generator) -> list[Case]:
    """One scale and a scale a row, every pair of dtypes, blocks of a few rows and of more than four."""
    found = []
    for x_dtype in INTEGERS:
        for y_dtype in INTEGERS:
            for scales in ((2.0**-7,) * 6, (2.0**-7, 2.0**-5, 2.0**-9, 2.0**-7, 2.0**-6, 2.0**-8)):
                found.append(_case(generator, x_dtype, y_dtype, scales, 2, 4))
            found.append(_case(generator, x_dtype, y_dtype, (2.0**-7, 2.0**-6, 2.0**-8) * 6, 6, 11))
    return found


def _case(
    generator: np.random.Generator, x_dtype: str, y_dtype: str, scales: tuple[float, ...], rows: int, columns: int
) -> Case:
    """Two of the blocks, each of some rows; scales has one a row of all blocks."""
    w = generator.integers(-127, 128, (len(scales), columns)).astype(np.int8)
    bits = (8 if x_dtype == "int16" else 0) + (8 if y_dtype == "int8" else 0)
    types = {
        "x": Type((columns,), x_dtype, 2.0**-7),
        "index": Type((2,), "int16", 1.0, limits=(0, len(scales) // rows - 1)),
        "w": Type(w.shape, "int8", scales, axis=0, limits=(-127, 127)),
        "y": Type((2, rows), y_dtype, 2.0 ** (bits - 13)),
    }
    return Case(types, {"w": w}, {"rows": rows})


ENTRY = Op(
    doc="Products of x with blocks of `rows` rows of w [blocks * rows, columns], chosen by index: y [chosen, rows].",
    inputs=("x", "index", "w"),
    parameters=("w",),
    shape=shape,
    float=products,
    integer=integer,
    quantise=quantise,
    accumulator=accumulator,
    arguments=arguments,
    kernels=(
        Kernel(
            "gather_dense_offset_X_Y_FORM",
            ("x", "index", "y", "interleaved", "start", "blocks", "rows", "columns", "FORM"),
            {"x": INTEGERS, "y": INTEGERS, "index": ("int16",), "w": ("int8",)},
            when=lambda v, t, a: _avr.fits(v["w"], np.zeros(len(v["w"]), np.int64), t["x"]),
            ratios=lambda t, a: _factors(t),
            needs="avr",
            layout=lambda v, t, a: _avr.interleaved(v["w"], np.zeros(len(v["w"]), np.int64), t["x"], a["rows"]),
        ),
        Kernel(
            "gather_dense_X_Y_FORM",
            ("x", "index", "y", "rows_of_w", "blocks", "rows", "columns", "FORM"),
            {"x": INTEGERS, "y": INTEGERS, "index": ("int16",), "w": ("int8",)},
            ratios=lambda t, a: _factors(t),
            layout=side_by_side,
        ),
    ),
    cases=cases,
)
