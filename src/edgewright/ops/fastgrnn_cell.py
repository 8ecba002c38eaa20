"""The unit of a FastGRNN in one step: from its two products and its state to its next state (Kusupati et al., NeurIPS 2018)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from edgewright.errors import BadGraph
from edgewright.ir.graph import Attributes, Graph, Node
from edgewright.ir.types import INTEGER_RANGES, Array, Type, power_of_two, quantise_array
from edgewright.ops import Case, Kernel, Op, Quantised, Request, Types, Values
from edgewright.ops.arithmetic import Integers, rshift_floor, saturate
from edgewright.ops.quantisation import scale_covering

LOW, HIGH = INTEGER_RANGES["int16"]
SUM_BITS = 12  # behind the point of what the table is read with: 16 bits are -8..8
TABLE_BITS = 15  # behind the point of the table
SEGMENT_BITS = 8  # of a segment: 1/16, so that its number is the upper byte of 16 bits
HALF = 2**TABLE_BITS
STATE_BITS = 14  # behind the point of the state, at most: -2..2
LARGEST_DOUBLINGS = 8
LARGEST_RATE = INTEGER_RANGES["uint16"][1]


def _make_table() -> Integers:
    """Return tanh at -8, -8 + 1/16, ..., 8; each entry lies so far beyond the function as halves the error of the straight lines."""
    x = np.arange(-128, 129) / 16
    exact = np.tanh(x)
    raised = exact + exact * (1 - exact**2) / 16**2 / 8
    table: Integers = np.clip(np.floor(raised * HALF + 0.5), -HALF + 1, HALF - 1).astype(np.int64)
    return table


TABLE = _make_table()


def tanh(x: Integers) -> Integers:
    """Return tanh at scale 2^-15, -32767..32767, of int16 at scale 2^-12: straight lines between entries, rounded down."""
    segment, within = rshift_floor(x, SEGMENT_BITS) + 128, x & ((1 << SEGMENT_BITS) - 1)
    result: Integers = TABLE[segment] + rshift_floor((TABLE[segment + 1] - TABLE[segment]) * within, SEGMENT_BITS)
    return result


def sigmoid(x: Integers) -> Integers:
    """Return the sigmoid at scale 2^-16, 1..65535, of int16 at scale 2^-12, by the table of tanh: (1 + tanh(x / 2)) / 2."""
    return tanh(rshift_floor(x, 1)) + HALF


@dataclass(frozen=True)
class Constants:
    """The integers of a node.

    doublings: how often a + b + gate_bias is doubled to the scale 2^-12. zeta, rate: zeta and zeta + nu, at the scale of `rates`. shift: of
    the product of rate and candidate on its way to the state.
    """

    doublings: int
    zeta: int
    rate: int
    shift: int


def shape(types: Types, attributes: Attributes) -> tuple[int, ...]:
    """Return the shape of h, a vector."""
    h, given = types["h"], {port: types[port].shape for port in ("a", "b", "gate_bias", "bias")}
    if len(h.shape) != 1 or set(given.values()) != {h.shape} or types["rates"].shape != (2,):
        raise BadGraph(
            f"h must be a vector, a, b and both biases alike, and rates two numbers; they are {h.shape} and {given}"
        )
    steps = attributes.get("steps")
    if steps is not None and (isinstance(steps, bool) or not isinstance(steps, int) or steps < 1):
        raise BadGraph(f"steps must be an integer of 1 or more, not {steps!r}")
    if not h.is_float:
        _check_scales(types)
    return h.shape


def fits(graph: Graph, node: Node) -> None:
    """Raise BadGraph where `steps` is given, and h is not what this node makes, step by step from 0."""
    h = node.inputs["h"]
    if "steps" in node.attributes and (graph.state.get(h) != node.output or h in graph.constants):
        raise BadGraph(
            f"steps counts from a state of 0, and {h!r} is no state that begins there and that this node carries on"
        )


def _check_scales(t: Types) -> None:
    """Raise BadGraph where the integers are not those that the definition speaks of."""
    exponents = {port: None if t[port].axis is not None else power_of_two(float(t[port].scales)) for port in t}
    problems = [
        problem
        for problem, found in (
            ("a, b and the gate's bias need one scale", not exponents["a"] == exponents["b"] == exponents["gate_bias"]),
            (
                "a needs a power of two of 2^-12 to 2^-4",
                exponents["a"] not in range(-SUM_BITS, LARGEST_DOUBLINGS - SUM_BITS + 1),
            ),
            ("the bias needs the scale 2^-12", exponents["bias"] != -SUM_BITS),
            ("the rates need the scale 2^-16 or 2^-15", exponents["rates"] not in (-16, -15)),
            ("h needs a power of two of 2^-14 to 2^0", exponents["h"] not in range(-STATE_BITS, 1)),
            ("no port may have a zero point", any(type.zero_point for type in t.values())),
        )
        if found
    ]
    if "y" in t and (t["y"].scale != t["h"].scale or t["y"].range != (LOW, HIGH)):
        problems.append("y needs the scale of h, and all of int16")
    if problems:
        raise BadGraph("; ".join(problems))


def real(v: Values, attributes: Attributes) -> Array:
    """Return z h + (zeta (1 - z) + nu) tanh(p + bias), with p = a + b + gate_bias and z = sigmoid(p): [n, units]."""
    total, (zeta, nu) = v["a"] + v["b"] + v["gate_bias"], v["rates"]
    gate = expit(total)
    following: Array = gate * v["h"] + (zeta * (1 - gate) + nu) * np.tanh(total + v["bias"])
    return following


def integer(v: Values, t: Types, attributes: Attributes) -> Array:
    """Return the next state; sums and state always saturate.

    total = saturate((a + b + gate_bias) << doublings), z = sigmoid(total), c = tanh(saturate(total + bias)), w = rate - (zeta * z >> 16);
    y = saturate((z * h >> 16) + (w * c >> shift) + 1). The 1 makes up for what both shifts cut off.
    """
    found = constants(v, t)
    total = np.clip((v["a"] + v["b"] + v["gate_bias"]) << found.doublings, LOW, HIGH)
    gate, candidate = sigmoid(total), tanh(np.clip(total + v["bias"], LOW, HIGH))
    weight = found.rate - rshift_floor(found.zeta * gate, 16)
    return saturate(rshift_floor(gate * v["h"], 16) + rshift_floor(weight * candidate, found.shift) + 1, t["y"])


def constants(v: Values, t: Types) -> Constants:
    """Return the integers of a node."""
    zeta, nu = (int(rate) for rate in v["rates"])
    exponents = {port: power_of_two(float(t[port].scales)) or 0 for port in ("a", "h", "rates")}
    shift = exponents["h"] - exponents["rates"] + TABLE_BITS
    return Constants(exponents["a"] + SUM_BITS, zeta, zeta + nu, shift)


def prescribes(largest: Mapping[str, float], attributes: Attributes) -> dict[str, tuple[str, float]]:
    """Return dtype and scale of all ports that are no parameters, from the largest magnitude of each: int16, whatever the settings say.

    a, b and the gate's bias have one scale, that of the table where it covers them; the state has 14 bits behind the point where it
    stays below 2.
    """
    products = min(
        max(scale_covering(max(largest["a"], largest["b"], largest["gate_bias"]), HIGH), 2.0**-SUM_BITS), 2.0**-4
    )
    state = min(max(scale_covering(max(largest["h"], largest["y"]), HIGH), 2.0**-STATE_BITS), 1.0)
    return {"a": ("int16", products), "b": ("int16", products), "h": ("int16", state), "y": ("int16", state)}


def quantise(request: Request) -> Quantised:
    """Biases and rates; a candidate whose bias lies 8 beyond that of the gate has it cut there, where tanh is flat.

    Raises BadGraph for rates that are none, and a gate's bias that the scale of a does not cover.
    """
    gate_bias, bias, (zeta, nu) = (request.parameters[port] for port in ("gate_bias", "bias", "rates"))
    if not (zeta >= 0 and nu >= 0 and zeta + nu < 2):
        raise BadGraph(f"zeta {zeta:g} and nu {nu:g} must not be negative, and stay below 2 together")
    gate_type = Type(bias.shape, "int16", request.types["a"].scale)
    bias_type = Type(bias.shape, "int16", 2.0**-SUM_BITS)
    most = max(abs(bound) for bound in gate_type.range) * float(gate_type.scales)
    if np.abs(gate_bias).max() > most:
        raise BadGraph(
            f"the gate's bias reaches {np.abs(gate_bias).max():g}, beyond the {most:g} of the scale of a: give inputs whose mean "
            f"lies nearer to 0"
        )
    for bits in (16, 15):
        rates = np.floor(np.array([zeta, nu], np.float64) * 2.0**bits + 0.5).astype(np.int64)
        if rates.sum() <= LARGEST_RATE:
            break
    rates = np.minimum(rates, [LARGEST_RATE, LARGEST_RATE - int(min(rates[0], LARGEST_RATE))])
    return Quantised(
        request.output,
        {
            "gate_bias": (quantise_array(gate_bias, gate_type).astype(np.int16), gate_type),
            "bias": (quantise_array(bias, bias_type).astype(np.int16), bias_type),
            "rates": (rates.astype(np.uint16), Type((2,), "uint16", 2.0**-bits)),
        },
    )


def largest_state(v: Values, t: Types, attributes: Attributes) -> int:
    """Return a bound of the magnitude of the next state before it saturates, for any a and b.

    The state is what its type holds, or, where `steps` is given, what comes from 0 in one step less. Behind the real products lie a
    weight of 1 more, as zeta * z is cut off, and 1 for both shifts and what makes up for them. All is linear in z, so it is largest
    at the least z or the largest.
    """
    found, (low, high) = constants(v, t), sum_bounds(v, t)
    gates = sigmoid(np.clip(np.array([low, high]) << found.doublings, LOW, HIGH))

    def following(state: int) -> int:
        reached = [
            (int(z) * state << found.shift) + ((found.rate + 1 << 16) - found.zeta * int(z)) * int(TABLE.max())
            for z in gates
        ]
        one = 1 << (16 + found.shift)
        return (max(reached) + one) // one

    state = max(abs(bound) for bound in t["h"].range)
    reached = 0
    for _ in range(int(attributes.get("steps", 1)) - 1):
        if reached >= state:
            break
        reached = following(reached)
    return following(min(state, reached) if "steps" in attributes else state)


def sum_bounds(v: Values, t: Types) -> tuple[int, int]:
    """Return the extremes of a + b + gate_bias."""
    low, high = (t["a"].range[end] + t["b"].range[end] for end in (0, 1))
    return low + int(v["gate_bias"].min()), high + int(v["gate_bias"].max())


def state_fits(v: Values, t: Types, attributes: Attributes) -> bool:
    """Whether the next state is proven to fit 16 bits."""
    return largest_state(v, t, attributes) <= HIGH


def sums_fit(v: Values, t: Types) -> bool:
    """Whether both sums that the table is read with are proven to fit 16 bits."""
    low, high = (bound << constants(v, t).doublings for bound in sum_bounds(v, t))
    least, most = min(int(v["bias"].min(initial=0)), 0), max(int(v["bias"].max(initial=0)), 0)
    return low + least >= LOW and high + most <= HIGH


def accumulator(v: Values, t: Types, attributes: Attributes) -> tuple[int, int]:
    """Return the extremes of all sums and signed products; zeta * z is one of unsigned 32 bits.

    Raises BadGraph where zeta + nu does not fit its 16 bits.
    """
    found, (low, high) = constants(v, t), sum_bounds(v, t)
    if found.rate > LARGEST_RATE:
        raise BadGraph(f"the rates {found.zeta} and {found.rate - found.zeta} are more than {LARGEST_RATE} together")
    state, z, c = max(abs(bound) for bound in t["h"].range), LARGEST_RATE, int(TABLE.max())
    largest = max(z * state, found.rate * c)
    return min(low << found.doublings, -largest), max(high << found.doublings, largest)


def arguments(v: Values, t: Types, attributes: Attributes) -> dict[str, int | Array]:
    """Return the number of units, the integers, the biases of each unit in one word, and the table."""
    found = constants(v, t)
    return {
        "count": t["h"].size,
        "doublings": found.doublings,
        "zeta": found.zeta,
        "rate": found.rate,
        "halvings": found.shift - 16,
        "biases": ((v["gate_bias"] & 0xFFFF) + (v["bias"].astype(np.int64) << 16)).astype(np.int32),
        "table": TABLE.astype(np.int16),
    }


def overlap(types: Types, attributes: Attributes) -> dict[str, int]:
    """An entry is written after those of its unit were read."""
    return {"a": 0, "b": 0, "h": 0}


def cases(generator: np.random.Generator) -> list[Case]:
    """Every kernel, with and without doublings, both scales of the rates, large and small states, one unit and many."""
    narrow, small = (-9000, 9000), (-16000, 16000)
    return [
        _case(generator, 7, 12, 14, (0.73, 0.018)),
        _case(generator, 7, 10, 14, (0.9, 0.4)),
        _case(generator, 5, 4, 13, (0.5, 0.02), h_limits=small),
        _case(generator, 5, 12, 9, (0.999, 0.99)),
        _case(generator, 5, 12, 14, (0.73, 0.018), h_limits=small),
        _case(generator, 5, 12, 14, (0.0, 0.0), h_limits=small),
        _case(generator, 5, 11, 14, (0.73, 0.018), ab_limits=(-3000, 3000), h_limits=small),
        _case(generator, 32, 12, 14, (0.73, 0.018), ab_limits=narrow, h_limits=small),
        _case(generator, 1, 12, 14, (0.999999, 0.0), ab_limits=narrow, h_limits=small),
        _case(generator, 3, 12, 14, (0.6, 0.6), ab_limits=narrow),
    ]


def _case(
    generator: np.random.Generator,
    units: int,
    sum_bits: int,
    state_bits: int,
    rates: tuple[float, float],
    *,
    ab_limits: tuple[int, int] | None = None,
    h_limits: tuple[int, int] | None = None,
) -> Case:
    """Return a case whose integers are those that quantising gives."""
    product = Type((units,), "int16", 2.0**-sum_bits, limits=ab_limits)
    y = Type((units,), "int16", 2.0**-state_bits)
    h = Type((units,), "int16", 2.0**-state_bits, limits=h_limits)
    reach = 2.0 if ab_limits else 7.0
    parameters = {
        "gate_bias": generator.uniform(-reach, reach, units),
        "bias": generator.uniform(-reach, reach, units),
        "rates": np.array(rates),
    }
    result = quantise(Request({"a": product, "b": product, "h": h}, parameters, {}, y))
    types = {port: type for port, (_, type) in result.parameters.items()}
    integers = {port: array for port, (array, _) in result.parameters.items()}
    return Case({"a": product, "b": product, "h": h, **types, "y": y}, integers)


CALL = ("a", "b", "h", "y", "biases", "table", "count", "doublings", "zeta", "rate", "halvings")
DTYPES = {
    port: ("uint16",) if port == "rates" else ("int16",) for port in ("a", "b", "h", "gate_bias", "bias", "rates", "y")
}

ENTRY = Op(
    doc="y = z h + (zeta (1 - z) + nu) tanh(p + bias), with p = a + b + gate_bias, z = sigmoid(p) and rates = (zeta, nu): the unit of "
    "a FastGRNN. bias: of the candidate, less that of the gate. "
    "`steps`: how often it runs at most, in a scan whose state is h, from 0.",
    inputs=("a", "b", "h", "gate_bias", "bias", "rates"),
    parameters=("gate_bias", "bias", "rates"),
    shape=shape,
    float=real,
    integer=integer,
    quantise=quantise,
    accumulator=accumulator,
    arguments=arguments,
    kernels=(
        Kernel(
            "fastgrnn_cell_proven",
            CALL,
            DTYPES,
            when=lambda v, t, a: sums_fit(v, t) and state_fits(v, t, a),
            overlap=overlap,
        ),
        Kernel("fastgrnn_cell_proven_state", CALL, DTYPES, when=state_fits, overlap=overlap),
        Kernel("fastgrnn_cell", CALL, DTYPES, overlap=overlap),
    ),
    cases=cases,
    prescribes=prescribes,
    fits=fits,
)
