"""The prototypes nearest to a vector, which vote for their labels or give the mean of their targets."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from edgewright.errors import BadGraph, UnsupportedModel
from edgewright.ir.graph import Attributes
from edgewright.ir.types import INTEGER_RANGES, Array, Type
from edgewright.ops import INTEGERS, Case, Kernel, Op, Quantised, Request, Types, Values, squared_distance
from edgewright.ops.arithmetic import Integers, rshift_round
from edgewright.ops.quantisation import scale_covering

MOST = INTEGER_RANGES["int16"][1]  # prototypes
VOTE_BITS = 14  # of the share of the nearest neighbour
SUM_BITS = 29  # of shares times targets
LABELS = ("uint8", "uint16")


def shape(types: Types, attributes: Attributes) -> tuple[int, ...]:
    """Return (classes,) for labels, (outputs,) for targets."""
    count, columns = types["prototypes"].shape
    if types["x"].shape != (columns,):
        raise BadGraph(f"prototypes are {count}x{columns}, so x must be {columns}")
    if not 0 < attributes["neighbours"] <= count <= MOST:
        raise BadGraph(
            f"{attributes['neighbours']} neighbours of {count} prototypes are asked for; {MOST} are the most"
        )
    answers = types["answers"].shape
    if answers[:1] != (count,) or len(answers) != (1 if "classes" in attributes else 2):
        raise BadGraph(
            f"answers are {answers}; a label (with `classes`) or a row of targets for each of {count} prototypes is needed"
        )
    return (int(attributes["classes"]),) if "classes" in attributes else answers[1:]


def nearest(distances: Array, wanted: int) -> tuple[Array, npt.NDArray[np.int64]]:
    """Return the smallest distances [n, wanted] of distances [n, count], the first of equals first, and their columns."""
    columns = np.argsort(distances, axis=1, kind="stable")[:, :wanted]
    return np.take_along_axis(distances, columns, axis=1), columns


def gathered(v: Values, columns: npt.NDArray[np.int64], shares: Array, attributes: Attributes) -> Array:
    """Return the votes [n, classes], or shares times targets [n, outputs]."""
    if "classes" not in attributes:
        total: Array = np.einsum("nk,nko->no", shares, v["answers"][columns])
        return total
    votes = np.zeros((len(columns), int(attributes["classes"])), shares.dtype)
    for place in range(columns.shape[1]):
        np.add.at(votes, (np.arange(len(votes)), v["answers"][columns[:, place]].astype(np.int64)), shares[:, place])
    return votes


def real(v: Values, attributes: Attributes) -> Array:
    """Return votes [n, classes], the nearest neighbour's being 1, or mean targets [n, outputs]; x: [n, columns]."""
    found, columns = nearest(squared_distance.distances(v, attributes), int(attributes["neighbours"]))
    shares = np.ones_like(found)
    if attributes.get("by_distance"):
        same, first = found == 0, found[:, :1]
        shares = np.where(first == 0, same, np.sqrt(first / np.where(same, 1, found))).astype(found.dtype)
    total = gathered(v, columns, shares, attributes)
    return total if "classes" in attributes else total / shares.sum(axis=1, keepdims=True)


def root(x: Array) -> Integers:
    """Return the largest integers with root^2 <= x, for x below 2^52."""
    return np.floor(np.sqrt(x.astype(np.float64))).astype(np.int64)


def bits_of(attributes: Attributes) -> int:
    """Return the bits of a share; 0 where all shares are alike."""
    if not attributes.get("by_distance"):
        return 0
    return min(VOTE_BITS, SUM_BITS - 15 - int(attributes["neighbours"] - 1).bit_length())


