"""The unit of a FastGRNN: its table, how well its integers follow the real numbers, and the proof that lets it leave out saturation."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from edgewright import boards, engines, ops
from edgewright.compiler.emit import emit
from edgewright.compiler.pipeline import to_integers
from edgewright.compiler.settings import Settings
from edgewright.engines import pack_inputs, unpack_outputs
from edgewright.errors import BadGraph
from edgewright.ir.graph import Graph, Node
from edgewright.ir.types import Array, Type, dequantise_array, quantise_array
from edgewright.lowering import Builder
from edgewright.ops import Case, fastgrnn_cell
from edgewright.ops.arithmetic import Integers
from edgewright.runtime.integer import run_integer
from edgewright.runtime.interpret import run_float

INT16 = np.arange(-(2**15), 2**15)
UNITS, FEATURES = 6, 4
EVERY_DTYPE = [Settings(), Settings("int8", "int8"), Settings("int8", "int8", zero_points=True), Settings("auto")]


def sequence(
    steps: int,
    *,
    zeta: float = 0.73,
    nu: float = 0.018,
    size: float = 0.5,
    view: bool = False,
    claimed: int | None = None,
    gate_bias: float = 1.0,
) -> Graph:
    """A float graph that scans its input with cells. size: of the input's weights. claimed: the attribute `steps`, left out for 0."""
    generator = np.random.default_rng(1)
    body = Builder("cell")
    step, state = body.input("step", Type((FEATURES,))), body.state("state", Type((UNITS,)))
    w = body.constant("w", generator.normal(0, size, (UNITS, FEATURES)))
    u = body.constant("u", generator.normal(0, 0.1, (UNITS, UNITS)))
    seen = body.node("rescale", "view", x=state, attributes={"dtype": "int8"}) if view else state
    claimed = steps if claimed is None else claimed
    following = body.node(
        "fastgrnn_cell",
        "next",
        attributes={"steps": claimed} if claimed else {},
        a=body.node("dense", "a", x=step, w=w, bias=body.constant("no", np.zeros(UNITS))),
        b=body.node("dense", "b", x=seen, w=u, bias=body.constant("none", np.zeros(UNITS))),
        h=state,
        gate_bias=body.constant("gate", np.full(UNITS, gate_bias)),
        bias=body.constant("bias", generator.normal(0, 0.5, UNITS)),
        rates=body.constant("rates", np.array([zeta, nu])),
    )
    body.carry(state, following)
    builder = Builder("cells")
    x = builder.input("x", Type((steps, FEATURES)))
    attributes = {"body": body.finish(following), "output": "last", "reverse": False}
    return builder.finish(builder.node("scan", "last", x=x, attributes=attributes))


def rows(graph: Graph, count: int = 60) -> Array:
    return np.random.default_rng(3).normal(0, 1, (count, *graph.input_type.shape))


def body_of(graph: Graph) -> tuple[Graph, Node]:
    """The body of the scan in a graph, and the cell in it."""
    body = next(node for node in graph.nodes if node.op == "scan").attributes["body"]
    return body, next(node for node in body.nodes if node.op == "fastgrnn_cell")


def kernel_of(graph: Graph) -> str:
    return ops.kernel_of(*body_of(graph)).name


def case_of(rates: tuple[int, int], bits: int = 16, state_bits: int = 14, limit: int = 2**15 - 1) -> Case:
    """A unit whose products may be anything."""
    product = Type((1,), "int16", 2.0**-12)
    y = Type((1,), "int16", 2.0**-state_bits)
    types = {
        "a": product,
        "b": product,
        "h": replace(y, limits=(-limit, limit)),
        "y": y,
        "gate_bias": product,
        "bias": product,
    }
    types["rates"] = Type((2,), "uint16", 2.0**-bits)
    return Case(
        types, {"gate_bias": np.zeros(1, np.int16), "bias": np.zeros(1, np.int16), "rates": np.array(rates, np.uint16)}
    )


def next_states(case: Case, total: Array, state: Array) -> Integers:
    values = {"a": total[:, None], "b": np.zeros_like(total)[:, None], "h": state[:, None], **case.parameters}
    return fastgrnn_cell.integer(values, case.types, {})[:, 0]


