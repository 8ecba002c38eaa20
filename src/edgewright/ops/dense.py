"""Matrix-vector product with a bias: the layer that every learner has."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgewright.errors import BadGraph
from edgewright.ir.graph import Attributes
from edgewright.ir.types import Array, Type
from edgewright.ops import INTEGERS, Case, Kernel, Op, Quantised, Request, Types, Values, _avr, _dsp, _packed, _rows
from edgewright.ops.arithmetic import exact_products, requantise
from edgewright.ops.forms import requantise_arguments
from edgewright.ops.quantisation import coarse_enough, dense_accumulator, largest_real, quantise_rows, row_ratios

LONG = 260  # columns: beyond 512 bytes of widened entries
BLOCK_COLUMNS, BLOCK_ROWS = 128, 64  # that dense_blocks takes at a time
STREAMED = 1024  # columns at most whose entries become words: beyond 4 KB
MANY = 1024  # products
LEAST_CHUNK = 3  # columns of a mean chunk from which two rows in one multiplication are faster on every core that has kernels for that


def shape(types: Types, attributes: Attributes) -> tuple[int, ...]:
    """Return (rows,)."""
    rows, columns = types["w"].shape
    if types["x"].shape != (columns,) or types["bias"].shape != (rows,):
        raise BadGraph(f"w is {rows}x{columns}, so x must be {columns} and bias {rows}")
    return (rows,)


def integer(v: Values, t: Types, attributes: Attributes) -> Array:
    """Return requantise(w x + bias); x: [n, columns]."""
    return requantise(exact_products(v["x"], v["w"].T) + v["bias"], row_ratios(t["bias"], t["y"]), t["y"])


def quantise(request: Request) -> Quantised:
    """Weights a row at its finest proven scale."""
    x, w, bias = request.types["x"], request.parameters["w"], request.parameters["bias"]
    largest = np.abs(w).sum(axis=1) * largest_real(x) + np.abs(bias)
    y = coarse_enough(request.output, float(largest.max()))
    rows = quantise_rows(w, bias, x, y)
    return Quantised(y, {"w": rows.weights, "bias": rows.bias})


def accumulator(v: Values, t: Types, attributes: Attributes) -> tuple[int, int]:
    """Return the extremes of the sum of any row."""
    return dense_accumulator(v["w"], v["bias"], t["x"], t["y"], row_ratios(t["bias"], t["y"]))


def arguments(v: Values, t: Types, attributes: Attributes) -> dict[str, int | Array]:
    """Return the sizes and the requantisation."""
    rows, columns = t["w"].shape
    return {"rows": rows, "columns": columns, **requantise_arguments(row_ratios(t["bias"], t["y"]), t["y"])}


def layout(v: Values, t: Types, attributes: Attributes) -> dict[str, int | Array]:
    """Return the words of four rows together."""
    return {**_dsp.packed(v["w"], 4), **_dsp.start(v["w"], v["bias"], t["x"], 4)}


def pairs(t: Types, attributes: Attributes) -> dict[str, tuple[str, int]]:
    """The whole of x, widened."""
    return {"pairs": ("int32", _dsp.filled(t["x"].size, _dsp.COLUMNS) // 2)}


def block(t: Types, attributes: Attributes) -> dict[str, tuple[str, int]]:
    """A part of x, widened, and sums of some rows."""
    return {"pairs": ("int32", BLOCK_COLUMNS // 2), "sums": ("int32", min(_dsp.filled(t["bias"].size, 4), BLOCK_ROWS))}


def has_chunks(v: Values, t: Types) -> bool:
    """Whether there are four rows, and chunks that are long enough, and so many products that some hundred bytes of code more pay."""
    enough = len(v["w"]) >= _packed.TOGETHER and v["w"].size >= MANY
    return enough and _packed.mean(v["w"], t["x"]) >= LEAST_CHUNK


def heads(t: Types, attributes: Attributes) -> dict[str, tuple[str, int]]:
    """Two words for each chunk, and two at the end."""
    return {"heads": ("int32", 2 * (t["x"].size // LEAST_CHUNK) + 2)}


def stream(t: Types, attributes: Attributes) -> dict[str, tuple[str, int]]:
    """A word for each entry of x, and two for each chunk."""
    (columns,) = t["x"].shape
    return {"stream": ("int32", columns + columns % _packed.PAIR + 2 * (columns // LEAST_CHUNK))}


def cases(generator: np.random.Generator) -> list[Case]:
    """Every pair of dtypes, one scale and a scale a row, powers of two and others, one row and many."""
    found = []
    for x_dtype, y_dtype, bias_dtype in (
        ("int8", "int8", "int32"),
        ("int8", "int16", "int16"),
        ("int16", "int8", "int32"),
        ("int16", "int16", "int32"),
    ):
        for scales in (
            (2.0**-9,) * 5,
            (2.0**-9, 2.0**-8, 2.0**-3, 2.0**-7, 2.0**-9),
            (0.0031,) * 5,
            (0.0031, 0.01, 0.5, 0.25, 0.002),
        ):
            bits = 4 if x_dtype == "int16" else 0
            x = Type((7,), x_dtype, 2.0**-5)
            w = Type((5, 7), "int8", scales, axis=0, limits=(-127, 127))
            bias = Type((5,), bias_dtype, tuple(scale * 2.0**-5 for scale in scales), axis=0)
            y = Type(
                (5,), y_dtype, 2.0 ** (-8 if y_dtype == "int16" else bits), zero_point=-3 if y_dtype == "int8" else 0
            )
            values = {
                "w": generator.integers(-127, 128, (5, 7)).astype(np.int8),
                "bias": generator.integers(-30000, 30000, 5).astype(bias_dtype),
            }
            found.append(Case({"x": x, "w": w, "bias": bias, "y": y}, values))
    wide = Case(  # more columns than a turn holds, and whole fours of rows
        {
            "x": Type((20,), "int16", 2.0**-5),
            "w": Type((4, 20), "int8", 0.0031),
            "bias": Type((4,), "int32", 0.0031 * 2.0**-5),
            "y": Type((4,), "int16", 0.25),
        },
        {
            "w": generator.integers(-128, 128, (4, 20)).astype(np.int8),
            "bias": generator.integers(-30000, 30000, 4).astype(np.int32),
        },
    )
    one = Case(
        {
            "x": Type((1,), "int8", 1.0),
            "w": Type((1, 1), "int8", 1.0),
            "bias": Type((1,), "int16", 1.0),
            "y": Type((1,), "int8", 1.0, limits=(0, 127)),
        },
        {"w": np.array([[-1]], np.int8), "bias": np.array([0], np.int16)},
    )
    large = Case(  # the first row adds next to nothing to a large bias
        {
            "x": Type((8,), "int8", 2.0**-5, zero_point=-128),
            "w": Type((2, 8), "int8", (1e-6, 0.0031), axis=0, limits=(-127, 127)),
            "bias": Type((2,), "int32", (1e-6 * 2.0**-5, 0.0031 * 2.0**-5), axis=0),
            "y": Type((2,), "int8", 0.25),
        },
        {"w": generator.integers(-127, 128, (2, 8)).astype(np.int8), "bias": np.array([2**29, -5000], np.int32)},
    )
    return [
        *found,
        wide,
        one,
        large,
        *map(_without_bias, (found[0], found[-1], wide, *_in_chunks(generator))),
        *_in_chunks(generator),
        _long(generator, 6, LONG),
        _long(generator, 70, LONG + 1),
        *_avr.dense_cases(generator),
    ]


def _without_bias(case: Case) -> Case:
    """Return the same with a bias that is 0 everywhere, which the C leaves out."""
    return replace(case, parameters={**case.parameters, "bias": np.zeros_like(case.parameters["bias"])})


def _in_chunks(generator: np.random.Generator) -> list[Case]:
    """Narrow weights beside the widest, rows that are not whole fours, columns that are not whole pairs, sums at the end of 16 bits."""
    found = []
    for rows, columns, deviation, x, bias_dtype, y_dtype in (
        (17, 64, 30, Type((64,), "int8", 2.0**-5, limits=(0, 127)), "int32", "int8"),
        (24, 48, 12, Type((48,), "int8", 2.0**-5), "int16", "int16"),
        (35, 31, 25, Type((31,), "int8", 2.0**-5, zero_point=-128, limits=(-128, 90)), "int32", "int8"),
        (34, 33, 0, Type((33,), "int8", 2.0**-5), "int32", "int16"),
        (32, 34, 0, Type((34,), "int8", 2.0**-5), "int16", "int8"),
    ):
        w = np.clip(np.round(generator.normal(0, deviation, (rows, columns))), -128, 127).astype(np.int8)
        if deviation:
            w[0, ::9], w[1, 4], w[2, 8:10] = 127, -128, -127
        else:  # 16 columns times -128 are -32768
            w[:] = -15
            w[[0, -1]] = 16
        for scale in (2.0**-9, 0.0031):
            types = {
                "x": x,
                "w": Type(w.shape, "int8", scale),
                "bias": Type((rows,), bias_dtype, scale * 2.0**-5),
                "y": Type((rows,), y_dtype, 2.0 ** (-6 if y_dtype == "int16" else 1)),
            }
            found.append(Case(types, {"w": w, "bias": generator.integers(-30000, 30000, rows).astype(bias_dtype)}))
    return found


def _long(generator: np.random.Generator, rows: int, columns: int) -> Case:
    """Rows that are not whole fours, with x of any integer."""
    types = {
        "x": Type((columns,), "int8", 2.0**-5, zero_point=-128),
        "w": Type((rows, columns), "int8", 0.0031, limits=(-127, 127)),
        "bias": Type((rows,), "int32", 0.0031 * 2.0**-5),
        "y": Type((rows,), "int8", 2.0, zero_point=7),
    }
    w = generator.integers(-127, 128, (rows, columns)).astype(np.int8)
    return Case(types, {"w": w, "bias": generator.integers(-90000, 90000, rows).astype(np.int32)})


ENTRY = Op(
    doc="Matrix-vector product: y = w x + bias, with w [rows, columns].",
    inputs=("x", "w", "bias"),
    parameters=("w", "bias"),
    shape=shape,
    float=lambda v, a: v["x"] @ v["w"].T + v["bias"],
    integer=integer,
    quantise=quantise,
    accumulator=accumulator,
    arguments=arguments,
    kernels=(
        Kernel(
            "dense_blocks_Y_FORM",
            ("x", "y", "packed", "start", "rest", "pairs", "sums", "rows", "columns", "FORM"),
            {"x": ("int8",), "w": ("int8",), "bias": ("int16", "int32"), "y": INTEGERS},
            when=lambda v, t, a: t["x"].size >= LONG and _dsp.fits(v["w"], t["x"]),
            ratios=lambda t, a: row_ratios(t["bias"], t["y"]),
            needs="dsp",
            layout=layout,
            scratch=block,
        ),
        Kernel(
            "dense_words_Y_FORM",
            ("x", "y", "packed", "start", "rest", "pairs", "rows", "columns", "FORM"),
            {"x": ("int8",), "w": ("int8",), "bias": ("int16", "int32"), "y": INTEGERS},
            when=lambda v, t, a: _dsp.fits(v["w"], t["x"]),
            ratios=lambda t, a: row_ratios(t["bias"], t["y"]),
            needs="dsp",
            layout=layout,
            scratch=pairs,
        ),
        Kernel(
            "dense_halves_BIAS_Y_FORM",
            ("x", "y", "packed", "bias", "rows", "columns", "FORM"),
            {"x": ("int16",), "w": ("int8",), "bias": ("int16", "int32"), "y": INTEGERS},
            ratios=lambda t, a: row_ratios(t["bias"], t["y"]),
            needs="dsp",
            layout=lambda v, t, a: _dsp.packed_halves(v["w"]),
            left_out=("bias",),
        ),
        Kernel(
            "dense_unsigned_X_Y_FORM",
            ("x", "y", "interleaved", "start", "rows", "columns", "FORM"),
            {"x": INTEGERS, "w": ("int8",), "bias": ("int16", "int32"), "y": INTEGERS},
            when=lambda v, t, a: _avr.is_unsigned(t["x"]) and _avr.fits(v["w"], v["bias"], t["x"]),
            ratios=lambda t, a: row_ratios(t["bias"], t["y"]),
            needs="avr",
            layout=lambda v, t, a: _avr.interleaved(v["w"], v["bias"], t["x"], len(v["w"]), unsigned=True),
        ),
        Kernel(
            "dense_offset_X_Y_FORM",
            ("x", "y", "interleaved", "start", "rows", "columns", "FORM"),
            {"x": INTEGERS, "w": ("int8",), "bias": ("int16", "int32"), "y": INTEGERS},
            when=lambda v, t, a: _avr.fits(v["w"], v["bias"], t["x"]),
            ratios=lambda t, a: row_ratios(t["bias"], t["y"]),
            needs="avr",
            layout=lambda v, t, a: _avr.interleaved(v["w"], v["bias"], t["x"], len(v["w"])),
        ),
        Kernel(
            "dense_chunks_BIAS_Y_FORM",
            ("x", "y", "packed", "pairs", "left", "bias", "heads", "chunks", "rows", "columns", "FORM"),
            {"x": ("int8",), "w": ("int8",), "bias": ("int16", "int32"), "y": INTEGERS},
            when=lambda v, t, a: t["x"].size % _packed.PAIR == 0 and has_chunks(v, t),
            ratios=lambda t, a: row_ratios(t["bias"], t["y"]),
            needs="packed",
            layout=lambda v, t, a: _packed.packed(v["w"], t["x"]),
            scratch=heads,
            left_out=("bias",),
        ),
        Kernel(
            "dense_stream_BIAS_Y_FORM",
            ("x", "y", "packed", "pairs", "left", "bias", "stream", "chunks", "rows", "columns", "FORM"),
            {"x": ("int8",), "w": ("int8",), "bias": ("int16", "int32"), "y": INTEGERS},
            when=lambda v, t, a: t["x"].size <= STREAMED and has_chunks(v, t),
            ratios=lambda t, a: row_ratios(t["bias"], t["y"]),
            needs="thumb1",
            layout=lambda v, t, a: _packed.packed(v["w"], t["x"]),
            scratch=stream,
            left_out=("bias",),
        ),
        Kernel(
            "dense_X_BIAS_Y_FORM",
            ("x", "y", "rows_of_w", "bias", "rows", "columns", "FORM"),
            {"x": INTEGERS, "w": ("int8",), "bias": ("int16", "int32"), "y": INTEGERS},
            layout=lambda v, t, a: _rows.side_by_side(v["w"]),
            ratios=lambda t, a: row_ratios(t["bias"], t["y"]),
            left_out=("bias",),
        ),
    ),
    cases=cases,
)