def integer(v: Values, t: Types, attributes: Attributes) -> Array:
    """Return votes, or rounded means.

    The share of a neighbour is 2^bits * root(nearest) // root(its own), both squared distances shifted to the left by an even number of
    bits so that the farthest has 29 or 30; where the nearest is at no distance, the others there have 2^bits and the rest nothing.
    """
    x_shift, prototype_shift = squared_distance.alignment(v["prototypes"], t["x"], t["prototypes"])
    aligned = {
        "x": rshift_round(v["x"] - t["x"].zero_point, x_shift),
        "prototypes": v["prototypes"] << prototype_shift,
    }
    found, columns = nearest(squared_distance.distances(aligned, attributes), int(attributes["neighbours"]))
    shares, bits = np.ones_like(found), bits_of(attributes)
    if bits:
        first, last = found[:, :1], found[:, -1:]
        exponents = np.frexp(np.maximum(last, 1).astype(np.float64))[1]
        shift = np.where(first > 0, np.maximum((30 - exponents) // 2 * 2, 0), 0)
        ratio = (root(first << shift) << bits) // np.maximum(root(found << shift), 1)
        shares = np.where(first == 0, (found == 0) * np.int64(1 << bits), ratio)
    total = gathered(v, columns, shares, attributes)
    if "classes" in attributes:
        return total
    whole = shares.sum(axis=1, keepdims=True)
    means: Array = (total + (whole >> 1)) // whole
    return means


def quantise(request: Request) -> Quantised:
    """Prototypes as those of squared_distance; labels stay what they are; targets in 16 bits, at a scale that their mean has too."""
    v, wanted = request.parameters, int(request.attributes["neighbours"])
    prototypes = squared_distance.quantise(
        Request(request.types, {"prototypes": v["prototypes"]}, request.attributes, request.output)
    ).parameters["prototypes"]
    if "classes" not in request.attributes:
        if wanted > 2 ** (SUM_BITS - 15):
            raise UnsupportedModel(
                f"The mean of {wanted} neighbours is not taken; {2 ** (SUM_BITS - 15)} are the most."
            )
        scale = scale_covering(float(np.abs(v["answers"]).max(initial=0)), MOST)
        targets = np.floor(v["answers"].astype(np.float64) / scale + 0.5).astype(np.int16)
        output = Type(request.output.shape, "int16", scale, limits=(int(targets.min()), int(targets.max())))
        return Quantised(output, {"prototypes": prototypes, "answers": (targets, Type(targets.shape, "int16", scale))})
    dtype = LABELS[0] if v["answers"].max() <= INTEGER_RANGES[LABELS[0]][1] else LABELS[1]
    labels = v["answers"].astype(dtype)
    bits = bits_of(request.attributes)
    output = Type(request.output.shape, "int32", 2.0**-bits, limits=(0, wanted << bits))
    return Quantised(output, {"prototypes": prototypes, "answers": (labels, Type(labels.shape, dtype, 1.0))})


def accumulator(v: Values, t: Types, attributes: Attributes) -> tuple[int, int]:
    """Return the extremes of a squared distance, a share and a sum of shares times targets."""
    if "classes" in attributes and not 0 <= v["answers"].min() <= v["answers"].max() < attributes["classes"]:
        raise BadGraph(f"a label is {v['answers'].max()}, and there are {attributes['classes']} classes")
    squared_distance.alignment(v["prototypes"], t["x"], t["prototypes"])
    wanted, bits = int(attributes["neighbours"]), bits_of(attributes)
    largest = 1 if "classes" in attributes else max(int(np.abs(v["answers"]).max()), 1)
    return -wanted * largest << bits, max(squared_distance.LARGEST_SUM, (wanted * largest << bits) + (wanted << bits))


def arguments(v: Values, t: Types, attributes: Attributes) -> dict[str, int | Array]:
    """Return the sizes and the alignment."""
    count, columns = t["prototypes"].shape
    x_shift, prototype_shift = squared_distance.alignment(v["prototypes"], t["x"], t["prototypes"])
    return {
        "count": count,
        "columns": columns,
        "x_zero_point": t["x"].zero_point,
        "x_shift": x_shift,
        "prototype_factor": 1 << prototype_shift,
        "wanted": int(attributes["neighbours"]),
        "bits": bits_of(attributes),
        "outputs": t["y"].size,
    }


def scratch(types: Types, attributes: Attributes) -> dict[str, tuple[str, int]]:
    """Return the memory for the nearest found so far."""
    wanted = int(attributes["neighbours"])
    return {"distances": ("int32", wanted), "numbers": ("int16", wanted)}


def cases(generator: np.random.Generator) -> list[Case]:
    """Votes and means, of one neighbour and of all, with equal distances and none at all; every dtype of every table."""
    found = []
    for number, by_distance in enumerate((False, True, False, True)):
        x_dtype, prototype_dtype = INTEGERS[number % 2], INTEGERS[number // 2]
        scale = 2.0**-5
        limits = (-40, 40)
        x = Type((4,), x_dtype, scale, zero_point=-3 if x_dtype == "int8" else 0, limits=limits)
        prototypes = generator.integers(-40, 41, (7, 4)).astype(prototype_dtype)
        prototypes[0], prototypes[1], prototypes[2], prototypes[3] = 0, 40, 40, -40
        prototype_type = Type((7, 4), prototype_dtype, scale, limits=limits)
        for wanted in (1, 3, 7):
            attributes = {"neighbours": wanted, **({"by_distance": True} if by_distance else {})}
            common = {"x": x, "prototypes": prototype_type}
            bits = bits_of(attributes)
            dtype = LABELS[number % 2]
            y = Type((3,), "int32", 2.0**-bits, limits=(0, wanted << bits))
            labels = generator.integers(0, 3, 7).astype(dtype)
            types = {**common, "answers": Type((7,), dtype, 1.0), "y": y}
            found.append(Case(types, {"prototypes": prototypes, "answers": labels}, {**attributes, "classes": 3}))
            targets = generator.integers(-32768, 32768, (7, 2)).astype(np.int16)
            types = {**common, "answers": Type((7, 2), "int16", 0.5), "y": Type((2,), "int16", 0.5)}
            found.append(Case(types, {"prototypes": prototypes, "answers": targets}, attributes))
    return found


_SIZES = ("count", "columns", "x_zero_point", "x_shift", "prototype_factor", "wanted", "bits", "outputs")
_SCRATCH = ("distances", "numbers")

ENTRY = Op(
    doc="The `neighbours` prototypes nearest to x vote for their answers, labels below `classes`; without `classes`, the mean of their "
    "answers, rows of targets. Their shares are alike or, where `by_distance` is set, fall with the distance.",
    inputs=("x", "prototypes", "answers"),
    parameters=("prototypes", "answers"),
    shape=shape,
    float=real,
    integer=integer,
    quantise=quantise,
    accumulator=accumulator,
    arguments=arguments,
    kernels=(
        Kernel(
            "nearest_neighbours_vote_X_PROTOTYPES_ANSWERS",
            ("x", "y", "prototypes", "answers", *_SIZES, *_SCRATCH),
            {"x": INTEGERS, "prototypes": INTEGERS, "answers": LABELS, "y": ("int32",)},
            lambda values, types, attributes: "classes" in attributes,
            scratch=scratch,
        ),
        Kernel(
            "nearest_neighbours_mean_X_PROTOTYPES",
            ("x", "y", "prototypes", "answers", *_SIZES, *_SCRATCH),
            {"x": INTEGERS, "prototypes": INTEGERS, "answers": ("int16",), "y": ("int16",)},
            lambda values, types, attributes: "classes" not in attributes,
            scratch=scratch,
        ),
    ),
    cases=cases,
)