def worst_states(case: Case, state: int) -> list[int]:
    """The lowest and the highest next state after +-state, for a candidate that is as large as can be whatever the gate is."""
    found = fastgrnn_cell.constants(case.parameters, case.types)
    gate = fastgrnn_cell.sigmoid(INT16)
    weight = found.rate - (found.zeta * gate >> 16)
    candidate = int(fastgrnn_cell.TABLE.max())
    return [
        int(pick((gate * sign * state >> 16) + (weight * sign * candidate >> found.shift) + 1))
        for sign, pick in ((-1, np.min), (1, np.max))
    ]


def test_one_table_is_close_to_both_functions() -> None:
    assert np.abs(fastgrnn_cell.tanh(INT16) / 2**15 - np.tanh(INT16 / 2**12)).max() < 0.00023
    assert np.abs(fastgrnn_cell.sigmoid(INT16) / 2**16 - expit(INT16 / 2**12)).max() < 0.00016


def test_the_table_is_odd_and_rises() -> None:
    assert np.array_equal(fastgrnn_cell.TABLE, -fastgrnn_cell.TABLE[::-1])
    assert np.diff(fastgrnn_cell.TABLE).min() >= 0
    assert np.diff(fastgrnn_cell.TABLE).max() < 2**15
    assert np.abs(fastgrnn_cell.tanh(INT16)).max() < 2**15
    assert 0 < fastgrnn_cell.sigmoid(INT16).min() <= fastgrnn_cell.sigmoid(INT16).max() < 2**16


@pytest.mark.parametrize(
    ("bits", "state_bits", "rates"), [(16, 14, (0.73, 0.02)), (15, 14, (0.9, 0.6)), (16, 12, (0.9, 0.05))]
)
def test_integers_follow_the_real_numbers_and_are_not_biased(
    bits: int, state_bits: int, rates: tuple[float, float]
) -> None:
    integers = tuple(int(np.floor(rate * 2**bits + 0.5)) for rate in rates)
    case = case_of(integers, bits, state_bits)
    biases = {"gate_bias": np.array([5000], np.int16), "bias": np.array([-7000], np.int16)}
    case = replace(case, parameters={**case.parameters, **biases})
    generator = np.random.default_rng(0)
    total, state = generator.integers(-25000, 25000, 4000), generator.integers(-16000, 16000, 4000)
    real = fastgrnn_cell.real(
        {
            "a": total / 2**12,
            "b": 0.0,
            "h": state / 2**state_bits,
            "gate_bias": 5000 / 2**12,
            "bias": -7000 / 2**12,
            "rates": np.array(rates),
        },
        {},
    )
    errors = next_states(case, total, state) / 2**state_bits - real
    assert np.abs(errors).max() < 0.0005 + 2 * 2.0**-state_bits
    assert abs(errors.mean()) < 0.1 * 2.0**-state_bits + 1e-5


def test_sums_and_state_saturate() -> None:
    case = case_of((2**15, 2**15 - 1))
    top = np.array([2**15 - 1])
    assert next_states(case, top, top).tolist() == [2**15 - 1]
    assert next_states(case, -top, -top) > -(2**15)
    sums = {"a": top[None], "b": top[None], "h": top[None], **case.parameters}
    assert np.array_equal(fastgrnn_cell.integer(sums, case.types, {})[:, 0], next_states(case, top, top))
    back = {**sums, "gate_bias": -top}  # what a and b leave 16 bits by, the bias takes back
    assert np.array_equal(fastgrnn_cell.integer(back, case.types, {})[:, 0], next_states(case, top, top))
    assert next_states(case, 0 * top, top) != next_states(case, top, top)


@given(
    zeta=st.integers(0, 2**16 - 1),
    nu=st.integers(0, 2**16 - 1),
    bits=st.sampled_from((15, 16)),
    steps=st.integers(1, 40),
)
@settings(max_examples=40, deadline=None)
def test_no_sequence_leads_beyond_the_proven_state(zeta: int, nu: int, bits: int, steps: int) -> None:
    """The worst that a unit can do is done in every step; the bound holds, and is not far above."""
    case = case_of((zeta, min(nu, 2**16 - 1 - zeta)), bits)
    state = 0
    for step in range(1, steps + 1):
        bound = fastgrnn_cell.largest_state(case.parameters, case.types, {"steps": step})
        state = max(map(abs, worst_states(case, state)))
        assert state <= bound <= state + 4 * step
        if bound > 2**15 - 1:
            break


