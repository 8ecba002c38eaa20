"""The forms in which a sum becomes an output: the cheapest that serves, its C arguments, its place in a kernel."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewright import ops
from edgewright.compiler import library
from edgewright.ir.types import Type
from edgewright.ops.arithmetic import INT32, LARGEST_SHIFT, Ratio, requantise
from edgewright.ops.forms import FORMS, HIGH_SHIFT, form_of, requantise_arguments

HALF, SMALL, EXACT = Ratio(2**30 + 5, 31), Ratio(2**30 + 5, HIGH_SHIFT), Ratio(None, 4)
WIDE = Type((1,), "int32", 1.0)


@pytest.mark.parametrize(
    ("factors", "form"),
    [
        ((EXACT,), "right"),
        ((EXACT, Ratio(None, 1)), "right_rows"),
        ((Ratio(None, 0),), "shift"),
        ((EXACT, Ratio(None, 0)), "shift_rows"),
        ((EXACT, Ratio(None, -3)), "shift_rows"),
        ((HALF,), "scale"),
        ((HALF, EXACT), "scale_rows"),
        ((SMALL,), "high"),
        ((SMALL, EXACT), "high_rows"),
        ((SMALL, Ratio(None, 2)), "scale_rows"),  # as a multiplier its shift is 32
        ((SMALL, HALF), "scale_rows"),
    ],
)
def test_the_cheapest_form_that_serves(factors, form):
    assert form_of(factors) == form
    assert FORMS[form].parameters.keys() == requantise_arguments(factors, WIDE).keys() | {"zero_point"}


@given(st.integers(*INT32), st.integers(-20, LARGEST_SHIFT))
def test_a_power_of_two_among_multipliers_gives_the_same(x, shift):
    factor = Ratio(None, shift)
    arguments = requantise_arguments((HALF, factor), WIDE)
    as_multiplier = Ratio(int(arguments["multiplier"][1]), int(arguments["shift"][1]))
    assert 0 <= as_multiplier.shift <= LARGEST_SHIFT
    assert requantise(np.array([x]), (as_multiplier,), WIDE) == requantise(np.array([x]), (factor,), WIDE)


def test_every_form_is_reached_by_a_conformance_case():
    reached = set()
    for name in ops.names():
        op = ops.get(name)
        for case in op.cases(np.random.default_rng(7)) if op.cases and op.kernels else ():
            graph = ops.single_node_graph(name, case)
            (node,) = graph.nodes
            kernel, values = ops.kernel_of(graph, node), graph.values_of(node)
            reached |= {kernel.letters(values, graph.types_of(node), node.attributes).get("FORM")}
    assert FORMS.keys() <= reached


def test_a_bias_that_is_zero_everywhere_is_left_out():
    types = {port: Type((3,), "int16", 1.0) for port in ("x", "w", "bias", "y")}
    kernel = ops.get("dense").kernels[-1]
    for bias, name in ((np.zeros(3), "dense_i16_none_i16_shift"), (np.array([0, 0, 1]), "dense_i16_i16_i16_shift")):
        letters = kernel.letters({"bias": bias}, types, {})
        functions = library.functions_for("dense", kernel, letters)
        assert name in functions
        assert ("EW_READ_NONE(&bias[r])" in functions[list(functions)[-2]]) == ("none" in name)


def test_a_kernel_is_written_out_with_its_form_and_types():
    types = {
        "x": Type((2,), "int8", 1.0),
        "w": Type((3, 2), "int8", 1.0),
        "bias": Type((3,), "int16", 0.01),
        "y": Type((3,), "int16", 1.0),
    }
    kernel = ops.get("dense").kernels[-1]
    letters = kernel.letters({"bias": np.ones(3)}, types, {})
    functions = library.functions_for("dense", kernel, letters)
    name = library.function_name(kernel, letters)
    assert name == "dense_i8_i16_i16_high"
    assert {"ew_scale_high", "ew_clip"} <= functions.keys()
    assert not any(word in text for text in functions.values() for word in ("EW_REQUANTISE", "EW_FORM", "X_T", "FORM"))
    assert list(functions)[-1] == name
    assert any("ew_scale_high(sum" in text and "lowest, highest)" in text for text in functions.values())
