"""The spectrum of one frame of samples, in fixed point: a real FFT by a complex one of half the length.

The integers, with `>>` towards minus infinity and mul(b, w) = (b * w) >> 16 in 64 bits:

1. p = (x * window) >> 2, and zeros up to `length`; z[i] = (p[2 i], p[2 i + 1]) as real and imaginary part, in bit-reversed order.
2. Two stages of sums, exact. Then each stage of `half` = 4, 8, ...: (a >> 1) + t and (a >> 1) - t, where t is the second of a pair
   turned by W = exp(-i pi j / half) and halved: mul with the cosine and sine in Q15, but 1 and -i are exact: a shift and a swap.
3. The split: even and odd parts of Z[k] and Z[points - k], halved, the odd one turned by exp(-i pi k / points), halved again.

So a step of the output is that of x times length / 2^15, and nothing is scaled by what the data are.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import numpy as np
import numpy.typing as npt

from edgewright.errors import BadGraph
from edgewright.ir.graph import Attributes
from edgewright.ir.types import Array, Type
from edgewright.ops import Case, Kernel, Op, Quantised, Request, Types, Values
from edgewright.ops.arithmetic import Integers

SHORTEST, LONGEST = 8, 4096
ONE = 2**15  # of the window, the cosines and the sines
LARGEST = ONE - 1
AT_ONCE = 128  # frames, so that they stay in a cache
GUARD = 2  # bits by which a product is shortened, as two stages only add

Floats = npt.NDArray[np.float64]


def shape(types: Types, attributes: Attributes) -> tuple[int, ...]:
    """Return (length / 2 + 1, 2): real and imaginary part of each frequency."""
    x, window, length = types["x"], types["window"], attributes["length"]
    if not isinstance(length, int) or not SHORTEST <= length <= LONGEST or length & (length - 1):
        raise BadGraph(f"length is {length!r}; it must be a power of two in {SHORTEST}..{LONGEST}")
    if len(x.shape) != 1 or not 1 <= x.shape[0] <= length or window.shape != x.shape:
        raise BadGraph(
            f"x is {x.shape} and window {window.shape}: both hold one frame of as many samples, {length} at most"
        )
    if x.axis is not None or x.zero_point:
        raise BadGraph("x needs one scale for all its samples and no zero point")
    if "y" in types and not types["y"].is_float and types["y"].scale != step(float(x.scales), length):
        raise BadGraph(f"the step of the output is {types['y'].scale}; it must be {step(float(x.scales), length)}")
    return length // 2 + 1, 2


def step(x_scale: float, length: int) -> float:
    """Return the step of the spectrum of frames whose samples have the step `x_scale`."""
    return x_scale * length / ONE


def real(v: Values, attributes: Attributes) -> Array:
    """Return the spectrum of each windowed frame; x: [n, samples]."""
    spectrum = np.fft.rfft(v["x"] * v["window"], attributes["length"])
    return np.stack([spectrum.real, spectrum.imag], axis=-1)


def integer(v: Values, t: Types, attributes: Attributes) -> Array:
    """Return the integers described above; x: [n, samples]. In float64, which holds every product of 46 bits exactly."""
    frames, length = v["x"], attributes["length"]
    spectra = np.empty((len(frames), length // 2 + 1, 2), np.int64)
    for start in range(0, len(frames), AT_ONCE):
        some = frames[start : start + AT_ONCE]
        padded = np.zeros((length, len(some)))
        padded[: some.shape[1]] = ((some * v["window"]) >> GUARD).T
        spectra[start : start + AT_ONCE] = _spectra(padded).transpose(2, 1, 0)
    return spectra


def _spectra(samples: Floats) -> Floats:
    """Return the spectra [2, points + 1, n] of frames, one beside the other: [length, n]."""
    length = len(samples)
    points = length // 2
    order = reversed_order(points)
    re, im = samples[0::2][order], samples[1::2][order]
    cosines, sines = (part[:, np.newaxis] for part in turns(length))
    for half in (1, 2):
        a_re, b_re, a_im, b_im = _pairs(re, im, half)
        t_re, t_im = b_re.copy(), b_im.copy()
        if half == 2:
            t_re[:, 1], t_im[:, 1] = b_im[:, 1], -b_re[:, 1]
        _add_and_subtract(a_re, b_re, t_re)
        _add_and_subtract(a_im, b_im, t_im)
    half = 4
    while half < points:
        a_re, b_re, a_im, b_im = _pairs(re, im, half)
        quarter, every = half // 2, points // half
        t_re, t_im = _turned(b_re[:, :quarter], b_im[:, :quarter], cosines[::every], sines[::every])
        other_re, other_im = _turned(b_re[:, quarter:], b_im[:, quarter:], cosines[::every], sines[::every])
        for part in (a_re, a_im):
            np.floor(np.multiply(part, 0.5, out=part), out=part)
        _add_and_subtract(a_re, b_re, np.concatenate([t_re, other_im], axis=1))
        _add_and_subtract(a_im, b_im, np.concatenate([t_im, np.negative(other_re, out=other_re)], axis=1))
        half *= 2
    return _split(re, im, cosines, sines)


def _pairs(re: Floats, im: Floats, half: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Return views [blocks, half, n] of numbers that lie `half` apart: real parts of the first and the second, imaginary parts."""
    re, im = re.reshape(-1, 2, half, re.shape[-1]), im.reshape(-1, 2, half, im.shape[-1])
    return re[:, 0], re[:, 1], im[:, 0], im[:, 1]