@pytest.mark.parametrize("limit", [16000, 22000, 30000])
def test_a_state_within_its_range_stays_within_the_bound(limit: int) -> None:
    case = case_of((40000, 3000), limit=limit)
    bound = fastgrnn_cell.largest_state(case.parameters, case.types, {})
    for state in (-limit, limit):
        assert np.abs(next_states(case, INT16, np.full_like(INT16, state))).max() <= bound
    worst = max(map(abs, worst_states(case, limit)))
    assert worst <= bound <= worst + 4


def test_sums_are_proven_to_the_last_integer() -> None:
    case = case_of((40000, 3000), limit=16000)
    values = {**case.parameters, "gate_bias": np.array([-8, 5]), "bias": np.array([-60, 95])}

    def fit(low: int, high: int) -> bool:
        product = replace(case.types["a"], limits=(low, high))
        return fastgrnn_cell.sums_fit(values, {**case.types, "a": product, "b": replace(product, limits=(0, 0))})

    assert fit(68 - 2**15, 2**15 - 1 - 100)
    assert not fit(67 - 2**15, 0)
    assert not fit(0, 2**15 - 100)


def test_saturation_is_left_out_only_where_it_is_proven() -> None:
    kernels = {steps: kernel_of(to_integers(graph := sequence(steps, nu=0.1), rows(graph))) for steps in (4, 40)}
    assert kernels == {4: "fastgrnn_cell_proven_state", 40: "fastgrnn_cell"}
    graph = sequence(4, claimed=0)
    assert kernel_of(to_integers(graph, rows(graph))) == "fastgrnn_cell"


def test_bounds_grow_with_the_steps() -> None:
    case = case_of((40000, 3000))
    bounds = [
        fastgrnn_cell.largest_state(case.parameters, case.types, {"steps": steps}) for steps in (1, 2, 9, 60, 10**6)
    ]
    assert all(first < second for first, second in pairwise(bounds[:4]))
    assert bounds[-1] <= fastgrnn_cell.largest_state(case.parameters, case.types, {})


@pytest.mark.parametrize("nu", [0.01, 0.6])
def test_c_equals_the_twin_where_states_grow_step_by_step(nu: float) -> None:
    """With nu of 0.6 the state does reach the end of 16 bits, so that what saturates must be in the C."""
    host = engines.get("host")
    if reason := host.why_not(boards.get("host")):
        pytest.skip(reason)
    graph = sequence(24, zeta=0.3, nu=nu, size=2.0)
    quantised = to_integers(graph, rows(graph) / 50)
    integers = np.random.default_rng(0).choice(quantised.input_type.range, (50, *quantised.input_type.shape))
    integers = np.concatenate([integers, np.repeat(integers[:, :1], 24, axis=1)])
    twin = run_integer(quantised, integers)
    assert (np.abs(twin.astype(int)).max() >= 2**15 - 1) == (nu > 0.5)
    image = host.build(emit({"cells": quantised}), "host")
    (entry,) = image.program.entries
    run = host.run(image, "cells", pack_inputs(entry, [integers.astype(quantised.input_type.dtype)]))
    (computed,) = unpack_outputs(entry, run.outputs)
    assert np.array_equal(computed, twin)


@pytest.mark.parametrize("given", EVERY_DTYPE)
@pytest.mark.parametrize("view", [False, True])
def test_the_state_has_16_bits_and_its_view_8_whatever_the_settings_say(given: Settings, view: bool) -> None:
    graph = sequence(5, view=view)
    body, cell = body_of(to_integers(graph, rows(graph), given))
    types = body.types_of(cell)
    assert {port: types[port].dtype for port in "abhy"} == dict.fromkeys("abhy", "int16")
    assert types["a"].scale == types["b"].scale == 2.0**-12
    assert types["h"] == types["y"]
    assert types["h"].scale == 2.0**-14
    (seen,) = (node.inputs["x"] for node in body.nodes if node.output == cell.inputs["b"])
    assert body.types[seen].dtype == ("int8" if view else "int16")
    assert body.types[seen].scale == (2.0**-7 if view else 2.0**-14)


@pytest.mark.parametrize("view", [False, True])
def test_integers_of_a_sequence_follow_the_real_numbers(view: bool) -> None:
    graph = sequence(12, view=view)
    x = rows(graph)
    quantised = to_integers(graph, x)
    computed = dequantise_array(run_integer(quantised, quantise_array(x, quantised.input_type)), quantised.output_type)
    assert np.abs(computed - run_float(graph, x)).max() < (0.06 if view else 0.03)  # weights have 8 bits


