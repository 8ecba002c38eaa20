"""The logarithm to the base 2 of the energy of a spectrum in bands, in integers: 64-bit sums, leading zeros and a table.

1. E = (re^2 + im^2 + half) >> shift for each frequency, in 64 bits, and S = sum of E * weight for each band: `shift` is the least
   with which no S can leave 63 bits.
2. log2 S in steps of 2^-15: the place of its leading bit, and the 15 bits behind it by a table of 33 entries and straight lines.
3. What a unit of S stands for is added, and the result rounded to steps of 2^-9, cut at `floor` below: silence gives exactly that.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from edgewright.errors import BadGraph
from edgewright.ir.graph import Attributes, Graph, Node
from edgewright.ir.types import INTEGER_RANGES, Array, Type
from edgewright.ops import Case, Kernel, Op, Quantised, Request, Types, Values
from edgewright.ops.arithmetic import Integers, rshift_floor, rshift_round, saturate
from edgewright.ops.quantisation import scale_covering

STEP = 2.0**-9  # of the output: 0.14 % of an energy
FRACTION = 15  # bits behind the point of a logarithm on its way
TO_STEP = FRACTION - 9
WEIGHT = 2**10  # the largest weight as an integer
LOGARITHMS = np.floor(2.0**FRACTION * np.log2(1 + np.arange(33) / 32) + 0.5).astype(np.uint16)
SUM_BITS = 63
SILENT = -(2**30)  # stands for the logarithm of 0
AT_ONCE = 1024  # spectra


def shape(types: Types, attributes: Attributes) -> tuple[int, ...]:
    """Return (bands,)."""
    x, weights, floor = types["x"], types["weights"], attributes["floor"]
    if len(x.shape) != 2 or x.shape[1] != 2 or len(weights.shape) != 2 or weights.shape[1] != x.shape[0]:
        raise BadGraph(f"x is {x.shape} and weights {weights.shape}: they are (bins, 2) and (bands, bins)")
    if x.axis is not None or x.zero_point:
        raise BadGraph("x needs one scale for all its entries and no zero point")
    if not x.is_float and energy_bound(x) >= 2 ** (SUM_BITS - 1):
        raise BadGraph(f"x reaches {max(map(abs, x.range))}, and its squares must fit 62 bits")
    if not (isinstance(floor, float) and 0 < floor < math.inf):
        raise BadGraph(f"floor is {floor!r}; it must be a positive energy")
    return weights.shape[:1]


def real(v: Values, attributes: Attributes) -> Array:
    """Return the logarithms; x: [n, bins, 2]."""
    energies = (v["x"] ** 2).sum(axis=-1) @ v["weights"].T
    return np.asarray(np.log2(np.maximum(energies, attributes["floor"])))


def integer(v: Values, t: Types, attributes: Attributes) -> Array:
    """Return the integers described above; x: [n, bins, 2]."""
    found = [_bands(v["x"][start : start + AT_ONCE], v, t) for start in range(0, len(v["x"]), AT_ONCE)]
    sums = np.concatenate(found) if found else np.zeros((0, *t["y"].shape), np.int64)
    logarithms = np.where(sums > 0, logarithm(np.maximum(sums, 1)) + unit(v["weights"], t), SILENT)
    return np.maximum(saturate(rshift_round(logarithms, TO_STEP), t["y"]), lowest(attributes))


def _bands(x: Integers, v: Values, t: Types) -> Integers:
    """Return the sums of all bands."""
    shift = energy_shift(v["weights"], t["x"])
    energies = rshift_round(x[..., 0] ** 2 + x[..., 1] ** 2, shift)
    sums = np.empty((len(x), len(v["weights"])), np.int64)
    for band, weights in enumerate(v["weights"]):
        used = np.flatnonzero(weights)
        part = slice(used[0], used[-1] + 1) if len(used) else slice(0)
        sums[:, band] = energies[:, part] @ weights[part]
    return sums


def energy_shift(weights: Integers, x: Type) -> int:
    """Return by how many bits energies are shortened so that the sum of every band fits 63 bits."""
    total, highest = int(weights.sum(axis=1).max()), energy_bound(x)
    return next(shift for shift in range(SUM_BITS) if ((highest >> shift) + 1) * total < 2**SUM_BITS)


def energy_bound(x: Type) -> int:
    """Return the largest energy of one frequency."""
    return 2 * max(map(abs, x.range)) ** 2


def logarithm(numbers: Integers) -> Integers:
    """Return log2 of integers in 1..2^63 - 1 in steps of 2^-15."""
    exponent = np.zeros_like(numbers)
    rest = numbers
    for bits in (32, 16, 8, 4, 2, 1):
        large = rest >= 1 << bits
        exponent = exponent + bits * large
        rest = np.where(large, rest >> bits, rest)
    mantissa = rshift_floor(numbers << (62 - exponent), 62 - FRACTION) & (2**FRACTION - 1)
    index, fraction = mantissa >> 10, mantissa & 1023
    entries = LOGARITHMS.astype(np.int64)
    result: Integers = (exponent << FRACTION) + entries[index]
    return result + rshift_round((entries[index + 1] - entries[index]) * fraction, 10)


def unit(weights: Integers, t: Types) -> int:
    """Return log2 of the energy that one unit of a sum is, in steps of 2^-15."""
    exponent = 2 * math.log2(float(t["x"].scales)) + math.log2(float(t["weights"].scales))
    return math.floor((exponent + energy_shift(weights, t["x"])) * 2**FRACTION + 0.5)


def lowest(attributes: Attributes) -> int:
    """Return the integer of the floor."""
    return math.floor(math.log2(attributes["floor"]) / STEP + 0.5)


def neighbours(weights: Array) -> list[int]:
    """Return for each bin up to the last that is used the later one of the two neighbouring bands that it may count in.

    It never falls from a bin to the next. Raises BadGraph where a bin counts in other bands than two neighbours, or a band has no bin.
    """
    later = [0]
    for column in weights.T[: 1 + int(np.flatnonzero(weights.any(axis=0)).max(initial=-1))]:
        bands = np.flatnonzero(column)
        later.append(max([later[-1], *bands[-1:]]))
        if len(bands) and bands[0] < later[-1] - 1:
            raise BadGraph("each frequency may count in two bands, neighbours, and the bands must follow one another")
    if not weights.any(axis=1).all():
        empty = int(np.flatnonzero(~weights.any(axis=1))[0])
        raise BadGraph(f"band {empty} holds no frequency: use fewer bands or longer frames")
    return later[1:]


def fits(graph: Graph, node: Node) -> None:
    """Raise BadGraph where the weights are not those of bands that follow one another."""
    weights = graph.constants[node.inputs["weights"]]
    if (weights < 0).any():
        raise BadGraph("a weight is negative")
    neighbours(weights)


def quantise(request: Request) -> Quantised:
    """Weights of 11 bits; the output has steps of 2^-9 whatever calibration saw."""
    x, weights = request.types["x"], request.parameters["weights"]
    scale = scale_covering(float(weights.max(initial=0.0)), WEIGHT)
    integers = np.floor(np.asarray(weights, np.float64) / scale + 0.5).astype(np.int16)
    types = {"x": x, "weights": Type(weights.shape, "int16", scale, limits=(0, WEIGHT))}
    whole = integers.astype(np.int64)
    most = ((energy_bound(x) >> energy_shift(whole, x)) + 1) * int(whole.sum(axis=1).max())
    highest = (int(logarithm(np.array([most]))[0]) + unit(whole, types) >> TO_STEP) + 1
    low = lowest(request.attributes)
    high = min(max(highest, low), INTEGER_RANGES["int16"][1])
    y = replace(request.output, dtype="int16", scale=STEP, zero_point=0, axis=None, limits=(min(low, high), high))
    return Quantised(y, {"weights": (integers, types["weights"])})


def accumulator(v: Values, t: Types, attributes: Attributes) -> tuple[int, int]:
    """Return the extremes of a logarithm in steps of 2^-15, with its rounding term."""
    return SILENT, (SUM_BITS << FRACTION) + max(unit(v["weights"], t), 0) + (1 << (TO_STEP - 1))


def arguments(v: Values, t: Types, attributes: Attributes) -> dict[str, int | Array]:
    """Return how many bins each step from a band to the next has, from the first that counts, and the weights of each bin in both."""
    later = neighbours(v["weights"])
    first = int(np.flatnonzero(v["weights"].any(axis=0))[0])
    bands = len(v["weights"])
    framed = np.concatenate([np.zeros((1, v["weights"].shape[1]), np.int64), v["weights"]])
    pairs = [(framed[later[k], k], framed[later[k] + 1, k]) for k in range(first, len(later))]
    low, high = t["y"].range
    return {
        "first": first,
        "counts": np.bincount(later[first:], minlength=bands + 1).astype(np.uint16),
        "pairs": np.array(pairs, np.int16).ravel(),
        "bands": bands,
        "shift": energy_shift(v["weights"], t["x"]),
        "unit": unit(v["weights"], t),
        "logarithms": LOGARITHMS,
        "lowest": max(low, lowest(attributes)),
        "highest": high,
    }


def cases(generator: np.random.Generator) -> list[Case]:
    """Bands that overlap and that do not, one band, spectra of a few bits and of 31, gaps, a high floor."""
    triangles = np.maximum(0.0, 1 - np.abs(np.arange(17) - np.array([[2], [4], [7], [12]])) / [[2], [3], [4], [5]])
    triangles[1, 8:], triangles[2, :4] = 0, 0
    apart = np.kron(np.eye(3), [0.0, 1.0, 0.3])
    found = []
    for weights, largest, scale, floor in (
        (triangles, 2**30, 2.0**-6, 1.0),
        (triangles * 1e-3, 2**30 - 1, 2.0**-20, 1e-9),
        (apart, 200, 1.0, 2.0),
        (apart, 3, 0.3, 1e-3),
        (np.ones((1, 5)), 2**29, 2.0**-6, 2.0**40),
        (np.ones((1, 1)), 1, 2.0**-6, 1.0),
    ):
        x = Type((weights.shape[1], 2), "int32", scale, limits=(-largest, largest))
        output = Type(weights.shape[:1], "int16", 1.0)
        result = quantise(Request({"x": x}, {"weights": weights}, {"floor": floor}, output))
        integers, weights_type = result.parameters["weights"]
        types = {"x": x, "weights": weights_type, "y": result.output}
        found.append(Case(types, {"weights": integers}, {"floor": floor}))
    return found


ENTRY = Op(
    doc="log2 of the energy of a spectrum [bins, 2] in bands: log2(max(weights |x|^2, `floor`)), weights [bands, bins].",
    inputs=("x", "weights"),
    parameters=("weights",),
    shape=shape,
    float=real,
    integer=integer,
    quantise=quantise,
    accumulator=accumulator,
    arguments=arguments,
    fits=fits,
    kernels=(
        Kernel(
            "log_band_energy_bins",
            ("x", "y", "first", "counts", "pairs", "bands", "shift", "unit", "logarithms", "lowest", "highest"),
            {"x": ("int32",), "weights": ("int16",), "y": ("int16",)},
        ),
    ),
    cases=cases,
)