def _add_and_subtract(a: Floats, b: Floats, t: Floats) -> None:
    """Make (a, b) of (a + t, a - t)."""
    np.subtract(a, t, out=b)
    np.add(a, t, out=a)


def _turned(re: Floats, im: Floats, cosines: Floats, sines: Floats) -> tuple[Floats, Floats]:
    """Return numbers [..., count, n] turned by cosine - i sine and halved; the first of each row is halved only."""
    t_re, t_im = _product(re, cosines), _product(im, cosines)
    t_re += _product(im, sines)
    t_im -= _product(re, sines)
    t_re[..., 0, :], t_im[..., 0, :] = np.floor(re[..., 0, :] / 2), np.floor(im[..., 0, :] / 2)
    return t_re, t_im


def _product(numbers: Floats, factors: Floats) -> Floats:
    product: Floats = numbers * (factors / (2 * ONE))
    return np.floor(product, out=product)


def _split(re: Floats, im: Floats, cosines: Floats, sines: Floats) -> Floats:
    """Return real and imaginary parts [2, points + 1, n] of the spectra of the real samples."""
    points = len(re)
    middle = points // 2
    re, im = np.floor(re / 2), np.floor(im / 2)
    up, down = slice(1, middle), slice(points - 1, middle, -1)
    even_re, even_im = np.floor((re[up] + re[down]) / 2), np.floor((im[up] - im[down]) / 2)
    odd_re, odd_im = re[up] - re[down], im[up] + im[down]
    t_re = _product(odd_re, cosines[1:]) + _product(odd_im, sines[1:])
    t_im = _product(odd_im, cosines[1:]) - _product(odd_re, sines[1:])
    y = np.zeros((2, points + 1, re.shape[1]))
    y[0, 0], y[0, points] = re[0] + im[0], re[0] - im[0]
    y[0, middle], y[1, middle] = re[middle], -im[middle]
    y[0, up], y[1, up] = even_re + t_im, even_im - t_re
    y[0, down], y[1, down] = even_re - t_im, -(even_im + t_re)
    return y


@cache
def reversed_order(count: int) -> Integers:
    """Return 0..count - 1 with their bits reversed; count is a power of two."""
    order = np.zeros(1, np.int64)
    while len(order) < count:
        order = np.concatenate([2 * order, 2 * order + 1])
    return order