def test_products_beyond_8_and_states_beyond_2_get_coarser_scales() -> None:
    largest = {"a": 9.0, "b": 3.0, "gate_bias": 1.0, "h": 2.5, "y": 2.5}
    found = fastgrnn_cell.prescribes(largest, {})
    assert found == {
        "a": ("int16", 2.0**-11),
        "b": ("int16", 2.0**-11),
        "h": ("int16", 2.0**-13),
        "y": ("int16", 2.0**-13),
    }


def test_a_view_cuts_a_sixteenth_at_most() -> None:
    for largest, scale in ((0.9, 2.0**-7), (1.05, 2.0**-7), (1.06, 2.0**-6), (2.0, 2.0**-6)):
        assert ops.get("rescale").prescribes({"x": 9.0, "y": largest}, {"dtype": "int8"}) == {"y": ("int8", scale)}
    assert ops.get("rescale").prescribes({"x": 9.0, "y": 1.0}, {}) == {}


def test_steps_that_are_fewer_than_those_of_the_scan_are_refused() -> None:
    assert sequence(5, claimed=6)
    with pytest.raises(BadGraph, match=r"'next' says that it runs 4 times, and x has 5 steps"):
        sequence(5, claimed=4)


def test_steps_count_from_a_state_of_0() -> None:
    graph = sequence(5)
    body, cell = body_of(graph)
    elsewhere = replace(body, constants={**body.constants, "state": np.full(UNITS, 0.5, np.float32)})
    stateless = replace(body, state={}, inputs=("step", "state"))
    for broken in (elsewhere, stateless):
        with pytest.raises(BadGraph, match="steps counts from a state of 0, and 'state' is no state"):
            ops.verify(broken)
        free = replace(cell, attributes={})
        ops.verify(replace(broken, nodes=(*broken.nodes[:-1], free)))


@pytest.mark.parametrize("steps", [0, -1, True, 2.0, "16"])
def test_steps_must_be_a_count(steps: object) -> None:
    body, cell = body_of(sequence(5))
    with pytest.raises(BadGraph, match="steps must be an integer of 1 or more"):
        ops.verify(replace(body, nodes=(*body.nodes[:-1], replace(cell, attributes={"steps": steps}))))


@pytest.mark.parametrize(
    ("port", "type", "message"),
    [
        ("a", Type((1,), "int16", 2.0**-11), "one scale"),
        ("gate_bias", Type((1,), "int16", 2.0**-11), "one scale"),
        ("bias", Type((1,), "int16", 2.0**-11), "the bias needs"),
        ("h", Type((1,), "int16", 2.0**-15), "h needs"),
        ("y", Type((1,), "int16", 2.0**-14, limits=(-9, 9)), "all of int16"),
        ("rates", Type((2,), "uint16", 2.0**-14), "the rates need"),
        ("b", Type((1,), "int16", 2.0**-12, zero_point=1), "zero point"),
        ("b", Type((2,), "int16", 2.0**-12), "alike"),
    ],
)
def test_other_integers_are_refused(port: str, type: Type, message: str) -> None:
    case = case_of((40000, 3000))
    with pytest.raises(BadGraph, match=message):
        ops.single_node_graph("fastgrnn_cell", replace(case, types={**case.types, port: type}))


def test_the_scale_of_the_sums_covers_the_bias_of_the_gate() -> None:
    graph = sequence(5, gate_bias=-30.0)
    body, cell = body_of(to_integers(graph, rows(graph)))
    assert body.types_of(cell)["a"].scale == body.types_of(cell)["gate_bias"].scale == 2.0**-10
    assert set(body.constants[cell.inputs["gate_bias"]].tolist()) == {-30 * 2**10}
    graph = sequence(5, gate_bias=3000.0)
    with pytest.raises(BadGraph, match="the gate's bias reaches 3000, beyond the 2048 of the scale of a"):
        to_integers(graph, rows(graph))


@pytest.mark.parametrize("rates", [(-0.1, 0.5), (1.5, 0.5)])
def test_rates_that_are_none_are_refused(rates: tuple[float, float]) -> None:
    graph = sequence(5, zeta=rates[0], nu=rates[1])
    with pytest.raises(BadGraph, match=r"must not be negative, and stay below 2 together"):
        to_integers(graph, rows(graph))


def test_rates_that_do_not_fit_their_bits_are_refused() -> None:
    case = case_of((40000, 30000))
    with pytest.raises(BadGraph, match="more than 65535 together"):
        emit({"cell": ops.single_node_graph("fastgrnn_cell", case)})
