"""Every rule of the IR, broken once: the message names the node and the value."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small_graphs import add, dense_tanh, integers, node, plain, recurrent, running_sum, scanned

from edgewright import ops
from edgewright.errors import BadGraph
from edgewright.ir import Graph, Type, to_text, verify_structure

X = integers(2)


def sum_graph(**changes: object) -> Graph:
    graph = plain([add("x", "c", "y")], ("y",), {"x": X, "c": X, "y": X}, constants={"c": np.array([1, 2], np.int16)})
    return replace(graph, **changes)


def typed(**types: Type) -> Graph:
    return sum_graph(types={"x": X, "c": X, "y": X} | types)


BROKEN = {
    "unknown dtype": (typed(y=Type((2,), "int64", 1.0)), ("'y'", "int64", "int16")),
    "no entries": (typed(y=Type((0,), "int16", 1.0)), ("'y'", "1 or more")),
    "too many entries": (typed(y=Type((2**15, 2**15), "int16", 1.0)), ("'y'", "at most")),
    "no scale": (typed(y=Type((2,), "int16")), ("'y'", "needs a scale")),
    "scale of 0": (typed(y=Type((2,), "int16", 0.0)), ("'y'", "positive")),
    "scale of NaN": (typed(y=Type((2,), "int16", float("nan"))), ("'y'", "positive")),
    "several scales, no axis": (typed(y=Type((2,), "int16", (1.0, 2.0))), ("'y'", "axis")),
    "one scale with an axis": (typed(y=Type((2,), "int16", 1.0, axis=0)), ("'y'", "axis")),
    "scales beside the axis": (typed(y=Type((2,), "int16", (1.0, 2.0, 3.0), axis=0)), ("'y'", "3 scales", "axis 0")),
    "axis outside": (typed(y=Type((2,), "int16", (1.0, 2.0), axis=1)), ("'y'", "axis 1")),
    "range outside": (typed(y=Type((2,), "int8", 1.0, limits=(-129, 5))), ("'y'", "(-129, 5)", "-128..127")),
    "range upside down": (typed(y=Type((2,), "int8", 1.0, limits=(5, -5))), ("'y'", "(5, -5)")),
    "zero point outside": (typed(y=Type((2,), "int8", 1.0, 128)), ("'y'", "zero point 128")),
    "no type": (sum_graph(types={"x": X, "c": X}), ("node 'y' (add)", "no type")),
    "constant of another dtype": (sum_graph(constants={"c": np.array([1, 2], np.int8)}), ("'c'", "int8[2]")),
    "constant of another shape": (sum_graph(constants={"c": np.array([1], np.int16)}), ("'c'", "int16[1]")),
    "constant outside its range": (typed(c=integers(2, limits=(0, 1))), ("'c'", "outside 0..1")),
    "constant without a type": (sum_graph(types={"x": X, "y": X}), ("'c'", "no type")),
    "read before made": (
        plain([add("x", "z", "y"), add("x", "x", "z")], ("y",), dict.fromkeys("xyz", X)),
        ("node 'y' (add)", "'z'", "'b'", "before"),
    ),
    "made twice": (plain([add("x", "x", "y"), add("y", "x", "y")], ("y",), dict.fromkeys("xy", X)), ("'y'", "already")),
    "an input that is a constant too": (sum_graph(inputs=("x", "c")), ("'c'", "twice")),
    "an input twice": (sum_graph(inputs=("x", "x")), ("'x'", "twice")),
    "a name with a slash": (plain([add("x", "x", "a/b")], ("a/b",), {"x": X, "a/b": X}), ("'a/b'", "'/'")),
    "no outputs": (sum_graph(outputs=()), ("0 outputs",)),
    "an output that is not made": (sum_graph(outputs=("z",)), ("output 'z'", "never made")),
    "state that is never followed": (replace(running_sum(), state={"h": "nothing"}), ("'h'", "'nothing'")),
    "state of another type": (
        replace(running_sum(), types={"s": X, "h": integers(2, dtype="int8"), "sum": X}),
        ("'h'", "'sum'", "int8"),
    ),
    "labels that are too few": (sum_graph(labels=("a",)), ("1 labels", "[2]")),
    "a body that breaks a rule": (scanned(replace(running_sum(), nodes=())), ("'body'", "'sum'")),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_rule_is_named(broken: str) -> None:
    graph, said = BROKEN[broken]
    with pytest.raises(BadGraph) as caught:
        verify_structure(graph)
    for words in said:
        assert words in str(caught.value)


def test_float_constants_are_finite() -> None:
    graph = dense_tanh()
    broken = graph.constants["w"].copy()
    broken[0, 0] = np.nan
    with pytest.raises(BadGraph, match="'w' holds NaN"):
        verify_structure(replace(graph, constants={**graph.constants, "w": broken}))


def test_all_problems_are_said_at_once() -> None:
    with pytest.raises(BadGraph) as caught:
        verify_structure(sum_graph(inputs=("x", "x"), outputs=("nowhere",)))
    assert "'x'" in str(caught.value)
    assert "'nowhere'" in str(caught.value)


@pytest.mark.parametrize(
    "graph", [sum_graph(), dense_tanh(), recurrent(), scanned(running_sum([1, 2]))], ids=lambda graph: graph.name
)
def test_sound_graphs_pass(graph: Graph) -> None:
    assert ops.verify(graph) is graph


OPERATOR_RULES = {
    "unknown operator": (
        plain([node("concatenat", "y", a="x", b="x")], ("y",), {"x": X, "y": X}),
        ("'y'", "'concatenat'", "'concatenate'"),
    ),
    "missing port": (plain([node("add", "y", a="x")], ("y",), {"x": X, "y": X}), ("'y'", "'b'")),
    "unknown port": (plain([node("add", "y", a="x", b="x", c="x")], ("y",), {"x": X, "y": X}), ("'y'", "no port 'c'")),
    "parameter that is no constant": (
        plain([node("dense", "y", x="x", w="x", bias="x")], ("y",), {"x": X, "y": X}),
        ("'y'", "'w'", "constant"),
    ),
    "another shape": (plain([add("x", "x", "y")], ("y",), {"x": X, "y": integers(3)}), ("'y'", "(3,)", "(2,)")),
    "no attribute": (plain([node("reshape", "y", x="x")], ("y",), {"x": X, "y": X}), ("'y'", "shape")),
    "an attribute of another kind": (
        plain([node("reshape", "y", x="x", attributes={"shape": "ab"})], ("y",), {"x": X, "y": X}),
        ("'y'", "fit"),
    ),
    "a reshape that changes the type": (
        plain(
            [node("reshape", "y", x="x", attributes={"shape": (2,)})],
            ("y",),
            {"x": X, "y": integers(2, dtype="int8")},
        ),
        ("'y'", "int8"),
    ),
    "a scan whose body takes another type": (
        replace(scanned(running_sum()), types={"x": integers(3, 2, dtype="int8"), "y": X}),
        ("'y'", "scan", "int8"),
    ),
    "a scan whose body gives another type": (
        replace(scanned(running_sum()), types={"x": integers(3, 2), "y": integers(2, dtype="int8")}),
        ("'y'", "scan", "int8"),
    ),
}


@pytest.mark.parametrize("broken", OPERATOR_RULES)
def test_a_broken_rule_of_an_operator_is_named(broken: str) -> None:
    graph, said = OPERATOR_RULES[broken]
    with pytest.raises(BadGraph) as caught:
        ops.verify(graph)
    for words in said:
        assert words in str(caught.value)


def test_a_state_is_no_constant_parameter() -> None:
    body = plain(
        [node("dense", "y", x="s", w="h", bias="b")],
        ("y",),
        {"s": X, "h": integers(2, 2, dtype="int8"), "b": X, "y": X},
        inputs=("s",),
        constants={"h": np.ones((2, 2), np.int8), "b": np.zeros(2, np.int16)},
        state={"h": "h"},
    )
    with pytest.raises(BadGraph, match="'w' must be a constant"):
        ops.verify(body)


def test_text_is_a_line_a_value() -> None:
    text = to_text(scanned(running_sum([3, 0]), "stacked", reverse=True))
    assert text.splitlines() == [
        "graph model",
        "  input    x: int16[3x2] scale 2^0",
        "  y = scan(x=x, output: stacked, reverse: True): int16[3x2] scale 2^0",
        "    graph body",
        "      input    s: int16[2] scale 2^0",
        "      state    h: int16[2] scale 2^0, then sum",
        "      constant h: int16[2] scale 2^0, 1 of 2 not zero",
        "      sum = add(a=s, b=h): int16[2] scale 2^0",
        "      return   sum",
        "  return   y",
    ]


def test_values_of_a_type() -> None:
    type = Type((2, 3), "int8", (0.5, 0.25, 1.0), zero_point=3, axis=1, limits=(-100, 100))
    assert str(type) == "int8[2x3] scale 2^-2..2^0 zero 3 in -100..100"
    assert (type.size, type.nbytes, type.scales.shape) == (6, 6, (1, 3))
    assert str(Type((), "int16", 0.0123)) == "int16[scalar] scale 0.0123"
    assert type.with_range(-5, 500).range == (-5, 100)