@cache
def turns(length: int) -> tuple[Floats, Floats]:
    """Return cosines and sines of 2 pi k / length in Q15, for the first quarter of the circle."""
    angles = 2 * np.pi * np.arange(length // 4) / length
    cosines, sines = (np.minimum(np.round(ONE * part(angles)), LARGEST) for part in (np.cos, np.sin))
    return cosines, sines


def quantise(request: Request) -> Quantised:
    """Samples as they are, the window in Q15; a step of the output follows from the length, its range from the window."""
    x, length = request.types["x"], request.attributes["length"]
    if x.dtype != "int16":
        raise BadGraph(f"fft reads raw samples in int16, and x is {x}")
    largest = float(np.abs(request.parameters["window"]).max())
    if largest > 1:
        raise BadGraph(f"The window reaches {largest:g}; its factors lie in -1..1.")
    window = np.clip(np.round(request.parameters["window"] * ONE), -LARGEST, LARGEST).astype(np.int16)
    highest = bound(window, x, length)
    y = replace(
        request.output,
        dtype="int32",
        scale=step(float(x.scales), length),
        zero_point=0,
        axis=None,
        limits=(-highest, highest),
    )
    window_type = Type(window.shape, "int16", 1.0 / ONE, limits=(-LARGEST, LARGEST))
    return Quantised(y, {"window": (window, window_type)})


def bound(window: Array, x: Type, length: int) -> int:
    """Return what no part of the spectrum can exceed: all samples at their largest add up, cosines of Q15 are at most 2^-15 too large.

    Each stage rounds by less than 3 for each part, and halves what was rounded before.
    """
    largest = max(map(abs, x.range)) * int(np.abs(window.astype(np.int64)).sum())
    return math.ceil(largest / length * (1 + 1 / ONE) ** int(math.log2(length))) + 16


def accumulator(v: Values, t: Types, attributes: Attributes) -> tuple[int, int]:
    """Return the extremes of either part of any number on the way, whose magnitude no stage makes larger but by its rounding."""
    samples = max(map(abs, t["x"].range)) * int(np.abs(v["window"]).max())
    stages = int(math.log2(attributes["length"]))
    highest = math.ceil(math.sqrt(2) * samples * (1 + 1 / ONE) ** stages) + 16
    return -highest, highest


def arguments(v: Values, t: Types, attributes: Attributes) -> dict[str, int | Array]:
    """Return the number of samples and of complex points, and cosine and sine of each turn in the first quarter."""
    length = attributes["length"]
    return {
        "samples": t["x"].size,
        "points": length // 2,
        "turns": np.stack(turns(length), axis=1).astype(np.int16).ravel(),
    }


def cases(generator: np.random.Generator) -> list[Case]:
    """Short and long frames, padded ones, of one sample, a window of any sign, samples that do not use their range."""
    found = []
    for samples, length, limits in (
        (8, 8, None),
        (1, 8, None),
        (13, 16, None),
        (32, 32, (-2048, 2047)),
        (50, 64, None),
    ):
        x = Type((samples,), "int16", 1.0, limits=limits)
        for values in (np.ones(samples), generator.uniform(-1, 1, samples)):
            result = quantise(
                Request({"x": x}, {"window": values}, {"length": length}, Type((length // 2 + 1, 2), "int32", 1.0))
            )
            window, window_type = result.parameters["window"]
            types = {"x": x, "window": window_type, "y": result.output}
            found.append(Case(types, {"window": window}, {"length": length}))
    return found


ENTRY = Op(
    doc="The spectrum [length / 2 + 1, 2] of one frame of samples times a window, filled up with zeros to `length`.",
    inputs=("x", "window"),
    parameters=("window",),
    shape=shape,
    float=real,
    integer=integer,
    quantise=quantise,
    samples=("x",),
    accumulator=accumulator,
    arguments=arguments,
    kernels=(
        Kernel(
            "fft_whole",
            ("x", "y", "window", "turns", "points"),
            {"x": ("int16",), "window": ("int16",), "y": ("int32",)},
            when=lambda v, t, a: t["x"].size == a["length"],
        ),
        Kernel(
            "fft_padded",
            ("x", "y", "window", "turns", "samples", "points"),
            {"x": ("int16",), "window": ("int16",), "y": ("int32",)},
        ),
    ),
    cases=cases,
)
