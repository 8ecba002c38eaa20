"""Windows, branches, conditions and loops that end early: what they mean, and what they refuse."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from small_graphs import plain, running_sum, scanned

from edgewright import ops
from edgewright.errors import BadGraph
from edgewright.ir import Graph, Node, Type
from edgewright.lowering import Builder
from edgewright.runtime.integer import run_integer, run_integer_many
from edgewright.runtime.interpret import run_float

SCORES = Type((3,), "int8", 0.25)
BOOL = Type((1,), "bool", 1.0)


def single(op: str, types: dict[str, Type], **attributes: Any) -> Graph:
    return ops.single_node_graph(op, ops.Case(types, attributes=attributes))


def summing(threshold: float, shown: str = "total") -> Graph:
    """A float body that adds up what it is given until one sum is well above the others."""
    body = Builder("body")
    given, total = body.input("given", Type((2,))), body.state("total", Type((2,)))
    following = body.node("add", "following", a=given, b=total)
    body.carry(total, following)
    body.node("is_confident", "sure", x=following, attributes={"threshold": threshold})
    return body.finish({"total": following, "before": total, "given": given}[shown])


def summed(threshold: float, shown: str = "total", *, reverse: bool = False) -> Graph:
    builder = Builder("sums")
    attributes = {"body": summing(threshold, shown), "output": "last", "until": "sure", "reverse": reverse}
    return builder.finish(builder.node("scan", x=builder.input("x", Type((4, 2))), attributes=attributes))


def test_windows_leave_out_what_is_left_over() -> None:
    builder = Builder()
    attributes = {"size": 3, "stride": 2}
    graph = builder.finish(builder.node("windows", x=builder.input("x", Type((8, 1))), attributes=attributes))
    rows = np.arange(8.0).reshape(1, 8, 1)
    np.testing.assert_array_equal(run_float(graph, rows)[0, :, :, 0], [[0, 1, 2], [2, 3, 4], [4, 5, 6]])


@pytest.mark.parametrize(
    ("attributes", "says"),
    [
        ({"size": 9, "stride": 1}, "must be 9 at least"),
        ({"size": 0, "stride": 1}, "both must be 1 or more"),
        ({"size": 2, "stride": 0}, "both must be 1 or more"),
    ],
)
def test_windows_that_do_not_fit_are_refused(attributes: dict[str, int], says: str) -> None:
    x = Type((8,), "int8", 1.0)
    with pytest.raises(BadGraph, match=says):
        single("windows", {"x": x, "y": x}, **attributes)


def test_a_scale_an_entry_stays_with_its_feature() -> None:
    x = Type((4, 2), "int8", (0.5, 2.0), axis=1)
    y = replace(x, shape=(3, 2, 2), axis=2)
    assert single("windows", {"x": x, "y": y}, size=2, stride=1).output_type == y
    with pytest.raises(BadGraph, match="one scale for all entries of axis 0"):
        single("windows", {"x": replace(x, shape=(2, 2), axis=0), "y": y}, size=1, stride=1)


@pytest.mark.parametrize(
    ("scores", "threshold", "entry", "sure"),
    [
        ([4, 2, 1], 0.5, None, 1),
        ([4, 3, 1], 0.5, None, 0),
        ([4, 4, 1], 0.0, None, 1),
        ([1, 4, 2], 0.5, 1, 1),
        ([1, 4, 2], 0.5, 2, 0),
        ([1, 4, 3], -0.25, 2, 1),
        ([127, -128, -128], 63.75, None, 1),
        ([127, -128, -128], 64.0, None, 0),
        ([127, -128, -128], 1e30, None, 0),
        ([-128, 127, -128], -1e30, 0, 1),
    ],
)
def test_the_lead_decides(scores: list[int], threshold: float, entry: int | None, sure: int) -> None:
    graph = single("is_confident", {"x": SCORES, "y": BOOL}, threshold=threshold, entry=entry)
    assert run_integer(graph, np.array([scores])).tolist() == [[sure]]
    builder = Builder()
    attributes = {"threshold": threshold, "entry": entry}
    real = builder.finish(builder.node("is_confident", x=builder.input("x", Type((3,))), attributes=attributes))
    assert run_float(real, np.array([scores]) * 0.25).tolist() == [[float(sure)]]


@pytest.mark.parametrize(
    ("x", "y", "attributes", "says"),
    [
        (Type((1,), "int8", 1.0), BOOL, {"threshold": 1.0}, "2 to 32768 entries"),
        (SCORES, BOOL, {"threshold": 1.0, "entry": 3}, "entries 0..2"),
        (SCORES, BOOL, {"threshold": float("nan")}, "finite"),
        (SCORES, Type((1,), "int8", 1.0), {"threshold": 1.0}, "must be bool"),
    ],
)
def test_conditions_on_what_is_no_score_are_refused(x: Type, y: Type, attributes: dict[str, Any], says: str) -> None:
    with pytest.raises(BadGraph, match=says):
        single("is_confident", {"x": x, "y": y}, **attributes)


def test_each_row_leaves_the_loop_at_its_own_step() -> None:
    rows = np.zeros((3, 4, 2))
    rows[0, :, 0] = [1, 2, 4, 8]  # sure after the second step
    rows[1, :, 1] = [9, 9, 9, 9]  # after the first
    seen: list[tuple[str, int]] = []
    graph = summed(3.0)
    result = run_float(graph, rows, lambda _, path, array: seen.append((path, len(array))))
    np.testing.assert_array_equal(result, [[3, 0], [0, 9], [0, 0]])
    assert [count for path, count in seen if path == "scan/given"] == [3, 2, 1, 1]  # who has left is not watched
    assert run_float(summed(3.0, "before"), rows)[0].tolist() == [1, 0]
    assert run_float(summed(3.0, "given"), rows)[0].tolist() == [2, 0]
    assert run_float(summed(3.0, reverse=True), rows)[0].tolist() == [8, 0]


def test_a_loop_that_all_rows_leave_stops() -> None:
    steps: list[str] = []
    run_float(summed(0.0), np.ones((5, 4, 2)), lambda _, path, array: steps.append(path))
    assert steps.count("scan/given") == 1


def test_a_loop_that_ends_early_has_no_stack() -> None:
    body = summing(1.0)
    types = {"x": Type((4, 2))}
    with pytest.raises(BadGraph, match="output must be last"):
        ops.get("scan").shape(types, {"body": body, "output": "stacked", "until": "sure"})
    with pytest.raises(BadGraph, match="which the body does not make"):
        ops.get("scan").shape(types, {"body": body, "output": "last", "until": "unsure"})
    with pytest.raises(BadGraph, match=r"must be bool\[1\]"):
        ops.get("scan").shape(types, {"body": body, "output": "last", "until": "following"})


def branch(body: Graph, **types: Type) -> Graph:
    given = {"condition": BOOL, "x": SCORES, "otherwise": SCORES, "y": SCORES} | types
    return single("when", given, body=body)


def negated() -> Graph:
    node = Node("subtract", {"a": "zero", "b": "given"}, "negative")
    types = dict.fromkeys(("given", "negative", "zero"), SCORES)
    return plain([node], ("negative",), types, inputs=("given",), constants={"zero": np.zeros(3, np.int8)})


def test_a_branch_is_taken_row_by_row() -> None:
    graph = branch(negated())
    x, otherwise = np.array([[1, 2, 3], [4, 5, 6]]), np.array([[7, 7, 7], [8, 8, 8]])
    inputs = {"condition": np.array([[1], [0]]), "x": x, "otherwise": otherwise}
    assert run_integer_many(graph, inputs)["y"].tolist() == [[-1, -2, -3], [8, 8, 8]]


@pytest.mark.parametrize(
    ("types", "says"),
    [
        ({"condition": Type((1,), "int8", 1.0)}, r"must be bool\[1\]"),
        ({"condition": Type((2,), "bool", 1.0)}, r"must be bool\[1\]"),
        ({"x": Type((4,), "int8", 0.25)}, r"the body takes \(3,\)"),
        ({"otherwise": Type((4,), "int8", 0.25)}, r"the body gives \(3,\)"),
        ({"otherwise": Type((3,), "int8", 0.5)}, "integers of x stay as they are"),
        ({"y": Type((3,), "int16", 0.25)}, "integers of x stay as they are"),
    ],
)
def test_a_branch_that_does_not_fit_is_refused(types: dict[str, Type], says: str) -> None:
    with pytest.raises(BadGraph, match=says):
        branch(negated(), **types)


def test_a_branch_carries_no_state() -> None:
    with pytest.raises(BadGraph, match="put it into a scan"):
        branch(running_sum(width=3), **dict.fromkeys(("x", "otherwise", "y"), Type((3,), "int16", 1.0)))


def test_a_scan_is_a_body_too() -> None:
    graph = scanned(scanned(running_sum(), steps=2), "stacked", steps=3)
    x = np.arange(12).reshape(1, 3, 2, 2)
    np.testing.assert_array_equal(run_integer(graph, x)[0], x[0].sum(axis=1))
